"""Outlook's own files: .msg, one mail each, and .pst, a whole mailbox. Both need the extra `outlook`.

A .msg is a compound file whose streams hold properties ([MS-OXMSG]); olefile (BSD) opens it. A .pst is read through
libpff (LGPL), which is used as it is and linked to nothing here.
"""

from __future__ import annotations

import importlib
import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final

from troth.errors import SourceError
from troth.sources.envelope import read_envelope
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.mapi import CLASS, RTF, Properties, Property, make_envelope, take_string
from troth.sources.reader import Context, Reader
from troth.sources.turns import Rejected, Turn
from troth.told import Told

ONLY_RTF: Final = "mails whose words are kept as RTF alone: left without words"
_MSG_FORMAT: Final = Format(
    name="msg", description="a mail saved by Outlook (.msg), or a folder of them", takes="mails"
)
_PST_FORMAT: Final = Format(name="pst", description="an Outlook data file (.pst or .ost)", takes="mails, but no drafts")

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PST: Final = b"!BDN"
_STREAM: Final = "__substg1.0_"
_TABLE: Final = "__properties_version1.0"
_MSG_CLASS: Final = bytes.fromhex("0b0d020000000000c000000000000046")  # of the outermost storage, as Outlook writes it
_MARKS: Final = (_STREAM.encode("utf-16-le"), _TABLE.encode("utf-16-le"), _MSG_CLASS)
_LOOKED: Final = 100
_LARGEST: Final = 256 << 20  # bytes of a .msg within an archive, which must be held to be read
_VALUE_MOST: Final = 16 << 20  # bytes of one property; attachments are larger and are not read
_PARTS: Final = 2_000  # recipients or attachments of one mail
_DEEPEST: Final = 64  # folders within folders of a .pst
_JUNK: Final = ("junk", "spam")
_FIXED: Final = {0x02: 2, 0x03: 4, 0x0B: 1, 0x40: 8}  # bytes of the property types that stand in the table itself
# What olefile and libpff let through on torn files.
_TORN: Final = (
    OSError,
    ValueError,
    LookupError,
    struct.error,
    OverflowError,
    RecursionError,
    TypeError,
    AttributeError,
)


def is_msg(export: Export) -> bool:
    """Whether every member is a mail saved by Outlook."""
    names = export.names[:_LOOKED]
    return bool(names) and all(_is_msg(export, name) for name in names)


def _is_msg(export: Export, name: str) -> bool:
    head = export.look(name)
    if not head.startswith(_OLE) or len(head) < 512:
        return False
    if any(mark in head for mark in _MARKS):
        return True
    # The list of streams may begin anywhere: [MS-CFB], 2.2, says where.
    (shift,) = struct.unpack_from("<H", head, 30)
    (sector,) = struct.unpack_from("<I", head, 48)
    if shift not in (9, 12) or (at := (sector + 1) << shift) > _LARGEST:
        return False
    try:
        with export.open(name) as file:
            file.read(at)
            listed = file.read(1 << 14)
    except OSError:
        return False
    return any(mark in listed for mark in _MARKS)


def read_msg(export: Export, context: Context) -> Iterator[Turn | Rejected]:
    """The mail of every member."""
    olefile = _load("olefile", export, "Save the mail as EML")
    for position, name in enumerate(export.names):
        where = name or "the mail"
        context.meter.advance(export.size_of(name))
        if not _is_msg(export, name):
            yield Rejected(position=where, reason="no mail saved by Outlook")
            continue
        try:
            with export.open(name) as file:
                # A compound file is read to and fro, which a packed one cannot be.
                whole = file if export.kind != "zip" else io.BytesIO(_read_small(file))
                yield _read_one(olefile.OleFileIO(whole), position, where, context)
        except _TORN as error:
            yield Rejected(position=where, reason=f"torn: {str(error)[:100] or type(error).__name__}")


def _read_small(file: BinaryIO) -> bytes:
    data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST >> 20} MiB")
    return data


def _read_one(ole: Any, position: int, where: str, context: Context) -> Turn | Rejected:
    try:
        streams = {tuple(path) for path in ole.listdir()}
        mail = _properties(ole, (), streams, header=32)
        inner = sorted({path[0] for path in streams if len(path) > 1})[: 2 * _PARTS]
        recipients = [_properties(ole, (one,), streams, header=8) for one in inner if one.startswith("__recip_")]
        attachments = [_properties(ole, (one,), streams, header=8) for one in inner if one.startswith("__attach_")]
    finally:
        ole.close()
    return _read_mail(mail, recipients, attachments, position=position, where=where, context=context)


