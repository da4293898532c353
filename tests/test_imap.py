"""A mailbox on a real server: read once, gone on with exactly, nothing on it changed, no password shown."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import run
from hypothesis import given
from hypothesis import strategies as st
from imap_server import Server, serving

from troth.book import Store, open_store
from troth.errors import InputError, SourceError
from troth.intake import ReadReport, read_into
from troth.mailboxes import read_mailbox
from troth.sources.imap import encode_folder, read_address

SECRET = "geheim ä"


def mail(number: int, *, size: int = 0, body: str = "") -> bytes:
    answered = f"In-Reply-To: <{number - 1}@firm.example>\r\n" if number % 3 else ""
    return (
        f"From: Bob {number} <bob@their.example>\r\nTo: anna@firm.example\r\nSubject: Order {number // 3}\r\n"
        f"Date: Sat, 21 Nov 2026 09:{number % 60:02d}:00 +0000\r\nMessage-ID: <{number}@firm.example>\r\n{answered}"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        f"{body or f'Größe {number}, we ship on Friday.'}\r\n" + "From here on: padding.\r\n" * (size // 24)
    ).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server(mails={uid * 3: mail(uid) for uid in range(1, 61)})) as running:
        yield running


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


def take(store: Store, server: Server, password: str = SECRET, **more: object) -> ReadReport:
    waits: list[float] = []
    address = read_address(f"imap://anna@firm.example@localhost:{server.port}/{server.folder}")
    report = read_mailbox(store, address, password, wait=waits.append, **more)  # type: ignore[arg-type]
    assert all(seconds <= 32 for seconds in waits)
    return report


def test_a_mailbox_gives_the_turns_that_its_export_gives(server: Server, store: Store, tmp_path: Path) -> None:
    """By another road: the same mails as an mbox."""
    report = take(store, server)
    assert (report.turns, report.added, report.rejected) == (60, 60, ())
    text = b"\n".join(b"From x Sat Nov 21 09:00:00 2026\n" + m.replace(b"\r\n", b"\n") for m in server.mails.values())
    path = tmp_path / "mail.mbox"
    path.write_bytes(text.replace(b"\nFrom here", b"\n>From here"))
    with open_store() as other:
        read_into(other, path)
        columns = [name for name in other.table("turns").column_names if name not in {"position", "source"}]
        ours, theirs = (one.table("turns").sort_by("turn_id").select(columns) for one in (store, other))
    assert [row | {"body": row["body"].rstrip()} for row in ours.to_pylist()] == [
        row | {"body": row["body"].rstrip()} for row in theirs.to_pylist()
    ]
    assert ours["parent_id"].null_count < 60


def test_nothing_on_the_server_changes(server: Server, store: Store) -> None:
    take(store, server)
    commands = {line.split()[1].upper() for line in server.said if len(line.split()) > 1}
    assert commands <= {"CAPABILITY", "AUTHENTICATE", "EXAMINE", "UID"}
    assert all("PEEK" in line for line in server.said if "BODY" in line)


def test_a_second_reading_fetches_only_what_came_since(server: Server, store: Store) -> None:
    take(store, server)
    sent = server.sent
    again = take(store, server)
    assert (again.turns, server.sent) == (0, sent)
    server.mails |= {uid * 3: mail(uid) for uid in range(61, 64)}
    assert (take(store, server).added, server.sent) == (3, sent + 3)
    assert store.table("turns").num_rows == 63


@pytest.mark.parametrize("at", [1, 37, 60])
def test_a_connection_that_breaks_off_is_gone_on_with(server: Server, store: Store, at: int) -> None:
    broken: list[int] = []

    def breaks(number: int) -> bool:
        if number == at and not broken:
            broken.append(number)
            return True
        return False

    server.break_after = breaks
    report = take(store, server)
    assert broken
    assert (report.turns, report.added) == (60, 60)
    assert store.table("turns").num_rows == 60


def test_a_connection_that_breaks_off_for_good_keeps_what_was_read(store: Store) -> None:
    """Large mails come one by one, each batch with its mark: the next reading goes on behind the last of them."""
    mails = {uid: mail(uid, size=5_000_000) for uid in range(1, 9)}
    with serving(Server(mails=mails, break_after=lambda number: number > 12)) as server:
        with pytest.raises(SourceError, match="broke off again and again"):
            take(store, server)
        kept = store.table("turns").num_rows
        assert 0 < kept < 8
        server.break_after = lambda _: False
        assert take(store, server).added == 8 - kept
    bodies = store.table("turns")["body"].to_pylist()
    assert len(bodies) == 8
    assert all(body.startswith("Größe") for body in bodies)


def test_new_uids_are_read_anew_and_double_nothing(server: Server, store: Store) -> None:
    take(store, server)
    server.validity, server.mails = 8, dict(enumerate(server.mails.values(), start=1))
    report = take(store, server)
    assert (report.turns, report.added, report.changed) == (60, 0, 0)
    assert store.table("turns").num_rows == 60


def test_drafts_and_mails_that_are_gone_are_named(server: Server, store: Store) -> None:
    server.drafts = {3}

    def vanish(number: int) -> bool:
        server.mails.pop(180, None)  # listed before, gone when its turn comes
        return False

    server.break_after = vanish
    found = {one.position: one.reason for one in take(store, server).rejected}
    assert found["message 3"] == "a draft, never sent"
    assert store.table("turns").num_rows in {58, 59}


def test_uids_behind_the_message_are_understood(server: Server, store: Store) -> None:
    server.uid_behind = True
    assert take(store, server).added == 60


def test_a_wrong_password_is_one_line_without_it(server: Server, store: Store) -> None:
    with pytest.raises(SourceError, match="refused the name") as refused:
        take(store, server, password="falsch ö")
    assert "falsch" not in str(refused.value)
    assert refused.value.__suppress_context__
    server.capabilities = "IMAP4rev1"
    server.password = 'pa"ss\\word'
    assert take(store, server, password='pa"ss\\word').added == 60


def test_a_folder_that_is_not_there_is_named(server: Server, store: Store) -> None:
    address = read_address(f"imap://anna@firm.example@localhost:{server.port}/Archiv%202026")
    with pytest.raises(SourceError, match="has no folder 'Archiv 2026'"):
        read_mailbox(store, address, SECRET)


def test_a_server_that_is_not_there_is_said_at_once(store: Store) -> None:
    waits: list[float] = []
    with pytest.raises(SourceError, match="cannot be reached"):
        read_mailbox(store, read_address("imap://a@localhost:1/INBOX"), "x", wait=waits.append)
    assert waits == []


def test_no_password_goes_out_in_the_clear(monkeypatch: pytest.MonkeyPatch, server: Server, store: Store) -> None:
    """The server is taken for one elsewhere: it offers no encryption, so it is told nothing."""
    monkeypatch.setattr("troth.sources.imap.Address.is_here", property(lambda _: False))
    with pytest.raises(SourceError, match="offers no encryption"):
        take(store, server)
    assert not [line for line in server.said if line.split()[1] in {"AUTHENTICATE", "LOGIN"}]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "chain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", chain, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, chain


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_encryption_from_the_start_or_on_the_way(certificate: tuple[Path, Path], store: Store, scheme: str) -> None:
    key, chain = certificate
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(chain, key)
    server = Server(mails={1: mail(1)}, context=theirs, is_encrypted=scheme == "imaps")
    server.capabilities += " STARTTLS" if scheme == "imap" else ""
    with serving(server):
        address = read_address(f"{scheme}://anna@firm.example@localhost:{server.port}/")
        with pytest.raises(SourceError, match="its certificate is not trusted"):
            read_mailbox(store, address, SECRET)
        assert not [line for line in server.said if "AUTHENTICATE" in line]
        server.capabilities = "IMAP4rev1 AUTH=PLAIN" + (" STARTTLS" if scheme == "imap" else "")
        trusting = ssl.create_default_context(cafile=str(chain))
        assert read_mailbox(store, address, SECRET, context=trusting).added == 1
    assert any("STARTTLS" in line for line in server.said) == (scheme == "imap")


def test_the_command_reads_a_mailbox_and_shows_no_password(server: Server, tmp_path: Path) -> None:
    book, source = tmp_path / "firm.duckdb", f"imap://anna@firm.example@localhost:{server.port}/INBOX"
    command = ["read", source, "--book", str(book), "--me", "firm.example"]
    done = run(*command, environment={"TROTH_IMAP_PASSWORD": SECRET})
    assert done.returncode == 0, done.stderr
    assert "imap, 60 turns, 60 new" in done.stderr
    assert "geheim" not in done.stderr + done.stdout
    done = run(*command, environment={"TROTH_IMAP_PASSWORD": None})
    assert done.returncode == 2
    assert done.stderr.startswith("troth: there is no password for anna@firm.example@localhost. Set TROTH_IMAP")


@pytest.mark.parametrize(
    "text",
    ["imap://host/INBOX", "imap://a:b@host/INBOX", "imap://a@host:x/INBOX", "http://a@host/", "imap://a@/x",
     "imap://a@host/a%0d%0aLOGOUT", "imap://a@host/x?y", "imap://a%0a@host/"],
)  # fmt: skip
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_address(text)
    assert ":b@" not in str(refused.value)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12))
def test_a_folder_name_is_written_as_its_decoder_reads_it(name: str) -> None:
    """By another road: decoded as RFC 3501 says, with the codec of Python."""
    written = encode_folder(name)
    assert written.isascii()
    inner = written[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    parts = inner.split("&")
    read = parts[0]
    for part in parts[1:]:
        coded, _, rest = part.partition("-")
        read += ("&" if not coded else ("+" + coded.replace(",", "/") + "-").encode().decode("utf-7")) + rest
    assert read == name
