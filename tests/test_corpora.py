"""Public conversations go through the whole of `troth review`, where the folder of public data exists."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow.compute as pc
import pytest

import troth
from troth.errors import InputError
from troth.settings import Settings


@pytest.mark.parametrize(("corpus", "day"), [("enron_email", "2001-06-26"), ("numpy_list_2001_11", "2001-11-26")])
def test_real_mail_is_closed_with_every_message_accounted_for(shared: Path, corpus: str, day: str, tmp_path: Path):
    """All of it is read; what was written in the two months before a day is understood, and the day closed."""
    path, recent = shared / "data/interactions" / corpus / "messages.jsonl", tmp_path / "recent.jsonl"
    first = str(dt.date.fromisoformat(day) - dt.timedelta(days=60))
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    recent.write_text("\n".join(line for line in lines if first <= json.loads(line)["sent_at"][:10] <= day), "utf-8")
    with troth.open(settings=Settings()) as book:
        report = book.read(path)
        assert report.turns + report.duplicates + len(report.rejected) == len(lines)
    with troth.open(settings=Settings()) as book:
        assert book.read(recent).turns > 40
        close = book.review(day)
        assert sum(circle.written for circle in close.circles) > 0
        assert any(point.gauge for circle in close.circles for point in circle.checkpoints)
        relationships = book.relationships()
        assert relationships.num_rows > 5
        scored = set(book.table("findings")["turn_id"].to_pylist())
        assert scored <= set(book.turns()["turn_id"].to_pylist())


def test_conversations_without_dates_are_scored_and_say_why_no_day_closes(shared: Path):
    path = shared / "data/interactions/ai_agent_airline/messages.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()[:400]]
    found = troth.score(rows)
    assert found.num_rows > 100
    with troth.open(settings=Settings()) as book:
        book.add(rows)
        assert pc.all(pc.is_valid(book.turns()["relationship"])).as_py()
        with pytest.raises(InputError, match="no turn with a date"):
            book.review()


def test_a_list_archive_as_it_was_downloaded_is_closed(shared: Path):
    path = shared / "samples/mbox/numpy-discussion-2001-November.mbox.txt"
    with troth.open(settings=Settings()) as book:
        report = book.read(path)
        assert report.format == "mbox"
        assert (report.turns, report.duplicates) == (82, 82)
        close = book.review(circle="customer")
        assert close.circles[0].received + close.circles[0].written > 0
