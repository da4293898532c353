"""Promises as an evening found them: nothing that came later changes what was found, and reading on finds the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.asof import Sources, recall
from troth.encoder import encoder_id
from troth.pipeline import Understood, find_open_hours, take_stock
from troth.promises import Calendar, find_promises, find_versions, found_by
from troth.promises.find import Finder
from troth.readings import load_reference
from troth.schema import ANSWERS, DECISIONS, FINDINGS, PROMISES, SENTENCES, TURNS, conform

ANNA, TOM, BOB, SUE = "anna@firm.com", "tom@firm.com", "bob@acme.com", "sue@acme.com"
CALENDAR = Calendar()
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Said(NamedTuple):
    speaker: str
    hour: int | None  # after START; None: no time
    text: str
    conversation: str = "c"
    recipients: Sequence[str] = ()

    @property
    def sent_at(self) -> datetime | None:
        return None if self.hour is None else START + timedelta(hours=self.hour)


class Tables(NamedTuple):
    turns: pa.Table
    sentences: pa.Table
    findings: pa.Table

    def of(self, turn_ids: Sequence[str]) -> Tables:
        """Only these turns."""
        ids = pa.array(turn_ids, pa.string())
        return Tables(*(table.filter(pc.is_in(table["turn_id"], ids)) for table in self))


def tables(said: Sequence[Said]) -> Tables:
    """One sentence a turn; turn ids are t0, t1, ... in the order of the source."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    for number, turn in enumerate(said):
        turns.append({
            "turn_id": f"t{number}", "conversation_id": turn.conversation, "position": number,
            "sent_at": turn.sent_at, "speaker": turn.speaker, "speaker_name": turn.speaker.split("@")[0].title(),
            "recipients": list(turn.recipients), "channel": "mail", "body": turn.text, "automatic": False,
            "source": "test", "side": "us" if turn.speaker.endswith("firm.com") else "them", "circle": "customer",
            "relationship": "acme.com",
        })  # fmt: skip
        sentences.append({"turn_id": f"t{number}", "sentence": 0, "start": 0, "end": len(turn.text), "text": turn.text})
    return Tables(
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        FINDINGS.empty_table(),
    )


LINES = st.sampled_from([
    "I can send you the figures by Friday.", "Could you send the figures by Friday?", "Yes please.", "Sure, will do.",
    "Ok.", "I'll send you the audit report tomorrow.", "Tom will call you tomorrow.", "He will send you the plan.",
    "Could you call the inspector on Monday?", "Good morning.", "Shall I book the hall?", "No, thank you.",
    "I could bring the sample on Monday, if you like.", "I'll take care of it.",
    "I can send you the figures and I'll call you.", "Here are the figures.", "The audit report was sent to you.",
])  # fmt: skip
TURN = st.builds(
    Said,
    speaker=st.sampled_from([ANNA, ANNA, BOB, BOB, TOM, SUE]),
    hour=st.one_of(st.integers(0, 100), st.integers(0, 100), st.none()),
    text=LINES,
    conversation=st.sampled_from(["c", "c", "d"]),
    recipients=st.sampled_from([(), (TOM,), (ANNA,), (BOB,)]),
)
TALKS = st.lists(TURN, max_size=12)


def moments(said: Sequence[Said]) -> list[datetime | None]:
    """When each turn came, by another road: one without a time comes with the latest before it in its conversation."""
    return [
        turn.sent_at
        or max(
            (other.sent_at for other in said[:place] if other.sent_at and other.conversation == turn.conversation),
            default=None,
        )
        for place, turn in enumerate(said)
    ]


def in_one_order(promises: pa.Table) -> list[dict[str, Any]]:
    return promises.select(PROMISES.names).sort_by("promise_id").to_pylist()


@given(said=TALKS, hour=st.integers(0, 110))
@settings(max_examples=150, deadline=None)
def test_what_an_evening_found_is_found_in_the_turns_up_to_it(said: list[Said], hour: int) -> None:
    """By another road: later turns are thrown away, and everything is found anew."""
    book, evening = tables(said), START + timedelta(hours=hour)
    there = [f"t{place}" for place, at in enumerate(moments(said)) if at is None or at <= evening]
    alone = find_promises(*book.of(there), calendar=CALENDAR)
    versions = find_versions(*book, calendar=CALENDAR)
    assert in_one_order(found_by(versions, evening)) == in_one_order(alone)
    late = found_by(versions, START + timedelta(days=4000))
    assert in_one_order(late) == in_one_order(find_promises(*book, calendar=CALENDAR))