def _properties(ole: Any, place: tuple[str, ...], streams: set[tuple[str, ...]], *, header: int) -> Properties:
    """The properties of one storage: small ones stand in its table, others in a stream each."""
    found: dict[int, Property] = {}
    if (*place, _TABLE) in streams:
        table: bytes = ole.openstream([*place, _TABLE]).read(1 << 20)
        for at in range(header, len(table) - 15, 16):
            kind, number = struct.unpack_from("<HH", table, at)
            if kind in _FIXED:
                found[number] = Property(kind, table[at + 8 : at + 16])
    for path in streams:
        if path[:-1] == place and path[-1].startswith(_STREAM) and len(path[-1]) == len(_STREAM) + 8:
            kind, number = int(path[-1][-4:], 16), int(path[-1][-8:-4], 16)
            if kind in (0x1E, 0x1F, 0x102) and ole.get_size(list(path)) <= _VALUE_MOST:
                found[number] = Property(kind, ole.openstream(list(path)).read())
    return found


def _read_mail(
    mail: Properties,
    recipients: Sequence[Properties],
    attachments: Sequence[Properties],
    *,
    position: int,
    where: str,
    context: Context,
) -> Turn | Rejected:
    kind = take_string(mail, CLASS).upper() or "IPM.NOTE"
    if not kind.startswith(("IPM.NOTE", "IPM.SCHEDULE", "REPORT.", "IPM.POST")):
        return Rejected(position=where, reason=f"no mail but {kind[:60]}")
    envelope = make_envelope(mail, recipients=recipients, attachments=attachments)
    if not (envelope.text or envelope.html) and RTF in mail:
        context.notes[ONLY_RTF] += 1
    turn = read_envelope(envelope, position=position, where=where, context=context)
    if isinstance(turn, Turn) and kind.startswith("REPORT."):
        return turn._replace(automatic=True)
    return turn


def is_pst(export: Export) -> bool:
    """Whether this is an Outlook data file."""
    return export.kind == "file" and export.look(size=4) == _PST


def read_pst(export: Export, context: Context) -> Iterator[Turn | Rejected]:
    """The mails of every folder."""
    pypff = _load("pypff", export, "Turn it into mbox first, for instance with readpst")
    file = pypff.file()
    try:
        file.open(str(export.path))
        root = file.get_root_folder()
    except _TORN as error:
        problem = Told("is a damaged Outlook data file ({problem})", problem=str(error)[:100])
        raise SourceError(str(export.path), problem, "Repair it with Outlook's scanpst, or export it again.") from error
    try:
        yield from _read_folder(root, PurePosixPath(), context, iter(range(2**62)))
        context.meter.advance(export.size)
    finally:
        file.close()


def _read_folder(
    folder: Any, place: PurePosixPath, context: Context, positions: Iterator[int]
) -> Iterator[Turn | Rejected]:
    if len(place.parts) > _DEEPEST:
        yield Rejected(position=str(place), reason="a folder too deep to look into")
        return
    is_junk = place.name.lower().startswith(_JUNK)
    for number in range(_count(folder, "number_of_sub_messages")):
        where = f"{place}, message {number + 1}"
        try:
            message = folder.get_sub_message(number)
            mail = _entries(message)[0] if message.number_of_record_sets else {}
            recipients = _entries(message.recipients) if message.recipients is not None else []
            hung = (_entries(message.get_attachment(at)) for at in range(min(message.number_of_attachments, _PARTS)))
            attachments = [sets[0] for sets in hung if sets]
        except _TORN as error:
            yield Rejected(position=where, reason=f"torn: {str(error)[:100]}")
            continue
        turn = _read_mail(mail, recipients, attachments, position=next(positions), where=where, context=context)
        yield turn._replace(automatic=True) if is_junk and isinstance(turn, Turn) else turn
    for number in range(_count(folder, "number_of_sub_folders")):
        try:
            inner = folder.get_sub_folder(number)
            name = inner.name or f"folder {number + 1}"
        except _TORN as error:
            yield Rejected(position=f"{place}, folder {number + 1}", reason=f"torn: {str(error)[:100]}")
            continue
        yield from _read_folder(inner, place / name.replace("/", "_"), context, positions)


def _count(folder: Any, name: str) -> int:
    try:
        return int(getattr(folder, name))
    except _TORN:
        return 0


def _entries(item: Any) -> list[Properties]:
    """The sets of properties of an item: of a mail one, of its recipients one each."""
    sets: list[Properties] = []
    for at in range(min(item.number_of_record_sets, _PARTS)):
        found: dict[int, Property] = {}
        for entry in item.get_record_set(at).entries:
            if entry.entry_type is not None and entry.data is not None:
                found[entry.entry_type] = Property(entry.value_type, bytes(entry.data))
        sets.append(found)
    return sets


def _load(name: str, export: Export, otherwise: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        advice = f"Install troth with the extra: pip install 'troth[outlook]'. Or: {otherwise}."
        raise SourceError(str(export.path), "needs a package that is not installed", advice) from error


MSG: Final = Reader(format=_MSG_FORMAT, is_it=is_msg, read=read_msg)
PST: Final = Reader(format=_PST_FORMAT, is_it=is_pst, read=read_pst)
