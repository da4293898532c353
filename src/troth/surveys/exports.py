"""Exports of survey tools: which tool it was, where its headings stand, and what each column is for.

Qualtrics writes three header rows (name, wording, JSON), its legacy form two; SurveyMonkey two; Typeform one, with the
whole wording; our own form and anybody's plain table one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from troth.errors import SourceError
from troth.surveys.sets import Item
from troth.surveys.values import find_item, squeeze
from troth.told import Told

_LARGEST_BYTES: Final = 64_000_000
_DELIMITERS: Final = ",;\t"

_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("responseid", "respondentid", "token", "antwortid"), "response"),
        **dict.fromkeys(("recordeddate", "enddate", "submitdateutc", "submitdate", "answeredat", "date", "datum",
                         "timestamp", "zeitstempel", "submittedat"), "answered_at"),
        **dict.fromkeys(("recipientemail", "emailaddress", "email", "mail", "emailadresse", "mailadresse",
                         "yourmailaddress", "person"), "person"),
        **dict.fromkeys(("externalreference", "externaldatareference", "customdata", "customdata1"), "reference"),
        **dict.fromkeys(("relationship", "account", "accountname", "company", "kunde", "firma"), "relationship"),
        "finished": "finished",
        "progress": "progress",
        "status": "status",
        "distributionchannel": "channel",
        **dict.fromkeys(("responsetype", "responsestatus"), "completion"),
    }
)  # fmt: skip
_EARLIEST_CHOICE: Final = ("recordeddate", "submitdateutc", "submitdate", "answeredat", "enddate")
_NEEDED: Final = (
    "one column for each question, headed by its id (as questions_hc1) or its wording; a mail address, an account or "
    "an external reference; and the date of the answer"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export, taken apart."""

    format: str  # qualtrics, qualtrics legacy, surveymonkey, typeform, plain
    items: Mapping[int, Item]  # column to item
    roles: Mapping[str, tuple[int, ...]]  # what a column is for, to the columns, the preferred one first
    rows: Sequence[Sequence[str]]  # without headings
    first_line: int  # number of the first of them, counting records from 1
    utc: bool  # its times are UTC; else those of the account that made the export
    notes: tuple[str, ...]


def open_export(path: Path) -> Export:
    """Read a survey export, recognised by content.

    Raises: SourceError when it cannot be read, is no table, or holds no question of ours; the message then names the
        headings it has and those it needs.
    """
    text, notes = _decode(path)
    table = _split(text, path)
    if not table:
        raise SourceError(str(path), "is empty", "Export the answers again, as CSV.")
    blank = next(number for number, row in enumerate(table) if any(cell.strip() for cell in row))
    format_name, headings, first = _find_headings(table[blank:])
    first += blank
    items = {number: item for number, names in enumerate(headings) if (item := _match(names)) is not None}
    roles = _find_roles(headings, format_name)
    missing = _missing_parts(items, roles)
    if missing:
        found = ", ".join(repr(_name(names)) for names in headings if any(names)) or "no headings"
        raise SourceError(
            str(path),
            Told(
                "was read as {format_name} and lacks {missing}. Found the columns {found}",
                format_name=format_name,
                missing=missing,
                found=_shorten(found),
            ),
            Told("Needed: {needed}.", needed=_NEEDED),
        )
    twice = {item.id for item in items.values() if sum(other is item for other in items.values()) > 1}
    return Export(
        format=format_name,
        items=items,
        roles=roles,
        rows=table[first:],
        first_line=first + 1,
        utc=format_name == "typeform",
        notes=(*notes, *(f"{item} stands in several columns; the first one filled counts" for item in sorted(twice))),
    )


def tell_survey(head: bytes) -> tuple[str, bool] | None:
    """Which tool's export begins like this, or "plain", and whether it asks a question of ours; None for no survey.

    Args:
        head: the first bytes of a file, its headings whole.
    """
    try:
        text = head.decode("utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors="replace")
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=text.partition("\n")[0].count))
        table = list(islice((row for row in rows if any(cell.strip() for cell in row)), 4))
    except csv.Error:
        return None
    if not table or len(table[0]) < 2:
        return None
    tool, headings, _ = _find_headings(table)
    is_ours = any(_match(names) for names in headings)
    return (tool, is_ours) if is_ours or tool != "plain" else None


