"""What a reader of one kind of export is, and what it is told beside the export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from troth.sources.blocks import Meter
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.turns import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a reader is told beside the export itself."""

    source: str  # the export's name, for TURNS.source
    now: datetime  # a date more than a year after it is impossible
    meter: Meter  # to be told of bytes read
    zone: str = "UTC"  # in which times without one are meant
    dates: Literal["dmy", "mdy"] = "dmy"  # how 3/4 is read where the export itself leaves it open
    us: frozenset[str] = frozenset()  # our addresses and domains, where they are known
    notes: Counter[str] = field(default_factory=Counter[str])  # what was mended, and how often


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How one kind of export is told and read.

    Attributes:
        format: what it is.
        is_it: whether an export is of this kind, from names and first bytes alone; never raises.
        read: its pieces, as a stream; what is none is handed back as `Rejected`. Raises OSError when the export stops
            being readable, SourceError when it cannot be read as a whole.
    """

    format: Format
    is_it: Callable[[Export], bool]
    read: Callable[[Export, Context], Iterator[Piece]]
