"""Figures of groups of a team, from which nobody can be singled out, and not by subtracting one from another either.

Three rules keep it so (MEASUREMENT.md section 8):

1. A group has at least 8 people who wrote, 5 of them with evidence, and 20 relationships; and no one of them wrote more
   than half of it.
2. The groups of a period are published together, once, when it is over, from what was written within it alone. What
   comes in later changes nothing; so no figure can be held against an earlier one of the same time.
3. The groups that are published cut the team into pieces: what is in this group and not in that one, what is left of
   the whole. Whatever is added and subtracted gives pieces; so every piece must be large enough to be a group itself.
   A group that would leave a smaller piece is withheld.

Groups are the team as a whole and the segments of its accounts, and periods are whole months or whole weeks: nobody
chooses a range or a circle of people. Customers alone are counted; colleagues and friends are nobody's figure.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri

from troth.errors import InputError
from troth.overview import GAUGES
from troth.review import day_bounds
from troth.schema import TEAM_FIGURES, WORTH_FIGURES
from troth.signals import SHOWN
from troth.told import Told
from troth.trust import close_states, score_pillar
from troth.web.editions import work_out_editions
from troth.web.mailboxes import is_shared

if TYPE_CHECKING:
    from troth.library import Book

WHOLE: Final = "all"
"""The group of everybody."""
LEAST_PEOPLE: Final = 8
LEAST_EVIDENCED: Final = 5
LEAST_RELATIONSHIPS: Final = 20
MOST_SHARE: Final = 0.5  # of a group's turns that one person may have written
LEAST_COUNTED: Final = 20  # promises or questions that a share is given of

REASONS: Final[Mapping[str, str]] = {
    "people": "fewer than 8 people wrote",
    "evidence": "fewer than 5 people wrote something that could be read",
    "relationships": "fewer than 20 relationships",
    "one": "one person wrote more than half of it",
    "subtraction": "with it, a smaller group could be worked out by subtraction",
    "whole": "the team as a whole is too small",
}
"""Why a figure is withheld."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one of our people wrote in one relationship within a period."""

    person: str
    relationship: str
    turns: int
    has_evidence: bool


def judge_group(cells: Iterable[Cell]) -> str | None:
    """Why a figure of these cannot be given, as a key of REASONS; None where it can."""
    wrote: Counter[str] = Counter()
    evidenced: set[str] = set()
    homes: set[str] = set()
    for cell in cells:
        wrote[cell.person] += cell.turns
        homes.add(cell.relationship)
        if cell.has_evidence:
            evidenced.add(cell.person)
    if len(wrote) < LEAST_PEOPLE:
        return "people"
    if len(evidenced) < LEAST_EVIDENCED:
        return "evidence"
    if len(homes) < LEAST_RELATIONSHIPS:
        return "relationships"
    return "one" if max(wrote.values()) > MOST_SHARE * wrote.total() else None


def choose_groups(cells: Sequence[Cell], groups: Mapping[str, Set[str]]) -> dict[str, str | None]:
    """Which groups of a period can be published together.

    Args:
        cells: all that our people wrote to customers.
        groups: name to its relationships; they may overlap.

    Returns: the whole and every group, each with the reason why it is withheld, or None. The larger a group, the sooner
        it gets its place.
    """
    homes = {cell.relationship for cell in cells}
    if judge_group(cells) is not None:
        return dict.fromkeys((WHOLE, *sorted(groups)), "whole")
    chosen: dict[str, Set[str]] = {WHOLE: homes}
    verdicts: dict[str, str | None] = {WHOLE: None}
    for name in sorted(groups, key=lambda name: (-len(homes & groups[name]), name)):
        inside = homes & groups[name]
        reason = judge_group(cell for cell in cells if cell.relationship in inside)
        tried = {**chosen, name: inside}
        if reason is None and any(judge_group(piece) for piece in cut_pieces(cells, tried)):
            reason = "subtraction"
        verdicts[name] = reason
        if reason is None:
            chosen = tried
    return verdicts


def cut_pieces(cells: Iterable[Cell], groups: Mapping[str, Set[str]]) -> list[list[Cell]]:
    """Cells by the groups that they are in; no sum or difference of these groups holds less than one of these."""
    pieces: defaultdict[frozenset[str], list[Cell]] = defaultdict(list)
    for cell in cells:
        pieces[frozenset(name for name, homes in groups.items() if cell.relationship in homes)].append(cell)
    return list(pieces.values())


