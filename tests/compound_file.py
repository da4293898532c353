"""A compound file as Outlook saves mails in, written from nothing: [MS-CFB] version 3 and [MS-OXMSG]."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

SECTOR, SMALL, CUTOFF = 512, 64, 4096
END, FREE, IS_FAT, NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
TEXT, TEXT8, LONG, FLAG, TIME, BYTES = 0x1F, 0x1E, 0x03, 0x0B, 0x40, 0x102

Tree = Mapping[str, "bytes | Tree"]


def write_compound(tree: Tree) -> bytes:
    """Streams under 4096 bytes go into the small stream, as the format wants it."""
    entries: list[dict[str, Any]] = [{"name": "Root Entry", "kind": 5, "child": NONE}]
    sectors: list[bytes] = []
    fat: list[int] = []
    small = bytearray()
    small_fat: list[int] = []

    def chain(data: bytes) -> int:
        first = len(fat)
        count = -(-len(data) // SECTOR)
        for number in range(count):
            sectors.append(data[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\0"))
            fat.append(first + number + 1 if number + 1 < count else END)
        return first if count else END

    def small_chain(data: bytes) -> int:
        first, count = len(small_fat), -(-len(data) // SMALL)
        small_fat.extend([*range(first + 1, first + count), END] if count else [])
        small.extend(data.ljust(count * SMALL, b"\0"))
        return first if count else END

    def add(inside: Tree) -> int:
        numbers: list[int] = []
        for name in sorted(inside, key=lambda name: (len(name), name.upper())):
            content = inside[name]
            numbers.append(len(entries))
            if isinstance(content, bytes):
                start = small_chain(content) if len(content) < CUTOFF else chain(content)
                entries.append({"name": name, "kind": 2, "start": start, "size": len(content)})
            else:
                entries.append({"name": name, "kind": 1})
                entries[numbers[-1]]["child"] = add(content)
        for before, after in pairwise(numbers):
            entries[before]["right"] = after
        return numbers[0] if numbers else NONE

    entries[0]["child"] = add(tree)
    entries[0] |= {"start": chain(bytes(small)), "size": len(small)}
    small_start = chain(struct.pack(f"<{len(small_fat)}I", *small_fat))
    listed = b"".join(_entry(entry) for entry in entries)
    directory = chain(listed + b"".join(_entry({}) for _ in range(-len(entries) % 4)))
    fat_count = 1
    while fat_count * 128 < len(fat) + fat_count:
        fat_count += 1
    places = list(range(len(fat), len(fat) + fat_count))
    fat += [IS_FAT] * fat_count
    fat += [FREE] * (fat_count * 128 - len(fat))
    sectors += [struct.pack("<128I", *fat[at : at + 128]) for at in range(0, len(fat), 128)]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIII", 0, fat_count, directory, 0, CUTOFF)
    header += struct.pack("<IIII", small_start, -(-len(small_fat) * 4 // SECTOR), END, 0)
    header += struct.pack("<109I", *(places + [FREE] * (109 - fat_count)))
    return header + b"".join(sectors)


def _entry(entry: Mapping[str, Any]) -> bytes:
    name = (entry["name"] + "\0").encode("utf-16-le") if entry else b""
    data = name.ljust(64, b"\0") + struct.pack("<HBB", len(name), entry.get("kind", 0), 1)
    data += struct.pack("<III", NONE, entry.get("right", NONE), entry.get("child", NONE)) + bytes(36)
    return data + struct.pack("<IQ", entry.get("start", END if entry.get("kind") == 2 else 0), entry.get("size", 0))


def write_msg(
    mail: Mapping[int, Any], recipients: Sequence[Mapping[int, Any]] = (), attachments: Sequence[Mapping[int, Any]] = ()
) -> bytes:
    """A mail from its properties: text, bytes, whole numbers, yes or no, times; (type, bytes) for anything else."""
    tree: dict[str, Any] = _storage({0x001A: "IPM.Note"} | dict(mail), header=32)
    tree["__nameid_version1.0"] = {f"__substg1.0_000{part}0102": b"" for part in (2, 3, 4)}
    for number, one in enumerate(recipients):
        tree[f"__recip_version1.0_#{number:08X}"] = _storage(one, header=8)
    for number, one in enumerate(attachments):
        tree[f"__attach_version1.0_#{number:08X}"] = _storage(one, header=8)
    return write_compound(tree)


def _storage(properties: Mapping[int, Any], *, header: int) -> dict[str, Any]:
    table = bytes(header)
    streams: dict[str, Any] = {}
    for number, value in properties.items():
        kind, data = typed(value)
        if kind in (TEXT, TEXT8, BYTES):
            streams[f"__substg1.0_{number:04X}{kind:04X}"] = data
            table += struct.pack("<HHIII", kind, number, 6, len(data) + (2 if kind == TEXT else 0), 0)
        else:
            table += struct.pack("<HHI", kind, number, 6) + data.ljust(8, b"\0")
    return streams | {"__properties_version1.0": table}


def typed(value: Any) -> tuple[int, bytes]:
    """The type and the bytes of a property."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, str):
        return TEXT, value.encode("utf-16-le")
    if isinstance(value, bool):
        return FLAG, bytes([value])
    if isinstance(value, int):
        return LONG, struct.pack("<I", value)
    if isinstance(value, datetime):
        ticks = (value - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
        return TIME, struct.pack("<Q", ticks)
    return BYTES, value
