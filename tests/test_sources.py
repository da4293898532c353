"""Sources: what the standard library writes comes back the same; real samples are read whole and counted."""

from __future__ import annotations

import email.policy
import json
import mailbox
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from troth.errors import BadColumn
from troth.intake import take_turns
from troth.schema import TURNS
from troth.sources import Reading, assign_threads, read_source, recognise
from troth.sources.headers import decode_field, read_addresses, read_ids, read_parameters

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SHARED = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder is not here")

SEPARATOR = "From someone@x.example Fri Nov 20 10:00:00 2026\n"


def read_all(path: Path, **options: object) -> tuple[pa.Table, Reading]:
    reading = read_source(path, now=NOW, **options)  # type: ignore[arg-type]
    batches = list(reading)
    table = pa.concat_tables(batches) if batches else TURNS.empty_table()
    assert table.schema.equals(TURNS)
    return table, reading


def read_text(text: str, folder: Path) -> dict[str, object]:
    path = folder / "source"
    path.write_text(text, encoding="utf-8")
    return read_all(path)[0].to_pylist()[0]


# ------------------------------------------------------------------ made-up mails, written by the standard library

_plain_text = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"], blacklist_characters="\x85"), max_size=80
)
_line = st.one_of(_plain_text, st.sampled_from(["From here on", ">From", ">>From there", "", "--", "-- ", "--=="]))
_name = st.one_of(
    st.sampled_from(["", "Berg, Anna", "O'Neil (Ops)", 'Say "hi"', "Dr. Who", "a; b"]),
    st.text(st.sampled_from("Anna Müller李 "), max_size=12),
).map(str.strip)
_user = st.text(st.sampled_from("abcxyz.0"), min_size=1, max_size=8).filter(
    lambda user: not user.startswith(".") and not user.endswith(".") and ".." not in user
)
_address = st.tuples(_name, st.builds("{}@{}.example".format, _user, st.sampled_from(["firm", "shop"])))
_mail = st.fixed_dictionaries(
    {
        "sender": _address,
        "to": st.lists(_address, max_size=3),
        "subject": _plain_text.map(lambda text: " ".join(text.split())),
        "lines": st.lists(_line, max_size=8),
        "html": st.booleans(),
        "attachment": st.none() | st.binary(max_size=200),
        "minutes": st.integers(0, 5_000_000),
        "encoding": st.sampled_from(["7bit", "quoted-printable", "base64", "8bit"]),
    }
)


# Folding a list of people, the standard library of 3.11 encodes commas as words ("=2C") and so joins two of them.
_POLICY = email.policy.SMTP.clone(linesep="\n", max_line_length=900)


def build(made: dict[str, object], number: int) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    name, address = made["sender"]  # type: ignore[misc]
    message["From"] = email.headerregistry.Address(name, addr_spec=address)
    message["To"] = [email.headerregistry.Address(name, addr_spec=addr) for name, addr in made["to"]]  # type: ignore[misc,attr-defined]
    message["Subject"] = made["subject"]
    message["Date"] = NOW - timedelta(minutes=int(made["minutes"]))  # type: ignore[call-overload]
    message["Message-ID"] = f"<{number}@made.example>"
    if number:
        message["References"] = f"<root@made.example>\n <{number - 1}@made.example>".replace("\n", "")
    body = "\n".join(made["lines"]) + "\n"  # type: ignore[arg-type]
    cte = None if made["encoding"] == "7bit" else made["encoding"]
    message.set_content(body, cte=cte)
    if made["html"]:
        message.add_alternative(f"<p>{number}</p>", subtype="html")
    if made["attachment"] is not None:
        message.add_attachment(made["attachment"], maintype="application", subtype="pdf", filename="größe 1.pdf")
    return message


def write_mbox(messages: list[EmailMessage], folder: Path) -> Path:
    path = folder / "made.mbox"
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for message in messages:
        box.add(mailbox.mboxMessage(message))
    box.close()
    return path


def write_eml(messages: list[EmailMessage], folder: Path) -> Path:
    path = folder / "mails"
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    for number, message in enumerate(messages):
        (path / f"{number:03}").write_bytes(message.as_bytes())
    return path


def write_maildir(messages: list[EmailMessage], folder: Path) -> Path:
    path = folder / "maildir"
    box = mailbox.Maildir(path)
    box.clear()
    for message in messages:
        box.add(mailbox.MaildirMessage(message))
    box.close()
    return path