def read_period(period: str, kind: Literal["month", "week"], zone: str) -> tuple[dt.datetime, dt.datetime]:
    """When a period begins and ends.

    Args:
        period: 2026-10 for a month, 2026-W43 for a week.
        kind: what figures of this team are about.
        zone: whose midnight it is.

    Raises: InputError where it is no such period.
    """
    try:
        if kind == "week":
            first = dt.datetime.strptime(f"{period}-1", "%G-W%V-%u").date()  # noqa: DTZ007 - a day, not a moment
            last = first + dt.timedelta(days=6)
        else:
            first = dt.datetime.strptime(f"{period}-01", "%Y-%m-%d").date()  # noqa: DTZ007
            last = (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise InputError(
            Told(
                "{period} is no {kind}; write it like {pattern}.",
                period=period,
                kind=Told(kind),
                pattern="2026-W43" if kind == "week" else "2026-10",
            )
        ) from error
    if name_period(first, kind) != period:
        raise InputError(
            Told(
                "{period} is no {kind}; write it like {pattern}.",
                period=period,
                kind=Told(kind),
                pattern=name_period(first, kind),
            )
        )
    return day_bounds(first, zone)[0], day_bounds(last, zone)[1]


def name_period(day: dt.date, kind: Literal["month", "week"]) -> str:
    """The period that a day is in."""
    return day.strftime("%G-W%V" if kind == "week" else "%Y-%m")


def list_periods(now: dt.datetime, kind: Literal["month", "week"], zone: str, *, most: int = 12) -> list[str]:
    """The latest periods that are over, the last one first."""
    day, found = now.astimezone(ZoneInfo(zone)).date(), []
    while len(found) < most:
        first = day - dt.timedelta(days=day.weekday()) if kind == "week" else day.replace(day=1)
        day = first - dt.timedelta(days=1)
        found.append(name_period(day, kind))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is to be published of a period: rows of TEAM_FIGURES, and of WORTH_FIGURES where they can be given."""

    period: str
    figures: pa.Table
    editions: pa.Table


def check_period(book: Book, period: str, *, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """When a period that may be published begins and ends.

    Raises: InputError where it is not over, figures of it were published before, or ones of another kind of period.
    """
    kind = "month" if book.settings.team is None else book.settings.team.period
    start, end = read_period(period, kind, book.zone)
    if end > now:
        raise InputError(f"{period} is not over. Figures are published once, and of whole periods alone.")
    kept = book.store.table("team_figures", columns=["period", "withheld"])
    given = kept.filter(pc.is_null(kept["withheld"]))["period"].unique().to_pylist()
    if period in given:
        raise InputError(f"the figures of {period} were published, and are not worked out anew.")
    if any(("W" in other) != ("W" in period) for other in given):
        raise InputError(
            "figures of this book are about another kind of period; weeks cut from months would tell more."
        )
    return start, end


def prepare(book: Book, period: str, *, now: dt.datetime) -> Prepared:
    """Work out what is to be published of a period; nothing is kept yet.

    Args:
        book: a book that nobody else waits for: this takes a while.
        period: its name.
        now: the time of publishing.

    Raises: InputError where it cannot be published; see `check_period`.
    """
    start, end = check_period(book, period, now=now)
    figures = work_out(book, period, start, end, now=now)
    is_whole = pc.any(pc.and_(pc.equal(figures["team"], WHOLE), pc.is_null(figures["withheld"]))).as_py()
    editions = work_out_editions(book, period, end, now=now) if is_whole else WORTH_FIGURES.empty_table()
    return Prepared(period=period, figures=figures, editions=editions)


def keep(book: Book, prepared: Prepared, *, now: dt.datetime) -> None:
    """Publish what was worked out.

    Raises: InputError where somebody else published the period meanwhile.
    """
    with book.store.transaction():
        check_period(book, prepared.period, now=now)
        book.store.replace("team_figures", prepared.figures, keys_column="period", keys=[prepared.period])
        book.store.upsert("worth_figures", prepared.editions)


def publish(book: Book, period: str, *, now: dt.datetime) -> pa.Table:
    """Work out the figures of a period and keep them; rows of TEAM_FIGURES.

    Raises: InputError where they cannot be published; see `check_period`.
    """
    prepared = prepare(book, period, now=now)
    keep(book, prepared, now=now)
    return prepared.figures


def work_out(book: Book, period: str, start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> pa.Table:
    """The figures of a period, from what was written within it alone."""
    turns = _within(book.understand().turns, "sent_at", start, end)
    standing = book.stock(end)
    readings = _within(standing.readings, "at", start, end)
    readings = readings.filter(pc.is_in(readings["turn_id"], turns["turn_id"].combine_chunks()))
    people = {
        name: row["person"]
        for row in book.people().to_pylist() if row["side"] == "us"
        for name in (row["person"], *row["addresses"], *row["handles"])
    }  # fmt: skip
    cells = _list_cells(turns, readings, lambda name: people.get(name, name))
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for row in book.accounts().to_pylist():
        if row["segment"] and row["segment"] != WHOLE:
            groups[row["segment"]].add(row["relationship"])
    promises = _within(standing.promises, "due_latest", start, end)
    questions = _within(standing.questions, "asked_at", start, end)
    rows: list[dict[str, Any]] = []
    for name, reason in choose_groups(cells, groups).items():
        row: dict[str, Any] = {"period": period, "team": name, "published_at": now, "withheld": reason}
        if reason is None:
            mine = [cell for cell in cells if name == WHOLE or cell.relationship in groups[name]]
            homes = pa.array(sorted({cell.relationship for cell in mine}), pa.string())
            row |= _count(mine) | _average(book, _of(readings, homes), end)
            row |= _share(_of(promises, homes), "promises", "kept", side="us")
            row |= _share(_of(questions, homes), "questions", "answered", side="them")
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=TEAM_FIGURES)


def _within(table: pa.Table, column: str, start: dt.datetime, end: dt.datetime) -> pa.Table:
    kind = table[column].type
    inside = pc.and_(
        pc.greater_equal(table[column], pa.scalar(start, kind)), pc.less(table[column], pa.scalar(end, kind))
    )
    return table.filter(pc.fill_null(inside, False))


def _of(table: pa.Table, homes: pa.Array) -> pa.Table:
    return table.filter(pc.fill_null(pc.is_in(table["relationship"], homes), False))


def _list_cells(turns: pa.Table, readings: pa.Table, person_of: Callable[[str], str]) -> list[Cell]:
    shown = readings.filter(pc.is_in(readings["facet"], pa.array(list(SHOWN))))
    told = set(shown["turn_id"].to_pylist())
    wrote: Counter[tuple[str, str]] = Counter()
    evidenced: set[tuple[str, str]] = set()
    is_ours = pc.and_(pc.equal(turns["side"], "us"), pc.equal(turns["circle"], "customer"))
    ours = turns.filter(pc.fill_null(pc.and_(is_ours, pc.invert(turns["automatic"])), False))
    for turn_id, speaker, home in zip(
        *(ours[name].to_pylist() for name in ("turn_id", "speaker", "relationship")), strict=True
    ):
        if home is not None and not is_shared(speaker):
            cell = person_of(speaker), home
            wrote[cell] += 1
            if turn_id in told:
                evidenced.add(cell)
    return [
        Cell(person=cell[0], relationship=cell[1], turns=count, has_evidence=cell in evidenced)
        for cell, count in sorted(wrote.items())
    ]


def _count(cells: Iterable[Cell]) -> dict[str, int]:
    listed = list(cells)
    return {
        "people": len({cell.person for cell in listed}),
        "relationships": len({cell.relationship for cell in listed}),
        "turns": sum(cell.turns for cell in listed),
    }


def _average(book: Book, readings: pa.Table, end: dt.datetime) -> dict[str, float]:
    """The place of the average relationship for both gauges, with its 80 % band.

    With L_i the level of relationship i and P_i its variance, given the readings of the period: mean(L) ± z sd, where
    the variance is sum(P_i) / n². Null where fewer relationships were read than a group must have.
    """
    model = book.model()
    levels: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for standings in close_states(readings, end, model, segments=book.segments()).values():
        for lens in GAUGES:
            for pillar in lens.pillars:
                if pillar.gauge in standings:
                    score = score_pillar(standings[pillar.gauge], pillar, model)
                    levels[lens.name].append((score.mean, score.var))
    found: dict[str, float] = {}
    for gauge, of_homes in levels.items():
        if len(of_homes) >= LEAST_RELATIONSHIPS:
            mean, var = np.array(of_homes).T
            half = float(ndtri(0.5 + model.band / 2)) * float(np.sqrt(var.sum())) / len(mean)
            for part, level in (("mid", 0.0), ("low", -half), ("high", half)):
                found[f"{gauge}_{part}"] = 100.0 * float(ndtr(mean.mean() + level))
    return found


_COUNTED: Final = {"kept": ("kept", "late", "suspected", "broken"), "answered": ("answered", "partly", "open", "stale")}
"""The state that a share is of, and those in which it is known whether it came to that."""


def _share(table: pa.Table, count: str, good: str, *, side: str) -> dict[str, float | int | None]:
    rows = table.filter(pc.fill_null(pc.equal(table["side"], side), False))
    states = Counter(state for state in rows["state"].to_pylist() if state in _COUNTED[good])
    if states.total() < LEAST_COUNTED:
        return {count: None, good: None}
    return {count: states.total(), good: states[good] / states.total()}
