"""What moved a score, as a table and as a picture; trends, and the warning where SHOWN and HELD part ways."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from commands import run
from numpy.testing import assert_allclose
from scipy.special import ndtri

import troth
from troth.charts import draw_ledger, draw_path, save_chart
from troth.charts.ledger import list_bars
from troth.charts.look import trim
from troth.charts.path import describe_path
from troth.charts.saving import to_csv, to_json, to_svg
from troth.errors import InputError, SettingsError
from troth.explanation import EXPLAINED, explain_move, explain_score
from troth.lenses import LENSES, WHOLE, find_score
from troth.relationship import RelationshipTrust
from troth.review import day_bounds
from troth.review.close import Close
from troth.sample import SAMPLE_ME, SAMPLE_ZONE
from troth.schema import PROMISES, READINGS, TURNS, conform, empty
from troth.settings import Settings, Watch
from troth.trend import find_trends, list_gaps, name_trend
from troth.trust import DEFAULT_MODEL, close_states, find_gaps, measure_changes, score_pillar, trace_scores

NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
HOSTILE = '<script>alert(1)</script>\x1b[2J "quoted" & =1+1 \u202e'


def reading(days: float, facet: str, value: float, **more: object) -> dict:
    row = {"relationship": "acme", "facet": facet, "at": NOON + dt.timedelta(days=days), "signal": "turn",
           "lo": value, "hi": value, "v": 1.0, "slope": 1.0, "alpha": 0.0, "beta": 1.0, "slow_only": False,
           "turn_id": f"t{days}", "start": 0, "end": 40}  # fmt: skip
    return row | more


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=READINGS)


def turns(rows: list[dict], body: str = "We told them, and it was not easy to say.") -> pa.Table:
    said = [
        {"turn_id": row["turn_id"], "conversation_id": "c", "position": 0, "speaker": "us", "channel": "mail",
         "body": body, "automatic": False, "source": "test"}
        for row in rows
    ]  # fmt: skip
    return conform(said, TURNS)


ROWS = [reading(day, facet, value) for day, facet, value in
        [(0, "FT", 1.0), (5, "OP", -0.5), (20, "FT", 2.0), (40, "RS", 1.5), (41, "CO", -1.0)]]  # fmt: skip
SCORE = LENSES["triangle"].pillars[3]


def level(rows: list[dict], at: dt.datetime) -> float:
    standing = close_states(table(rows), at)["acme"]["SHOWN"]
    return score_pillar(standing, SCORE, DEFAULT_MODEL).mean


def test_the_shares_of_a_day_sum_to_its_score_and_carry_their_sentences():
    at = NOON + dt.timedelta(days=30)
    found = explain_score(table(ROWS), SCORE, at, DEFAULT_MODEL, turns=turns(ROWS)).to_pylist()
    assert sum(row["contribution"] for row in found) == pytest.approx(level(ROWS, at))
    assert [row["kind"] for row in found] == ["own", "own", "own", "prior"]
    assert found[0]["text"] == "We told them, and it was not easy to say"
    assert found[0]["faded"] > found[2]["faded"] > 0


def test_the_parts_of_a_change_sum_to_the_change():
    """Also where an open question then has been answered since: it stands once, with both its shares."""
    then, now = NOON + dt.timedelta(days=30), NOON + dt.timedelta(days=60)
    waiting = reading(30, "FT", 0.0, signal="answer_time", lo=-np.inf, hi=0.5, turn_id="q")
    answered = reading(33, "FT", 1.2, signal="answer_time", turn_id="q")
    before, after = [*ROWS[:3], waiting], [*ROWS, answered]
    found = explain_move(
        (table(before), then), (table(after), now), SCORE, DEFAULT_MODEL, turns=turns(ROWS)
    ).to_pylist()
    assert sum(row["moved"] for row in found) == pytest.approx(level(after, now) - level(before, then))
    assert sum(row["before"] for row in found) == pytest.approx(level(before, then))
    assert len([row for row in found if row["turn_id"] == "q"]) == 1
    gone = explain_move((table(before), then), (table(ROWS), now), SCORE, DEFAULT_MODEL, turns=turns(ROWS)).to_pylist()
    assert sum(row["moved"] for row in gone) == pytest.approx(level(ROWS, now) - level(before, then))
    assert next(row for row in gone if row["turn_id"] == "q")["contribution"] == 0.0


def test_a_path_has_at_every_time_the_score_of_that_time():
    times = [NOON + dt.timedelta(days=day) for day in (-1, 0, 4, 20, 45)]
    rows = [*ROWS, reading(3, "HC", 1.0), reading(2, "RS", -2.0, relationship="bolt")]
    path = trace_scores(table(rows), (SCORE, WHOLE["held"]), times).to_pylist()
    assert [(row["gauge"], row["relationship"]) for row in path[::5]] == [
        ("SHOWN", "acme"), ("SHOWN", "bolt"), ("HELD", "acme")]  # fmt: skip
    for row, at in zip(path[:5], times, strict=True):
        standings = close_states(table(rows), at)
        wanted = score_pillar(standings["acme"]["SHOWN"], SCORE, DEFAULT_MODEL) if standings else None
        got = [row["mean"], row["var"], row["low"]]
        assert_allclose(got, [wanted.mean, wanted.var, wanted.low] if wanted else [0.0, 1.0, 10.0], atol=1e-6)


@pytest.mark.parametrize("name", ["shown", "HELD", "AT", "hc", "triangle.in_line", "equation_held.intimacy"])
def test_a_score_is_found_by_its_name(name: str):
    assert find_score(name).name.lower() in name.lower()


@pytest.mark.parametrize("name", ["", "XX", "triangle", "triangle.", "triangle.nothing", "nothing.in_line", "."])
def test_a_name_of_no_score_says_what_there_is(name: str):
    with pytest.raises(SettingsError, match="triangle"):
        find_score(name)


def test_shown_rising_alone_is_a_gap_and_nothing_else_is():
    days = range(0, 60, 3)
    shown = [reading(day, "RG", 2.5 if day > 31 else -0.5) for day in days]
    held = {rise: [reading(day, "HC", rise if day > 31 else 0.0) for day in days] for rise in (-1.0, 2.5)}

    def gaps(rows: list[dict]) -> list[str]:
        trends = find_trends(table(rows), NOON + dt.timedelta(days=60), days=28)
        return [str(row["text"]) for row in list_gaps(trends, Watch())]

    (text,) = gaps([*shown, *held[-1.0]])
    assert text.startswith("SHOWN rose at acme (P ")
    assert "gamed or the work is not noticed yet" in text
    assert gaps([*shown, *held[2.5]]) == []
    assert gaps(shown) == []
    assert gaps([*shown, *held[-1.0][:10]]) == []  # nothing of HELD was read within the 28 days
    assert gaps([*held[-1.0]]) == []


def test_the_thresholds_of_a_gap_are_the_callers():
    rows = [reading(day, facet, value) for day in range(0, 60, 3) for facet, value in (("RG", day / 40), ("HC", 0.1))]
    at = NOON + dt.timedelta(days=60)
    changes = measure_changes(
        table(rows), at - dt.timedelta(days=28), at, tuple(WHOLE.values()), rng=np.random.default_rng(1)
    )
    rose = {row["gauge"]: row["rose"] for row in changes.to_pylist()}
    above, below = rose["SHOWN"] - 1e-6, rose["HELD"] + 1e-6
    assert len(find_gaps(changes, shown_rose_from=above, held_rose_below=below)) == 1
    assert find_gaps(changes, shown_rose_from=above + 2e-6, held_rose_below=below) == []
    assert find_gaps(changes, shown_rose_from=above, held_rose_below=below - 2e-6) == []


def test_an_arrow_stands_only_where_it_is_likely():
    arrows = [name_trend(rose, 3, watch=Watch()) for rose in (0.81, 0.79, 0.5, 0.21, 0.19, None)]
    assert arrows == ["↑", "–", "–", "–", "↓", "–"]
    assert name_trend(0.75, 3, watch=Watch(name_from=0.7)) == "↑"
    assert name_trend(0.99, 0, watch=Watch()) == "–"


def explained(body: str = "Plain words that were said.", count: int = 30) -> pa.Table:
    rows = [reading(day, "FT" if day % 2 else "RS", (-1) ** day * 1.0, end=len(body)) for day in range(count)]
    return explain_score(table(rows), SCORE, NOON + dt.timedelta(days=40), DEFAULT_MODEL, turns=turns(rows, body))


def test_the_bars_of_a_picture_sum_to_the_score():
    found = explained()
    bars = list_bars(found, "contribution")
    assert sum(bar["share"] for bar in bars) == pytest.approx(sum(found["contribution"].to_pylist()), abs=1e-3)
    assert len({bar["label"] for bar in bars}) == len(bars) == 12 + 2 + 1
    assert list_bars(EXPLAINED.empty_table(), "contribution")[0]["share"] == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_of_strangers_are_words_in_a_picture(theme):
    svg = to_svg(draw_ledger(explained(HOSTILE), title=HOSTILE, day=dt.date(2026, 7, 1), theme=theme))
    root = ET.fromstring(svg)
    assert not [node for node in root.iter() if node.tag.rpartition("}")[2] in {"script", "image", "a"}]
    assert "&lt;script&gt;" in svg
    assert not {"\x1b", "\u202e"} & set(svg)
    words = "".join(root.itertext())
    assert "standard deviations between relationships" in words
    assert "own evidence" in words


def test_long_words_are_cut():
    assert trim("word " * 50).endswith("word…")
    assert len(trim("x" * 500)) == 76


def test_a_path_is_drawn_with_its_axes_and_events():
    path = trace_scores(
        table([*ROWS, reading(3, "HC", 1.0)]), tuple(WHOLE.values()), [NOON + dt.timedelta(days=d) for d in range(50)]
    )
    row = {"promise_id": "p", "turn_id": "t", "start": 0, "end": 5, "text": HOSTILE, "probability": 0.9, "side": "us",
           "actor": "us", "specific": True, "due_rule": "explicit", "observability": "O1", "decided_by": "machine",
           "state": "kept", "state_at": NOON + dt.timedelta(days=9)}  # fmt: skip
    promises = conform([row, row | {"promise_id": "q", "side": "them"}, row | {"state": "unknown"}], PROMISES)
    chart = draw_path(path, promises, title="acme", zone="Europe/Berlin")
    words = "".join(ET.fromstring(to_svg(chart)).itertext())
    for expected in ("percentile", "Europe/Berlin", "SHOWN", "HELD", "kept", "80 % band"):
        assert expected in words
    rows = list(csv.reader(io.StringIO(to_csv(chart))))
    assert sum(row[:1] == ["2026-06-10T14:00:00"] for row in rows) == 2  # both gauges, and the promise; Berlin's clock
    assert any({"at", "shown", "held_low"} <= set(row) for row in rows)
    spec = describe_path(path, promises, title="acme", zone="Europe/Berlin")
    assert to_svg(spec) == to_svg(chart)  # what a page is sent is what a notebook shows
    assert type(chart).from_dict(dict(spec), validate=True)
    narrow = describe_path(path, promises, title="acme", zone="Europe/Berlin", width=320)
    assert float(re.search(r'width="([0-9.]+)', to_svg(narrow))[1]) <= 340
    assert len(to_json(narrow)) < 80_000
    assert not [cell for row in rows for cell in row if cell.lstrip()[:1] in {"=", "+", "@"}]


def test_pictures_are_written_in_every_form(tmp_path: Path):
    found = explained()

    def draw(theme):
        return draw_ledger(found, title="acme", day=dt.date(2026, 7, 1), theme=theme)

    begins = {".svg": b"<svg", ".png": b"\x89PNG", ".html": b"<!doctype html>", ".csv": b"faded_by,"}
    for ending, start in begins.items():
        save_chart(draw, tmp_path / f"why{ending}")
        assert (tmp_path / f"why{ending}").read_bytes().startswith(start)
    page = (tmp_path / "why.html").read_text("utf-8")
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "prefers-color-scheme: dark" in page
    assert "http" not in page.replace("http-equiv", "")
    with pytest.raises(InputError, match=r"ends in \.svg"):
        save_chart(draw, tmp_path / "why.gif")
    with pytest.raises(InputError, match="cannot be written"):
        save_chart(draw, tmp_path / "nowhere" / "why.svg")


def test_without_the_extra_the_error_names_it():
    code = """
