"""A Slack export: lists of people and channels, a folder for each channel, a file for each day.

A thread is a conversation; what is said outside threads forms runs (`talk.Runs`). Joins, renamed channels and the like
are no turns and are counted. What programs post is kept as automatic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple, cast

import re2

from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.json_items import read_items
from troth.sources.jsonl import Row
from troth.sources.reader import Context, Reader
from troth.sources.talk import (
    CHANNEL_GAP,
    DIRECT_GAP,
    EDITED,
    LISTENERS,
    NOTICE,
    Runs,
    make_turn,
    possible,
    read_epoch,
    take_object,
    take_objects,
    take_text,
    take_words,
)
from troth.sources.turns import Contact, Piece, Rejected, Turn

_WITHOUT: Final = "files of the export that hold no messages"

_FORMAT: Final = Format(
    name="slack",
    description="a Slack export: the zip, or the folder it unpacks to",
    takes="messages and threads, people and their addresses",
)
_PEOPLE: Final = ("users.json", "org_users.json")
_DIRECT: Final = ("dms.json", "mpims.json")
_CHANNELS: Final = ("channels.json", "groups.json", *_DIRECT)
_DAY: Final = re2.compile(r"^\d{4}-\d\d-\d\d\.json$")
_SPECIAL: Final = re2.compile(r"<([^<>\n]+)>")
_LOOKED: Final = 20  # day files that are looked at to tell what an export is

# What people and programs write; everything else that carries a subtype is the program's own notice.
_SAID: Final = frozenset({"me_message", "thread_broadcast", "file_share", "file_comment"})
_BOTS: Final = frozenset({"bot_message", "slackbot_response"})
_GONE: Final = {
    "tombstone": "deleted by its sender",
    "ekm_access_denied": "its words were locked when the export was made",
}
_NOTICES: Final = frozenset(
    """
    channel_join channel_leave channel_topic channel_purpose channel_name channel_archive channel_unarchive
    channel_convert_to_private channel_convert_to_public channel_posting_permissions channel_canvas_updated
    group_join group_leave group_topic group_purpose group_name group_archive group_unarchive
    bot_add bot_remove bot_enable bot_disable app_conversation_join app_conversation_leave
    pinned_item unpinned_item reminder_add reminder_delete file_mention huddle_thread sh_room_created sh_room_shared
    reply_broadcast message_replied message_changed message_deleted tabbed_canvas_updated bookmark_add
    joiner_notification joiner_notification_for_inviter channel_shared channel_unshared external_channel_migration
    """.split()
)


class _Person(NamedTuple):
    handle: str  # as TURNS.speaker names them
    name: str
    is_bot: bool


@dataclass(slots=True, kw_only=True)
class _Channel:
    """One channel, by the name of its folder."""

    id: str
    members: tuple[str, ...] = ()
    is_direct: bool = False


@dataclass(slots=True, kw_only=True)
class _Workspace:
    """What the lists of an export say, and where the reading stands."""

    context: Context
    people: dict[str, _Person] = field(default_factory=dict[str, _Person])
    channels: dict[str, _Channel] = field(default_factory=dict[str, _Channel])
    titles: dict[str, str] = field(default_factory=dict[str, str])  # channel's id to its name
    teams: set[str] = field(default_factory=set[str])  # whose members the lists of people name as their own
    runs: Runs = field(default_factory=Runs)
    position: int = 0


def is_slack(export: Export) -> bool:
    """Whether there are the lists of people and channels, or day files with messages, in one place."""
    root = _find_root(export)
    if root is None:
        return False
    inside = [name for name in export.names if root in PurePosixPath(name).parents]
    lists = [name for name in inside if PurePosixPath(name).name in {*_PEOPLE, *_CHANNELS}]
    heads = [export.look(name).lstrip(b"\xef\xbb\xbf \r\n\t") for name in lists[:6]]
    if sum(head.startswith(b"[") and (b'"id"' in head or head[1:].lstrip() == b"]") for head in heads) >= 2:
        return True
    days = [name for name in inside if _is_day(name)][:_LOOKED]
    return any(b'"ts"' in (head := export.look(name)) and b'"type"' in head for name in days)


def _find_root(export: Export) -> PurePosixPath | None:
    """The folder with the lists, or with the channels' folders: the export's own, or the one that a zip wraps it in."""
    paths = [PurePosixPath(name) for name in export.names if export.kind != "file"]
    roots = {path.parent for path in paths if path.name in {*_PEOPLE, *_CHANNELS}}
    roots = roots or {path.parent.parent for path in paths if _is_day(path.name) and len(path.parts) > 1}
    top = PurePosixPath()
    if top in roots:
        return top
    return min(roots) if export.kind == "zip" and len(roots) == 1 else None


def read_slack(export: Export, context: Context) -> Iterator[Piece]:
    """People first, then the messages, channel by channel and day by day."""
    workspace = _Workspace(context=context)
    named = {name: PurePosixPath(name).name for name in export.names}
    for name, last in named.items():
        if last in _PEOPLE:
            yield from _read_people(export, name, workspace)
    for name, last in named.items():
        if last in _CHANNELS:
            yield from _read_channels(export, name, workspace, is_direct=last in _DIRECT)
    for name, last in named.items():
        if _is_day(name):
            folder = PurePosixPath(name).parent.name or context.source
            channel = workspace.channels.get(folder) or _Channel(id=folder)
            for item in read_items(export, name, context.meter):
                if isinstance(item, Rejected):
                    yield item
                else:
                    yield from _read_message(*item, channel, workspace)
        elif last not in {*_PEOPLE, *_CHANNELS}:
            context.meter.advance(export.size_of(name))
            context.notes[_WITHOUT] += 1


def _is_day(name: str) -> bool:
    return _DAY.match(PurePosixPath(name).name) is not None


def _read_people(export: Export, name: str, workspace: _Workspace) -> Iterator[Piece]:
    for item in read_items(export, name, workspace.context.meter):
        if isinstance(item, Rejected):
            yield item
            continue
        where, row = item
        user = take_text(row.get("id"))
        if not user:
            yield Rejected(position=where, reason="somebody without an id")
            continue
        if not row.get("is_stranger") and (team := take_text(row.get("team_id"))):
            workspace.teams.add(team)
        contact = _contact(user, row, workspace)
        is_bot = row.get("is_bot") is True or user == "USLACKBOT"
        workspace.people[user] = _Person(contact.address or _handle(user), contact.name or user, is_bot)
        if is_bot:
            workspace.context.notes["programs in the list of people: no contacts"] += 1
        else:
            yield contact


def _contact(user: str, row: Row, workspace: _Workspace) -> Contact:
    profile = take_object(row.get("profile"))
    address = take_text(profile.get("email")).lower()
    phone = "".join(char for char in take_text(profile.get("phone")) if char in "+0123456789")
    side = None
    if row.get("is_stranger"):
        side = "them"
    elif not address and row.get("is_restricted") is False and "team_id" in row:
        side = "us"  # a full member; where there is an address, that says it better
    return Contact(
        contact_id=_handle(user),
        source=workspace.context.source,
        kind="person",
        handle=_handle(user),
        name=_name(row) or None,
        address=address or None,
        phone=phone or None,
        side=side,
    )


def _name(row: Row) -> str:
    profile = take_object(row.get("profile"))
    given = (profile.get("real_name"), row.get("real_name"), profile.get("display_name"), row.get("name"))
    return next((text for value in given if (text := take_text(value))), "")


def _handle(user: str) -> str:
    return f"slack:{user}"


def _read_channels(export: Export, name: str, workspace: _Workspace, *, is_direct: bool) -> Iterator[Rejected]:
    for item in read_items(export, name, workspace.context.meter):
        if isinstance(item, Rejected):
            yield item
            continue
        _, row = item
        own = take_text(row.get("id"))
        members = row.get("members")
        named = (take_text(member) for member in cast("list[Any]", members)) if isinstance(members, list) else ()
        found = _Channel(id=own, members=tuple(filter(None, named)), is_direct=is_direct)
        title = take_text(row.get("name"))
        workspace.titles[own] = title or own
        for folder in {own, title} - {""}:
            workspace.channels[folder] = found


def _read_message(where: str, row: Row, channel: _Channel, workspace: _Workspace) -> Iterator[Piece]:
    kind = take_text(row.get("subtype"))
    if kind in _NOTICES:
        workspace.context.notes[NOTICE] += 1
        return
    reason = _why_not(row, kind)
    if reason:
        yield Rejected(position=where, reason=reason)
        return
    user = take_text(row.get("user")) or take_text(take_object(row.get("comment")).get("user"))
    if user and user not in workspace.people and not row.get("bot_id"):
        yield _meet(user, row, workspace)
    turn = _turn(row, kind, user, channel, workspace)
    if not turn.body and not turn.attachments and not turn.automatic:
        yield Rejected(position=where, reason="a message without words")
    else:
        yield turn


def _why_not(row: Row, kind: str) -> str:
    if row.get("type") != "message":
        return "no message"
    if kind in _GONE:
        return _GONE[kind]
    if kind and kind not in _SAID | _BOTS:
        return f"a message of a kind that is not known: {kind[:60]}"
    if read_epoch(take_text(row.get("ts"))) is None:
        return "no 'ts': a message needs its time, which is its name"
    if not any(take_text(row.get(name)) for name in ("user", "bot_id", "username")) and kind != "file_comment":
        return "nobody said it"
    return ""


def _meet(user: str, row: Row, workspace: _Workspace) -> Contact:
    """Somebody of another firm in a shared channel, whom the list of people leaves out."""
    profile = take_object(row.get("user_profile"))
    team = take_text(row.get("user_team")) or take_text(profile.get("team"))
    name = _name({**profile, "profile": profile})
    workspace.people[user] = _Person(_handle(user), name or user, is_bot=False)
    return Contact(
        contact_id=_handle(user),
        source=workspace.context.source,
        kind="person",
        handle=_handle(user),
        name=name or None,
        side="them" if team and workspace.teams and team not in workspace.teams else None,
    )


def _turn(row: Row, kind: str, user: str, channel: _Channel, workspace: _Workspace) -> Turn:
    context, people = workspace.context, workspace.people
    stamp = take_text(row.get("ts"))
    thread = take_text(row.get("thread_ts"))
    turn_id = f"slack:{channel.id}:{stamp}"
    sent_at = possible(read_epoch(stamp), now=context.now, notes=context.notes)
    if thread:
        conversation = f"slack:{channel.id}:{thread}"
    else:
        gap = DIRECT_GAP if channel.is_direct else CHANNEL_GAP
        conversation = workspace.runs.place(channel.id, turn_id, sent_at, gap=gap)
    if row.get("edited"):
        context.notes[EDITED] += 1
    person = people.get(user)
    bot = take_text(row.get("bot_id"))
    automatic = kind in _BOTS or (person.is_bot if person else bool(bot))
    words, mentioned = _render(_own_words(row, kind, automatic=automatic), workspace)
    workspace.position += 1
    return make_turn(
        turn_id,
        words,
        conversation=conversation,
        parent=conversation if thread and thread != stamp else None,
        position=workspace.position - 1,
        sent_at=sent_at,
        speaker=person.handle if person else _handle(user or bot or take_text(row.get("username")) or "unknown"),
        name=person.name
        if person
        else take_text(row.get("username")) or take_text(take_object(row.get("bot_profile")).get("name")),
        recipients=_listeners(user, mentioned, channel, people),
        attachments=_files(row),
        automatic=automatic,
        source=context.source,
        notes=context.notes,
    )


def _listeners(user: str, mentioned: list[str], channel: _Channel, people: Mapping[str, _Person]) -> list[str]:
    """Who is spoken to by name, then who else is there where they are few."""
    others = channel.members if len(channel.members) <= LISTENERS + 1 else ()
    named = (who for who in (*mentioned, *others) if who != user)
    return list(dict.fromkeys(people[who].handle if who in people else _handle(who) for who in named))


def _own_words(row: Row, kind: str, *, automatic: bool) -> str:
    """What was written, without what the program wrote around it."""
    text = take_words(row.get("text"))
    if kind == "file_comment":
        return take_words(take_object(row.get("comment")).get("comment")) or text.partition(">: ")[2] or text
    if kind == "file_share" and text.startswith("<@") and (" uploaded a file: " in text or " shared a file: " in text):
        return text.partition(" and commented: ")[2]
    shared = [_attached(entry, automatic=automatic) for entry in take_objects(row.get("attachments"))]
    return "\n".join(part for part in (text, *shared) if part)


def _attached(entry: Row, *, automatic: bool) -> str:
    """The words of a program's message; a message that was passed on, as a quote; of a link's preview nothing."""
    if automatic:
        parts = [take_words(entry.get(name)) for name in ("pretext", "title", "text")]
        return "\n".join(filter(None, parts)) or take_words(entry.get("fallback"))
    if entry.get("is_share") or entry.get("is_msg_unfurl"):
        return "\n".join(f"> {line}" for line in take_words(entry.get("text")).splitlines())
    return ""


def _render(text: str, workspace: _Workspace) -> tuple[str, list[str]]:
    """Text as a reader sees it, and the ids of who is mentioned in it.

    <https://docs.slack.dev/messaging/formatting-message-text>: only &, < and > are escaped.
    """
    mentioned: list[str] = []
    pieces: list[str] = []
    end = 0
    for found in _SPECIAL.finditer(text):
        pieces += (_unescape(text[end : found.start()]), _unescape(_show(str(found.group(1)), mentioned, workspace)))
        end = found.end()
    pieces.append(_unescape(text[end:]))
    return "".join(pieces).replace("\r\n", "\n").strip(), mentioned


def _show(inner: str, mentioned: list[str], workspace: _Workspace) -> str:
    target, bar, label = inner.partition("|")
    if target.startswith("@"):
        user = target[1:]
        mentioned.append(user)
        person = workspace.people.get(user)
        return f"@{person.name if person else label or user}"
    if target.startswith("#"):
        return f"#{label or workspace.titles.get(target[1:], target[1:])}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    return label if bar and label else target.removeprefix("mailto:")


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _files(row: Row) -> list[str]:
    entries = take_objects(row.get("files")) or [entry for entry in (take_object(row.get("file")),) if entry]
    names = (take_text(entry.get("name")) or take_text(entry.get("title")) for entry in entries)
    return [name or "a file" for name in names]


SLACK: Final = Reader(format=_FORMAT, is_it=is_slack, read=read_slack)
