"""Turns as people have them, in memory, taken to TURNS."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from troth.schema import TURNS, arrow_table, conform


def take_turns(data: object) -> pa.Table:
    """Take turns as people have them to TURNS, filling in what can be: only the words must be there.

    Raises: MissingColumns when there is neither `text` nor `body`; BadColumn when a column cannot be used.
    """
    table = arrow_table(data)
    if "body" not in table.column_names and "text" in table.column_names:
        table = table.rename_columns(["body" if name == "text" else name for name in table.column_names])
    count = table.num_rows
    ids = table["turn_id"] if "turn_id" in table.column_names else pa.array([str(row) for row in range(count)])
    defaults: Mapping[str, pa.Array | pa.ChunkedArray] = {
        "turn_id": ids,
        "conversation_id": ids,
        "position": pa.array(range(count), pa.int64()),
        "speaker": pa.repeat("unknown", count),
        "channel": pa.repeat("mail", count),
        "automatic": pa.repeat(False, count),
        "source": pa.repeat("memory", count),
    }
    for name, values in defaults.items():
        if name not in table.column_names:
            table = table.append_column(name, values)
        elif table[name].null_count and name not in {"turn_id", "conversation_id"}:
            filled = pc.coalesce(table[name], values if isinstance(values, pa.Array) else values.combine_chunks())
            table = table.set_column(table.column_names.index(name), name, filled)
    return conform(table, TURNS)
