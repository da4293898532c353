"""Where a sentence stands, as an address that opens its conversation at the turn."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from troth.web.view import View


def list_talks(turns: pa.Table, by_time: NDArray[np.int32]) -> pa.Table:
    """One row per relationship and conversation, the latest first.

    Args:
        turns: TURNS.
        by_time: their numbers in order of time.

    Returns: relationship, conversation_id, subject (the first one), channel, begun, last, turns. What nobody placed
        is left out.
    """
    needed = turns.select(["relationship", "conversation_id", "subject", "channel", "sent_at", "turn_id"])
    named = needed.take(pa.array(by_time[pc.is_valid(needed["relationship"]).to_numpy()[by_time]]))
    groups = named.group_by(["relationship", "conversation_id"], use_threads=False).aggregate(
        [("subject", "first"), ("channel", "first"), ("sent_at", "min"), ("sent_at", "max"), ("turn_id", "count")]
    )
    talks = groups.rename_columns(
        ["relationship", "conversation_id", "subject", "channel", "begun", "last", "turns"]
    )  # fmt: skip
    return talks.sort_by([("last", "descending"), ("conversation_id", "ascending")])


def find_talk(view: View, turn_id: str | None) -> str | None:
    """The address of a turn in its conversation; None where it is in none that this view holds."""
    rows = view.turn.rows(turn_id)
    if not rows.num_rows:
        return None
    conversation, home = rows["conversation_id"][0].as_py(), rows["relationship"][0].as_py()
    if home is None:
        return None
    return talk_at(home, conversation, turn_id)


def talk_at(relationship: str, conversation: str, turn_id: str | None) -> str:
    """The address of a conversation; with a turn, of the part of it that holds the turn, opened there."""
    address = f"/relationships/{quote(relationship, safe='')}/conversations/{quote(conversation, safe='')}"
    return address if turn_id is None else f"{address}?at={quote(turn_id, safe='')}#{anchor_of(turn_id)}"


def anchor_of(turn_id: str) -> str:
    """The name of a turn's place on a page; nothing of a stranger's own id is in it."""
    return "t" + blake2b(turn_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