def _decode(path: Path) -> tuple[str, tuple[str, ...]]:
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            said = "has {size:,} bytes; a survey export has at most {most:,}"
            raise SourceError(
                str(path),
                Told(said, size=size, most=_LARGEST_BYTES),
                "Export fewer columns or a shorter period.",
            )
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            str(path),
            Told("cannot be read: {strerror}", strerror=error.strerror),
            "Check the name and who may read it.",
        ) from error
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SourceError(str(path), "is a spreadsheet or an archive, not a table of text", "Save or unpack it as CSV.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), ("is not UTF-8 and was read as Windows-1252",)


def _split(text: str, path: Path) -> list[list[str]]:
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise SourceError(
            str(path), Told("is not a table of text: {error}", error=error), "Export the answers again, as CSV."
        ) from error
    filled = [number for number, row in enumerate(rows) if any(cell.strip() for cell in row)]
    return rows[: filled[-1] + 1] if filled else []


def _find_headings(table: Sequence[Sequence[str]]) -> tuple[str, list[tuple[str, ...]], int]:
    """The tool, the headings of every column (most telling first), and the row at which the answers begin."""
    first = [cell.strip() for cell in table[0]]
    second = [cell.strip() for cell in table[1]] if len(table) > 1 else []
    keys = [_key(cell) for cell in first]
    if len(table) > 2 and any(_import_id(cell) for cell in table[2][:3]):
        ids = [_import_id(cell) for cell in table[2]]
        return "qualtrics", _zip_headings(first, second, ids), 3
    if first[:2] == ["V1", "V2"] and "responseid" in [_key(cell) for cell in second]:
        return "qualtrics legacy", _zip_headings(second, first), 2
    if "respondentid" in keys and "collectorid" in keys:
        carried = _carry(first)
        return "surveymonkey", _zip_headings(second, first, carried), 2 if _is_second_heading(second) else 1
    if first[0] == "#" or {"networkid", "submitdateutc"} <= set(keys):
        return "typeform", _zip_headings(first), 1
    return "plain", _zip_headings(first), 1


def _is_second_heading(second: Sequence[str]) -> bool:
    """SurveyMonkey's second row says "Response" or an option, and nothing under the respondent's number."""
    return bool(second) and not second[0].strip()


def _carry(cells: Sequence[str]) -> list[str]:
    """A heading over several columns stands over the first one only."""
    carried: list[str] = []
    for cell in cells:
        carried.append(cell or (carried[-1] if carried else ""))
    return carried


def _zip_headings(*rows: Sequence[str]) -> list[tuple[str, ...]]:
    width = max(len(row) for row in rows)
    return [tuple(row[column] if column < len(row) else "" for row in rows) for column in range(width)]


def _import_id(cell: str) -> str:
    """Qualtrics' own name of a column, from its third heading; empty where the cell is none."""
    if not cell.lstrip().startswith("{"):
        return ""
    try:
        stated = json.loads(cell)
    except (ValueError, RecursionError):
        return ""
    return str(stated.get("ImportId", "")) if isinstance(stated, dict) else ""


def _match(names: Sequence[str]) -> Item | None:
    return next((item for name in names if name and (item := find_item(name)) is not None), None)


def _find_roles(headings: Sequence[Sequence[str]], format_name: str) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for column, names in enumerate(headings):
        keys = [_key(name) for name in names]
        if format_name == "typeform" and names[0] == "#":
            found.setdefault("response", []).append((0, column))
        for key in keys:
            if key in _ROLES:
                rank = _EARLIEST_CHOICE.index(key) if key in _EARLIEST_CHOICE else len(_EARLIEST_CHOICE)
                found.setdefault(_ROLES[key], []).append((rank, column))
                break
    return {role: tuple(column for _, column in sorted(columns)) for role, columns in found.items()}


def _missing_parts(items: Mapping[int, Item], roles: Mapping[str, tuple[int, ...]]) -> str:
    lacking = [] if items else ["any question of ours"]
    lacking += [] if "answered_at" in roles else ["a date"]
    return " and ".join(lacking)


def _key(name: str) -> str:
    return squeeze(name).replace(" ", "") if len(name) < 200 else ""


def _name(names: Sequence[str]) -> str:
    return next((name for name in names if name), "")[:60]


def _shorten(listed: str) -> str:
    return listed if len(listed) <= 600 else listed[:600] + " …"