@given(said=TALKS, cuts=st.lists(st.integers(0, 12), max_size=3))
@settings(max_examples=100, deadline=None)
def test_reading_on_finds_what_reading_at_once_finds(said: list[Said], cuts: list[int]) -> None:
    """Turns in the order of time, handed over in pieces; of people, too, none is known before they came."""
    ordered = sorted((turn for turn in said if turn.hour is not None), key=lambda turn: turn.hour or 0)
    book, finder = tables(ordered), Finder(CALENDAR)
    ends = sorted({min(cut, len(ordered)) for cut in cuts} | {0, len(ordered)})
    for first, end in pairwise(ends):
        part = book.of([f"t{place}" for place in range(first, end)])
        finder.add(*part)
    rows = [row for rows in finder.rows.values() for row in rows]
    assert in_one_order(pa.Table.from_pylist(rows, PROMISES)) == in_one_order(find_promises(*book, calendar=CALENDAR))
    whole = find_versions(*book, calendar=CALENDAR).sort_by([("promise_id", "ascending"), ("since", "ascending")])
    pieces = finder.versions().sort_by([("promise_id", "ascending"), ("since", "ascending")])
    assert pieces.equals(whole)


def test_a_yes_changes_the_promise_from_its_own_moment_on() -> None:
    book = tables([Said(ANNA, 0, "I can send you the figures and I'll call you."), Said(BOB, 30, "Yes please.")])
    versions = find_versions(*book, calendar=CALENDAR)
    origins = [found_by(versions, START + timedelta(hours=hour))["origin"].to_pylist() for hour in (-1, 29, 30)]
    assert origins == [[], ["stated"], ["offer accepted"]]


def test_nobody_is_known_before_they_came() -> None:
    """Tom writes for the first time after it was said that he will call."""
    said = [Said(ANNA, 1, "Tom will call you tomorrow."), Said(TOM, 20, "Good morning.", "d")]
    assert find_promises(*tables(said), calendar=CALENDAR).num_rows == 0
    known = [Said(TOM, 0, "Good morning.", "d"), *said]
    assert find_promises(*tables(known), calendar=CALENDAR)["actor"].to_pylist() == [TOM]


@given(said=st.lists(TURN.filter(lambda turn: turn.hour is not None), min_size=1, max_size=9))
@settings(max_examples=25, deadline=None)
def test_the_readings_of_an_evening_are_those_of_its_turns_alone(said: list[Said]) -> None:
    """By another road: for each evening later turns are thrown away, and promises are found and settled anew."""
    book, reference = tables(said), load_reference(encoder_id())
    end = START + timedelta(days=40)
    history = recall(
        Sources(
            known=Understood(turns=book.turns, sentences=book.sentences, findings=book.findings),
            answers=ANSWERS.empty_table(),
            decided=PROMISES.empty_table(),
            decisions=DECISIONS.empty_table(),
            reference=reference,
            calendar=CALENDAR,
            hours=find_open_hours(book.turns, CALENDAR, end),
        ),
        last=end,
    )
    for place, us in enumerate(history.evenings.tolist()):
        evening = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
        there = [f"t{number}" for number, turn in enumerate(said) if turn.sent_at and turn.sent_at <= evening]
        some = book.of(there)
        alone = Understood(turns=some.turns, sentences=some.sentences, findings=some.findings)
        stock = take_stock(alone, reference=reference, calendar=CALENDAR, now=evening)
        assert _outcomes(history.versions.alive(place)) == _outcomes(stock.readings)


def _outcomes(readings: pa.Table) -> list[tuple[Any, ...]]:
    chosen = readings.filter(pc.equal(readings["signal"], "promise_outcome"))
    return sorted(
        (row["turn_id"], row["start"], row["at"], row["lo"], row["hi"], row["alpha"]) for row in chosen.to_pylist()
    )
