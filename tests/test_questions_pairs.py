"""How many questions of hand-written threads are found, told apart, and given the right state, beside two baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from troth.encoder import find_signals, load_encoder
from troth.questions import find_questions
from troth.schema import TURNS, conform
from troth.text import split_sentences

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Case:
    thread: str
    kind: str
    state: str
    answered_by: str
    question: str


@dataclass(kw_only=True)
class Part:
    cases: list[Case] = field(default_factory=list[Case])
    threads: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])


def read_part(part: str) -> Part:
    """The cases of one part, and the turns of each thread as side and text."""
    read, turns = Part(), ""
    for line in Path(__file__).with_name("test_questions_pairs.tsv").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        home, thread, kind, state, answered_by, question, told = line.split("\t")
        turns = turns if told == '"' else told
        if home != part:
            continue
        read.cases.append(Case(thread=thread, kind=kind, state=state, answered_by=answered_by, question=question))
        read.threads[thread] = [("them" if turn[0] == ">" else "us", turn[2:]) for turn in turns.split(" ¶ ")]
    return read


def list_turns(part: Part) -> pa.Table:
    """TURNS of these threads, an hour apart, ids like 12/0."""
    rows = [
        {
            "turn_id": f"{thread}/{number}", "conversation_id": thread, "position": number, "speaker": side,
            "sent_at": START + timedelta(hours=number), "channel": "mail", "body": text, "automatic": False,
            "source": "pairs", "side": side, "circle": "customer", "relationship": thread,
        }
        for thread, turns in part.threads.items()
        for number, (side, text) in enumerate(turns)
    ]  # fmt: skip
    return conform(pa.Table.from_pylist(rows, TURNS), TURNS)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Counts over the cases: found of those to find, listed of those to leave out, kinds and states right."""

    asked: int
    found: int
    idle: int
    listed: int
    kinds: int
    states: int
    turns: int


def score(part: Part, rows: list[Mapping[str, Any]]) -> Score:
    asked = [case for case in part.cases if case.kind != "-"]
    idle = [case for case in part.cases if case.kind == "-"]
    by_case = {case: found for case in part.cases if (found := _row_of(case, rows)) is not None}
    good = [(case, by_case[case]) for case in asked if case in by_case]
    return Score(
        asked=len(asked),
        found=len(good),
        idle=len(idle),
        listed=sum(case in by_case for case in idle),
        kinds=sum(row["kind"] == case.kind for case, row in good),
        states=sum(row["state"] == case.state for case, row in good),
        turns=sum((row["answer_turn_id"] or "/-").split("/")[1] == case.answered_by for case, row in good),
    )


def _row_of(case: Case, rows: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row of this question: its sentence holds the words, or is the larger part of them."""
    own = [row for row in rows if row["turn_id"].split("/")[0] == case.thread and row["act"] != "goes_silent"]
    return next((row for row in own if case.question in row["text"] or row["text"] in case.question), None)


@pytest.fixture(scope="module")
def measure() -> Callable[[str], Score]:
    encoder = load_encoder()

    def of(name: str) -> Score:
        part = read_part(name)
        turns = list_turns(part)
        sentences = split_sentences(turns)
        found = find_questions(turns, sentences, find_signals(sentences, encoder), now=START + timedelta(days=2))
        return score(part, found.to_pylist())

    return of


def any_reply(part: Part) -> int:
    """States right if every later turn of ours answers whatever was asked before it."""
    right = 0
    for case in part.cases:
        turns = part.threads[case.thread]
        asked = next(number for number, (_, text) in enumerate(turns) if case.question in text)
        later = any(side == "us" for side, _ in turns[asked + 1 :])
        right += case.kind != "-" and case.state == ("answered" if later else "open")
    return right


def test_the_two_parts_share_no_thread_and_are_large_enough() -> None:
    dev, held = read_part("dev"), read_part("held")
    assert not dev.threads.keys() & held.threads.keys()
    opening = [{turns[0][1] for turns in part.threads.values()} for part in (dev, held)]
    assert not opening[0] & opening[1]
    assert len(dev.cases) + len(held.cases) >= 200
    for part in (dev, held):
        assert {case.state for case in part.cases} == {"answered", "partly", "open", "-"}
        assert {case.kind for case in part.cases} == {"HC", "HR", "HI", "HS", "direct", "-"}


def test_what_the_patterns_were_chosen_on(measure: Callable[[str], Score]) -> None:
    got = measure("dev")
    assert got.found >= 128
    assert got.listed == 0
    assert got.kinds >= 122
    assert got.states >= 119
    assert got.states >= any_reply(read_part("dev")) + 30


def test_held_out_threads(measure: Callable[[str], Score]) -> None:
    """First run, before any error was looked at: 88 of 89 found, kind 80, state 79; any reply as answer: state 61."""
    got = measure("held")
    assert got.found >= 86
    assert got.listed == 0
    assert got.kinds >= 76
    assert got.states >= 75
    assert got.states >= any_reply(read_part("held")) + 14
