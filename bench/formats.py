"""Speed and memory of reading each kind of export, beside the library that a user would otherwise call.

    python bench/formats.py [--turns N] [--only NAME ...] [--rounds N]

Both sides read the same made-up conversations in the same run, each in a process of its own, one after the other; the
best of the rounds counts. Seconds are those of the processor, so that a busy machine does not make them false. The
other side takes times, speakers and words into a list of tuples and does nothing else: no ids, threads, people,
outcomes or tables. Megabytes are those of the export as it lies on disk, unpacked where it is packed. Memory is the
peak resident set of the process that reads, libraries included. A library that is not installed is passed over:
webvtt-py for captions, whatstk (GPL) for WhatsApp.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

_START = datetime(2025, 1, 6, 8, tzinfo=UTC)
_WORDS = (
    "the order will ship on friday and we have checked it twice thank you for your patience about invoice please let "
    "me know whether tuesday works I am sorry that this took so long our team found cause yesterday für Größe café"
).split()


class Said(NamedTuple):
    """One made-up turn."""

    number: int
    talk: int
    who: int  # even numbers are ours
    at: datetime
    words: str


def make_talks(count: int) -> list[Said]:
    """Conversations of ten turns between two people each, a minute or so apart, eight to eighty words a turn."""
    rng = random.Random(20261122)
    said: list[Said] = []
    for number in range(count):
        words = " ".join(rng.choices(_WORDS, k=rng.randint(8, 80)))
        at = _START + timedelta(minutes=number, seconds=rng.randrange(60))
        said.append(Said(number, number // 10, 2 * (number // 10 % 40) + number % 2, at, words))
    return said


def _name(who: int) -> str:
    return f"{'Anna' if who % 2 == 0 else 'Bob'} Person{who}"


def _mail(who: int) -> str:
    return f"p{who}@{'firm' if who % 2 == 0 else f'client{who % 7}'}.example"


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# ------------------------------------------------------------------------------------------------------- the writers


def write_slack(path: Path, said: list[Said]) -> None:
    people = [
        {"id": f"U{n}", "name": f"p{n}", "profile": {"email": _mail(n), "real_name": _name(n)}} for n in range(80)
    ]
    days: dict[str, list[dict[str, Any]]] = {}
    for one in said:
        stamp = f"{int(one.at.timestamp())}.{one.number % 1_000_000:06d}"
        row = {"type": "message", "user": f"U{one.who}", "text": one.words, "ts": stamp, "team": "T1"}
        days.setdefault(f"{one.at:%Y-%m-%d}", []).append(row)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("users.json", json.dumps(people))
        packed.writestr("channels.json", json.dumps([{"id": "C1", "name": "general", "members": ["U0", "U1"]}]))
        for day, rows in days.items():
            packed.writestr(f"general/{day}.json", json.dumps(rows, indent=4))


def write_whatsapp(path: Path, said: list[Said]) -> None:
    lines = (f"[{one.at:%d/%m/%Y, %H:%M:%S}] {_name(one.who % 2)}: {one.words}\n" for one in said)
    path.write_text("".join(lines), "utf-8")


def write_webvtt(path: Path, said: list[Said]) -> None:
    cues = (
        f"{_clock(3 * n, '.')} --> {_clock(3 * n + 2, '.')}\n<v {_name(one.who % 4)}>{one.words}</v>\n\n"
        for n, one in enumerate(said)
    )
    path.write_text("WEBVTT\n\n" + "".join(cues), "utf-8")


def write_srt(path: Path, said: list[Said]) -> None:
    cues = (
        f"{n + 1}\n{_clock(3 * n, ',')} --> {_clock(3 * n + 2, ',')}\n{_name(one.who % 4)}: {one.words}\n\n"
        for n, one in enumerate(said)
    )
    path.write_text("".join(cues), "utf-8")


def _clock(seconds: int, point: str) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}000"


def write_zendesk(path: Path, said: list[Said]) -> None:
    path.mkdir()
    users = [
        {
            "id": n,
            "name": _name(n),
            "email": _mail(n),
            "role": "agent" if n % 2 == 0 else "end-user",
            "organization_id": None,
        }
        for n in range(80)
    ]
    tickets = [
        {
            "id": one.talk,
            "subject": f"Order {one.talk}",
            "description": "",
            "status": "open",
            "requester_id": one.who | 1,
            "submitter_id": one.who | 1,
            "assignee_id": one.who & ~1,
            "created_at": _iso(one.at),
            "updated_at": _iso(one.at),
        }
        for one in said[::10]
    ]
    events = [
        {
            "id": one.number,
            "ticket_id": one.talk,
            "created_at": _iso(one.at),
            "updater_id": one.who,
            "event_type": "Audit",
            "child_events": [
                {
                    "id": 10_000_000 + one.number,
                    "event_type": "Comment",
                    "author_id": one.who,
                    "body": one.words,
                    "public": True,
                    "created_at": _iso(one.at),
                    "attachments": [],
                }
            ],
        }
        for one in said
    ]
    (path / "users.json").write_text(json.dumps({"users": users, "count": 80}), "utf-8")
    (path / "tickets.json").write_text(json.dumps({"tickets": tickets, "count": len(tickets)}), "utf-8")
    (path / "ticket_events.json").write_text(json.dumps({"ticket_events": events, "count": len(events)}), "utf-8")


def write_intercom(path: Path, said: list[Said]) -> None:
    talks = []
    for first in range(0, len(said), 10):
        turns = said[first : first + 10]
        parts = [
            {
                "type": "conversation_part",
                "id": one.number,
                "part_type": "comment",
                "body": f"<p>{one.words}</p>",
                "author": _author(one.who),
                "created_at": int(one.at.timestamp()),
                "attachments": [],
                "redacted": False,
            }
            for one in turns[1:]
        ]
        talks.append(
            {
                "type": "conversation",
                "id": str(turns[0].talk),
                "created_at": int(turns[0].at.timestamp()),
                "state": "open",
                "updated_at": int(turns[-1].at.timestamp()),
                "source": {
                    "type": "email",
                    "id": f"s{turns[0].talk}",
                    "subject": "Order",
                    "body": f"<p>{turns[0].words}</p>",
                    "author": _author(turns[0].who),
                    "attachments": [],
                    "redacted": False,
                },
                "contacts": {"type": "contact.list", "contacts": []},
                "conversation_parts": {"type": "conversation_part.list", "conversation_parts": parts},
            }
        )
    path.write_text(
        json.dumps({"type": "conversation.list", "conversations": talks, "total_count": len(talks)}), "utf-8"
    )


def _author(who: int) -> dict[str, Any]:
    return {"type": "admin" if who % 2 == 0 else "user", "id": str(who), "name": _name(who), "email": _mail(who)}


def write_freshdesk(path: Path, said: list[Said]) -> None:
    path.mkdir()
    tickets = [
        {
            "id": one.talk,
            "subject": f"Order {one.talk}",
            "description_text": one.words,
            "requester_id": one.who | 1,
            "responder_id": one.who & ~1,
            "source": 1,
            "status": 2,
            "priority": 1,
            "created_at": _iso(one.at),
            "updated_at": _iso(one.at),
            "fr_escalated": False,
        }
        for one in said[::10]
    ]
    messages = [
        {
            "id": one.number,
            "ticket_id": one.talk,
            "body_text": one.words,
            "body": f"<div>{one.words}</div>",
            "incoming": one.who % 2 == 1,
            "private": False,
            "user_id": one.who,
            "from_email": _mail(one.who),
            "to_emails": [],
            "source": 0,
            "created_at": _iso(one.at),
        }
        for one in said
        if one.number % 10
    ]
    (path / "tickets.json").write_text(json.dumps(tickets), "utf-8")
    (path / "conversations.json").write_text(json.dumps(messages), "utf-8")


def write_teams(path: Path, said: list[Said]) -> None:
    rows = [
        {
            "id": str(one.number),
            "replyToId": None,
            "messageType": "message",
            "createdDateTime": _iso(one.at),
            "lastEditedDateTime": None,
            "deletedDateTime": None,
            "subject": None,
            "chatId": f"19:{one.talk}@thread.v2",
            "channelIdentity": None,
            "from": {
                "application": None,
                "device": None,
                "user": {"id": f"{one.who:08d}-0000", "displayName": _name(one.who), "userIdentityType": "aadUser"},
            },
            "body": {"contentType": "html", "content": f"<p>{one.words}</p>"},
            "attachments": [],
            "mentions": [],
        }
        for one in said
    ]
    path.write_text(json.dumps({"value": rows}), "utf-8")


def write_hubspot(path: Path, said: list[Said]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        names = [
            "hs_object_id",
            "hs_email_direction",
            "hs_email_from_email",
            "hs_email_to_email",
            "hs_email_subject",
            "hs_email_text",
            "hs_timestamp",
            "hs_email_message_id",
            "hs_email_thread_id",
            "hs_email_status",
        ]
        writer = csv.writer(file)
        writer.writerow(names)
        for one in said:
            direction = "EMAIL" if one.who % 2 == 0 else "INCOMING_EMAIL"
            writer.writerow(
                [
                    one.number,
                    direction,
                    _mail(one.who),
                    _mail(one.who ^ 1),
                    f"Order {one.talk}",
                    one.words,
                    _iso(one.at),
                    f"<{one.number}@mail.example>",
                    f"t{one.talk}",
                    "SENT",
                ]
            )


def write_salesforce(path: Path, said: list[Said]) -> None:
    names = ["Id", "ParentId", "ThreadIdentifier", "MessageIdentifier", "FromAddress", "FromName", "ToAddress"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "Incoming", "MessageDate", "Subject", "TextBody", "Status"])
        for one in said:
            ours = [f"02s{one.number:012d}", f"500{one.talk:012d}", f"t{one.talk}", f"<{one.number}@mail.example>"]
            sides = [_mail(one.who), _name(one.who), _mail(one.who ^ 1), str(one.who % 2 == 1).lower()]
            writer.writerow([*ours, *sides, _iso(one.at), f"Order {one.talk}", one.words, "3"])


def write_graph_mail(path: Path, said: list[Said]) -> None:
    rows = [
        {
            "id": f"AAMk{one.number}",
            "conversationId": f"c{one.talk}",
            "internetMessageId": f"<{one.number}@mail.example>",
            "receivedDateTime": _iso(one.at),
            "sentDateTime": _iso(one.at),
            "subject": f"Order {one.talk}",
            "isDraft": False,
            "from": {"emailAddress": {"name": _name(one.who), "address": _mail(one.who)}},
            "toRecipients": [{"emailAddress": {"name": _name(one.who ^ 1), "address": _mail(one.who ^ 1)}}],
            "ccRecipients": [],
            "body": {"contentType": "text", "content": one.words},
        }
        for one in said
    ]
    path.write_text(json.dumps({"value": rows}), "utf-8")


def write_gong(path: Path, said: list[Said]) -> None:
    calls = [
        {
            "callId": str(said[first].talk),
            "transcript": [
                {
                    "speakerId": str(one.who),
                    "topic": None,
                    "sentences": [{"start": 3000 * at, "end": 3000 * at + 2000, "text": one.words}],
                }
                for at, one in enumerate(said[first : first + 10])
            ],
        }
        for first in range(0, len(said), 10)
    ]
    path.write_text(json.dumps({"requestId": "r", "records": {}, "callTranscripts": calls}), "utf-8")


def write_contact_lens(path: Path, said: list[Said]) -> None:
    roles = {0: "AGENT", 1: "CUSTOMER"}
    lines = [
        {
            "Id": f"l{one.number}",
            "ParticipantId": roles[one.who % 2],
            "Content": one.words,
            "BeginOffsetMillis": 3000 * at,
            "EndOffsetMillis": 3000 * at + 2000,
            "Sentiment": "NEUTRAL",
            "LoudnessScore": [70.0],
        }
        for at, one in enumerate(said)
    ]
    people = [{"ParticipantId": role, "ParticipantRole": role} for role in roles.values()]
    document = {"AccountId": "1", "Channel": "VOICE", "Participants": people, "Transcript": lines, "Version": "1.1.0"}
    path.write_text(json.dumps(document), "utf-8")


def write_whisper(path: Path, said: list[Said]) -> None:
    segments = [
        {
            "id": at,
            "start": 3.0 * at,
            "end": 3.0 * at + 2.0,
            "text": f" {one.words}",
            "avg_logprob": -0.2,
            "no_speech_prob": 0.01,
            "speaker": f"SPEAKER_{one.who % 4:02d}",
        }
        for at, one in enumerate(said)
    ]
    text = " ".join(one.words for one in said)
    path.write_text(json.dumps({"text": text, "language": "en", "segments": segments}), "utf-8")


def write_chat_log(path: Path, said: list[Said]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, len(said), 10):
            talk = said[first : first + 10]
            messages = [{"role": "assistant" if one.who % 2 == 0 else "user", "content": one.words} for one in talk]
            file.write(json.dumps({"id": f"talk{talk[0].talk}", "messages": messages}) + "\n")


def write_jsonl(path: Path, said: list[Said]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for one in said:
            row = {
                "id": f"m{one.number}",
                "conversation_id": f"t{one.talk}",
                "speaker": _mail(one.who),
                "sent_at": one.at.isoformat(),
                "channel": "chat",
                "text": one.words,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_convokit(path: Path, said: list[Said]) -> None:
    from troth.leaving import write_corpus  # noqa: PLC0415 - the writers load what they need

    write_corpus(_turns(said), path)


def write_ours(path: Path, said: list[Said]) -> None:
    from troth.leaving import save_table  # noqa: PLC0415

    save_table(_turns(said), path, "parquet" if path.suffix == ".parquet" else "csv")


def _turns(said: list[Said]) -> Any:
    from troth.schema import TURNS, conform  # noqa: PLC0415

    rows = [
        {
            "turn_id": f"m{one.number}",
            "conversation_id": f"t{one.talk}",
            "position": one.number,
            "sent_at": one.at,
            "speaker": _mail(one.who),
            "channel": "chat",
            "body": one.words,
            "automatic": False,
            "source": "bench",
        }
        for one in said
    ]
    return conform(rows, TURNS)


# ------------------------------------------------------------------------------------------------------ the other side


def walk_slack(path: Path) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            if "/" in name:
                rows = json.loads(packed.read(name))
                found += [(datetime.fromtimestamp(float(row["ts"]), UTC), row["user"], row["text"]) for row in rows]
    return found


def walk_whatsapp(path: Path) -> list[tuple[Any, ...]]:
    from whatstk import df_from_whatsapp  # type: ignore[import-not-found]  # noqa: PLC0415

    return list(df_from_whatsapp(str(path)).itertuples(index=False, name=None))


def walk_captions(path: Path) -> list[tuple[Any, ...]]:
    import webvtt  # type: ignore[import-not-found]  # noqa: PLC0415

    captions = webvtt.from_srt(path) if path.suffix == ".srt" else webvtt.read(path)
    return [(caption.start_in_seconds, caption.voice, caption.text) for caption in captions]


def walk_zendesk(path: Path) -> list[tuple[Any, ...]]:
    users = {user["id"]: user["email"] for user in _load(path / "users.json")["users"]}
    return [
        (datetime.fromisoformat(child["created_at"]), users[child["author_id"]], child["body"])
        for event in _load(path / "ticket_events.json")["ticket_events"]
        for child in event["child_events"]
    ]


def walk_intercom(path: Path) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for talk in _load(path)["conversations"]:
        pieces = [
            {**talk["source"], "created_at": talk["created_at"]},
            *talk["conversation_parts"]["conversation_parts"],
        ]
        found += [
            (datetime.fromtimestamp(one["created_at"], UTC), one["author"]["email"], one["body"]) for one in pieces
        ]
    return found


def walk_freshdesk(path: Path) -> list[tuple[Any, ...]]:
    tickets = [
        (datetime.fromisoformat(one["created_at"]), one["requester_id"], one["description_text"])
        for one in _load(path / "tickets.json")
    ]
    return tickets + [
        (datetime.fromisoformat(one["created_at"]), one["from_email"], one["body_text"])
        for one in _load(path / "conversations.json")
    ]


def walk_teams(path: Path) -> list[tuple[Any, ...]]:
    rows = _load(path)["value"]
    return [
        (datetime.fromisoformat(one["createdDateTime"]), one["from"]["user"]["id"], one["body"]["content"])
        for one in rows
    ]


def walk_hubspot(path: Path) -> list[tuple[Any, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (datetime.fromisoformat(row["hs_timestamp"]), row["hs_email_from_email"], row["hs_email_text"])
            for row in csv.DictReader(file)
        ]


def walk_salesforce(path: Path) -> list[tuple[Any, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (datetime.fromisoformat(row["MessageDate"]), row["FromAddress"], row["TextBody"])
            for row in csv.DictReader(file)
        ]


def walk_graph_mail(path: Path) -> list[tuple[Any, ...]]:
    return [
        (datetime.fromisoformat(row["sentDateTime"]), row["from"]["emailAddress"]["address"], row["body"]["content"])
        for row in _load(path)["value"]
    ]


def walk_gong(path: Path) -> list[tuple[Any, ...]]:
    return [
        (said["sentences"][0]["start"], said["speakerId"], " ".join(one["text"] for one in said["sentences"]))
        for call in _load(path)["callTranscripts"]
        for said in call["transcript"]
    ]


def walk_contact_lens(path: Path) -> list[tuple[Any, ...]]:
    rows = _load(path)["Transcript"]
    return [(row["BeginOffsetMillis"], row["ParticipantId"], row["Content"]) for row in rows]


def walk_whisper(path: Path) -> list[tuple[Any, ...]]:
    return [(row["start"], row["speaker"], row["text"]) for row in _load(path)["segments"]]


def walk_chat_log(path: Path) -> list[tuple[Any, ...]]:
    with path.open(encoding="utf-8") as file:
        return [(None, one["role"], one["content"]) for line in file for one in json.loads(line)["messages"]]


def walk_lines(path: Path) -> list[tuple[Any, ...]]:
    with path.open(encoding="utf-8") as file:
        rows = map(json.loads, file)
        return [(datetime.fromisoformat(row["sent_at"]), row["speaker"], row["text"]) for row in rows]


def walk_convokit(path: Path) -> list[tuple[Any, ...]]:
    with (path / "utterances.jsonl").open(encoding="utf-8") as file:
        rows = map(json.loads, file)
        return [(datetime.fromtimestamp(row["timestamp"], UTC), row["speaker"], row["text"]) for row in rows]


def walk_csv(path: Path) -> list[tuple[Any, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(datetime.fromisoformat(row["sent_at"]), row["speaker"], row["body"]) for row in csv.DictReader(file)]


def walk_parquet(path: Path) -> list[tuple[Any, ...]]:
    from pyarrow import parquet  # noqa: PLC0415

    table = parquet.ParquetFile(path).read(columns=["sent_at", "speaker", "body"])  # read_table loads a second engine
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


# -------------------------------------------------------------------------------------------------------- the measuring


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of export: how it is named and written, and what a user would otherwise read it with."""

    file: str
    write: Callable[[Path, list[Said]], None]
    walk: Callable[[Path], list[tuple[Any, ...]]]
    beside: str
    needs: str = ""  # a module


