"""A person's word against a reading: contested it is out, until somebody upholds the objection or rejects it.

What is said is written to OBJECTIONS, which only grows; the latest word on an objection counts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store
from troth.errors import InputError
from troth.pipeline import Understood
from troth.plain import clean_line
from troth.readings import latest_objections
from troth.schema import OBJECTIONS
from troth.signals import CATALOGUE, HELD, SHOWN
from troth.told import Told

_TICK: Final = dt.timedelta(microseconds=1)
_LONGEST_NOTE: Final = 2000
_PREFIX: Final = "o-"
_COUNTS: Final = 0.5  # least probability with which a signal counts as found
_STATES: Final = ("upheld", "rejected", "undone")
_AFTER: Final[Mapping[str, frozenset[str]]] = {
    "upheld": frozenset({"contested", "rejected"}),
    "rejected": frozenset({"contested", "upheld"}),
    "undone": frozenset({"contested", "upheld", "rejected"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Who says something, when, and why."""

    by: str
    at: dt.datetime
    note: str | None = None

    def __post_init__(self) -> None:
        if self.note is not None and len(self.note) > _LONGEST_NOTE:
            raise InputError(
                Told(
                    "the note has {n} characters; at most {most} are kept.",
                    n=len(self.note),
                    most=_LONGEST_NOTE,
                )
            )


def list_objections(store: Store) -> pa.Table:
    """OBJECTIONS: the last word on each, those made first before those made later."""
    return latest_objections(store.table("objections"))


def contest(
    store: Store, known: Understood, readings: pa.Table, turn_id: str, of: str, *, start: int | None, word: Word
) -> dict[str, Any]:
    """Object to what was read in a turn; what is contested already stays as it is.

    Args:
        store: the book.
        known: what was found in its turns.
        readings: READINGS, with those that are left out.
        turn_id: the turn.
        of: a signal that was found there, or the code of a facet on which the turn was read.
        start: where the sentence begins, where the signal was found in several.
        word: who says so.

    Returns: the row of OBJECTIONS.
    Raises: InputError when there is no such turn, or nothing of the kind was read there.
    """
    turns = known.turns.filter(pc.equal(known.turns["turn_id"], turn_id)).to_pylist()
    if not turns:
        raise InputError(Told("there is no turn {turn_id!r} in this book.", turn_id=clean_line(turn_id)))
    signal = CATALOGUE.get(of)
    if signal is not None and signal.is_finding:
        target = _find_finding(known, turns[0], of, start)
    else:
        target = _find_reading(known, readings, turn_id, of, start)
    target["objection_id"] = name_objection(target)
    earlier = history_of(store, target["objection_id"])
    if earlier and earlier[-1]["state"] in {"contested", "upheld"}:
        return earlier[-1]
    return _write(store, target, "contested", word, earlier)


def find_targets(known: Understood, relationship: str, words: str, of: str | None = None) -> list[dict[str, Any]]:
    """What could be contested in the sentences of a relationship that hold these words.

    Args:
        known: what was found in the turns.
        relationship: its id.
        words: part of a sentence, in any case.
        of: only this signal, or signals of this facet; a facet also where no signal of it was found.

    Returns: turn_id, start, signal (or the facet), facet and text of each, in order of time.
    """
    turns = known.turns.filter(pc.equal(known.turns["relationship"], relationship)).sort_by("sent_at")
    sides = dict(zip(turns["turn_id"].to_pylist(), turns["side"].to_pylist(), strict=True))
    mine = known.sentences.filter(pc.is_in(known.sentences["turn_id"], turns["turn_id"].combine_chunks()))
    wanted = " ".join(words.split())
    said = mine.filter(pc.match_substring(mine["text"], wanted, ignore_case=True)) if wanted else mine.slice(0, 0)
    texts = {(row["turn_id"], row["start"]): row["text"] for row in said.to_pylist()}
    near = known.findings.filter(pc.is_in(known.findings["turn_id"], said["turn_id"].combine_chunks()))
    found: list[dict[str, Any]] = []
    for row in near.to_pylist():
        facet = CATALOGUE[row["signal"]].facet(sides[row["turn_id"]] or "") if row["signal"] in CATALOGUE else None
        is_meant = of is None or of == row["signal"] or of.upper() == facet
        if (row["turn_id"], row["start"]) in texts and facet is not None and is_meant and row["probability"] >= _COUNTS:
            found.append({name: row[name] for name in ("turn_id", "start", "signal")} | {"facet": facet})
    if not found and of is not None and (of.upper() in SHOWN or of.upper() in HELD):
        found = [
            {"turn_id": turn_id, "start": None, "signal": of.upper(), "facet": of.upper()}
            for turn_id in dict.fromkeys(turn_id for turn_id, _ in texts)
        ]
    order = {turn_id: place for place, turn_id in enumerate(sides)}
    first = {turn_id: text for (turn_id, _), text in reversed(texts.items())}
    for row in found:
        row["text"] = texts.get((row["turn_id"], row["start"]), first[row["turn_id"]])
    return sorted(found, key=lambda row: (order[row["turn_id"]], row["start"] or 0, row["signal"]))


