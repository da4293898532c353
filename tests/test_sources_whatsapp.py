"""WhatsApp chats: both telephones' forms, every order of dates, and nothing doubled by an overlapping export."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import NOW, Whole, read_whole, write_files, write_zip

import troth
from troth.errors import SourceError
from troth.sample import SAMPLE_ZONE, sample_files
from troth.sources import recognise
from troth.sources.day_order import Evidence, read_day
from troth.sources.whatsapp import WHATSAPP

IOS = (
    "[20.11.26, 09:15:02] Team Nord: \u200eNachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt.\n"
    "[20.11.26, 09:15:03] Team Nord: \u200eAnna Berg hat dich hinzugefügt\n"
    "[20.11.26, 09:16:00] Anna Berg: Guten Morgen!\n"
    "zweite Zeile: mit Doppelpunkt\n"
    "\u200e[20.11.26, 09:16:30] Anna Berg: \u200e<Anhang: 00000012-PHOTO.jpg>\n"
    "[20.11.26, 09:17:00] ~ Ben: Angebot.pdf • \u200e3 Seiten \u200eDokument weggelassen\n"
    "[20.11.26, 09:18:00] \u202a+49 170 1234567\u202c: \u200eBild weggelassen\n"
    "[20.11.26, 09:19:00] ~ Ben: Ja \u200e<Diese Nachricht wurde bearbeitet.>\n"
    "[20.11.26, 09:20:00] ~ Ben: \u200eDu hast diese Nachricht gelöscht.\n"
    "[20.11.26, 09:21:00] ~ Ben: \u200eVerpasster Sprachanruf, \u200eZum Zurückrufen tippen\n"
    "[20.11.26, 09:22:00] ~ Ben: Videoanruf morgen um zehn?\n"
)
ANDROID = (
    "11/20/26, 9:15\u202fAM - Messages and calls are end-to-end encrypted. Only people in this chat can read them.\n"
    '11/20/26, 9:15\u202fAM - Anna changed the subject from "A: b" to "C: d"\n'
    "11/20/26, 9:16\u202fPM - Anna: Good evening\n"
    "11/20/26, 9:16\u202fPM - Ben: <Media omitted>\n"
    "11/20/26, 9:17\u202fPM - Ben: IMG-20261120-WA0001.jpg (file attached)\n"
    "the new door\n"
    "11/20/26, 9:18\u202fPM - Ben: 12:30 then? <This message was edited>\n"
    "11/20/26, 9:19\u202fPM - Anna: This message was deleted\n"
    "11/20/26, 9:20\u202fPM - Anna: https://a.example: see\n"
    "11/20/26, 12:05\u202fAM - Anna: null\n"
)


def read_text(text: str, folder: Path, *, name: str = "_chat.txt", **local: str) -> Whole:
    path = folder / name
    path.write_text(text, "utf-8")
    return read_whole(path, **local)


def told(whole: Whole) -> list[tuple[str, str, list[str] | None]]:
    return [(turn["speaker"], turn["body"], turn["attachments"]) for turn in whole.turns]


def test_the_form_of_iphones_in_german(tmp_path: Path):
    whole = read_text(IOS, tmp_path, zone="Europe/Berlin")
    assert whole.reading.format.name == "whatsapp"
    assert told(whole) == [
        ("Anna Berg", "Guten Morgen!\nzweite Zeile: mit Doppelpunkt", None),
        ("Anna Berg", "", ["00000012-PHOTO.jpg"]),
        ("Ben", "", ["Angebot.pdf"]),
        ("+491701234567", "", ["image"]),
        ("Ben", "Ja", None),
        ("Ben", "Videoanruf morgen um zehn?", None),
    ]
    assert whole.turns[0]["sent_at"] == datetime(2026, 11, 20, 8, 16, tzinfo=UTC)
    assert whole.reasons == ["deleted by its sender"]
    assert whole.reading.rejected[0].position == "line 9"
    assert (whole.note("notices"), whole.note("edited")) == (3, 1)
    phones = [(contact["handle"], contact["name"], contact["phone"]) for contact in whole.contacts]
    assert phones == [
        ("Anna Berg", "Anna Berg", None),
        ("Ben", "Ben", None),
        ("+491701234567", None, "+491701234567"),
    ]


def test_the_form_of_android_in_english(tmp_path: Path):
    whole = read_text(ANDROID, tmp_path)
    assert told(whole) == [
        ("Anna", "Good evening", None),
        ("Ben", "", ["media"]),
        ("Ben", "the new door", ["IMG-20261120-WA0001.jpg"]),
        ("Ben", "12:30 then?", None),
        ("Anna", "https://a.example: see", None),
        ("Anna", "", ["media"]),
    ]
    assert [turn["sent_at"].hour for turn in whole.turns] == [21, 21, 21, 21, 21, 0]
    assert whole.turns[0]["recipients"] == ["Ben"]
    assert whole.note("notices") == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[2026-11-20, 14:03:05] A: x", "2026-11-20 14:03:05"),
        ("[20/11/2026, 2:03:05 PM] A: x", "2026-11-20 14:03:05"),
        ("[20/11/2026, 2:03:05 p. m.] A: x", "2026-11-20 14:03:05"),
        ("\u200e[20-11-26 14:03:05] A: x", "2026-11-20 14:03:05"),
        ("[20.11.2026, 14.03.05] A: x", "2026-11-20 14:03:05"),
        ("[٢٠/١١/٢٠٢٦, ١٤:٠٣:٠٥] A: x", "2026-11-20 14:03:05"),
        ("[2026. 11. 20. 14:03:05] A: x", "2026-11-20 14:03:05"),
        ("20/11/2026, 12:03 am - A: x\n20/11/2026, 12:04 am - A: y", "2026-11-20 00:03:00"),
        ("20.11.26, 14:03 – A: x\n20.11.26, 14:03 – A: y", "2026-11-20 14:03:00"),
        ("2026/11/20 14:03 - A: x\n2026/11/20 14:03 - A: y", "2026-11-20 14:03:00"),
    ],
)
def test_dates_of_many_telephones(line: str, expected: str, tmp_path: Path):
    whole = read_text(line + "\n", tmp_path)
    assert str(whole.turns[0]["sent_at"]) == f"{expected}+00:00"
    assert whole.turns[0]["body"] == "x"


def lines_of(days: list[date], form: str) -> str:
    return "".join(f"[{day.strftime(form)}, 10:00:00] A: {number}\n" for number, day in enumerate(days))


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d"])
@pytest.mark.parametrize(
    ("why", "days"),
    [
        ("a day above 12", [date(2026, 3, 4), date(2026, 3, 13)]),
        ("a step back in time", [date(2026, 3, 4), date(2026, 4, 3), date(2026, 5, 1)]),
        ("a date ahead of its reader", [date(2026, 1, 12)]),
    ],
)
def test_the_chat_itself_tells_the_order_of_its_dates(why: str, days: list[date], form: str, tmp_path: Path):
    for stated in ("dmy", "mdy"):
        whole = read_text(lines_of(days, form), tmp_path, dates=stated)
        assert [turn["sent_at"].date() for turn in whole.turns] == days, why
        assert not whole.note("state dates")


def test_what_stays_open_is_read_as_stated_and_said(tmp_path: Path):
    text = lines_of([date(2026, 3, 4), date(2026, 3, 5)], "%d/%m/%Y")
    first, other = (read_text(text, tmp_path, dates=stated) for stated in ("dmy", "mdy"))
    assert [str(turn["sent_at"].date()) for turn in first.turns] == ["2026-03-04", "2026-03-05"]
    assert [str(turn["sent_at"].date()) for turn in other.turns] == ["2026-04-03", "2026-05-03"]
    assert first.note('state dates = "mdy"') == other.note('state dates = "dmy"') == 1
    dotted = read_text(text.replace("/", "."), tmp_path, dates="mdy")
    assert [str(turn["sent_at"].date()) for turn in dotted.turns] == ["2026-03-04", "2026-03-05"]
    assert not dotted.note("state dates")
    assert not read_text(lines_of([date(2026, 3, 3)], "%d/%m/%Y"), tmp_path).note("state dates")


@given(st.lists(st.dates(date(2015, 1, 1), NOW.date()), min_size=1, max_size=30), st.sampled_from(["dmy", "mdy"]))
def test_a_sure_order_is_the_true_one(days: list[date], order: str):
    """Chats in the order of time: whenever the dates are said to tell, they tell the truth."""
    days = sorted(days)
    evidence = Evidence(NOW.date())
    numbers = [(d.day, d.month, d.year) if order == "dmy" else (d.month, d.day, d.year) for d in days]
    for triple in numbers:
        evidence.add(*triple, mark="/")
    decision = evidence.decide(stated="dmy")
    assume(decision.is_sure)
    assert [read_day(*triple, order=decision.order) for triple in numbers] == days


def test_the_name_comes_from_the_zip_and_the_pictures_are_passed_over(tmp_path: Path):
    files = {"_chat.txt": "[20.11.26, 09:16:00] Mila: alone here\n", "0001-PHOTO.jpg": b"\xff\xd8\xff"}
    whole = read_whole(write_zip(tmp_path / "WhatsApp Chat - Mila & Co (2).zip", files))
    assert whole.turns[0]["recipients"] == ["Mila & Co"]
    folder = write_files(tmp_path / "WhatsApp Chat with Olga", files)
    assert read_whole(folder).turns[0]["recipients"] == ["Olga"]
    assert recognise(tmp_path / "WhatsApp Chat with Olga").name == "whatsapp"
    (folder / "mail.mbox").write_text("From a\n")
    with pytest.raises(SourceError):
        recognise(folder)


def test_two_alike_in_one_minute_are_two_and_again_the_same_two(tmp_path: Path):
    text = "20.11.26, 14:03 - A: ok\n20.11.26, 14:03 - A: ok\n20.11.26, 14:03 - B: ok\n"
    first, again = read_text(text, tmp_path), read_text(text, tmp_path, name="renamed.txt")
    ids = [turn["turn_id"] for turn in first.turns]
    assert len(set(ids)) == 3
    assert ids == [turn["turn_id"] for turn in again.turns]


def test_an_overlapping_export_adds_only_what_is_new(tmp_path: Path):
    lines = [f"{day:02d}.11.26, 14:0{n} - {'AB'[n % 2]}: word {n}\n" for day in (1, 2, 3) for n in range(4)]
    (tmp_path / "a.txt").write_text("".join(lines[:8]))
    (tmp_path / "b.txt").write_text("".join(lines[3:]))
    with troth.open() as book:
        first, second, again = (book.read(tmp_path / name, us="firm.example") for name in ("a.txt", "b.txt", "a.txt"))
        assert book.turns().num_rows == 12
    assert (first.added, second.added, again.added, again.changed) == (8, 4, 0, 0)


def test_a_day_of_silence_ends_a_conversation(tmp_path: Path):
    text = "".join(f"[{stamp}] A: x\n" for stamp in ("01.11.26, 20:00:00", "02.11.26, 08:00:00", "03.11.26, 08:00:01"))
    first, second, third = (turn["conversation_id"] for turn in read_text(text, tmp_path).turns)
    assert first == second != third


def test_notes_of_a_meeting_are_no_chat(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("20.11.2026, 14:03 - Kick-off: we met\nAnna said: fine\n")
    with suppress(SourceError):
        assert recognise(tmp_path / "notes.txt").name != "whatsapp"


def test_what_stands_before_the_first_message_is_named(tmp_path: Path):
    whole = read_text("exported\n" + IOS, tmp_path)
    assert whole.reading.rejected[0].position == "line 1"


def write_ios(moment: datetime, who: str, words: str) -> str:
    return f"[{moment:%d/%m/%Y, %H:%M:%S}] {who}: {words}\n"


def write_android(moment: datetime, who: str, words: str) -> str:
    return f"{moment:%m/%d/%Y, %I:%M %p} - {who}: {words}\n"


_line = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cf"], exclude_characters="[<"), max_size=40
)
_said = st.tuples(
    st.integers(0, 60 * 24 * 400),
    st.sampled_from(["Anna Berg", "Ben", "李 小龙", "O'Neil"]),
    st.lists(_line, min_size=1, max_size=3).map("\n".join).map(str.strip).filter(bool),
)


@settings(max_examples=80)
@given(
    st.lists(_said, min_size=2, max_size=12),
    st.sampled_from([write_ios, write_android]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)
def test_made_up_chats_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[int, str, str]],
    write: Callable[[datetime, str, str], str],
    zone: str,
):
    start = datetime(2025, 1, 13, tzinfo=UTC)  # its day tells the order of the dates
    said = sorted([(0, "Ben", "first"), *said], key=lambda one: one[0])
    assume(not any(words.lower().rstrip(". ") in {"null", "this message was deleted"} for _, _, words in said))
    moments = [start + timedelta(minutes=minutes) for minutes, _, _ in said]
    local = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    text = "".join(write(at, who, words) for at, (_, who, words) in zip(local, said, strict=True))
    whole = read_text(text, tmp_path_factory.mktemp("made"), zone=zone)
    assert [(turn["speaker"], turn["body"]) for turn in whole.turns] == [(who, words) for _, who, words in said]
    for turn, moment, at in zip(whole.turns, moments, local, strict=True):
        early, late = (at.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1))
        assert turn["sent_at"] == moment or early != late  # the hour that comes twice in autumn


@pytest.mark.parametrize("text", [IOS, ANDROID], ids=["iphone", "android"])
def test_broken_chats_are_counted_or_refused(text: str, tmp_path: Path):
    assert max(read_broken(WHATSAPP, {"": text.encode()}, tmp_path, seed=len(text), share=0.5)) >= 8


def test_the_sample_firm(tmp_path: Path):
    write_files(tmp_path, {name: data for name, data in sample_files().items() if name.startswith("whatsapp/")})
    with troth.open() as book:
        report = book.read(tmp_path / "whatsapp", us="anna@brimholt.example")
        turns = book.turns().select(["speaker", "sent_at"]).to_pylist()
    assert (report.added, report.rejected) == (28, ())
    assert {turn["speaker"] for turn in turns} == {"Anna Tiedemark", "Declan Brannock", "Mila Kestrov"}
    assert SAMPLE_ZONE == "Europe/Berlin"
