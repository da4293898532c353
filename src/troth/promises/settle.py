"""What became of each promise, as of one moment, from the turns of its own conversation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR, Calendar
from troth.promises.content import content_stems
from troth.promises.elsewhere import said_elsewhere
from troth.promises.evidence import Evidence, Record, Spot, gather
from troth.promises.tokens import tokenise
from troth.schema import PROMISES

GRACE: Final = timedelta(hours=24)
"""After the latest due moment; evidence within it still counts as kept."""
WAIT: Final = timedelta(days=7)
"""Further waiting time before silence makes a promise suspected."""
PATIENCE: Final = timedelta(days=60)
"""After which a promise without a firm due time and without any evidence is unknown rather than open."""

_MOST_EVIDENCE: Final = 500  # pieces looked at behind one promise: keeps an endless channel linear
_ANSWERS: Final = frozenset({
    ("get", "back"), ("come", "back"), ("let", "you"), ("in", "touch"), ("follow", "up"), ("keep", "you"),
    ("report", "back"), ("update", "you"), ("hear", "from"), ("answer", "you"), ("reply", "to"), ("melde", "mich"),
    ("melden", "uns"),
})  # fmt: skip
"""Acts that any later word of substance by the promiser fulfils."""
_SENDS: Final = frozenset({
    "send", "share", "forward", "email", "mail", "attach", "submit", "provide", "resend", "schicke", "sende",
    "sending", "have", "get", "receive", "draft",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, when it came about and what shows it."""

    state: str
    at: datetime | None = None
    evidence: Evidence | None = None


def settle_promises(
    promises: pa.Table, turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, now: datetime, calendar: Calendar
) -> pa.Table:
    """Give every promise the state that the turns up to `now` allow; rows decided by a person stay as they are.

    Args:
        promises: PROMISES, in any state; the states of machine rows are worked out anew.
        turns, sentences, findings: as for `find_promises`.
        now: aware; turns sent after it do not count.
        calendar: the speakers' working days; grace never ends on a closed day where they keep a calendar.

    Returns: PROMISES with the same rows in the same order. A machine never says "broken", only "suspected";
        where the same person later spoke of the same matter in another conversation, silence is "unknown".
    Cost: linear in the turns of the conversations that hold promises.
    """
    if promises.num_rows == 0:
        return promises
    records = gather(turns, sentences, findings, said=promises.column("turn_id"), now=now)
    rows = promises.to_pylist()
    silent: list[dict[str, Any]] = []
    for row in rows:
        if row["decided_by"] == "person":
            continue
        verdict = _judge(row, records.get(row["turn_id"]), now, calendar)
        row.update(_state_columns(verdict))
        if verdict.state == "suspected" and verdict.evidence is None:
            silent.append(row)
    for row in said_elsewhere(silent, turns, sentences, now=now):
        row["state"] = "unknown"
    return pa.Table.from_pylist(rows, schema=PROMISES)


def _state_columns(verdict: Verdict) -> dict[str, Any]:
    found = verdict.evidence
    return {
        "state": verdict.state,
        "state_at": verdict.at,
        "decided_by": "machine",
        "evidence_turn_id": None if found is None else found.spot.turn_id,
        "evidence_start": None if found is None else found.start,
        "evidence_end": None if found is None else found.end,
        "evidence_text": None if found is None else found.text,
    }


def _judge(row: Mapping[str, Any], record: Record | None, now: datetime, calendar: Calendar) -> Verdict:
    if record is None or (row["said_at"] is not None and row["said_at"] > now):
        return Verdict("open")
    spot = record.spots[row["turn_id"]]
    limit = _limit(row, calendar)
    about = content_stems(_without_due(row), without=_names(row))
    words = tokenise(row["text"]).low
    is_answer = bool(set(pairwise(words)) & _ANSWERS)
    is_sending = bool(set(words) & _SENDS)
    complaint: Verdict | None = None
    for found in _after(record, spot):
        own = _is_own_side(spot, found.spot)
        fulfils = _fulfils(found, about, own=own, is_answer=is_answer, is_sending=is_sending)
        if fulfils and (complaint is None or found.kind != "reply"):
            late = limit is not None and found.spot.sent_at is not None and found.spot.sent_at > limit
            return Verdict("late" if late else "kept", found.spot.sent_at, found)
        before_due = limit is None or found.spot.sent_at is None or found.spot.sent_at <= limit
        if own and found.kind == "moved" and before_due and _is_about(found, about):
            return Verdict("withdrawn", found.spot.sent_at, found)
        if complaint is None and not before_due and _complains(found, own=own) and _can_be_suspected(row):
            complaint = Verdict("suspected", found.spot.sent_at, found)
    return complaint if complaint is not None else _without_evidence(row, record, spot, limit, now)


