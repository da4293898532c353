"""Deals, renewals, invoices and tickets as systems of record list them: rows to OUTCOMES and OUTCOME_STEPS.

A row is a `Record`: the standing of one outcome, now or, with `at`, from that moment on. `Ledger` gathers the records
of an export and gives out what holds together; what does not is named with its place.

A source knows an account by its domain, its id or its name; that key is what OUTCOMES.relationship holds until the
book is read (`persons.follow_people`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from troth.sources.cells import CURRENCIES, read_amount, read_text
from troth.sources.turns import Outcome, Rejected, Step
from troth.times import DateOrder, read_time

KINDS: Final = ("deal", "renewal", "invoice", "ticket")
STATES: Final = ("open", "won", "lost")
FIELDS: Final = (
    *("id", "account", "kind", "stage", "state", "amount", "currency"),
    *("opened_at", "closed_at", "stage_at"),
)
"""What a row of a table can say of an outcome: `id`, `account` and `opened_at` it must say, unless `stage_at` stands
for when it was opened."""

EARLIER: Final = "an earlier version of what the export holds as it stands now"
_AHEAD: Final = timedelta(days=366)
_SLACK: Final = timedelta(days=1)  # clocks and zones differ: a stage may stand a day before the opening

_WON: Final = frozenset(
    {"won", "closed won", "closedwon", "paid", "solved", "resolved", "closed", "done", "completed", "signed", "renewed"}
    | {"gewonnen", "bezahlt", "gelöst", "erledigt", "geschlossen", "abgeschlossen", "verlängert", "settled", "success"}
)
_LOST: Final = frozenset(
    {"lost", "closed lost", "closedlost", "cancelled", "canceled", "churned", "void", "voided", "uncollectible"}
    | {"refunded", "credited", "written off", "abandoned", "disqualified", "verloren", "storniert", "gekündigt"}
    | {"erstattet", "ausgebucht", "declined", "rejected", "failed", "not renewed"}
)
_KIND_WORDS: Final = {
    "opportunity": "deal", "sale": "deal", "order": "deal", "contract": "deal", "subscription": "renewal",
    "bill": "invoice", "payment": "invoice", "rechnung": "invoice", "case": "ticket", "issue": "ticket",
    "auftrag": "deal", "verlängerung": "renewal",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The standing of one outcome, as far as its source says it.

    Attributes:
        where: its place in the source.
        outcome_id: the system and the id there, as in hubspot:deal:7201.
        account: domain, id or name of the account; None: not stated.
        kind: one of `KINDS`.
        state: one of `STATES`.
        amount, currency: as in OUTCOMES.
        opened_at, closed_at: a closing time of what is still open is a plan, and left out.
        at: since when it stands so; None: this is how it stands now.
        changed_at: when this row was last changed; of two rows on one outcome the later counts.
        is_change: only what changed at `at` is said, the stage with its state or the amount; the rest stayed.
    """

    where: str
    outcome_id: str
    account: str | None = None
    kind: str = "deal"
    stage: str | None = None
    state: str = "open"
    amount: float | None = None
    currency: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    at: datetime | None = None
    changed_at: datetime | None = None
    is_change: bool = False

    def with_amount(self, amount: float | None, currency: str | None) -> Record:
        """The same with an amount; what stood beside it says the currency where nothing else does."""
        return replace(self, amount=amount, currency=self.currency or currency)


