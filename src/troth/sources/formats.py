"""What a file or folder is, told from its content: never from its name."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from troth.errors import SourceError
from troth.sources.export import LOOK, Export
from troth.sources.folders import MAILDIR_SIDES, list_files
from troth.sources.headers import split_header
from troth.sources.jsonl import is_row, parse_row
from troth.sources.mail import WANTED
from troth.sources.mbox import is_field
from troth.sources.turns import Rejected

_LINES: Final = 20  # lines of a JSON Lines file, of which one must be a turn
_FILES: Final = 1_000  # files of a folder, of which one must be a mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of source that can be read: a short name, plain words for it, and what is taken from it."""

    name: str
    description: str
    takes: str = "turns"


MBOX: Final = Format(name="mbox", description="a mailbox file with many mails (mbox)")
EML: Final = Format(name="eml", description="one mail, or a folder of mails, a file each (EML)")
MAILDIR: Final = Format(name="maildir", description="a maildir: a folder with cur and new")
JSONL: Final = Format(name="jsonl", description="turns, and tool calls of AI agents, as JSON Lines, one object a line")

_READABLE: Final = "The page docs/sources.md lists what troth reads; any table can be mapped in troth.toml."
_UNPACK: Final = "Unpack it and name what is inside."
_MAGIC: Final = (
    (b"\x1f\x8b", "is packed with gzip", _UNPACK),
    (b"BZh", "is packed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "is packed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", _UNPACK),
    (b"Rar!", "is a rar archive", _UNPACK),
    (
        b"\xd0\xcf\x11\xe0",
        "is an old Office file, or a mail of Outlook that is torn",
        "Save the mail again, or as EML.",
    ),
    (b"%PDF", "is a PDF", _READABLE),
    (b"SQLite format 3", "is an SQLite database", "Map it in troth.toml, with a query."),
    (b"PAR1", "is a Parquet file", "Map its columns in troth.toml."),
    (b"\xff\xfe", "is text in UTF-16", "Save it as UTF-8."),
    (b"\xfe\xff", "is text in UTF-16", "Save it as UTF-8."),
)


def recognise_plain(export: Export) -> Format:
    """Say which of the forms without a reader of their own an export is: mail, or turns as JSON Lines.

    Raises: SourceError when it is nothing that troth reads, saying what it seems to be.
    """
    if export.kind == "folder":
        return _recognise_folder(export.path)
    if export.kind == "zip":
        raise SourceError(str(export.path), "is a zip archive of nothing that troth knows", _UNPACK)
    return _recognise_head(export.look(), str(export.path))


def _recognise_head(head: bytes, path: str) -> Format:
    if not head:
        raise SourceError(path, "is empty", "Export it again, or name another file.")
    for magic, problem, advice in _MAGIC:
        if head.startswith(magic):
            raise SourceError(path, problem, advice)
    if head[257:262] == b"ustar":
        raise SourceError(path, "is a tar archive", _UNPACK)
    text = _opening(head)
    if not text:
        raise SourceError(path, "holds only blank lines", "Export it again, or name another file.")
    if text.startswith(b"["):
        raise SourceError(path, "is a JSON array or something like it", "Write one JSON object a line instead.")
    if text.startswith(b"{"):
        return _recognise_rows(text, whole=len(head) < LOOK, path=path)
    first, _, rest = text.partition(b"\n")
    if first.startswith(b"From ") and is_field(rest):
        return MBOX
    if _is_mail(text):
        return EML
    if b"\0" in head:
        raise SourceError(path, "is a binary file", _READABLE)
    raise SourceError(path, "is no mailbox, no mail and no list of turns", _READABLE)


def _opening(head: bytes) -> bytes:
    """The first bytes without byte order mark and blank lines, line ends made LF."""
    return head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").lstrip(b"\n \t")


def _is_mail(text: bytes) -> bool:
    header = split_header(text.partition(b"\n\n")[0], WANTED | {b"mime-version", b"content-type"})
    return bool(header.fields)


def _recognise_rows(text: bytes, *, whole: bool, path: str) -> Format:
    lines = text.split(b"\n")
    if not whole and len(lines) == 1:
        return JSONL  # one object longer than we look: the reader will say if it is none
    looked = [line for line in (lines if whole else lines[:-1]) if line.strip()][:_LINES]
    rows = [row for row in map(parse_row, looked) if not isinstance(row, str)]
    if any(is_row(row) for row in rows):
        return JSONL
    if rows:
        names = ", ".join(sorted(map(str, rows[0]))[:12])
        raise SourceError(
            path, f"is JSON Lines without a text in its rows (found: {names})", "Each row needs 'text' or 'body'."
        )
    raise SourceError(path, "looks like JSON, but its lines are no objects", "Write one JSON object a line.")


def _recognise_folder(place: Path) -> Format:
    if any(set(MAILDIR_SIDES) <= set(folders) for _, folders, _ in os.walk(place)):
        return MAILDIR
    looked = 0
    for found in islice((file for file in list_files(place) if not isinstance(file, Rejected)), _FILES):
        looked += 1
        with suppress(OSError), found.path.open("rb") as file:  # the reader names the files it could not open
            if _is_mail(_opening(file.read(LOOK))):
                return EML
    problem = "is a folder without mails" if looked else "is a folder without files"
    raise SourceError(str(place), problem, f"Name the export itself. {_READABLE}")