@pytest.mark.parametrize("write", [write_mbox, write_eml, write_maildir])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mails=st.lists(_mail, min_size=1, max_size=4))
def test_made_up_mails_come_back_the_same(
    mails: list[dict[str, object]], write: Callable[[list[EmailMessage], Path], Path], tmp_path: Path
) -> None:
    messages = [build(made, number) for number, made in enumerate(mails)]
    table, reading = read_all(write(messages, tmp_path))
    assert (reading.turns, reading.duplicates, reading.rejected) == (len(mails), 0, [])
    rows = {row["turn_id"]: row for row in table.to_pylist()}
    for number, (made, message) in enumerate(zip(mails, messages, strict=True)):
        row = rows[f"{number}@made.example"]
        assert row["subject"] == (made["subject"] or None)
        assert row["sent_at"] == message["Date"].datetime.astimezone(UTC)
        assert row["speaker"] == str(made["sender"][1]).lower()  # type: ignore[index]
        assert (row["speaker_name"] or "") == " ".join(str(made["sender"][0]).split())  # type: ignore[index]
        assert row["recipients"] == list(dict.fromkeys(address for _, address in made["to"]))  # type: ignore[attr-defined]
        assert row["references"] == (["root@made.example", f"{number - 1}@made.example"] if number else [])
        assert row["attachments"] == (["größe 1.pdf"] if made["attachment"] is not None else None)
        said, body = "\n".join(made["lines"]).strip("\n"), str(row["body"])  # type: ignore[arg-type]
        if write is write_mbox:  # the standard library quotes "From ", not ">From ": what was there before is lost
            said, body = (re.sub("(?m)^>+From", "From", text) for text in (said, body))
        assert body == said or not said.strip()


_printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@settings(max_examples=300, deadline=None)
@given(text=_printable)
@example("(   @q:<(:= ;")
@example('"Doe, Jane" <j@x.example>, =?utf-8?q?M=C3=BC?= <m@x.example>; a@b (Ann (the (first)), x)')
def test_addresses_are_found_where_the_standard_library_finds_them(text: str) -> None:
    """On well-formed lists both agree; on any other text ours still ends and gives addresses without white space."""
    ours = read_addresses([text.encode()])
    assert all(" " not in person.address for person in ours if "@" in person.address != person.name)
    people = [("Doe, Jane", "jane@x.example"), ("", "plain@x.example"), ("O'Neil (Ops)", "o@x.example")]
    written = ", ".join(email.utils.formataddr(person) for person in people)
    assert [tuple(person) for person in read_addresses([written.encode()])] == getaddresses([written])


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=200))
@example(b"=?utf-8?b?4pyT?= =?utf-8?b?IA==?=x=?ascii?q?_?=")
@example(b"=?utf-8?q?=E2=9C?= =?utf-8?q?=93?=")
def test_any_bytes_make_a_storable_field(raw: bytes) -> None:
    decode_field(raw).encode()
    read_parameters(raw)
    read_ids([raw])
    for person in read_addresses([raw]):
        (person.name + person.address).encode()


def test_encoded_words_split_inside_a_character_are_joined() -> None:
    assert decode_field(b"=?utf-8?q?=E2=9C?=\n =?utf-8?q?=93_ok?= and =?iso-8859-1?q?=FC?=") == "✓ ok and ü"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'attachment; filename="a;b.pdf"', "a;b.pdf"),
        (b"attachment; filename*=utf-8''gr%C3%B6%C3%9Fe.pdf", "größe.pdf"),
        (b"attachment; filename*0*=iso-8859-1'de'gr%F6; filename*1=\"ss.pdf\"", "größss.pdf".replace("ß", "")),
        (b'attachment; FILENAME = "say \\"hi\\".txt"', 'say "hi".txt'),
    ],
)
def test_parameters_are_read_in_every_spelling(raw: bytes, expected: str) -> None:
    assert read_parameters(raw).named["filename"] == expected


# ------------------------------------------------------------------------------------------------ who, what, automatic


def test_an_archive_writes_at_in_words(tmp_path: Path) -> None:
    row = read_text(
        "From jjl at pobox.com  Thu Nov  1 11:19:12 2001\nFrom: jjl at pobox.com (John J. Lee)\n"
        "Date: Thu Nov  1 11:19:12 2001\nSubject: Hi\n\nHello\n",
        tmp_path,
    )
    assert (row["speaker"], row["speaker_name"]) == ("jjl@pobox.com", "John J. Lee")
    assert row["sent_at"] == datetime(2001, 11, 1, 11, 19, 12, tzinfo=UTC)


