"""Lay the team's chats into a Slack export: a zip with lists of people and channels, and a file for each day."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from troth.sample._source import Person
from troth.sample._talks import CLOCK, Said, Talk

_TEAM: Final = "T04BRIMHOLT"
_BOT: Final = "B04WATCHLAMP"
_MENTION: Final = re.compile(r"@([a-z]+)\b")
_CREATED: Final = int(datetime(2025, 1, 7, 9, 0, tzinfo=UTC).timestamp())
_PACKED: Final = (2026, 11, 20, 0, 0, 0)  # one time for every member of the zip, so that its bytes stay the same


def build_slack(talks: Sequence[Talk], people: Mapping[str, Person]) -> bytes:
    """The export as a zip, the same bytes every time."""
    members = sorted({who for talk in talks for who in talk.members})
    files: dict[str, Any] = {
        "users.json": [_user(short, people[short]) for short in members],
        "channels.json": [_channel(talk) for talk in talks if talk.fields["kind"] != "direct"],
        "groups.json": [],
        "dms.json": [
            {"id": _folder(talk), "created": _CREATED, "members": [_id(short) for short in talk.members]}
            for talk in talks
            if talk.fields["kind"] == "direct"
        ],
        "mpims.json": [],
        "integration_logs.json": [],
    }
    for talk in talks:
        for day, messages in _days(talk, people):
            files[f"{_folder(talk)}/{day}.json"] = messages
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # packers differ from one library to the next
        for name, content in files.items():
            text = json.dumps(content, ensure_ascii=False, indent=4)
            archive.writestr(zipfile.ZipInfo(name, _PACKED), text.encode())
    return packed.getvalue()


def _id(short: str) -> str:
    return f"U04{short.upper():0<8}"


def _folder(talk: Talk) -> str:
    """A channel's name; for a direct chat its id, as Slack names the folder."""
    return talk.name.replace("-", "").upper() if talk.fields["kind"] == "direct" else talk.name


def _user(short: str, person: Person) -> Mapping[str, Any]:
    first, _, last = person.name.rpartition(" ")
    is_guest = person.circle != "us"
    return {
        "id": _id(short),
        "team_id": _TEAM,
        "name": short,
        "deleted": False,
        "real_name": person.name,
        "tz": person.zone,
        "profile": {
            "real_name": person.name,
            "real_name_normalized": person.name,
            "display_name": short,
            "email": person.address,
            "first_name": first,
            "last_name": last,
            "team": _TEAM,
        },
        "is_admin": short == "priya",
        "is_owner": short == "jorun",
        "is_restricted": is_guest,
        "is_ultra_restricted": is_guest,
        "is_bot": False,
    }


def _channel(talk: Talk) -> Mapping[str, Any]:
    about = {"value": talk.fields["purpose"], "creator": _id("priya"), "last_set": _CREATED}
    return {
        "id": "C04" + talk.name.replace("-", "").upper()[:8],
        "name": talk.name,
        "created": _CREATED,
        "creator": _id("priya"),
        "is_archived": False,
        "is_general": False,
        "members": [_id(short) for short in talk.members],
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": about,
    }


def _days(talk: Talk, people: Mapping[str, Person]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    stamps = {said.label: f"{int(said.at.timestamp())}.{n * 100 + 19:06d}" for n, said in enumerate(talk.said)}
    answers = {
        said.thread: [one for one in talk.said if one.thread == said.thread] for said in talk.said if said.thread
    }
    senders = {said.label: _id(said.who) for said in talk.said}
    days: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for said in talk.said:
        message = _message(said, people) | {"ts": stamps[said.label]}
        if said.thread:
            message |= {"thread_ts": stamps[said.thread], "parent_user_id": senders[said.thread]}
        elif said.label in answers:
            below = [{"user": senders[one.label], "ts": stamps[one.label]} for one in answers[said.label]]
            message |= {"thread_ts": message["ts"], "reply_count": len(below), "replies": below}
        days[f"{said.at.astimezone(CLOCK):%Y-%m-%d}"].append(message)
    yield from days.items()


def _message(said: Said, people: Mapping[str, Person]) -> dict[str, Any]:
    message: dict[str, Any] = {"type": "message", "text": _text(said.words, people), "team": _TEAM}
    if people[said.who].circle == "automatic":
        message |= {"subtype": "bot_message", "bot_id": _BOT, "username": people[said.who].name}
    else:
        message |= {"user": _id(said.who)}
    if said.reactions:
        message["reactions"] = [
            {"name": name, "users": [_id(short) for short in who], "count": len(who)}
            for name, who in said.reactions.items()
        ]
    return message


def _text(words: str, people: Mapping[str, Person]) -> str:
    """Words as Slack keeps them: three characters escaped, people named by id."""
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(lambda found: f"<@{_id(found[1])}>" if found[1] in people else found[0], escaped)
