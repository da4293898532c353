"""What became of each promise, as of one moment, from all later turns of its relationship and the systems of record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR, Calendar
from troth.promises.evidence import FULFILLING, Piece
from troth.promises.match import Pledge, is_own, make_pledge, match_probability, may_settle
from troth.promises.records import RecordFound, Records, find_record, read_records
from troth.promises.renewal import Renewals
from troth.promises.scope import WORDS, Rarity, Scope, lay_out_scopes
from troth.schema import PROMISES

GRACE: Final = timedelta(hours=24)
"""After the latest due moment; evidence within it still counts as kept."""
WAIT: Final = timedelta(days=7)
"""Further waiting time before silence makes a promise suspected."""
PATIENCE: Final = timedelta(days=60)
"""After which a promise without a firm due time and without any evidence is unknown rather than open."""
HORIZON: Final = timedelta(days=60)
"""After the latest due moment (or PATIENCE, where there is none) and this, no turn is taken for evidence any more."""
SURE: Final = 0.4
"""Probability from which a piece of evidence settles a promise: where precision times recall of the cross-validated
written pairs is best (.74 and .65); more than half of those that are wrong were written to be hard."""
DOUBT: Final = 0.15
"""Probability from which it is enough to bar a suspicion."""
_UNFIRM: Final = ("vague", "conditional")  # due rules that leave the time open
_ACCUSE: Final = 0.75
"""Probability from which a complaint or an admission makes a promise suspected: a false accusation costs most."""
_ACCUSE_MARKED: Final = 0.5
"""The same where the encoder also marks the sentence as a reminder or as saying that something was not done."""
_MARKED: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A state, when it came about, what shows it and how sure the match is."""

    state: str
    at: datetime | None = None
    turn_id: str | None = None
    start: int | None = None
    end: int | None = None
    text: str | None = None
    probability: float | None = None
    replaced_by: str | None = None
    complaint: str | None = None  # the conversation of a complaint that it rests on, or that was answered


def settle_promises(
    promises: pa.Table,
    turns: pa.Table,
    sentences: pa.Table,
    findings: pa.Table,
    *,
    now: datetime,
    calendar: Calendar,
    outcomes: pa.Table | None = None,
) -> pa.Table:
    """Give every promise the state that the turns up to `now` allow; rows decided by a person stay as they are.

    Args:
        promises: PROMISES, in any state; the states of machine rows are worked out anew.
        turns, sentences, findings: as for `find_promises`.
        now: aware; turns sent after it do not count.
        calendar: the speakers' working days; grace never ends on a closed day where they keep a calendar.
        outcomes: OUTCOMES: tickets, invoices and deals, which show acts that no message tells of.

    Returns: PROMISES with the same rows in the same order. A machine never says "broken", only "suspected"; where
        some later turn may have been the act, silence is "unknown".
    Cost: linear in the turns of the relationships that hold promises; about a hundred pieces behind each promise.
    """
    if promises.num_rows == 0:
        return promises
    rows = promises.to_pylist()
    by_turn: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_turn[row["turn_id"]].append(row)
        if row["decided_by"] != "person":
            row.update(state_columns(Verdict(state="open")))
    records = read_records(outcomes)
    for scope in lay_out_scopes(turns, sentences, findings, said=promises.column("turn_id"), now=now):
        given = [row for turn_id in scope.spots for row in by_turn.get(turn_id, ())]
        pledged = [(row, make_pledge(row, scope.spots[row["turn_id"]], true_due(row))) for row in given]
        promising = frozenset((row["turn_id"], row["start"]) for row in given)
        judge = Judge(scope, Renewals(pledged, scope), records, now, calendar, promising)
        for row, pledge in pledged:
            if row["decided_by"] != "person":
                row.update(state_columns(judge.decide(row, pledge)))
    return pa.Table.from_pylist(rows, schema=PROMISES)


def settle_after(
    promises: pa.Table,
    turns: pa.Table,
    sentences: pa.Table,
    findings: pa.Table,
    *,
    new: Sequence[str],
    now: datetime,
    calendar: Calendar,
    outcomes: pa.Table | None = None,
) -> pa.Table:
    """The promises that the new turns may have settled, with their states: those of the same relationships alone.

    Args: as for `settle_promises`; `new` are turn ids. Hand in the turns, sentences and findings of these
        relationships, or of the whole book, which costs one filter more.
    """
    chosen = turns.filter(pc.is_in(turns.column("turn_id"), pa.array(new, pa.string())))
    homes, talks = chosen.column("relationship").combine_chunks(), chosen.column("conversation_id").combine_chunks()
    near = pc.or_kleene(
        pc.is_in(turns.column("relationship"), homes.drop_null()),
        pc.is_in(turns.column("conversation_id"), talks),
    )
    around = turns.filter(near)
    touched = promises.filter(pc.is_in(promises.column("turn_id"), around.column("turn_id").combine_chunks()))
    return settle_promises(touched, around, sentences, findings, now=now, calendar=calendar, outcomes=outcomes)