import sys
sys.modules["altair"] = None
from troth.charts.look import load_altair
from troth.errors import InputError
try:
    load_altair()
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "troth[charts]"' in done.stdout


def test_a_relationship_of_the_sample_opens_on_any_day(sample_book: troth.Book):
    trust = sample_book.trust("hogsby")
    for day in ("2026-10-08", "2026-11-20"):
        evening = day_bounds(dt.date.fromisoformat(day), SAMPLE_ZONE)[1]
        shares = trust.explain(day, of="equation.credibility")["contribution"].to_pylist()
        scores = sample_book.scores(lens="equation", of="hogsby", now=evening).to_pylist()
        (wanted,) = [row for row in scores if row["pillar"] == "credibility"]
        assert ndtri(wanted["low"] / 100.0) + ndtri(wanted["high"] / 100.0) == pytest.approx(2.0 * sum(shares))
    moved = trust.explain("2026-11-20", of="shown", since="2026-10-08").to_pylist()
    ends = [sum(trust.explain(day, of="shown")["contribution"].to_pylist()) for day in ("2026-10-08", "2026-11-20")]
    assert sum(row["moved"] for row in moved) == pytest.approx(ends[1] - ends[0])
    assert any(row["text"] for row in moved)
    with pytest.raises(InputError, match="earlier day"):
        trust.explain("2026-10-08", since="2026-11-20")
    assert trust.change(of="AT", over=60)["until"] == trust.now
    assert trust.wobble() is not None
    assert trust.equation("HELD").low < trust.equation("HELD").median < trust.equation("HELD").high
    assert "hogsby" in json.dumps(trust.chart().to_dict())


