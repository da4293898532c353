"""Calls and chats of a contact centre whose words stand in one text, each turn behind a bold name.

JSON objects with ConversationId, StartTime, EndTime and Content, as Microsoft's conversation mining samples have them:
"**Agent:** Good morning. … **Customer:** …". All turns have the time at which the call began, in the text's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import re2

from troth.sources.documents import Fields
from troth.sources.formats import Format
from troth.sources.helpdesk import pick
from troth.sources.objects import read_objects
from troth.sources.reader import Context
from troth.sources.spoken import Said, Talk, Voice, tell_talk
from troth.sources.turns import Piece, Rejected
from troth.times import read_time

_KEYS: Final = frozenset({"ConversationId", "StartTime", "Content"})
_BOLD: Final = re2.compile(r"\*\*([^*\n:]{1,60}):\*\*")
_VOICES: Final = {
    **dict.fromkeys(("agent", "representative"), Voice("agent", None, "us", is_named=False)),
    **dict.fromkeys(("customer", "caller", "client"), Voice("customer", None, "them", is_named=False)),
}


def _tell(call: Fields, where: str, context: Context) -> Iterator[Piece]:
    given, content = pick(call, "ConversationId"), pick(call, "Content") or ""
    marks = list(_BOLD.finditer(content))
    if given is None or not marks:
        yield Rejected(position=where, reason="no turns behind bold names, or no id")
        return
    said: list[Said] = []
    for number, (mark, end) in enumerate(
        zip(marks, [*(mark.start() for mark in marks[1:]), len(content)], strict=True)
    ):
        if text := content[mark.end() : end].strip():
            said.append(Said(str(mark[1]).strip().lower(), None, None, text, str(number + 1)))
    talk = Talk(
        conversation=f"call:{given}",
        start=read_time(pick(call, "StartTime"), zone=context.zone, order=context.dates),
        voices=_VOICES,
    )
    yield from tell_talk(talk, said, context)


WRITTEN_CALLS: Final = read_objects(
    Format(name="written calls", description="calls of a contact centre, each as one text with bold names"),
    _KEYS,
    _tell,
)