def read_record(
    cells: Mapping[str, object],
    *,
    where: str,
    system: str,
    zone: str,
    order: DateOrder,
    comma: bool = False,
    kind: str = "deal",
) -> Record | Rejected:
    """One row of any table to a record.

    Args:
        cells: values by the names in `FIELDS`; those that are absent or empty are not stated.
        where: the row's place in its source.
        system: name of what keeps the table, the first part of the outcome's id.
        zone, order, comma: how its times, dates and amounts are meant (`times.read_time`, `cells.read_amount`).
        kind: of rows that do not say theirs.

    Returns: the record, or why it is none.
    """
    own = read_text(cells.get("id"))
    if own is None:
        return Rejected(position=where, reason="an outcome without an id")
    word = (read_text(cells.get("kind")) or kind).lower()
    kind = _KIND_WORDS.get(word, word)
    if kind not in KINDS:
        return Rejected(position=f"{where}, {own}", reason=f"kind {word[:40]!r} is none of {', '.join(KINDS)}")
    try:
        amount, sign = read_amount(cells.get("amount"), comma=comma)
    except ValueError:
        return Rejected(position=f"{where}, {own}", reason=f"{str(cells.get('amount'))[:40]!r} is no amount")
    times: dict[str, datetime | None] = {}
    for name in ("opened_at", "closed_at", "stage_at"):
        value = cells.get(name)
        times[name] = read_time(value, zone=zone, order=order, day="ends" if name == "closed_at" else "begins")
        if times[name] is None and read_text(value) is not None:
            return Rejected(position=f"{where}, {own}", reason=f"{str(value)[:40]!r} is no time that can be")
    stage, stated = read_text(cells.get("stage")), read_text(cells.get("state"))
    state = read_state(stated) if stated else read_state(stage)
    if stated and state is None and stated.lower() not in STATES and stage is None:
        stage = stated
    return Record(
        where=where,
        outcome_id=own if own.startswith(f"{system}:") else f"{system}:{own}",
        account=read_text(cells.get("account")),
        kind=kind,
        stage=stage,
        state=state or "open",
        amount=amount,
        currency=(read_text(cells.get("currency")) or sign or "").upper() or None,
        opened_at=times["opened_at"],
        closed_at=times["closed_at"],
        at=times["stage_at"],
    )


def read_state(words: str | None) -> str | None:
    """The state that a stage or status names by its words; None where they name neither an end nor "open".

    >>> read_state("Closed Won"), read_state("Zugesagt"), read_state("lost")
    ('won', None, 'lost')
    """
    if words is None:
        return None
    plain = " ".join(words.lower().replace("_", " ").replace("-", " ").split())
    return "won" if plain in _WON else "lost" if plain in _LOST else "open" if plain == "open" else None


