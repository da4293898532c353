"""Calls as captions: WebVTT of Teams, of Zoom and plain, SRT and SBV."""

from __future__ import annotations

import html
import itertools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import NOW, read_whole, write_files, write_zip

from troth.sources.captions import SBV, SRT, WEBVTT
from troth.sources.moments import find_in_name, read_moment
from troth.sources.spoken import Said, join_lines

SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
CALL = "51d2d3b4-1e80-4c3c-9d1e-7d8a3e6f1c32"
TEAMS = f"""WEBVTT

{CALL}/11-0
00:00:02.100 --> 00:00:05.000
<v Anna Tiedemark>Can everybody hear me?</v>

{CALL}/12-0
00:00:05.100 --> 00:00:07.000
<v Anna Tiedemark>Declan, you&#39;re on <i>mute</i>.</v>

{CALL}/13-0
00:00:08.100 --> 00:00:10.000
<v Aoife Byrne (Guest)>5 &lt; 6, he says.</v>

{CALL}/14-0
00:01:30.000 --> 00:01:31.000
<v Aoife Byrne (Guest)>A minute later.</v>
"""
ZOOM = """WEBVTT

1
00:00:02.100 --> 00:00:05.000
Casper Ravn: Inger, hi! So: glad

2
00:00:05.100 --> 00:00:07.000
Casper Ravn: I caught you.

3
00:00:08.100 --> 00:00:10.000
Inger Høgsbro: Yes, here.
"""


def write(folder: Path, name: str, text: str) -> Path:
    write_files(folder, {name: text})
    return folder / name


# ---------------------------------------------------------------------------------------------------- the known forms


def test_teams_names_speakers_in_voice_spans_and_the_call_in_its_cues(tmp_path: Path):
    whole = read_whole(write(tmp_path, "Alarms to Declan-20261007_110000.vtt", TEAMS), zone="Europe/Berlin")
    start = datetime(2026, 10, 7, 9, tzinfo=UTC)
    assert whole.reading.format.name == "webvtt"
    assert [(turn["turn_id"], turn["speaker"], turn["body"], turn["sent_at"]) for turn in whole.turns] == [
        (f"teams:{CALL}/11-0", "Anna Tiedemark", "Can everybody hear me? Declan, you're on mute.",
         start + timedelta(seconds=2.1)),
        (f"teams:{CALL}/13-0", "Aoife Byrne", "5 < 6, he says.", start + timedelta(seconds=8.1)),
        (f"teams:{CALL}/14-0", "Aoife Byrne", "A minute later.", start + timedelta(seconds=90)),
    ]  # fmt: skip
    assert {turn["subject"] for turn in whole.turns} == {"Alarms to Declan"}
    assert {turn["channel"] for turn in whole.turns} == {"call"}
    assert whole.turns[0]["recipients"] == ["Aoife Byrne"]
    assert [(who["handle"], who["name"], who["side"]) for who in whole.contacts] == [
        ("Anna Tiedemark", "Anna Tiedemark", None),
        ("Aoife Byrne", "Aoife Byrne", None),
    ]


def test_zoom_names_speakers_before_their_words(tmp_path: Path):
    whole = read_whole(write(tmp_path, "GMT20260929-080000_Recording.transcript.vtt", ZOOM), zone="Europe/Berlin")
    assert [(turn["speaker"], turn["body"]) for turn in whole.turns] == [
        ("Casper Ravn", "Inger, hi! So: glad I caught you."),
        ("Inger Høgsbro", "Yes, here."),
    ]
    assert whole.turns[0]["sent_at"] == datetime(2026, 9, 29, 8, 0, 2, 100_000, UTC)  # GMT, whatever the zone
    assert whole.turns[0]["subject"] is None


def test_names_may_stand_only_where_the_speaker_changes(tmp_path: Path):
    cues = [
        "Ada: Good morning",
        "and welcome",
        "note: this is no name",
        "Bo Lund: Thanks",
        "Ada: Please",
        "Bo Lund: So",
    ]
    lines = [f"{at}\n00:00:{at:02},000 --> 00:00:{at:02},900\n{text}\n" for at, text in enumerate(cues, start=1)]
    whole = read_whole(write(tmp_path, "x.srt", "\n".join(lines)))
    assert whole.reading.format.name == "srt"
    assert [(turn["speaker"], turn["body"]) for turn in whole.turns] == [
        ("Ada", "Good morning and welcome note: this is no name"),
        ("Bo Lund", "Thanks"),
        ("Ada", "Please"),
        ("Bo Lund", "So"),
    ]


