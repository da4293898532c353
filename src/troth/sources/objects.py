"""Readers of JSON files in which each object is a conversation by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from troth.sources.documents import Fields, find_keys
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.json_items import read_items
from troth.sources.reader import Context, Reader
from troth.sources.turns import Piece, Rejected


def read_objects(form: Format, keys: frozenset[str], tell: Callable[[Fields, str, Context], Iterator[Piece]]) -> Reader:
    """A reader that knows its files by names of fields and takes one object after another.

    Args:
        form: what it reads.
        keys: all of them stand in the first bytes of each file.
        tell: the pieces of one object, which stands at this place.
    """

    def is_it(export: Export) -> bool:
        return export.kind != "folder" and all(find_keys(export, name) >= keys for name in export.names)

    def read(export: Export, context: Context) -> Iterator[Piece]:
        for name in export.names:
            for found in read_items(export, name, context.meter):
                if isinstance(found, Rejected):
                    yield found
                else:
                    yield from tell(found[1], found[0], context)

    return Reader(format=form, is_it=is_it, read=read)