def test_an_own_lens_is_used_wherever_a_lens_is_named(sample_mbox: Path):
    own = {"care": {"pillars": {"keeps": "FT + CO", "pushes": "-OR"}}}
    with troth.open(settings=Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE, lens=own)) as book:
        book.read(sample_mbox)
        scores = book.scores(lens="care", of="hogsby").to_pylist()
        assert [row["pillar"] for row in scores] == ["keeps", "pushes"]
        equation = book.scores(lens="equation", of="hogsby").to_pylist()
        (reversed_,) = [row for row in equation if row["pillar"] == "self_orientation"]
        assert scores[1]["low"] == pytest.approx(reversed_["low"])
        assert "care" in book.table("scores")["lens"].to_pylist()
        assert sum(book.trust("hogsby").explain(of="care.pushes")["contribution"].to_pylist()) != 0
        with pytest.raises(InputError, match=r"there is no lens .dare.; there are triangle, .*care"):
            book.scores(lens="dare")


def test_relationships_have_a_trend_over_as_many_days_as_asked(sample_book: troth.Book):
    short, long = (
        {row["relationship"]: row for row in sample_book.relationships(over=over).to_pylist()} for over in (7, 120)
    )
    assert {"shown_rose", "shown_change", "held_rose", "held_change", "warning"} <= set(short["hogsby.example"])
    assert short["hogsby.example"]["shown_change"] != long["hogsby.example"]["shown_change"]
    assert 0 < long["hogsby.example"]["held_rose"] < 1


