"""A trial planned and read, from tables alone: who takes part, what it could find, and what it came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from troth.errors import InputError
from troth.pipeline import Understood
from troth.signals import HELD
from troth.told import Told
from troth.trial.blocks import LEAST_ACCOUNTS, draw_lot, pair_accounts
from troth.trial.effect import DEALS, Accounts, measure_effect
from troth.trial.power import Power, error_of_share, find_least
from troth.trial.told import ARMS, SHARES, Member, Reading, Trial
from troth.trialoutcomes import Measured, describe_doing, find_open, measure_outcome, score_held, typical_held
from troth.trust import Model

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_DAYS: Final = 28
"""How long a trial runs at least, and the time before it from which its power is reckoned."""
ACTIVE: Final = dt.timedelta(days=90)
"""An account takes part with which somebody wrote in this time before the start."""
KINDS: Final[Mapping[str, str]] = {"won": "deal", "renewed": "renewal"}
"""Outcomes that are ends of deals, for which an account needs an open one at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What trials are planned on and read by.

    Attributes:
        known: placed turns with what was found in them.
        readings: READINGS as of the moment they are used at, or later: what came later is left out.
        deals: OUTCOMES.
        model, segments: of the trust filter.
    """

    known: Understood
    readings: pa.Table
    deals: pa.Table
    model: Model
    segments: Mapping[str, str]


def plan_trial(
    scene: Scene, *, start: dt.datetime, until: dt.datetime, circle: str, outcome: str, busy: set[str], seed: int
) -> tuple[tuple[Member, ...], Power | None]:
    """Choose the accounts, pair them, draw the lot, and reckon what the trial could find.

    Args:
        scene: as of `start`.
        start, until: of the trial.
        circle, outcome: as stated.
        busy: accounts of other trials that are running.
        seed: of the lot.

    Raises: InputError when fewer than LEAST_ACCOUNTS can take part.
    """
    sizes = _find_accounts(scene, circle, outcome, start)
    homes = sorted(set(sizes) - busy)
    if len(homes) < LEAST_ACCOUNTS:
        raise InputError(_say_too_few(len(homes), len(set(sizes) & busy), circle, outcome))
    level, size = _know_start(scene, homes, sizes, start)
    block = pair_accounts(level, size)
    treated = draw_lot(block, np.random.default_rng([seed, 0]))
    order = np.argsort(block, kind="stable")
    members = tuple(
        Member(
            relationship=homes[at], arm=ARMS[0] if treated[at] else ARMS[1], block=int(block[at]),
            level=float(level[at]), size=sizes[homes[at]],
        )
        for at in order.tolist()
    )  # fmt: skip
    power = _reckon_power(scene, start, until, circle=circle, outcome=outcome, accounts=len(homes))
    return members, power


def measure_trial(
    trial: Trial,
    scene: Scene,
    *,
    now_homes: Sequence[str | None],
    read_at: dt.datetime,
    is_early: bool,
    promises: pa.Table,
    notes: Sequence[str] = (),
    deals: int = DEALS,
) -> Reading:
    """Read a trial: every account that was drawn, in the arm that it was drawn into.

    Args:
        trial: as stated.
        scene: as of `read_at` or later.
        now_homes: the members' relationships as they are now; None where one is gone.
        read_at: until when evidence counts.
        is_early: before the day.
        promises: PROMISES, to see the practice by.
        notes: more to tell.
        deals: lots drawn anew.
    """
    members = trial.members
    treated = np.array([member.arm == ARMS[0] for member in members])
    measured = measure_outcome(
        trial.outcome, now_homes, since=trial.started_at, until=read_at, readings=scene.readings, deals=scene.deals,
        model=scene.model, segments=scene.segments,
    )  # fmt: skip
    accounts = _lay_out(members, measured)
    rng = np.random.default_rng([trial.seed, 1])
    beside = None
    if trial.outcome not in SHARES:
        beside = measure_effect(_lay_out(members, _as_shown(scene, now_homes, read_at)), treated, rng, deals=deals)
    homes = {
        arm: sorted({home for home, one in zip(now_homes, members, strict=True) if home and one.arm == arm})
        for arm in ARMS
    }
    doing, crossed = describe_doing(
        trial.seen_by, homes, facet=trial.facet, since=trial.started_at, until=read_at, turns=scene.known.turns,
        sentences=scene.known.sentences, findings=scene.known.findings, promises=promises,
    )  # fmt: skip
    counted = measured.weight > 0
    return Reading(
        trial=trial,
        effect=measure_effect(accounts, treated, np.random.default_rng([trial.seed, 2]), deals=deals),
        beside=beside,
        drawn={arm: len(trial.of_arm(arm)) for arm in ARMS},
        told={
            arm: int((counted & (treated == is_first)).sum()) for arm, is_first in zip(ARMS, (True, False), strict=True)
        },
        levels={arm: _mean(measured, treated == is_first) for arm, is_first in zip(ARMS, (True, False), strict=True)},
        doing=doing,
        crossed=crossed,
        read_at=read_at,
        is_early=is_early,
        looks=trial.looks + is_early,
        notes=(*_note_accounts(trial, now_homes, counted, treated), *_note_crossing(crossed), *notes),
    )


def _find_accounts(scene: Scene, circle: str, outcome: str, start: dt.datetime) -> dict[str, int]:
    """Relationships that can take part, with the turns of the 90 days before."""
    turns = scene.known.turns
    kind = turns["sent_at"].type
    recent = pc.and_(
        pc.greater(turns["sent_at"], pa.scalar(start - ACTIVE, kind)),
        pc.less_equal(turns["sent_at"], pa.scalar(start, kind)),
    )
    written = turns.filter(
        pc.fill_null(pc.and_(pc.and_(recent, pc.equal(turns["circle"], circle)), pc.invert(turns["automatic"])), False)
    )
    counts = {row["values"]: row["counts"] for row in written["relationship"].drop_null().value_counts().to_pylist()}
    if outcome in KINDS:
        may = find_open(scene.deals, kind=KINDS[outcome], at=start)
        return {home: count for home, count in counts.items() if home in may}
    return counts


def _say_too_few(count: int, busy: int, circle: str, outcome: str) -> Told:
    that = Told(" with an open {kind}", kind=Told(KINDS[outcome])) if outcome in KINDS else ""
    beside = Told("; {busy} more are in a trial that is running", busy=busy) if busy else ""
    return Told(
        "too few accounts: {count} {circle} relationships{that} were written with in the last {days} days and can take "
        "part{beside}, and {least} are needed. With fewer, no difference could be told from chance.",
        count=count, circle=Told(circle), that=that, days=ACTIVE.days, beside=beside, least=LEAST_ACCOUNTS,
    )  # fmt: skip


def _know_start(
    scene: Scene, homes: Sequence[str], sizes: Mapping[str, int], start: dt.datetime
) -> tuple[Floats, Floats]:
    """Trust held and log size of each at the start: typical where nothing was read."""
    held = score_held(_held(scene.readings, start), start, model=scene.model, segments=scene.segments)
    typical = [typical_held(scene.model, scene.segments.get(home, "")) for home in homes]
    level = np.array([held.get(home, usual) for home, usual in zip(homes, typical, strict=True)], np.float64)
    return level, np.log1p(np.array([sizes[home] for home in homes], np.float64))


def _held(readings: pa.Table, upto: dt.datetime) -> pa.Table:
    of_held = pc.is_in(readings["facet"], pa.array(list(HELD)))
    return readings.filter(pc.and_(of_held, pc.less_equal(readings["at"], pa.scalar(upto, readings["at"].type))))


def _as_shown(scene: Scene, homes: Sequence[str | None], at: dt.datetime) -> Measured:
    """HELD as the book shows it at a moment: drawn towards what is typical, and of everybody who is there."""
    held = score_held(_held(scene.readings, at), at, model=scene.model, segments=scene.segments)
    return Measured(
        outcome=np.array(
            [
                held.get(home, typical_held(scene.model, scene.segments.get(home, ""))) if home else 0.0
                for home in homes
            ],
            np.float64,
        ),
        weight=np.array([float(home is not None) for home in homes], np.float64),
    )


def _lay_out(members: Sequence[Member], measured: Measured) -> Accounts:
    start = np.array([[member.level, np.log1p(member.size)] for member in members], np.float64)
    return Accounts(
        outcome=measured.outcome, weight=measured.weight, start=start.reshape(len(members), 2),
        block=np.array([member.block for member in members], np.int64),
    )  # fmt: skip


def _reckon_power(
    scene: Scene, start: dt.datetime, until: dt.datetime, *, circle: str, outcome: str, accounts: int
) -> Power | None:
    """What the trial could find, from a trial of nothing in the time before; None where the book is too short.

    The accounts of that time are paired and measured as those of the trial will be; how far lots among them differ is
    how far chance alone moves the result.
    """
    first = pc.min(scene.known.turns["sent_at"]).as_py()
    whole = until - start
    length = whole if first is None else min(whole, (start - first) / 2)
    if first is None or length < dt.timedelta(days=LEAST_DAYS):
        return None
    then = start - length
    sizes = _find_accounts(scene, circle, outcome, then)
    homes = sorted(sizes)
    if len(homes) < LEAST_ACCOUNTS:
        return None
    measured = measure_outcome(
        outcome, homes, since=then, until=start, readings=scene.readings, deals=scene.deals, model=scene.model,
        segments=scene.segments,
    )  # fmt: skip
    told = int((measured.weight > 0).sum())
    basis = f"reckoned from the {length.days} days before and {told} accounts"
    if outcome in SHARES:
        share = (float(measured.outcome.sum()) + 0.5) / (len(homes) + 1.0)
        share = 1.0 - (1.0 - share) ** (whole / length)  # over a longer time more are won
        return find_least(error_of_share(share, accounts), accounts=accounts, basis=basis)
    level, size = _know_start(scene, homes, sizes, then)
    block = pair_accounts(level, size)
    rng = np.random.default_rng(0)  # which lot stands for the practice is all one: there was none
    error = measure_effect(
        Accounts(outcome=measured.outcome, weight=measured.weight, start=np.column_stack([level, size]), block=block),
        draw_lot(block, rng), rng, deals=999,
    ).error  # fmt: skip
    if not np.isfinite(error) or error <= 0:
        return None
    return find_least(error * float(np.sqrt(len(homes) / accounts)), accounts=accounts, basis=basis)


def _mean(measured: Measured, arm: Bools) -> float:
    weight = np.where(arm, measured.weight, 0.0)
    return float(weight @ measured.outcome / weight.sum()) if weight.sum() > 0 else float("nan")


def _note_accounts(trial: Trial, now_homes: Sequence[str | None], counted: Bools, treated: Bools) -> list[str]:
    """Attrition, and accounts that are others now."""
    notes: list[str] = []
    lost = [int((~counted & (treated == is_first)).sum()) for is_first in (True, False)]
    if any(lost):
        sizes = [len(trial.of_arm(arm)) for arm in ARMS]
        notes.append(
            f"No outcome: {lost[0]} of {sizes[0]} drawn for the practice, {lost[1]} of {sizes[1]} of the others. Where "
            "the two differ much, the practice may have moved who can be seen, and not how much they trust."
        )
    gone = sum(home is None for home in now_homes)
    if gone:
        notes.append(f"{gone} accounts are no longer in the book.")
    there = [home for home in now_homes if home is not None]
    if len(set(there)) < len(there):
        notes.append(
            f"{len(there) - len(set(there))} accounts became one with another of the trial; each counts as drawn."
        )
    moved = sum(
        home is not None and member.relationship != home for home, member in zip(now_homes, trial.members, strict=True)
    )
    if moved:
        notes.append(f"{moved} accounts go by another name now.")
    return notes


def _note_crossing(crossed: int | None) -> list[str]:
    if not crossed:
        return []
    line = (
        f"{crossed} accounts that were not drawn for it saw the practice as often as half of those that were. They "
        "count as drawn, which can only make the difference smaller."
    )
    return [line]
