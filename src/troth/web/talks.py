"""Where a sentence stands, as an address that opens its conversation at the turn."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from troth.web.view import View


def find_talk(view: View, turn_id: str | None) -> str | None:
    """The address of a turn in its conversation; None where it is in none that this view holds."""
    rows = view.turn.rows(turn_id)
    if not rows.num_rows:
        return None
    conversation, home = rows["conversation_id"][0].as_py(), rows["relationship"][0].as_py()
    if home is None:
        return None
    return f"/relationships/{quote(home, safe='')}/conversations/{quote(conversation, safe='')}"
