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
from troth.sources.unread import tell_file, tell_zip

_LINES: Final = 20  # lines of a JSON Lines file, of which one must be a turn
_FILES: Final = 1_000  # files of a folder, of which one must be a mail
_PEOPLE: Final = (b"from", b"sender", b"to", b"cc", b"bcc")
_OF_MAILS: Final = WANTED.difference(_PEOPLE, (b"subject", b"date")) | {b"mime-version"}
"""Fields that nothing but a mail has."""


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


def recognise_plain(export: Export) -> Format:
    """Say which of the forms without a reader of their own an export is: mail, or turns as JSON Lines.

    Raises: SourceError when it is nothing that troth reads, saying what it seems to be.
    """
    if export.kind == "folder":
        return _recognise_folder(export.path)
    found = None if export.kind == "zip" else _recognise_head(export.look())
    if found is None:
        unread = tell_zip(export) if export.kind == "zip" else tell_file(export)
        raise SourceError(str(export.path), unread.problem, unread.advice)
    return found


def _recognise_head(head: bytes) -> Format | None:
    text = _opening(head)
    if text.startswith(b"{"):
        return JSONL if _holds_rows(text, whole=len(head) < LOOK) else None
    first, _, rest = text.partition(b"\n")
    if first.startswith(b"From ") and is_field(rest):
        return MBOX
    return EML if _is_mail(text) else None


def _opening(head: bytes) -> bytes:
    """The first bytes without byte order mark and blank lines, line ends made LF."""
    return head.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").lstrip(b"\n \t")


def _is_mail(text: bytes) -> bool:
    """Whether a text begins as a mail does.

    It has a field of mails alone, or somebody with a date or an address, or no field but those of a mail.
    """
    block = text.partition(b"\n\n")[0]
    fields = split_header(block, WANTED | {b"mime-version"}).fields
    if not _OF_MAILS.isdisjoint(fields):
        return True
    people = [value for name in _PEOPLE for value in fields.get(name, ())]
    if people and (b"date" in fields or any(b"@" in value for value in people)):
        return True
    names = {line.partition(b":")[0].lower() for line in block.split(b"\n") if line[:1] not in {b" ", b"\t"}}
    return bool(fields) and names.issubset(WANTED)


def _holds_rows(text: bytes, *, whole: bool) -> bool:
    lines = text.split(b"\n")
    if not whole and len(lines) == 1:
        return True  # one object longer than we look: the reader will say if it is none
    looked = [line for line in (lines if whole else lines[:-1]) if line.strip()][:_LINES]
    return any(not isinstance(row, str) and is_row(row) for row in map(parse_row, looked))


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
    raise SourceError(str(place), problem, "Name the export itself; docs/sources.md lists what troth reads.")