def test_words_with_a_colon_in_plain_captions_are_no_names(tmp_path: Path):
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nHere is the deal: we wait\n\n00:02.100 --> 00:03.000\nuntil noon\n"
    (turn,) = read_whole(write(tmp_path, "x.vtt", text)).turns
    assert turn["body"] == "Here is the deal: we wait until noon"
    assert turn["speaker"].endswith("/unknown")


def test_speakers_that_a_machine_numbered_are_other_people_in_each_call(tmp_path: Path):
    def call(words: str) -> str:
        cues = (f"[SPEAKER_00]: {words}", "[SPEAKER_01]: yes")
        return "\n\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{cue}" for n, cue in enumerate(cues, start=1))

    first, second = (read_whole(write(tmp_path, f"{word}.srt", call(word))) for word in ("one", "two"))
    assert [turn["speaker"].rpartition("/")[2] for turn in first.turns] == ["SPEAKER_00", "SPEAKER_01"]
    assert not {turn["speaker"] for turn in first.turns} & {turn["speaker"] for turn in second.turns}
    assert first.contacts == []
    assert first.note("no names") == 1


def test_when_a_call_was_is_what_it_says_else_what_its_name_says_else_unknown(tmp_path: Path):
    cue = "00:00:01.000 --> 00:00:02.000\n<v Ada>hi</v>\n"
    stated = f"WEBVTT - Weekly\nStart: 7 October 2026, 14:30\n\n{cue}"
    noted = f"WEBVTT\n\nNOTE Date: 2026/10/07 14:30:00\n\n{cue}"
    for text in (stated, noted):
        whole = read_whole(write(tmp_path, "call-20250101_080000.vtt", text), zone="Europe/Berlin")
        assert whole.turns[0]["sent_at"] == datetime(2026, 10, 7, 12, 30, 1, tzinfo=UTC)
    day = read_whole(write(tmp_path, "2026-10-07 Weekly.vtt", f"WEBVTT\n\n{cue}"), zone="Europe/Berlin")
    assert day.turns[0]["sent_at"] == datetime(2026, 10, 7, 10, 0, 1, tzinfo=UTC)  # noon in Berlin
    assert day.note("only the day") == 1
    for name in ("call.vtt", "20261007 or 20261008.vtt", "20269907.vtt", "2099-01-01.vtt"):
        whole = read_whole(write(tmp_path, name, f"WEBVTT\n\n{cue}"))
        assert whole.turns[0]["sent_at"] is None
        assert whole.note("does not say when") == 1


def test_a_corrected_transcript_is_the_same_call_and_another_call_is_not(tmp_path: Path):
    def call(word: str, shift: int = 0) -> str:
        cues = (
            f"00:00:{n:02}.{n * 7 + shift:03} --> 00:00:{n:02}.900\n<v {'AB'[n % 2]}da>{word} {n}</v>\n"
            for n in range(12)
        )
        return "WEBVTT\n\n" + "\n".join(cues)

    first, mended, other = (
        {turn["turn_id"]: turn["body"] for turn in read_whole(write(tmp_path, "x.vtt", text)).turns}
        for text in (call("wrong"), call("right"), call("wrong", 1))
    )
    assert first.keys() == mended.keys()
    assert first != mended
    assert not first.keys() & other.keys()


def test_a_zip_of_calls_is_read_call_by_call(tmp_path: Path):
    path = write_zip(tmp_path / "calls.zip", {"a-20261007_110000.vtt": TEAMS, "b-20261008_110000.vtt": ZOOM})
    whole = read_whole(path)
    assert len({turn["conversation_id"] for turn in whole.turns}) == 2
    assert [turn["sent_at"].day for turn in whole.turns] == [7, 7, 7, 8, 8]


