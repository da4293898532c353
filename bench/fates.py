"""Short promise threads with a known fate: the state that settling gives, how often it accuses wrongly, what it shows.

    python bench/fates.py                # the part that the rules were mended on
    python bench/fates.py --part held    # the part that nothing was chosen on
    python bench/fates.py --list         # the threads that come out wrong, one by one

The threads are `tests/test_promises_fates.txt`, written by a language model; each is a relationship of its own, read
with the shipped encoder and settled two months later. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import pyarrow as pa

from troth.encoder import find_signals, load_encoder
from troth.promises import Calendar, find_promises, settle_promises
from troth.schema import TURNS, conform
from troth.text import split_sentences

FATES = Path(__file__).parents[1] / "tests" / "test_promises_fates.txt"
STATES = {
    "kept": "kept", "late": "late", "broken": "suspected", "renegotiated": "withdrawn", "withdrawn": "withdrawn",
    "unknown": "unknown",
}  # fmt: skip
"""Fate to the state that a machine may give; it never says broken."""
PEOPLE = {"us": "ann@us.example", "them": "ola@them.example"}
EVENING = dt.datetime(2026, 5, 10, 22, tzinfo=dt.UTC)
_ATTACHED = re.compile(r" \[([\w.]+)\]$")
_ELSEWHERE = re.compile(r" @(\d)(?= \[|$)")


@dataclass(frozen=True, kw_only=True)
class Thread:
    """One thread; turns are named by its place in the file and their own in it."""

    name: str
    part: str
    channel: str
    fate: str
    turns: tuple[dict[str, Any], ...]
    promise: str  # turn ids
    proof: str | None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What settling says of a thread."""

    thread: Thread
    state: str
    evidence: str | None
    probability: float | None

    @property
    def is_right(self) -> bool:
        """Whether the state is the one of the fate."""
        return self.state == STATES[self.thread.fate]


def read_threads(path: Path = FATES) -> Iterator[Thread]:
    """The threads of the file, in its order."""
    blocks = re.split(r"^== ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    for number, block in enumerate(blocks):
        head, *lines = [line for line in block.strip().splitlines() if line]
        part, channel, fate = head.split()
        name = f"f{number:02}"
        turns: list[dict[str, Any]] = []
        marked: dict[str, str] = {}
        for place, line in enumerate(lines):
            mark, who, day, text = line.split(" ", 3)
            attached = _ATTACHED.search(text)
            text = _ATTACHED.sub("", text)
            elsewhere = _ELSEWHERE.search(text)
            turn_id = f"{name}-{place}"
            marked[mark] = turn_id
            turns.append({
                "turn_id": turn_id, "conversation_id": f"{name}-{elsewhere.group(1) if elsewhere else 1}",
                "position": place, "sent_at": dt.datetime(2026, 3, 1, 9, place, tzinfo=dt.UTC)
                + dt.timedelta(days=int(day) - 1, hours=place), "speaker": PEOPLE[who],
                "side": who, "channel": {"call": "call", "ticket": "ticket", "chat": "chat"}.get(channel, "mail"),
                "subject": None, "body": _ELSEWHERE.sub("", text), "source": "own", "circle": "customer",
                "attachments": [attached.group(1)] if attached else None, "relationship": f"{name}.example",
                "automatic": False, "recipients": [PEOPLE["them" if who == "us" else "us"]],
            })  # fmt: skip
        yield Thread(
            name=name, part=part, channel=channel, fate=fate, turns=tuple(turns), promise=marked["P"],
            proof=marked.get("E"),
        )  # fmt: skip


def settle(threads: Sequence[Thread]) -> list[Told]:
    """Each thread as settling tells it; "not found" where the sentence is not read as a promise."""
    turns = conform([turn for thread in threads for turn in thread.turns], TURNS)
    sentences = split_sentences(turns)
    tables = (turns, sentences, find_signals(sentences, load_encoder()))
    calendar = Calendar()
    promises = find_promises(*tables, calendar=calendar)
    settled = settle_promises(promises, *tables, now=EVENING, calendar=calendar)
    return [tell(thread, settled) for thread in threads]


def tell(thread: Thread, settled: pa.Table) -> Told:
    """The first promise that is read in the turn that promises."""
    row = next((row for row in settled.to_pylist() if row["turn_id"] == thread.promise), None)
    return Told(
        thread=thread,
        state=row["state"] if row else "not found",
        evidence=row["evidence_turn_id"] if row else None,
        probability=row["evidence_probability"] if row else None,
    )


def wilson(hits: int, cases: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson 1927, Journal of the American Statistical Association 22."""
    if not cases:
        return 0.0, 1.0
    share, spread = hits / cases, z * z / cases
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / cases + spread / (4 * cases)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def say(hits: int, cases: int) -> str:
    """A share with its interval."""
    low, high = wilson(hits, cases)
    return f"{hits} of {cases} ({low:.2f} to {high:.2f})" if cases else "none"


def report(told: Sequence[Told]) -> None:
    """States one by one, false accusations, and whether the turn shown is the right one."""
    print(f"{len(told)} threads, {say(sum(one.is_right for one in told), len(told))} with the right state")
    print(f"{'state':<12}{'precision':<28}{'recall':<28}")
    for state in dict.fromkeys(STATES.values()):
        said = [one for one in told if one.state == state]
        truly = [one for one in told if STATES[one.thread.fate] == state]
        hits = sum(one.is_right for one in said)
        print(f"{state:<12}{say(hits, len(said)):<28}{say(hits, len(truly)):<28}")
    accused = [one for one in told if one.state == "suspected"]
    wrongly = sum(one.thread.fate != "broken" for one in accused)
    unbroken = sum(one.thread.fate != "broken" for one in told)
    print(f"accused wrongly: {say(wrongly, len(accused))} accused, {say(wrongly, unbroken)} not broken")
    shown = [one for one in told if one.evidence is not None and one.is_right]
    print(f"by the right turn: {say(sum(one.evidence == one.thread.proof for one in shown), len(shown))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("dev", "held"), default="dev")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    told = settle([thread for thread in read_threads() if thread.part == given.part])
    for one in told if given.list else ():
        if not one.is_right or one.evidence != one.thread.proof:
            words = {turn["turn_id"]: turn["body"] for turn in one.thread.turns}
            print(f"{one.thread.fate} -> {one.state}: {words[one.thread.promise]}")
            print(f"    {words.get(one.thread.proof or '', '-')}  SHOWN BY  {words.get(one.evidence or '', '-')}")
    report(told)


if __name__ == "__main__":
    main()