def state_columns(verdict: Verdict) -> dict[str, Any]:
    """A verdict as columns of PROMISES."""
    return {
        "state": verdict.state,
        "state_at": verdict.at,
        "decided_by": "machine",
        "evidence_turn_id": verdict.turn_id,
        "evidence_start": verdict.start,
        "evidence_end": verdict.end,
        "evidence_text": verdict.text,
        "evidence_probability": verdict.probability,
        "replaced_by": verdict.replaced_by,
    }


def _shown_by(state: str, piece: Piece, probability: float, *, replaced_by: str | None = None) -> Verdict:
    return Verdict(
        state=state, at=piece.spot.sent_at, turn_id=piece.spot.turn_id, start=piece.start, end=piece.end,
        text=piece.text, probability=probability, replaced_by=replaced_by,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judge:
    """One relationship, ready to decide its promises."""

    scope: Scope
    renewals: Renewals
    records: Records
    now: datetime
    calendar: Calendar
    promising: Set[tuple[str, int | None]]  # turn and start of the sentences that promise

    def decide(self, row: Mapping[str, Any], pledge: Pledge) -> Verdict:
        """What became of one promise."""
        limit = limit_of(pledge.due, self.calendar)
        found = list(self._matches(pledge))
        record = find_record(row, pledge.deeds, self.records, now=self.now)
        verdicts = [
            verdict
            for verdict in (
                self._told(row, pledge, found, limit),
                self._renewed(row, pledge),
                _recorded(record, limit),
            )
            if verdict is not None
        ]
        settled = [verdict for verdict in verdicts if verdict.state != "suspected"]
        if settled:
            return min(settled, key=lambda verdict: verdict.at or datetime.max.replace(tzinfo=UTC))
        if verdicts:
            return self._unless_answered(verdicts[0], pledge)
        doubtful = any(chance >= DOUBT and piece.kind in FULFILLING for chance, piece in found)
        return self._silent(row, pledge, limit, record, doubtful=doubtful)

    def _is_promise(self, piece: Piece) -> bool:
        """Whether a sentence promises itself: it is no report."""
        return piece.kind in FULFILLING and (piece.spot.turn_id, piece.start) in self.promising

    def _matches(self, pledge: Pledge) -> Iterator[tuple[float, Piece]]:
        """Later pieces that may settle the promise, likeliest first within one turn, turns in their order."""
        rarity = Rarity(self.scope, pledge.spot.sent_at)
        found = [
            (match_probability(pledge, piece, rarity), piece)
            for piece in self.scope.after(pledge.spot, rarity.rarest(pledge.stems, WORDS))
            if may_settle(pledge, piece) and not self._is_promise(piece) and not _is_far(pledge, piece)
        ]
        floor = pledge.spot.sent_at or datetime.min.replace(tzinfo=UTC)
        found.sort(
            key=lambda pair: (
                pair[1].spot.sent_at or floor, pair[1].spot.order, pair[1].spot.turn_id, -pair[0], pair[1].start or 0,
                pair[1].kind,
            )
        )  # fmt: skip
        yield from found

    def _told(
        self, row: Mapping[str, Any], pledge: Pledge, found: Sequence[tuple[float, Piece]], limit: datetime | None
    ) -> Verdict | None:
        complaint: Verdict | None = None
        for chance, piece in found:
            sent = piece.spot.sent_at
            before_due = pledge.due is None or sent is None or sent <= pledge.due
            moves = piece.kind == "moved" and before_due and pledge.due is not None and _can_be_suspected(row)
            if piece.kind in FULFILLING and chance >= SURE and not (complaint and piece.kind == "reply"):
                return _shown_by("late" if limit and sent and sent > limit else "kept", piece, chance)
            if moves and chance >= SURE:
                new = self.renewals.in_turn(piece.spot.turn_id, row)
                return _shown_by("withdrawn", piece, chance, replaced_by=new["promise_id"] if new else None)
            if piece.kind == "released" and chance >= SURE and before_due:
                return _shown_by("withdrawn", piece, chance)
            enough = _ACCUSE_MARKED if piece.sure >= _MARKED else _ACCUSE
            accuses = piece.kind == "against" and chance >= enough and not before_due
            if accuses and complaint is None and _can_be_suspected(row):
                complaint = _shown_by("suspected", piece, chance)
        return complaint if limit is not None and self.now > limit else None

    def _unless_answered(self, verdict: Verdict, pledge: Pledge) -> Verdict:
        """A complaint that the promiser's side answered, neither admitting nor putting off, proves nothing any more."""
        complained = self.scope.spots[verdict.turn_id or ""]
        later = [piece for piece in self.scope.talks[complained.talk] if piece.spot.order > complained.order]
        by_us = [piece for piece in later if is_own(pledge.spot, piece.spot)]
        uneasy = {piece.spot.turn_id for piece in by_us if piece.kind in ("against", "moved")}
        answers = [piece for piece in by_us if piece.spot.turn_id not in uneasy and piece.kind == "reply"]
        if answers:
            return Verdict(state="unknown", at=answers[0].spot.sent_at, complaint=complained.talk)
        return replace(verdict, complaint=complained.talk)

    def _renewed(self, row: Mapping[str, Any], pledge: Pledge) -> Verdict | None:
        new = self.renewals.find(row, pledge)
        if new is None:
            return None
        return Verdict(
            state="withdrawn", at=new["said_at"], turn_id=new["turn_id"], start=new["start"], end=new["end"],
            text=new["text"], probability=new["probability"], replaced_by=new["promise_id"],
        )  # fmt: skip

    def _silent(
        self,
        row: Mapping[str, Any],
        pledge: Pledge,
        limit: datetime | None,
        record: RecordFound | None,
        *,
        doubtful: bool,
    ) -> Verdict:
        """Nothing tells: open until due and grace passed, suspected where the act would have shown, else unknown."""
        end = silent_at(row, pledge.spot.sent_at, limit)
        if end is None or self.now <= end:
            return Verdict(state="open")
        if limit is None or row["due_rule"] in _UNFIRM:
            return Verdict(state="unknown", at=end)
        if record is not None and record.closed_at is None:
            return Verdict(state="suspected", at=end, text=record.text, probability=record.probability)
        visible = (
            row["observability"] == "O1" and not row["condition"] and self.scope.shows(row["actor"], row["addressee"])
        )
        return Verdict(state="suspected" if visible and not doubtful else "unknown", at=end)


def silent_at(row: Mapping[str, Any], said_at: datetime | None, limit: datetime | None) -> datetime | None:
    """When a promise is given up if nothing tells of it; None where nobody knows when it was given."""
    if said_at is None:
        return None
    return said_at + PATIENCE if limit is None or row["due_rule"] in _UNFIRM else limit + WAIT


def far_from(pledge: Pledge) -> datetime | None:
    """After which no turn is evidence any more; None where nobody knows when the promise was given."""
    said = pledge.spot.sent_at
    return None if said is None else (pledge.due or said + PATIENCE) + HORIZON


def _is_far(pledge: Pledge, piece: Piece) -> bool:
    end, sent = far_from(pledge), piece.spot.sent_at
    return end is not None and sent is not None and sent > end


def _recorded(record: RecordFound | None, limit: datetime | None) -> Verdict | None:
    if record is None or record.closed_at is None:
        return None
    late = limit is not None and record.closed_at > limit
    return Verdict(
        state="late" if late else "kept", at=record.closed_at, text=record.text, probability=record.probability
    )


def _can_be_suspected(row: Mapping[str, Any]) -> bool:
    """A vague or missing due time can be late, never broken."""
    return row["due_rule"] in ("explicit", "relative")


def true_due(row: Mapping[str, Any]) -> datetime | None:
    """The latest due moment; None where there is none or its clock cannot be true."""
    latest: datetime | None = row["due_latest"]
    return latest if latest is not None and FIRST_YEAR <= latest.year <= LAST_YEAR + 1 else None


def limit_of(due: datetime | None, calendar: Calendar) -> datetime | None:
    """The latest due moment plus grace, moved past closed days where the speakers keep a calendar."""
    if due is None:
        return None
    limit = due + GRACE
    if calendar.rolls:
        local = calendar.local(limit)
        opened = calendar.next_open(local.date())
        limit += timedelta(days=(opened - local.date()).days)
    return limit