def test_old_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path):
    plain = read_whole(write(tmp_path, "x.vtt", ZOOM))
    for text in ("\ufeff" + ZOOM, ZOOM.replace("\n", "\r\n")):
        assert read_whole(write(tmp_path, "x.vtt", text)).turns == plain.turns


def test_what_is_no_cue_is_named_with_its_line(tmp_path: Path):
    text = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nstray\n\n00:00:0x.000 --> 00:00:02.000\nbad\n\n"
    cues = "00:01.000 --> 00:02.000\n\n00:03.000 --> 00:04.000\nsaid\n"
    whole = read_whole(write(tmp_path, "x.vtt", text + cues))
    assert [(each.position, each.reason) for each in whole.reading.rejected] == [
        ("line 6", "words without times"),
        ("line 8", "times that cannot be read"),
    ]
    assert whole.bodies == ["said"]
    assert whole.note("cues without words") == 1


def test_lines_of_one_speaker_are_one_turn_until_another_speaks_or_a_minute_passes():
    """Against the rule said again, pair by pair."""
    said = [
        Said(label, begin, begin + 900, f"w{number}", str(number))
        for number, (label, begin) in enumerate(
            [
                ("A", 0),
                ("A", 1_000),
                ("A", 61_899),
                ("A", 122_799),
                ("B", 123_000),
                (None, 124_000),
                (None, 126_900),
                (None, 127_000),
            ]
        )
    ]
    goes_on = [
        one.label == two.label and two.begin_ms - one.end_ms < (60_000 if one.label else 2_000)  # type: ignore[operator]
        for one, two in itertools.pairwise(said)
    ]
    expected: list[list[str]] = [[said[0].text]]
    for line, joins in zip(said[1:], goes_on, strict=True):
        expected[-1].append(line.text) if joins else expected.append([line.text])
    assert [line.text.split() for line in join_lines(said)] == expected
    assert goes_on == [True, True, False, False, False, False, True]


# ----------------------------------------------------------------------------------------------------------- the dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-07T11:00:00Z", datetime(2026, 10, 7, 11, tzinfo=UTC)),
        ("2026-10-07 11:00:00.123456+02:00", datetime(2026, 10, 7, 9, tzinfo=UTC)),
        ("7. 10. 2026 um 14:30 Uhr", datetime(2026, 10, 7, 12, 30, tzinfo=UTC)),
        ("Thursday, August 27th, 2026 at 2:05 pm", datetime(2026, 8, 27, 12, 5, tzinfo=UTC)),
        ("28 août 2026 10h30", datetime(2026, 8, 28, 8, 30, tzinfo=UTC)),
        ("Thu, 27 Aug 2026 14:00:00 -0500", datetime(2026, 8, 27, 19, tzinfo=UTC)),
        ("13/4/2026", datetime(2026, 4, 13, 10, tzinfo=UTC)),
        ("4/13/2026", datetime(2026, 4, 13, 10, tzinfo=UTC)),
        ("3/4/2026", datetime(2026, 4, 3, 10, tzinfo=UTC)),
        ("31.02.2026", None),
        ("13:00 pm 2026-01-01", None),
        ("2026-01-01 13:00 pm", None),
        ("7 Octember 2026", None),
        ("next Tuesday", None),
        ("2031-01-01", None),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, expected: datetime | None):
    found = read_moment(text, zone="Europe/Berlin", dates="dmy", now=NOW)
    assert (found and found.at) == expected


def test_a_date_with_slashes_follows_what_is_stated():
    found = read_moment("3/4/2026", zone="UTC", dates="mdy", now=NOW)
    assert found is not None
    assert (found.at.month, found.at.day) == (3, 4)