def decide(store: Store, typed: str, state: str, *, word: Word) -> dict[str, Any]:
    """Say what becomes of an objection.

    Args:
        store: the book.
        typed: the objection's id, or the beginning of it.
        state: upheld (the reading was wrong and stays out), rejected (it counts) or undone (as if never said).
        word: who says so.

    Returns: the row of OBJECTIONS.
    Raises: InputError when no single objection is meant, or it stands so already.
    """
    if state not in _STATES:
        raise InputError(
            Told("an objection cannot be {state!r}; it can be {states}.", state=state, states=", ".join(_STATES))
        )
    row = find_objection(list_objections(store), typed)
    if row["state"] not in _AFTER[state]:
        raise InputError(
            Told("the objection to {signal!r} is {state} already.", signal=row["signal"], state=row["state"])
        )
    return _write(store, row, state, word, history_of(store, row["objection_id"]))


def find_objection(objections: pa.Table, typed: str) -> dict[str, Any]:
    """The row meant by an id or the beginning of one.

    Raises: InputError when none or several are meant.
    """
    wanted = typed.strip().casefold().removeprefix(_PREFIX)
    meant = [row for row in objections.to_pylist() if row["objection_id"].removeprefix(_PREFIX).startswith(wanted)]
    if wanted and len(meant) == 1:
        return meant[0]
    if wanted and meant:
        raise InputError(
            Told("{typed!r} could be {meant} objections. Write more of it.", typed=clean_line(typed), meant=len(meant))
        )
    raise InputError(Told("there is no objection {typed!r}. `troth contest` names them.", typed=clean_line(typed)))


def name_objection(target: Mapping[str, Any]) -> str:
    """The id of an objection: the same reading and sentence give the same one, in every book."""
    told = json.dumps([target[name] for name in ("turn_id", "facet", "signal", "start")])
    return _PREFIX + hashlib.sha256(told.encode()).hexdigest()[:16]


def history_of(store: Store, objection_id: str) -> list[dict[str, Any]]:
    """What was said of one objection, the oldest first."""
    rows = store.table("objections", where={"objection_id": objection_id}).to_pylist()
    return sorted(rows, key=lambda row: row["at"])


def _find_finding(known: Understood, turn: Mapping[str, Any], signal: str, start: int | None) -> dict[str, Any]:
    found = known.findings.filter(
        pc.and_(pc.equal(known.findings["turn_id"], turn["turn_id"]), pc.equal(known.findings["signal"], signal))
    ).to_pylist()
    chosen = [row for row in found if start is None or row["start"] == start]
    facet = CATALOGUE[signal].facet(turn["side"] or "")
    if facet is None:
        raise InputError(
            Told("{signal!r} moves no score here. Contest the promise or the question that it led to.", signal=signal)
        )
    if not chosen:
        raise InputError(
            Told(
                "no {signal} was found in this sentence; there is nothing to contest.",
                signal=Told(signal.replace("_", " ")),
            )
        )
    best = max(chosen, key=lambda row: row["probability"])
    return {
        "turn_id": turn["turn_id"], "facet": facet, "signal": signal, "start": best["start"], "end": best["end"],
        "text": _words(known, turn["turn_id"], best["start"]), "probability": best["probability"],
    }  # fmt: skip


def _find_reading(known: Understood, readings: pa.Table, turn_id: str, of: str, start: int | None) -> dict[str, Any]:
    code = of.upper()
    mine = readings.filter(pc.equal(readings["turn_id"], turn_id)).to_pylist()
    if code in SHOWN or code in HELD:
        read = [row for row in mine if row["facet"] == code]
    else:
        facet = CATALOGUE[of].shown if of in CATALOGUE else None
        read = [row for row in mine if row["signal"] == of or (row["facet"] == facet and of == "clarity")]
    chosen = [row for row in read if start is None or row["start"] == start]
    if not chosen:
        raise InputError(Told("this turn was not read on {of!r}; there is nothing to contest.", of=clean_line(of)))
    first = chosen[0]
    return {
        **{name: first[name] for name in ("turn_id", "facet", "signal", "start", "end")},
        "text": _words(known, turn_id, first["start"]),
        "probability": None,
    }


def _words(known: Understood, turn_id: str, start: int | None) -> str | None:
    if start is None:
        return None
    here = pc.and_(pc.equal(known.sentences["turn_id"], turn_id), pc.equal(known.sentences["start"], start))
    rows = known.sentences.filter(here)["text"].to_pylist()
    return rows[0] if rows else None


def _write(
    store: Store, target: Mapping[str, Any], state: str, word: Word, earlier: list[dict[str, Any]]
) -> dict[str, Any]:
    row = {
        **target,
        "at": word.at if not earlier else max(word.at, earlier[-1]["at"] + _TICK),
        "state": state,
        "by": word.by,
        "note": word.note,
    }
    store.upsert("objections", pa.Table.from_pylist([row], schema=OBJECTIONS))
    return {name: row[name] for name in OBJECTIONS.names}
