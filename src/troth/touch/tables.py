"""The tables of the touch-point map: the places, what they show, and what does not join up between them."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_TIME: Final = pa.timestamp("us", tz="UTC")


def _typical_fields(name: str) -> list[pa.Field]:
    """Counts of waits, and in working hours their median and 90 % point with 80 % intervals."""
    parts = ("median", "median_low", "median_high", "most", "most_low", "most_high")
    return [
        pa.field(f"{name}s", pa.int64(), nullable=False),
        pa.field(f"{name}s_open", pa.int64(), nullable=False),  # have not ended
        *(pa.field(f"{name}_{part}_h", pa.float64()) for part in parts),
    ]


TOUCHPOINTS: Final = pa.schema(
    [
        pa.field("channel", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),  # of `touch.STAGES`, or unknown
        pa.field("turns_us", pa.int64(), nullable=False),  # by people
        pa.field("turns_them", pa.int64(), nullable=False),
        pa.field("automatic", pa.int64(), nullable=False),  # of ours, written by a program
        pa.field("customers", pa.int64(), nullable=False),
        pa.field("speakers", pa.int64(), nullable=False),  # of us
        pa.field("first_turn", _TIME),
        pa.field("last_turn", _TIME),
        *_typical_fields("first_answer"),
        *_typical_fields("hand_over"),
        pa.field(
            "said_twice", pa.int64(), nullable=False
        ),  # statements here on what another of us or channel told them
        pa.field("agree", pa.int64(), nullable=False),  # of these
        pa.field("changed", pa.int64(), nullable=False),  # differ, and the change was told or asked for
        pa.field("suspected", pa.int64(), nullable=False),  # differ, and nothing tells why
        pa.field("repeats", pa.int64(), nullable=False),  # sentences of theirs here that say or ask again
        pa.field("same_words", pa.float64()),  # share of our words here that went to another customer word for word
    ]
)
"""The touch points, those with most turns first."""

SHOWN_THERE: Final = pa.schema(
    [
        pa.field("channel", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("gauge", pa.string(), nullable=False),
        pa.field("facet", pa.string(), nullable=False),
        pa.field("percentile", pa.float64()),  # null where withheld: not enough evidence
        pa.field("low", pa.float64(), nullable=False),  # ends of the 80 % band, percentiles of relationships
        pa.field("high", pa.float64(), nullable=False),
        pa.field("reliability", pa.float64(), nullable=False),
        pa.field("readings", pa.int64(), nullable=False),
        pa.field("customers", pa.int64(), nullable=False),
    ]
)
"""What a typical customer meets at a touch point, facet by facet; rows with at least one reading."""


def _place_fields(name: str, *, nullable: bool = False) -> list[pa.Field]:
    parts: tuple[tuple[str, pa.DataType], ...] = (
        ("at", _TIME), ("speaker", pa.string()), ("channel", pa.string()), ("stage", pa.string()),
        ("text", pa.string()), ("turn_id", pa.string()), ("start", pa.int32()), ("end", pa.int32()),
    )  # fmt: skip
    return [pa.field(f"{name}_{part}", kind, nullable=nullable or part == "at") for part, kind in parts]


HEARD: Final = pa.schema(
    [
        pa.field("verdict", pa.string(), nullable=False),  # suspected, changed, same
        pa.field("kind", pa.string(), nullable=False),  # price, quantity, date, scope, name
        pa.field("relationship", pa.string(), nullable=False),
        *_place_fields("earlier"),
        *_place_fields("later"),
    ]
)
"""Two statements of ours to one customer on one matter, by two of us or over two channels; suspected ones first."""

REPEATED: Final = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # asked again, told again, says so
        pa.field("relationship", pa.string(), nullable=False),
        pa.field("another", pa.string(), nullable=False),  # touch point, of us, both; empty where not known
        *_place_fields("later"),
        *_place_fields("earlier", nullable=True),  # null where they only say that they said it before
    ]
)
"""Sentences of theirs that say or ask again what they said or asked elsewhere."""

FLAT: Final = pa.schema(
    [
        pa.field("part", pa.string()),  # touch point, shown, heard, repeated, note
        *{
            field.name: pa.field(field.name, field.type)
            for part in (TOUCHPOINTS, SHOWN_THERE, HEARD, REPEATED)
            for field in part
        }.values(),
        pa.field("note", pa.string()),
    ]
)
"""Everything about the touch points in one table."""
