"""Letters and notes of meetings: what their first lines must say, and that no other text is taken for one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import read_whole, write_files

from troth.sources import list_exports, recognise
from troth.sources.export import Export
from troth.sources.letters import LETTERS, parse_letter

LETTER = """Letter: By hand
Date: 2026-08-27 12:00
From: Cornelius Abendrot
To: Anna Tiedemark

Dear Anna,

note: the wall is dry.
"""
MEETING = """# Visit at Høgsby

**Date:** 23 October 2026
**By:** Anna Tiedemark <Anna@Firm.example>
**With:** Lars Høgsbro; inger@dairy.example
**Where:** the kitchen table

We agreed that nobody rings.
"""


def read(folder: Path, text: str, **local: str) -> list[dict[str, object]]:
    write_files(folder, {"note.txt": text})
    return read_whole(folder / "note.txt", **local).turns


def test_a_letter_says_who_wrote_when_to_whom(tmp_path: Path):
    (turn,) = read(tmp_path, LETTER, zone="Europe/Berlin")
    assert (turn["channel"], turn["subject"]) == ("letter", "By hand")
    assert (turn["speaker"], turn["recipients"]) == ("Cornelius Abendrot", ["Anna Tiedemark"])
    assert turn["sent_at"] == datetime(2026, 8, 27, 10, tzinfo=UTC)
    assert turn["body"] == "Dear Anna,\n\nnote: the wall is dry."


def test_a_note_of_a_meeting_may_be_markdown_and_name_addresses(tmp_path: Path):
    write_files(tmp_path, {"note.md": MEETING})
    whole = read_whole(tmp_path / "note.md", zone="Europe/Berlin")
    (turn,) = whole.turns
    assert (turn["channel"], turn["subject"]) == ("meeting", "Visit at Høgsby")
    assert (turn["speaker"], turn["speaker_name"]) == ("anna@firm.example", "Anna Tiedemark")
    assert turn["recipients"] == ["Lars Høgsbro", "inger@dairy.example"]
    assert turn["sent_at"] == datetime(2026, 10, 23, 10, tzinfo=UTC)  # noon in Berlin
    assert whole.note("only the day") == 1
    assert {(who["handle"], who["address"], who["name"]) for who in whole.contacts} == {
        (None, "anna@firm.example", "Anna Tiedemark"),
        ("Lars Høgsbro", None, "Lars Høgsbro"),
        (None, "inger@dairy.example", None),
    }


@pytest.mark.parametrize(
    ("first", "channel"),
    [("Type: letter", "letter"), ("Meeting notes: x", "meeting"), ("Brief: x", "letter"), ("Phone call: x", "call")],
)
def test_the_first_line_names_the_channel(first: str, channel: str, tmp_path: Path):
    (turn,) = read(tmp_path, f"{first}\nDate: 7.10.2026\nVon: Ada\nAn: Bo\n\nWords.\n")
    assert turn["channel"] == channel


def test_front_matter_is_a_header_too(tmp_path: Path):
    (turn,) = read(tmp_path, '---\ntitle: "Visit"\ndate: 2026-10-07\nauthor: Ada\nattendees: Bo, Cy\n---\n\nWords.\n')
    assert (turn["subject"], turn["recipients"], turn["body"]) == ("Visit", ["Bo", "Cy"], "Words.")


def test_a_mended_letter_is_the_same_and_another_is_not(tmp_path: Path):
    first, mended, other = (
        read(tmp_path, text)[0]["turn_id"]
        for text in (LETTER, LETTER.replace("dry", "nearly dry"), LETTER.replace("By hand", "By machine"))
    )
    assert first == mended != other


@pytest.mark.parametrize(
    "text",
    [
        "Buy milk.\n",
        "Date: 2026-08-27\n\nNobody wrote this.\n",
        "Date: 2026-08-27\nFrom: Ada\n\nTo nobody.\n",
        "Letter: x\nDate: 2026-08-27\nFrom: Ada\nTo: Bo\n",
        "Letter: x\nDate: soon\nFrom: Ada\nTo: Bo\n\nWords.\n",
        "Letter: x\nDate: 2026-08-27\nFrom: Ada\nTo: Bo\nVersion: 3\n\nWords.\n",
        "Letter: x\nDate: 2026-08-27\nFrom: Ada\nFrom: Cy\nTo: Bo\n\nWords.\n",
        "Some words first.\nDate: 2026-08-27\nFrom: Ada\nTo: Bo\n\nWords.\n",
        "date,from,to\n2026-08-27,a,b\n",
        "Note: see below\nDate: we shall see\n\nWords with: a colon\n",
    ],
)
def test_other_text_is_no_letter(text: str, tmp_path: Path):
    (tmp_path / "x.txt").write_text(text)
    assert not LETTERS.is_it(Export(tmp_path / "x.txt"))


def test_a_mail_stays_a_mail(tmp_path: Path):
    for text in (
        "Date: Thu, 27 Aug 2026 12:00:00 +0200\nFrom: Ada <a@x.example>\nTo: b@y.example\nSubject: s\n\nWords.\n",
        "From: Ada Lund\nTo: Bo\nDate: 2026-08-27\nSubject: s\n\nWords.\n",
        f"Message-ID: <1@x>\n{LETTER}",
    ):
        (tmp_path / "x.eml").write_text(text)
        assert recognise(tmp_path / "x.eml").name == "eml"


def test_a_folder_of_letters_is_one_source_and_a_date_that_cannot_be_is_named(tmp_path: Path):
    write_files(tmp_path, {"a.txt": LETTER, "b.md": MEETING, "c.txt": LETTER.replace("2026-08-27 12:00", "31.02.2026")})
    assert [each.format.name for each in list_exports(tmp_path).exports] == ["letters"]
    whole = read_whole(tmp_path)
    assert len(whole.turns) == 2
    assert [(each.position, each.reason) for each in whole.reading.rejected] == [
        ("c.txt", "a date that cannot be read")
    ]


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=":;,*#\"'-<>@"),
    min_size=1,
    max_size=12,
)


@given(author=WORDS, others=st.lists(WORDS, min_size=1, max_size=3, unique=True), subject=WORDS, body=WORDS)
def test_a_made_up_letter_comes_back(author: str, others: list[str], subject: str, body: str):
    found = parse_letter(f"Letter: {subject}\nDate: 2026-08-27\nFrom: {author}\nTo: {'; '.join(others)}\n\n{body}\n")
    assert found is not None
    assert (found.author, list(found.others), found.subject, found.body) == (author, others, subject, body)


def test_no_broken_letter_stops_the_reading(tmp_path: Path):
    found = list(read_broken(LETTERS, {"a": LETTER.encode(), "b": MEETING.encode()}, tmp_path, seed=2))
    assert len(found) > 200
    assert sum(found) > 0
