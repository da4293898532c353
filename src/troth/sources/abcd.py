"""Chats of customer service in the form of the ABCD corpus: who said what, and the buttons that the agent pressed.

A button is an act in a system, not words: it becomes a row of CALLS behind the turn before it. Its name and values
stand in the corpus' second telling of the same chat ("delexed"), entry by entry beside the first ("original").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from troth.sources.charsets import clean
from troth.sources.documents import Fields
from troth.sources.formats import Format
from troth.sources.helpdesk import items, part, pick, read_address, read_phone
from troth.sources.objects import read_objects
from troth.sources.reader import Context
from troth.sources.spoken import Said, Talk, Voice, tell_talk
from troth.sources.turns import Call, Piece, Rejected

_KEYS: Final = frozenset({"convo_id", "scenario", "original"})
_AGENT: Final = Voice("agent", None, "us", is_named=False)


def _tell(chat: Fields, where: str, context: Context) -> Iterator[Piece]:
    given, original = pick(chat, "convo_id"), chat.get("original")
    if given is None or not isinstance(original, list):
        yield Rejected(position=where, reason="a chat without id or words")
        return
    retold = items(chat.get("delexed"))
    conversation = f"abcd:{given}"
    said: list[Said] = []
    calls: list[Call] = []
    for number, entry in enumerate(cast("list[Any]", original)):
        if (
            not isinstance(entry, list)
            or len(cast("list[Any]", entry)) != 2
            or not all(isinstance(x, str) for x in entry)
        ):
            yield Rejected(position=f"{where}, entry {number + 1}", reason="not a speaker and words")
            continue
        who, text = (clean(each).strip() for each in cast("list[str]", entry))
        if who == "action":
            behind = f"{conversation}/{said[-1].key}" if said else None
            calls.append(_press(conversation, behind, len(calls), text, retold[number] if number < len(retold) else {}))
        elif text:
            said.append(Said(who, None, None, text, str(number + 1)))
    person = part(chat, "scenario", "personal")
    customer = Voice(
        read_address(person.get("email")) or "customer",
        pick(person, "customer_name"),
        "them",
        is_named=read_address(person.get("email")) is not None,
        phone=read_phone(person.get("phone")),
    )
    talk = Talk(conversation=conversation, start=None, channel="chat", voices={"agent": _AGENT, "customer": customer})
    yield from tell_talk(talk, said, context, joins=False)
    yield from calls


def _press(conversation: str, behind: str | None, position: int, text: str, retold: Fields) -> Call:
    """A button pressed; without its name in the second telling, what the log says stands for it."""
    targets = retold.get("targets")
    named = cast("list[Any]", targets) if isinstance(targets, list) and len(cast("list[Any]", targets)) > 3 else []
    tool = named[2] if named and isinstance(named[2], str) else None
    return Call(
        call_id=f"{conversation}/action {position + 1}",
        conversation_id=conversation,
        turn_id=behind,
        is_before=False,
        position=position,
        tool=clean(tool or text)[:200] or "action",
        arguments=clean(json.dumps({"said": text, "values": named[3] if named else []}, ensure_ascii=False)),
        failed=False,
    )


ABCD: Final = read_objects(
    Format(
        name="abcd",
        description="chats of customer service in the form of the ABCD corpus",
        takes="turns, what the agent did, the customer",
    ),
    _KEYS,
    _tell,
)