@given(st.integers(631_152_000, 1_793_500_000).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_a_time_written_into_a_file_name_is_read_back(moment: datetime):
    for form in ("Talk-%Y%m%d_%H%M%S.vtt", "Talk %Y-%m-%d at %H.%M.%S.txt", "Talk_%Y-%m-%dT%H_%M_%SZ.json"):
        found = find_in_name(moment.strftime(form), zone="UTC", now=NOW)
        assert found is not None
        assert (found[0].at, found[1]) == (moment, "Talk")


# ------------------------------------------------------------------------------------------------------ there and back

NAMES = st.sampled_from(["Ada Lund", "Bo Øst", "Dr. Cy O'Neill", "王 小明"])
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=12
)
SENTENCES = (
    st.lists(WORDS, min_size=1, max_size=5)
    .map(" ".join)
    .filter(lambda text: "-->" not in text and not text.isdigit() and "{" not in text and "]" not in text)
)
TALKS = st.lists(st.tuples(NAMES, SENTENCES, st.integers(1, 5_000), st.integers(0, 90_000)), min_size=1, max_size=8)


def clock(ms: int, mark: str, *, hours: int = 2) -> str:
    return f"{ms // 3_600_000:0{hours}}:{ms // 60_000 % 60:02}:{ms // 1_000 % 60:02}{mark}{ms % 1_000:03}"


@pytest.mark.parametrize("form", ["teams", "zoom", "srt", "sbv"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(talk=TALKS)
def test_a_made_up_call_comes_back(form: str, talk: list[tuple[str, str, int, int]], tmp_path: Path):
    at, blocks, spoken = 0, ["WEBVTT\n"] if form in {"teams", "zoom"} else [], []
    for number, (name, words, length, pause) in enumerate(talk, start=1):
        begin, at = at + pause, at + pause + length
        spoken.append(Said(name, begin, at, words, str(number)))
        match form:
            case "teams":
                times = f"{clock(begin, '.')} --> {clock(at, '.')}"
                blocks.append(f"{times}\n<v {html.escape(name)}>{html.escape(words)}</v>\n")
            case "zoom":
                blocks.append(f"{number}\n{clock(begin, '.')} --> {clock(at, '.')}\n{name}: {html.escape(words)}\n")
            case "srt":
                blocks.append(f"{number}\n{clock(begin, ',')} --> {clock(at, ',')}\n{name}: {html.escape(words)}\n")
            case _:
                blocks.append(f"{clock(begin, '.', hours=1)},{clock(at, '.', hours=1)}\n{name}: {html.escape(words)}\n")
    whole = read_whole(write(tmp_path, f"call-20260301_100000.{form}", "\n".join(blocks)))
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert [(turn["speaker"], turn["body"], turn["sent_at"]) for turn in whole.turns] == [
        (line.label, line.text, start + timedelta(milliseconds=line.begin_ms or 0)) for line in join_lines(spoken)
    ]
    assert whole.reading.rejected == []


# ----------------------------------------------------------------------------------------------------- broken and real


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (WEBVTT, TEAMS),
        (WEBVTT, ZOOM),
        (SRT, "1\n00:00:01,000 --> 00:00:02,000\nAda: hi\n\n2\n00:00:03,000 --> 00:00:04,000\nBo: yo\n"),
        (SBV, "0:00:01.000,0:00:02.000\nAda: hi\n\n0:00:03.000,0:00:04.000\nBo: yo\n"),
    ],
)
def test_no_broken_captions_stop_the_reading(reader, text: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    found = list(read_broken(reader, {"": text.encode()}, tmp_path, seed=len(text), share=0.25))
    assert len(found) > 100
    assert sum(found) > 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")
def test_the_real_samples_are_read_as_far_as_they_are_sound():
    found = {}
    for kind in ("webvtt", "srt", "sbv"):
        for path in sorted((SHARED / "samples" / kind).iterdir()):
            if path.suffix != ".txt" and path.stat().st_size and not path.name.startswith("invalid_format"):
                whole = read_whole(path)
                found[path.name] = (whole.reading.format.name, len(whole.turns), len(whole.reasons))
    assert len(found) == 17 + 5 + 5
    assert found["netflix_chicas_del_cable.vtt"][:2] == ("webvtt", 31)
    assert found["invalid.vtt"] == ("srt", 1, 0)  # the same cues without the first line are SRT
    broken = {name for name, (_, _, rejected) in found.items() if rejected}
    assert broken == {
        "invalid_timeframe.vtt", "missing_timeframe.vtt", "missing_timeframe.srt",
        "invalid_timeframe.sbv", "missing_timeframe.sbv",
    }  # fmt: skip