KINDS = {
    "slack": Kind(file="slack.zip", write=write_slack, walk=walk_slack, beside="zipfile + json"),
    "whatsapp": Kind(file="_chat.txt", write=write_whatsapp, walk=walk_whatsapp, beside="whatstk", needs="whatstk"),
    "webvtt": Kind(file="call.vtt", write=write_webvtt, walk=walk_captions, beside="webvtt-py", needs="webvtt"),
    "srt": Kind(file="call.srt", write=write_srt, walk=walk_captions, beside="webvtt-py", needs="webvtt"),
    "teams": Kind(file="teams.json", write=write_teams, walk=walk_teams, beside="json"),
    "zendesk": Kind(file="zendesk", write=write_zendesk, walk=walk_zendesk, beside="json"),
    "intercom": Kind(file="intercom.json", write=write_intercom, walk=walk_intercom, beside="json"),
    "freshdesk": Kind(file="freshdesk", write=write_freshdesk, walk=walk_freshdesk, beside="json"),
    "hubspot": Kind(file="emails.csv", write=write_hubspot, walk=walk_hubspot, beside="csv"),
    "salesforce": Kind(file="EmailMessage.csv", write=write_salesforce, walk=walk_salesforce, beside="csv"),
    "graph mail": Kind(file="mails.json", write=write_graph_mail, walk=walk_graph_mail, beside="json"),
    "gong": Kind(file="gong.json", write=write_gong, walk=walk_gong, beside="json"),
    "contact lens": Kind(file="lens.json", write=write_contact_lens, walk=walk_contact_lens, beside="json"),
    "whisper": Kind(file="whisper.json", write=write_whisper, walk=walk_whisper, beside="json"),
    "chat log": Kind(file="log.jsonl", write=write_chat_log, walk=walk_chat_log, beside="json"),
    "convokit": Kind(file="corpus", write=write_convokit, walk=walk_convokit, beside="json"),
    "jsonl": Kind(file="turns.jsonl", write=write_jsonl, walk=walk_lines, beside="json"),
    "our csv": Kind(file="turns.csv", write=write_ours, walk=walk_csv, beside="csv"),
    "our parquet": Kind(
        file="turns.parquet", write=write_ours, walk=walk_parquet, beside="pyarrow", needs="pyarrow.parquet"
    ),
}


