"""The objects of a JSON file, whichever way an interface or an export lays them out.

They come as a list, as JSON Lines, one alone, or in the lists of an envelope such as {"tickets": […], "count": 3}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from troth.sources.blocks import Meter
from troth.sources.export import Export
from troth.sources.json_items import read_items, read_lists
from troth.sources.turns import Rejected

_KEY: Final = re.compile(rb'"([A-Za-z_][A-Za-z0-9_ ]{0,60}+)"\s{0,8}+:')
_TOKEN: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?|[{}\[\]]|"', re.DOTALL)

Fields = Mapping[str, Any]


class Entry(NamedTuple):
    """One object of a document: the list it stands in ("" for none), where it stands, and what it is."""

    list: str
    where: str
    fields: Fields


def find_keys(export: Export, name: str = "") -> frozenset[str]:
    """The names of fields in the first bytes of a JSON file; none where it does not begin as JSON."""
    head = _look(export, name)
    return frozenset(match[1].decode() for match in _KEY.finditer(head)) if head[:1] in {b"{", b"["} else frozenset()


def is_json(export: Export, name: str = "") -> bool:
    """Whether a file begins as JSON does."""
    return _look(export, name)[:1] in {b"{", b"["}


def read_entries(
    export: Export, name: str, lists: frozenset[str], *, meter: Meter | None = None
) -> Iterator[Entry | Rejected]:
    """The objects of a JSON file, in order.

    Args:
        export, name: which member.
        lists: fields of an envelope whose entries are wanted. An object with an id is no envelope, whatever it holds.
        meter: told of bytes read.

    Returns: entries; what is no object, or no JSON, as `Rejected`.
    """
    meter = meter or Meter(0, None)
    outer = find_outer_keys(_look(export, name))
    if "id" not in outer and outer & lists:
        for found in read_lists(export, name, meter, under=lists):
            yield found if isinstance(found, Rejected) else Entry(*found)
        return
    for found in read_items(export, name, meter):
        yield found if isinstance(found, Rejected) else Entry("", *found)


def _look(export: Export, name: str) -> bytes:
    return export.look(name).removeprefix(b"\xef\xbb\xbf").lstrip()


def find_outer_keys(head: bytes) -> set[str]:
    """The fields of the first outermost object, as far as these bytes show them."""
    keys: set[str] = set()
    depth = 0
    for match in _TOKEN.finditer(head):
        if match[1] is not None:
            if depth == 1 and match[2] is not None:
                keys.add(match[1].decode(errors="replace"))
        elif match[0] == b'"':
            break  # of a string that was cut short
        elif match[0] in b"{[":
            if match[0] == b"[" and not depth:
                break
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                break
    return keys
