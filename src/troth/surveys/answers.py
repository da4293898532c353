"""Answers from survey tools to ANSWERS: who answered what, and what was left out and why."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from troth.schema import ANSWERS, conform, empty
from troth.surveys.exports import Export, open_export
from troth.surveys.sets import Item, load_scale
from troth.surveys.values import read_value
from troth.times import DateOrder, read_time

Place = Callable[[Collection[str]], Mapping[str, str]]
"""Takes the addresses, account names and references of a file, in lower case, to the relationships they belong to."""

_NO: Final = frozenset({"0", "false", "no", "falsch", "nein"})
_UNREAL_BITS: Final = 0b1011  # Qualtrics' status codes: 1 preview, 2 test, 8 spam, also joined with others
_UNREAL_WORDS: Final = ("preview", "test", "spam", "vorschau")
_PARTIAL_WORDS: Final = ("partial", "started", "incomplete", "disqualified")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedAnswer:
    """A response or one answer of it that is no evidence, and why."""

    position: str  # "row 7", "row 7, questions_hc1"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReading:
    """What one survey export gave."""

    format: str
    answers: pa.Table  # ANSWERS
    responses: int  # rows in the export, headings aside
    duplicates: int  # rows that a later row of the same response replaced
    rejected: tuple[RejectedAnswer, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """One row."""

    line: int
    id: str
    person: str | None
    belongs: Sequence[str]  # what can name the relationship, most telling first
    answered_at: dt.datetime
    values: Mapping[str, int]
    facets: Mapping[str, str]


def read_answers(
    path: str | Path,
    *,
    place: Place | None = None,
    relationship: str | None = None,
    zone: str = "UTC",
    dates: DateOrder = "dmy",
    now: dt.datetime | None = None,
) -> SurveyReading:
    """Read a survey export: Qualtrics (three headings, legacy two), SurveyMonkey, Typeform, our form, or plain CSV.

    Args:
        path: the file; it is recognised by content.
        place: finds the relationships of addresses, account names and references; without it each is its own.
        relationship: whom every answer of the file belongs to, whatever the file says.
        zone: of times that do not say theirs (the survey account's).
        dates: how 3/4 is read. SurveyMonkey always writes the month first.
        now: answers dated more than a day later are left out, for no zone explains that; None lets every date pass.

    Returns: the answers, and every row or cell that gave none with its reason. `answer_id` is the tool's own response
        id with the item's, so that reading a file twice, or a longer export of it, adds nothing twice.

    Raises: SourceError when the file is none of these; it names the headings found and those needed.
    """
    export = open_export(Path(path))
    order: DateOrder = "mdy" if export.format == "surveymonkey" else dates
    rejected: list[RejectedAnswer] = []
    responses: dict[str, _Response] = {}
    seen: Counter[str] = Counter()
    latest = dt.datetime.max.replace(tzinfo=dt.UTC) if now is None else now + dt.timedelta(days=1)
    kept = 0
    for line, row in enumerate(export.rows, start=export.first_line):
        found = _read_row(export, row, line, zone="UTC" if export.utc else zone, order=order, rejected=rejected)
        if found is not None and found.answered_at > latest:
            rejected.append(RejectedAnswer(position=f"row {line}", reason="dated in the future"))
        elif found is not None:
            kept += 1
            responses[_identify(found, seen, export.format)] = found
    placed = _place(responses, place, relationship, rejected)
    return SurveyReading(
        format=export.format,
        answers=_tabulate(placed),
        responses=len(export.rows),
        duplicates=kept - len(responses),
        rejected=tuple(sorted(rejected, key=lambda one: _line_of(one.position))),
        notes=export.notes,
    )


def _read_row(
    export: Export, row: Sequence[str], line: int, *, zone: str, order: DateOrder, rejected: list[RejectedAnswer]
) -> _Response | None:
    """One row taken apart; None, with the reason put down, where it is no response."""

    def cell(role: str) -> str:
        columns = export.roles.get(role, ())
        return next((row[column].strip() for column in columns if column < len(row) and row[column].strip()), "")

    def refuse(reason: str) -> None:
        rejected.append(RejectedAnswer(position=f"row {line}", reason=reason))

    if not any(text.strip() for text in row):
        refuse("empty row")
    elif _is_unreal(cell("status"), cell("channel")):
        refuse("a preview, test or spam, not an answer")
    elif _is_unfinished(cell("finished"), cell("progress"), cell("completion")):
        refuse("not finished")
    elif (answered_at := read_time(cell("answered_at"), zone=zone, order=order, day="noon")) is None:
        refuse("no date that can be read")
    else:
        values, facets = _read_values(export.items, row, line, rejected)
        if not values:
            refuse("no question of ours was answered")
            return None
        person = _uncover(cell("person")).lower() or None
        names = (_uncover(cell("relationship")), person or "", _uncover(cell("reference")))
        return _Response(
            line=line,
            id=cell("response"),
            person=person,
            belongs=[name.lower() for name in names if name],
            answered_at=answered_at,
            values=values,
            facets=facets,
        )
    return None


def _uncover(cell: str) -> str:
    """A cell without the quote that keeps spreadsheets from running it."""
    return cell[1:] if cell.startswith("'") else cell


def _is_unreal(status: str, channel: str) -> bool:
    if status.isdigit() and len(status) < 4:
        return bool(int(status) & _UNREAL_BITS)
    return any(word in text.lower() for text in (status, channel) for word in _UNREAL_WORDS)


def _is_unfinished(finished: str, progress: str, completion: str) -> bool:
    if finished:
        return finished.lower() in _NO
    if progress.isdigit():
        return int(progress[:6]) < 100
    return any(word in completion.lower() for word in _PARTIAL_WORDS)


def _read_values(
    items: Mapping[int, Item], row: Sequence[str], line: int, rejected: list[RejectedAnswer]
) -> tuple[dict[str, int], dict[str, str]]:
    scale = load_scale()
    values: dict[str, int] = {}
    facets: dict[str, str] = {}
    for column, item in items.items():
        text = row[column] if column < len(row) else ""
        try:
            value = read_value(text, scale)
        except ValueError as error:
            shown = text.strip()[:40]
            rejected.append(RejectedAnswer(position=f"row {line}, {item.id}", reason=f"{shown!r} {error}"))
            continue
        if value is not None and item.id not in values:
            values[item.id], facets[item.id] = value, item.facet
    return values, facets


def _identify(found: _Response, seen: Counter[str], format_name: str) -> str:
    """The tool's own id, else a hash of who and when; people who are not named stay several at one moment."""
    if found.id:
        return f"{format_name.partition(' ')[0]}:{found.id}"
    known = "|".join((*found.belongs, found.answered_at.isoformat()))
    number = 0 if found.person else seen[known]
    seen[known] += 1
    return f"{format_name.partition(' ')[0]}:{blake2b(f'{known}|{number}'.encode(), digest_size=12).hexdigest()}"


def _place(
    responses: Mapping[str, _Response], place: Place | None, stated: str | None, rejected: list[RejectedAnswer]
) -> list[tuple[str, str, _Response]]:
    """Every response with its id and its relationship; those without one are put down as rejected."""
    names = {name for found in responses.values() for name in found.belongs}
    homes = {name: name for name in names} if place is None else place(names)
    placed: list[tuple[str, str, _Response]] = []
    for response_id, found in responses.items():
        home = stated or next((homes[name] for name in found.belongs if name in homes), None)
        if home is not None:
            placed.append((response_id, home, found))
            continue
        who = f"{found.belongs[0]!r} belongs to no relationship in the book" if found.belongs else "no address or id"
        rejected.append(RejectedAnswer(position=f"row {found.line}", reason=who))
    return placed


def _tabulate(placed: Sequence[tuple[str, str, _Response]]) -> pa.Table:
    scale = load_scale()
    rows: list[dict[str, Any]] = [
        {
            "answer_id": f"{response_id}/{item}",
            "relationship": home,
            "person": found.person,
            "item": item,
            "facet": found.facets[item],
            "value": value,
            "lowest": scale.lowest,
            "highest": scale.highest,
            "answered_at": found.answered_at,
        }
        for response_id, home, found in placed
        for item, value in found.values.items()
    ]
    return conform(rows, ANSWERS) if rows else empty(ANSWERS)


def _line_of(position: str) -> int:
    return int(position.removeprefix("row ").partition(",")[0])