def test_a_sender_without_an_address_goes_by_the_name(tmp_path: Path) -> None:
    row = read_text("From: (The Printer)\nSubject: Toner\n\nlow\n", tmp_path)
    assert (row["speaker"], row["speaker_name"]) == ("The Printer", "The Printer")
    assert read_text("Subject: Toner\n\nlow\n", tmp_path)["speaker"] == "unknown"


def test_takeout_labels_tell_chats_drafts_and_spam(tmp_path: Path) -> None:
    path = tmp_path / "takeout"
    labels = ["Chat", "Inbox,Drafts", "=?UTF-8?Q?Spam,Ge=C3=B6ffnet?=", "Inbox,Important"]
    path.write_text(
        "".join(
            f"From 17{number}@xxx Fri Nov 20 10:00:00 +0000 2026\nX-GM-THRID: 1\nX-Gmail-Labels: {label}\n"
            f"From: a@b.example\nMessage-ID: <{number}@x>\n\nhi\n\n"
            for number, label in enumerate(labels)
        )
    )
    table, reading = read_all(path)
    assert table["channel"].to_pylist() == ["chat", "mail", "mail"]
    assert table["automatic"].to_pylist() == [False, True, False]
    assert [rejected.reason for rejected in reading.rejected] == ["a draft, never sent"]


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("From: a@b.example", False),
        ("From: a@b.example\nAuto-Submitted: no", False),
        ("From: a@b.example\nAuto-Submitted: auto-replied", True),
        ("From: a@b.example\nPrecedence: bulk", True),
        ("From: a@b.example\nPrecedence: auto_reply", True),
        ("From: No-Reply <NoReply@b.example>", True),
        ("From: MAILER-DAEMON@b.example", True),
        ("From: a@b.example\nReturn-Path: <>", True),
        ("From: a@b.example\nList-Unsubscribe: <mailto:u@b.example>", True),
        ("From: a@b.example\nList-Unsubscribe: <x>\nList-Id: <l.b.example>\nList-Unsubscribe-Post: One-Click", True),
        ("From: a@b.example\nList-Unsubscribe: <x>\nList-Id: <l.b.example>", False),
        ("From: a@b.example\nList-Unsubscribe: <x>\nList-Post: <mailto:l@b.example>\nPrecedence: bulk", False),
        ("From: a@b.example\nList-Unsubscribe: <x>\nList-Post: NO", True),
        ("From: a@b.example\nPrecedence: list", False),
    ],
)
def test_programs_are_told_from_people(header: str, automatic: bool, tmp_path: Path) -> None:
    assert read_text(f"{header}\nSubject: s\n\nbody\n", tmp_path)["automatic"] is automatic


def test_a_mail_without_an_id_gets_the_same_one_each_time_and_another_for_another_text(tmp_path: Path) -> None:
    first = read_text("From: a@b.example\nSubject: s\n\nbody\n", tmp_path)
    again = read_text(SEPARATOR + "From: A@b.example\nSubject: s\nX: y\n\nbody\n", tmp_path)
    other = read_text("From: a@b.example\nSubject: s\n\nbodies\n", tmp_path)
    assert str(first["turn_id"]).startswith("sha256:")
    assert first["turn_id"] == again["turn_id"] != other["turn_id"]


def test_html_becomes_text_only_where_there_is_no_plain_part(tmp_path: Path) -> None:
    part = "--b\nContent-Type: text/{}\n\n{}\n"
    head = "From: a@b.example\nContent-Type: multipart/alternative; boundary=b\n\n"
    both = head + part.format("html", "<p>rich</p>") + part.format("plain", "plain") + "--b--\n"
    blank = head + part.format("plain", " ") + part.format("html", "<p>rich &amp; read</p>") + "--b--\n"
    assert read_text(both, tmp_path)["body"] == "plain"
    assert str(read_text(blank, tmp_path)["body"]).strip() == "rich & read"


def test_quoted_from_lines_are_restored_in_mbox_and_kept_in_eml(tmp_path: Path) -> None:
    mail = "From: a@b.example\n\n>From us\n>>From them\n> From afar\n"
    assert read_text(mail, tmp_path)["body"] == ">From us\n>>From them\n> From afar"
    assert read_text(SEPARATOR + mail, tmp_path)["body"] == "From us\n>From them\n> From afar"


def test_a_from_line_in_prose_does_not_cut_a_mail(tmp_path: Path) -> None:
    path = tmp_path / "box"
    prose = "Hi\n\nFrom Monday on: all new\nSubject: to change\n\nFrom x Fri Nov 20 10:00:00 2026\nis when\n"
    path.write_text(f"{SEPARATOR}From: a@b.example\n\n{prose}\n{SEPARATOR}From: c@d.example\n\nlast\n")
    table, _ = read_all(path)
    assert table["body"].to_pylist() == [prose.strip(), "last"]