class Ledger:
    """The outcomes of one export: records in, in any order; outcomes and their steps out.

    Memory: one record for each row that was put in.
    """

    def __init__(self, source: str, now: datetime) -> None:
        self._source, self._now = source, now
        self._current: dict[str, Record] = {}
        self._history: dict[str, list[Record]] = {}

    def add(self, record: Record) -> Iterator[Rejected]:
        """Take a record in; names the one that counts no more, where there were two on one outcome."""
        if record.at is not None:
            self._history.setdefault(record.outcome_id, []).append(record)
            return
        held = self._current.get(record.outcome_id)
        if held is None:
            self._current[record.outcome_id] = record
            return
        changed = (held.changed_at, record.changed_at)
        is_later = changed[0] is not None and changed[1] is not None and changed[1] > changed[0]
        older, newer = (held, record) if is_later else (record, held)
        self._current[record.outcome_id] = newer
        position = f"{older.where}, {older.outcome_id}"
        yield Rejected(position=position, reason=EARLIER if changed[0] != changed[1] else "an id that was there before")

    def pieces(self) -> Iterator[Outcome | Step | Rejected]:
        """Everything that holds together, in the order in which it came; the ledger is empty afterwards."""
        for name in dict.fromkeys((*self._current, *self._history)):
            yield from self._close(name)
        self._current, self._history = {}, {}

    def _close(self, name: str) -> Iterator[Outcome | Step | Rejected]:
        steps = _carry_on(sorted(self._history.get(name, ()), key=lambda record: record.at or self._now))
        record = self._current.get(name)
        if record is None:
            record = _as_current(steps)
        if record is None:  # a history alone, as incremental exports have it
            yield from (self._step(step) for step in steps)
            return
        if record.opened_at is None and steps:
            record = replace(record, opened_at=steps[0].at)
        if record.state == "open":
            record = replace(record, closed_at=None)
        elif record.closed_at is None:
            record = replace(record, closed_at=_end_of(record, steps))
        reason = self._find_fault(record)
        if reason is not None:
            yield Rejected(position=f"{record.where}, {name}", reason=reason)
            yield from (_leave(step, "a stage of what was left out") for step in steps if step.where != record.where)
            return
        yield self._outcome(record)
        taken: set[datetime] = set()
        for step in steps:
            fault = _find_step_fault(step, record, taken)
            if fault is not None:
                yield _leave(step, fault)
            elif step.at is not None:
                taken.add(step.at)
                yield self._step(step)

    def _find_fault(self, record: Record) -> str | None:
        """Why a record holds nothing together; None where it does."""
        opened, closed, amount = record.opened_at, record.closed_at, record.amount
        if record.account is None or opened is None:
            return "no account" if record.account is None else "no opening time"
        faults = (
            (opened > self._now + _AHEAD, "opened more than a year ahead"),
            (record.state != "open" and closed is None, f"{record.state}, and not said when"),
            (closed is not None and closed < opened, "closed before it was opened"),
            (amount is not None and amount < 0, "a negative amount"),
            (
                record.currency is not None and record.currency not in CURRENCIES,
                f"unknown currency {(record.currency or '')[:12]!r}",
            ),
        )
        return next((words for is_so, words in faults if is_so), None)

    def _outcome(self, record: Record) -> Outcome:
        if record.account is None or record.opened_at is None:
            raise AssertionError("checked before")
        return Outcome(
            outcome_id=record.outcome_id,
            relationship=_as_key(record.account),
            kind=record.kind,
            stage=record.stage,
            state=record.state,
            amount=record.amount,
            currency=record.currency,
            opened_at=record.opened_at,
            closed_at=record.closed_at,
        )

    def _step(self, step: Record) -> Step:
        return Step(
            outcome_id=step.outcome_id,
            at=step.at or self._now,
            stage=step.stage,
            state=step.state,
            amount=step.amount,
            source=self._source,
        )


def _as_key(account: str) -> str:
    """A domain or an address in lower case, anything else as it stands."""
    return account.lower() if " " not in account and ("." in account or "@" in account) else account


def _carry_on(steps: list[Record]) -> list[Record]:
    """Changes to standings: what a change does not say is as it was before; changes of one moment are one."""
    whole: list[Record] = []
    for step in steps:
        last = whole[-1] if whole else None
        if not step.is_change or last is None:
            whole.append(step)
            continue
        is_amount = step.stage is None
        merged = replace(
            step,
            stage=last.stage if is_amount else step.stage,
            state=last.state if is_amount else step.state,
            amount=step.amount if is_amount else last.amount,
        )
        if last.at == step.at and last.is_change:
            whole.pop()
        whole.append(merged)
    return whole


def _as_current(steps: list[Record]) -> Record | None:
    """How an outcome stands now where every row of it says since when: as its last row says."""
    if not steps or steps[-1].account is None:
        return None
    opened = [step.opened_at for step in steps if step.opened_at is not None]
    return replace(steps[-1], opened_at=min(opened) if opened else steps[0].at)


def _end_of(record: Record, steps: list[Record]) -> datetime | None:
    """When the outcome last came to the state in which it stands."""
    end: datetime | None = None
    for step in reversed(steps):
        if step.state == record.state:
            end = step.at
        elif end is not None:
            break
    return end


def _find_step_fault(step: Record, record: Record, taken: set[datetime]) -> str | None:
    if step.at is None:
        return "a stage without a time"
    if step.amount is not None and step.amount < 0:
        return "a stage with a negative amount"
    if record.opened_at is not None and step.at < record.opened_at - _SLACK:
        return "a stage before it was opened"
    if record.closed_at is not None and step.at > record.closed_at + _SLACK and step.state != record.state:
        return "a stage after it was closed"
    if step.at in taken:
        return "a second stage at the same time"
    return None


def _leave(step: Record, reason: str) -> Rejected:
    return Rejected(position=f"{step.where}, {step.outcome_id}", reason=reason)