def _after(record: Record, spot: Spot) -> Iterator[Evidence]:
    """Evidence of later turns. A turn whose clock says that it was sent earlier is none."""
    first = bisect_right(record.evidence, spot.order, key=lambda found: found.spot.order)
    for found in record.evidence[first : first + _MOST_EVIDENCE]:
        if spot.sent_at is None or found.spot.sent_at is None or found.spot.sent_at >= spot.sent_at:
            yield found


def _is_own_side(spot: Spot, other: Spot) -> bool:
    """Whether two turns come from the same side; the same person where sides are not known."""
    if spot.side is not None and other.side is not None and spot.side != other.side:
        return False
    if spot.side is not None and spot.side == other.side == "us":
        return True  # a colleague may keep what we promised
    return spot.speaker == other.speaker


def _shares(found: Evidence, about: frozenset[str]) -> bool:
    """Whether enough of the promise's content words come back: a third of them, one at least and three at most."""
    return bool(about) and len(about & found.stems) >= min(3, (len(about) + 2) // 3)


def _is_about(found: Evidence, about: frozenset[str]) -> bool:
    return not about or _shares(found, about) or not found.stems


def _fulfils(found: Evidence, about: frozenset[str], *, own: bool, is_answer: bool, is_sending: bool) -> bool:
    """Whether this piece of evidence shows the promised act."""
    shared = _shares(found, about)
    if found.kind == "reply":
        return own and is_answer
    if found.kind == "receipt":
        return not own and (shared or (not about and not found.stems))
    if found.kind == "delivery":
        return own and (shared or (is_sending and not (about and found.stems - about and _names_things(found))))
    return found.kind == "done" and own and (shared or not about or (is_sending and not found.stems))


def _names_things(found: Evidence) -> bool:
    """Whether a delivery speaks of things of its own, so that it may be another delivery."""
    return len(found.stems) > 3


def _complains(found: Evidence, *, own: bool) -> bool:
    """The other side reminds, or the speaker's side admits that it was not done."""
    return (found.kind == "chase" and not own) or (found.kind == "admits" and own)


def _can_be_suspected(row: Mapping[str, Any]) -> bool:
    """A vague or missing due time can be late, never broken."""
    return row["due_rule"] in ("explicit", "relative")


def _without_due(row: Mapping[str, Any]) -> str:
    """The sentence without the words that say when."""
    return row["text"].replace(row["due_words"], " ") if row["due_words"] else row["text"]


def _names(row: Mapping[str, Any]) -> list[str]:
    """Parts of the two people's addresses, which are no content of the act."""
    return [part for who in (row["actor"], row["addressee"]) if who for part in tokenise(who.split("@")[0]).low]


def _limit(row: Mapping[str, Any], calendar: Calendar) -> datetime | None:
    """The latest due moment plus grace; None where there is no due time or its clock cannot be true."""
    latest: datetime | None = row["due_latest"]
    if latest is None or not FIRST_YEAR <= latest.year <= LAST_YEAR + 1:
        return None
    limit = latest + GRACE
    if calendar.rolls:
        local = calendar.local(limit)
        opened = calendar.next_open(local.date())
        limit += timedelta(days=(opened - local.date()).days)
    return limit


def _without_evidence(
    row: Mapping[str, Any], record: Record, spot: Spot, limit: datetime | None, now: datetime
) -> Verdict:
    """Silence: open until due and grace have passed, suspected where the act would have shown, else unknown."""
    said_at = spot.sent_at
    if said_at is None:
        return Verdict("open")
    if limit is None or row["due_rule"] in ("vague", "conditional"):
        end = said_at + PATIENCE
        return Verdict("unknown", end) if now > end else Verdict("open")
    end = limit + WAIT
    if now <= end:
        return Verdict("open")
    seen_since = record.last_by_speaker.get(spot.speaker, said_at) > limit
    visible = row["observability"] == "O1" or (row["observability"] == "O2" and seen_since)
    return Verdict("suspected" if visible else "unknown", end)