def test_the_close_names_where_shown_and_held_part_ways(sample_book: troth.Book):
    close = sample_book.review()
    assert isinstance(close, Close)
    assert close.gaps == tuple(
        list_gaps(find_trends(sample_book.readings(), sample_book.stock().now, days=28), Watch())
    )


@pytest.mark.usefixtures("sample_at_hand")
def test_the_command_explains_a_change_and_draws_it(tmp_path: Path):
    (tmp_path / "troth.toml").write_text('[lens.care.pillars]\nkeeps = "FT + CO"\n', "utf-8")
    done = run("show", "hogsby", "--sample", "--lens", "care", "--explain", "care.keeps", "--day", "2026-11-20",
               "--since", "2026-10-08", "--picture", "why.svg", folder=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "What moved it:" in done.stdout
    assert "keeps" in done.stdout
    assert "triangle" not in done.stdout
    assert (tmp_path / "why.svg").read_text("utf-8").startswith("<svg")


@pytest.mark.usefixtures("sample_at_hand")
def test_a_day_without_a_score_is_one_line(tmp_path: Path):
    done = run("show", "hogsby", "--sample", "--since", "2026-10-08", folder=tmp_path)
    assert done.returncode == 2
    assert "name it with --explain" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_to_draw_is_said():
    with pytest.raises(InputError, match="nothing to draw"):
        RelationshipTrust("acme", empty(READINGS), NOON).chart()
