"""The day's close and the draft check, on the sample firm and on days made by hand."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import troth
from troth.encoder import encoder_id
from troth.errors import InputError
from troth.intake import take_turns
from troth.lenses import CHECKPOINTS
from troth.pipeline import Understood, take_stock
from troth.readings import load_reference
from troth.review import Close, day_bounds, find_last_day
from troth.review.html import render_close
from troth.sample import SAMPLE_DAY
from troth.settings import Settings

HOSTILE = (
    '<script>document.title="owned"</script>',
    '"><img src=x onerror=document.title="owned">',
    "{{ 7 * 7 }}{% raw %}",
    "\x1b]0;owned\x07\x1b[2J",
    "abc\u202edcba\u2066",
    "</style><style>body{display:none}",
    "javascript:document.title='owned'",
    "&lt;b&gt; &amp; \x00",
)


@pytest.fixture(scope="module")
def close(sample_book: troth.Book) -> Close:
    return sample_book.review()


def test_the_last_day_with_a_turn_is_closed(close: Close):
    assert close.day == SAMPLE_DAY
    assert [circle.circle for circle in close.circles] == ["customer", "colleague", "friend"]


def test_every_circle_has_the_six_checkpoints(close: Close):
    for circle in close.circles:
        assert [point.name for point in circle.checkpoints] == [pillar.name for pillar in CHECKPOINTS]


def test_a_band_holds_its_number_and_a_doubtful_number_is_withheld(close: Close):
    gauges = [point.gauge for circle in close.circles for point in circle.checkpoints if point.gauge]
    assert gauges
    for gauge in gauges:
        assert 0 <= gauge.low <= gauge.high <= 100
        if gauge.percentile is not None:
            assert gauge.low <= gauge.percentile <= gauge.high
            assert gauge.reliability >= 0.5
        else:
            assert gauge.reliability < 0.5


def test_every_quote_is_literally_in_its_turn(close: Close, sample_book: troth.Book):
    bodies = dict(zip(*(sample_book.table("turns")[name].to_pylist() for name in ("turn_id", "body")), strict=True))
    quotes = [q for circle in close.circles for point in circle.checkpoints for q in (point.best, point.worst) if q]
    assert quotes
    for quote in quotes:
        words = " ".join(bodies[quote.turn_id][quote.start : quote.end].split())
        assert words.startswith(quote.text.rstrip("…"))


def test_quotes_are_ours_and_of_that_day(close: Close, sample_book: troth.Book):
    turns = {row["turn_id"]: row for row in sample_book.table("turns").to_pylist()}
    start, end = day_bounds(SAMPLE_DAY, "Europe/Berlin")
    for circle in close.circles:
        for point in circle.checkpoints:
            for quote in filter(None, (point.best, point.worst)):
                turn = turns[quote.turn_id]
                assert turn["side"] == "us"
                assert turn["circle"] == circle.circle
                assert start <= turn["sent_at"] < end


def test_the_one_thing_to_do_names_somebody_and_quotes(close: Close):
    assert close.tomorrow.relationship
    assert close.tomorrow.quote


def test_an_earlier_day_knows_nothing_of_later_ones(sample_book: troth.Book):
    early = sample_book.review("2026-06-12")
    evening = day_bounds(dt.date(2026, 6, 12), "Europe/Berlin")[1]
    assert all(row["said_at"] < evening for row in early.promises)
    assert all(row["asked_at"] < evening for row in early.questions)
    assert all(row["state_at"] is None or row["state_at"] < evening for row in early.promises)


@pytest.mark.parametrize("day", [dt.date(2026, 6, 12), dt.date(2026, 10, 13)])
def test_an_evening_stands_as_if_nothing_had_come_after_it(sample_book: troth.Book, day: dt.date):
    """By another road: the same steps on the turns up to that evening alone."""
    evening = day_bounds(day, "Europe/Berlin")[1]
    whole = sample_book.understand()
    turns = whole.turns.filter(pc.less(whole.turns["sent_at"], pa.scalar(evening)))
    assert 0 < turns.num_rows < whole.turns.num_rows
    here = [
        pc.is_in(table["turn_id"], turns["turn_id"].combine_chunks()) for table in (whole.sentences, whole.findings)
    ]
    early = Understood(turns=turns, sentences=whole.sentences.filter(here[0]), findings=whole.findings.filter(here[1]))
    calendar, reference = Settings(zone="Europe/Berlin").calendar(), load_reference(encoder_id())
    one, other = (take_stock(known, reference=reference, calendar=calendar, now=evening) for known in (whole, early))
    for name in ("promises", "questions", "readings"):
        both = [sorted(map(repr, getattr(stock, name).to_pylist())) for stock in (one, other)]
        assert both[0] == both[1], name
        assert both[0], name


def test_a_day_without_a_turn_has_no_gauges(sample_book: troth.Book):
    quiet = sample_book.review("2026-08-02")
    assert all(point.gauge is None for circle in quiet.circles for point in circle.checkpoints)


@pytest.mark.parametrize(("day", "circle"), [("20.11.2026", None), ("2026-13-01", None), (None, "enemy")])
def test_what_is_no_day_or_circle_is_named(sample_book: troth.Book, day: str | None, circle: str | None):
    with pytest.raises(InputError, match=r"not a date|no circle"):
        sample_book.review(day, circle=circle)


@pytest.mark.parametrize(
    ("day", "hours"), [(dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25), (dt.date(2028, 2, 29), 24)]
)
def test_a_day_lasts_from_local_midnight_to_local_midnight(day: dt.date, hours: int):
    start, end = day_bounds(day, "Europe/Berlin")
    assert end - start == dt.timedelta(hours=hours)
    assert start.astimezone(ZoneInfo("Europe/Berlin")).time() == dt.time()


def test_turns_without_dates_are_read_and_no_day_can_be_closed():
    with troth.open(settings=Settings()) as book:
        book.add([{"text": "Thank you so much."}])
        with pytest.raises(InputError, match="no turn with a date"):
            book.review()


def hostile_close() -> tuple[Close, Settings]:
    settings = Settings(us=("anna@firm.example",))
    turns = [
        {
            "turn_id": str(number),
            "conversation_id": f"c{number}",
            "speaker": ("anna@firm.example", "bo@acme.example")[number % 2],
            "recipients": [("bo@acme.example", "anna@firm.example")[number % 2]],
            "sent_at": dt.datetime(2026, 11, 20, 9, number, tzinfo=dt.UTC),
            "body": f"I think this is right because {payload} and I will send it by Friday. Are you sure {payload}?",
        }
        for number, payload in enumerate(HOSTILE * 2)
    ]
    with troth.open(settings=settings) as book:
        book.add(turns)
        return book.review(), settings


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("needs Chromium, which is not installed")
    return found


def browse(chromium: str, page: Path, *options: str) -> str:
    """Load a page in a real browser and give what --dump-dom or nothing printed."""
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_page_of_hostile_words_runs_and_fetches_nothing(chromium: str, tmp_path: Path):
    close, _ = hostile_close()
    page = tmp_path / "close.html"
    page.write_text(render_close(close, whose=HOSTILE[0], made_with="test"), "utf-8")
    text = page.read_text("utf-8")
    assert "<script" not in text.lower()
    assert "\x1b" not in text
    assert "\u202e" not in text
    dom = browse(chromium, page, "--dump-dom")
    assert "<title>Close of 20 November 2026" in dom
    assert "owned</title>" not in dom
    assert "49" not in dom.partition("<h1>")[2].partition("</h1>")[0]


@pytest.mark.parametrize("size", ["360,1200", "1280,1600"])
def test_the_page_is_drawn_in_a_real_browser(chromium: str, close: Close, tmp_path: Path, size: str):
    page, picture = tmp_path / "close.html", tmp_path / "close.png"
    page.write_text(render_close(close, whose="anna", made_with="test"), "utf-8")
    browse(chromium, page, f"--window-size={size}", f"--screenshot={picture}")
    assert picture.stat().st_size > 20_000
    assert page.stat().st_size < 300_000


def test_the_page_says_all_that_the_terminal_says(close: Close):
    page = render_close(close, whose="anna", made_with="test")
    for heading in ("Toward customers", "Toward colleagues", "Toward friends", "Promises", "Still without an answer"):
        assert heading in page
    for pillar in CHECKPOINTS:
        assert page.count(pillar.plain) == 3


def test_a_draft_is_checked_without_a_book():
    found = troth.check("I will send you the figures by Friday. Thank you very much for your patience!")
    assert [row["due_words"] for row in found.promises] == ["by Friday"]
    assert "gratitude" in {mark.signal for mark in found.marks}


def test_a_draft_is_checked_against_what_the_customer_asked(sample_book: troth.Book):
    asked = sample_book.check("Lovely weather today.", to="maribelle")
    assert any("responsible for our room" in row["text"] for row in asked.unanswered)
    answered = sample_book.check(
        "Mirek is the person responsible for your room, by name and in writing.", to="maribelle"
    )
    assert not any("responsible for our room" in row["text"] for row in answered.unanswered)


def test_a_promise_without_a_time_is_warned_of():
    found = troth.check("I will send you the figures soon.")
    assert found.warnings


def test_an_unknown_relationship_is_answered_with_those_that_exist(sample_book: troth.Book):
    with pytest.raises(InputError, match="There are: "):
        sample_book.check("Hello", to="nobody-at-all")


def test_a_date_far_ahead_says_nothing_of_the_day_that_it_is() -> None:
    clock = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)

    def last(*moments: dt.datetime) -> dt.date | None:
        turns = take_turns([{"body": "Hello.", "sent_at": moment} for moment in moments])
        return find_last_day(turns, "UTC", clock=clock)

    now, later = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC), dt.datetime(2026, 12, 1, 9, tzinfo=dt.UTC)
    assert last(now, dt.datetime(2100, 12, 30, tzinfo=dt.UTC)) == dt.date(2026, 11, 20)
    assert last(now, dt.datetime(2027, 2, 1, tzinfo=dt.UTC), dt.datetime(2030, 1, 1, tzinfo=dt.UTC)) == dt.date(
        2026, 11, 20
    )
    assert last(now, later) == dt.date(2026, 12, 1)  # this machine's clock may be the one that is wrong
    assert last(dt.datetime(2030, 1, 1, tzinfo=dt.UTC)) == dt.date(2030, 1, 1)