def read_one(side: str, name: str, path: str) -> None:
    """In a process of its own: read, and print turns, seconds and peak megabytes."""
    kind = KINDS[name]
    if side == "troth" or kind.needs.startswith("pyarrow"):
        import pyarrow as pa  # noqa: PLC0415

        pa.array(["warm"])  # pyarrow looks for pandas at its first array: not part of reading
    if side == "troth":
        from troth.sources import read_source  # noqa: PLC0415
    elif kind.needs:
        importlib.import_module(kind.needs)
    start = time.process_time()
    count = sum(batch.num_rows for batch in read_source(path)) if side == "troth" else len(kind.walk(Path(path)))
    seconds = time.process_time() - start
    status = Path("/proc/self/status").read_text(encoding="ascii")  # getrusage begins with the peak of the parent
    print(
        json.dumps({"turns": count, "seconds": seconds, "megabytes": int(status.split("VmHWM:")[1].split()[0]) / 1000})
    )


def measure(side: str, name: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, name, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def size_of(path: Path) -> float:
    """Megabytes of an export, unpacked."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            return sum(info.file_size for info in packed.infolist()) / 1e6
    files: Iterator[Path] = path.rglob("*") if path.is_dir() else iter([path])
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def compare(name: str, path: Path, rounds: int) -> str:
    """One line of the table."""
    kind, sides = KINDS[name], ["troth"]
    if not kind.needs or importlib.util.find_spec(kind.needs):
        sides.append("beside")
    runs = [{side: measure(side, name, path) for side in sides} for _ in range(rounds)]
    best = {side: min((run[side] for run in runs), key=lambda run: run["seconds"]) for side in sides}
    ours, megabytes = best["troth"], size_of(path)
    cells = [
        name,
        f"{ours['turns']:,.0f}",
        f"{megabytes:.1f}",
        f"{megabytes / ours['seconds']:.0f}",
        f"{ours['turns'] / ours['seconds']:,.0f}",
        f"{ours['megabytes']:.0f}",
    ]
    if "beside" in best:
        theirs = best["beside"]
        cells += [kind.beside, f"{theirs['turns'] / theirs['seconds']:,.0f}", f"{theirs['megabytes']:.0f}"]
        cells.append(f"{theirs['seconds'] / ours['seconds'] * ours['turns'] / theirs['turns']:.2f}")
    else:
        cells += [f"{kind.beside} (not installed)", "", "", ""]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", nargs="*", choices=list(KINDS))
    options.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        read_one(*given.side)
        return
    said = make_talks(given.turns)
    print("| format | turns | MB | MB/s | turns/s | peak MB | beside | turns/s | peak MB | times as fast |")
    print("|---|--:|--:|--:|--:|--:|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only or KINDS:
            path = Path(folder, KINDS[name].file)
            KINDS[name].write(path, said)
            print(compare(name, path, given.rounds), flush=True)


if __name__ == "__main__":
    main()
