"""What a file seems to be that no reader takes, in plain words, and what its owner can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from troth.sources.documents import find_outer_keys
from troth.sources.export import Export
from troth.sources.jsonl import parse_row
from troth.sources.tables import look_at_sheet

_NAME: Final = 50  # characters of a column's name in a table that is called one
_NAMED: Final = 6  # columns, fields or members named in a line
_SEE: Final = "docs/sources.md lists what troth reads."
_MAP: Final = "Map its columns with a [[source]] in troth.toml; docs/sources.md shows one."
_UNPACK: Final = "Unpack it and name what is inside."
_TRANSCRIBE: Final = "Have it transcribed (WebVTT, SRT or Whisper's JSON) and read that."
_WORDS: Final = "Troth reads words only."


class Unread(NamedTuple):
    """What is wrong with a file, as a verb and what follows it, and what to do."""

    problem: str
    advice: str


_AS_TEXT: Final = "Save it as text with the header of a letter; docs/sources.md shows one."
_PICTURE: Final = Unread("is a picture", _WORDS)
_SOUND: Final = Unread("is a sound recording", _TRANSCRIBE)
_FILM: Final = Unread("is a film", _TRANSCRIBE)
_WIDE: Final = Unread("is text in UTF-16", "Save it as UTF-8.")
_PAGE: Final = Unread("is a web page", "Export the conversation itself instead, or save its words as text.")
_MAGIC: Final[Sequence[tuple[int, bytes, Unread]]] = (
    (0, b"\x1f\x8b", Unread("is packed with gzip", _UNPACK)),
    (0, b"BZh", Unread("is packed with bzip2", _UNPACK)),
    (0, b"\xfd7zXZ\x00", Unread("is packed with xz", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Unread("is packed with zstd", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Unread("is a 7z archive", _UNPACK)),
    (0, b"Rar!", Unread("is a rar archive", _UNPACK)),
    (257, b"ustar", Unread("is a tar archive", _UNPACK)),
    (
        0,
        b"\xd0\xcf\x11\xe0",
        Unread("is an old Office file, or a mail of Outlook that is torn", "Save the mail again, or as EML."),
    ),
    (0, b"%PDF", Unread("is a PDF", _AS_TEXT)),
    (0, b"{\\rtf", Unread("is a rich text (RTF)", _AS_TEXT)),
    (0, b"SQLite format 3", Unread("is an SQLite database", "Map it in troth.toml, with a query.")),
    (0, b"PAR1", Unread("is a Parquet file", _MAP)),
    (0, b"\xff\xfe", _WIDE),
    (0, b"\xfe\xff", _WIDE),
    (0, b"\x89PNG\r\n", _PICTURE),
    (0, b"\xff\xd8\xff", _PICTURE),
    (0, b"GIF8", _PICTURE),
    (0, b"II*\0", _PICTURE),
    (0, b"MM\0*", _PICTURE),
    (8, b"WEBP", _PICTURE),
    *((4, b"ftyp" + kind, _PICTURE) for kind in (b"heic", b"heix", b"mif1", b"msf1", b"avif")),
    (4, b"ftypM4A", _SOUND),
    (4, b"ftyp", _FILM),
    (0, b"ID3", _SOUND),
    (0, b"\xff\xfb", _SOUND),
    (0, b"OggS", _SOUND),
    (0, b"fLaC", _SOUND),
    (8, b"WAVE", _SOUND),
    (0, b"#!AMR", _SOUND),
    (0, b"\x1aE\xdf\xa3", _FILM),
    (8, b"AVI ", _FILM),
)
_BEGINNINGS: Final[Sequence[tuple[bytes, Unread]]] = (
    (b"<!doctype html", _PAGE),
    (b"<html", _PAGE),
    (b"<svg", _PICTURE),
    (b"<", Unread("is XML of nothing that troth knows", _SEE)),
    (b"begin:vcalendar", Unread("is a calendar", "Nothing is said in it; leave it out.")),
    (b"begin:vcard", Unread("is a list of contacts (vCard)", f"Save it as CSV. {_MAP}")),
)
_OFFICE: Final[Sequence[tuple[str, Unread]]] = (
    ("word/document.xml", Unread("is a Word document", _AS_TEXT)),
    ("xl/workbook.xml", Unread("is an Excel workbook", "Save the sheet as CSV and name that.")),
    ("ppt/presentation.xml", Unread("is a PowerPoint presentation", _AS_TEXT)),
    ("META-INF/manifest.xml", Unread("is an OpenDocument file", "Save it as CSV if it is a sheet, else as text.")),
)
_TEXT: Final = Unread("is text that is no mail, chat, transcript or letter", _SEE)
_NEEDED: Final = "Map its fields with a [[source]] in troth.toml, or write one object a line with 'text'."
_IN_ARRAYS: Final = tuple(bytes([sign]) for sign in b'{["-0123456789]tfn')
_NO_TABLE: Final = frozenset(" \t#*-<[0123456789")
"""What a line of text begins with that has commas and is no header of a table."""


def tell_file(export: Export) -> Unread:
    """What a lone file seems to be."""
    head = export.look()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        problem = "holds only blank lines" if head else "is empty"
        return Unread(problem, "Export it again, or name another file.")
    marked = next((unread for at, magic, unread in _MAGIC if head.startswith(magic, at)), None)
    if marked is not None or b"\0" in head:
        return marked or Unread("is a binary file", _SEE)
    begun = next((unread for begins, unread in _BEGINNINGS if text[:20].lower().startswith(begins)), None)
    return begun or _tell_json(text) or _tell_table(export) or _TEXT


def tell_zip(export: Export) -> Unread:
    """What a zip archive seems to be."""
    if not export.names:
        return Unread("is an empty zip archive", "Export it again, or name another file.")
    office = next((unread for name, unread in _OFFICE if export.holds(name)), None)
    inside = _shorten(export.names)
    return office or Unread(
        f"is a zip archive of nothing that troth knows ({inside})", "Unpack it and name the folder."
    )


def _tell_json(text: bytes) -> Unread | None:
    """JSON Lines, an array, or an object over several lines; else None."""
    if text[:1] == b"{":
        lines = [line for line in text.split(b"\n", 3) if line.strip()][:2]
        rows = [row for row in map(parse_row, lines) if not isinstance(row, str)]
        if len(rows) == 2:
            named = _shorten(sorted(map(str, rows[0])))
            return Unread(f"is JSON Lines without a text in its rows (fields: {named})", _NEEDED)
    elif text[:1] != b"[" or text[1:].lstrip()[:1] not in _IN_ARRAYS:
        return None
    kind, within = ("a JSON array", text[1:]) if text[:1] == b"[" else ("JSON", text)
    keys = sorted(find_outer_keys(within))
    return Unread(f"is {kind} of nothing that troth knows" + (f" (fields: {_shorten(keys)})" if keys else ""), _NEEDED)


def _tell_table(export: Export) -> Unread | None:
    """A table, where short names stand over a row of as many cells; else None."""
    sheet = look_at_sheet(export)
    if sheet is None or sheet.header[0][:1] in _NO_TABLE or max(map(len, sheet.header)) > _NAME:
        return None
    if sum(bool(name.strip()) for name in sheet.header) < 2:
        return None  # a greeting with a comma behind it
    lines = export.look().decode(errors="replace").splitlines()[sheet.skip : sheet.skip + 2]
    if len(lines) < 2 or lines[1].count(sheet.mark) < len(sheet.header) - 1:
        return None
    return Unread(f"is a table that troth does not know (columns: {_shorten(sheet.header)})", _MAP)


def _shorten(names: Sequence[str]) -> str:
    """The first of these names, each cut to a length that fits a line."""
    rest = len(names) - _NAMED
    shown = ", ".join(name.strip()[:40] for name in names[:_NAMED])
    return f"{shown} and {rest} more" if rest > 0 else shown