def test_separators_without_dates_are_followed_when_the_first_has_none(tmp_path: Path) -> None:
    path = tmp_path / "box"
    path.write_text("From -\nFrom: a@b.example\n\none\n\nFrom -\nFrom: c@d.example\n\ntwo\n")
    assert read_all(path)[0]["body"].to_pylist() == ["one", "two"]


# --------------------------------------------------------------------------------------------------------- JSON Lines


def test_minimal_rows_become_turns(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    rows: list[dict[str, object]] = [
        {"text": "Hi", "speaker": "Ann Lee <Ann@B.example>", "sent_at": "2026-11-20T10:00:00+01:00"},
        {"text": "ok", "speaker": "bob", "sent_at": 1_763_632_800, "conversation_id": "c"},
        {"text": "ok", "speaker": "bob", "sent_at": 1_763_632_800, "conversation_id": "c"},
        {"text": "x", "sender": "c@d.example", "sender_side": "customer", "audience": "friend", "channel": "email"},
        {"text": "y", "id": 3, "conversation_id": "c", "parent_id": 2, "channel": "SMS", "sender_side": "company"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    turns, reading = read_all(path)
    first, second, third, fourth, fifth = turns.to_pylist()
    assert (first["speaker"], first["speaker_name"], first["channel"]) == ("ann@b.example", "Ann Lee", "mail")
    assert first["sent_at"] == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert second["turn_id"] != third["turn_id"]
    assert second["conversation_id"] == third["conversation_id"] == "c"
    assert (fourth["side"], fourth["circle"], fourth["channel"]) == ("them", "friend", "mail")
    assert (fifth["turn_id"], fifth["parent_id"], fifth["channel"], fifth["side"]) == ("c/3", "c/2", "chat", "us")
    assert reading.duplicates == 0
    assert read_all(path)[0].equals(turns)


def test_our_own_export_comes_back_equal(tmp_path: Path) -> None:
    turns, _ = read_all(write_eml([build_plain(number) for number in range(3)], tmp_path))
    path = tmp_path / "export"
    path.write_text("".join(json.dumps(row, default=datetime.isoformat) + "\n" for row in turns.to_pylist()))
    assert recognise(path).name == "troth"
    assert read_all(path)[0].equals(turns)


def build_plain(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ann <ann@firm.example>"
    message["To"] = "bob@shop.example"
    message["Date"] = format_datetime(NOW)
    message["Message-ID"] = f"<{number}@plain.example>"
    message.set_content(f"Number {number}.\n\nRegards\n")
    return message


# ----------------------------------------------------------------------------------------- counts, progress, folders


@pytest.mark.parametrize("write", [write_mbox, write_eml, write_maildir])
def test_progress_never_falls_and_ends_at_the_whole(
    write: Callable[[list[EmailMessage], Path], Path], tmp_path: Path
) -> None:
    messages = [build_plain(number) for number in range(30)]
    for message in messages:
        message.set_content("word " * 30_000)
    told: list[tuple[int, int]] = []
    read_all(write(messages, tmp_path), progress=lambda done, total: told.append((done, total)))
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 4_000_000


def test_batches_are_bounded_and_a_twin_in_the_file_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "box"
    path.write_text(
        "".join(f"{SEPARATOR}From: a@b.example\nMessage-ID: <{n % 1_200}@x>\n\nhi\n\n" for n in range(1_300))
    )
    reading = read_source(path, now=NOW)
    assert [batch.num_rows for batch in reading] == [500, 500, 200]
    assert (reading.turns, reading.duplicates, reading.seen) == (1_200, 100, 1_300)


def test_a_folder_names_what_it_could_not_read(tmp_path: Path) -> None:
    path = write_eml([build_plain(1)], tmp_path)
    (path / "notes.txt").write_text("buy milk")
    (path / "link").symlink_to(path / "000")
    (path / "empty").touch()
    _, reading = read_all(path)
    assert {rejected.position: rejected.reason.split(":")[0] for rejected in reading.rejected} == {
        "empty": "empty",
        "link": "a link or device",
        "notes.txt": "no sender, recipient, date, subject or id in its header",
    }
    assert (reading.turns, reading.seen) == (1, 4)


def test_a_mailbox_file_inside_a_folder_of_mails_gives_all_its_mails(tmp_path: Path) -> None:
    path = write_eml([build_plain(1)], tmp_path)
    box = "".join(f"{SEPARATOR}From: a@b.example\nMessage-ID: <box{n}@x>\n\nhi\n\n" for n in range(3))
    (path / "box").write_text(f"{box}{SEPARATOR}X: nothing\n\nhi\n")
    table, reading = read_all(path)
    assert table["turn_id"].to_pylist() == ["1@plain.example", "box0@x", "box1@x", "box2@x"]
    assert table["position"].to_pylist() == [0, 1, 2, 3]
    assert [rejected.position for rejected in reading.rejected] == ["box, message 4"]


def test_a_maildir_leaves_out_drafts_and_mail_still_being_delivered(tmp_path: Path) -> None:
    path = write_maildir([build_plain(1)], tmp_path)
    (path / "cur" / "draft:2,DS").write_bytes(build_plain(2).as_bytes())
    (path / "tmp" / "half").write_bytes(build_plain(3).as_bytes())
    (path / ".Sent" / "cur").mkdir(parents=True)
    (path / ".Sent" / "cur" / "sent:2,S").write_bytes(build_plain(4).as_bytes())
    table, reading = read_all(path)
    assert sorted(table["turn_id"].to_pylist()) == ["1@plain.example", "4@plain.example"]
    assert [rejected.reason for rejected in reading.rejected] == ["a draft, never sent"]


# -------------------------------------------------------------------------------------------------------- real samples


@needs_shared
def test_the_list_archive_is_read_whole_and_threaded_as_its_curators_did() -> None:
    """82 messages that each stand twice; of 3,321 pairs 15 share a thread with us and not with the curators, or not."""
    table, reading = read_all(SHARED / "samples/mbox/numpy-discussion-2001-November.mbox.txt")
    assert (reading.seen, reading.turns, reading.duplicates, reading.rejected) == (164, 82, 82, [])
    curated, _ = read_all(SHARED / "data/interactions/numpy_list_2001_11/messages.jsonl")
    assert set(table["turn_id"].to_pylist()) == set(curated["turn_id"].to_pylist())
    ours, theirs = (
        dict(zip(links["turn_id"].to_pylist(), links["conversation_id"].to_pylist(), strict=True))
        for links in (assign_threads(table), curated)
    )
    pairs = list(combinations(ours, 2))
    assert len(pairs) == 3_321
    assert sum((ours[one] == ours[two]) != (theirs[one] == theirs[two]) for one, two in pairs) <= 15
    assert all("@" in speaker for speaker in table["speaker"].to_pylist())


@needs_shared
def test_every_sample_mail_is_read() -> None:
    table, reading = read_all(SHARED / "samples/email_eml")
    assert (reading.turns, len(reading.rejected)) == (18, 1)
    assert all(body.strip() for body in table["body"].to_pylist())


@needs_shared
@pytest.mark.parametrize(
    ("name", "turns", "conversations"),
    [
        ("ai_agent_airline", 2_841, 200),
        ("enron_email", 1_833, 1_296),
        ("it_helpdesk_calls", 6_528, 188),
        ("numpy_list_2001_11", 82, 30),
    ],
)
def test_every_interaction_set_is_read_whole(name: str, turns: int, conversations: int) -> None:
    path = SHARED / "data/interactions" / name / "messages.jsonl"
    table, reading = read_all(path)
    assert (reading.turns, reading.duplicates, reading.rejected) == (turns, 0, [])
    given_rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = assign_threads(table)
    assert found["conversation_id"].to_pylist() == [row["conversation_id"] for row in given_rows]
    assert len(set(found["conversation_id"].to_pylist())) == conversations
    assert set(table["side"].to_pylist()) == {"us", "them"}
    assert table["body"].to_pylist() == [row["text"].replace("\r\n", "\n") for row in given_rows]


def test_a_time_that_cannot_be_is_none_in_a_file_and_refused_from_a_program(tmp_path: Path) -> None:
    times = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:00-14:00", "1989-12-31T23:59:59Z", "1990-01-01T00:00:00Z", 4e12]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"row {n}", "sent_at": at}) + "\n" for n, at in enumerate(times)))
    read = read_all(path)[0].sort_by("position")
    assert read["sent_at"].to_pylist() == [None, None, None, datetime(1990, 1, 1, tzinfo=UTC), None]
    rows = [{"text": "a", "sent_at": datetime(year, 6, 1, tzinfo=UTC)} for year in (1, 1990, 2100, 2101)]
    with pytest.raises(BadColumn, match="2 of 4 times are not between 1990 and 2100"):
        take_turns(rows)
    assert take_turns(rows[1:3])["sent_at"].to_pylist() == [row["sent_at"] for row in rows[1:3]]
