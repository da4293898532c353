"""The close by mail: a real mail server, sound and not; to its own person alone, and once in effect."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as as_people_read
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from served import SETTINGS
from typer.testing import CliRunner

import troth
from troth.book import Store, open_store
from troth.cli import app as command_line
from troth.errors import InputError, SettingsError
from troth.review import Close
from troth.settings import Settings, parse_settings
from troth.teaming import Digest, check_address
from troth.web.digest import (
    Server,
    enqueue,
    find_closes,
    is_empty,
    list_waiting,
    look_at,
    read_server,
    send,
    write_mail,
    write_text,
)

NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
ANNA, GESA = "anna@brimholt.example", "gesa@brimholt.example"
SENDER = "troth@brimholt.example"
USER, PASSWORD = "troth", "open sesame"


class Box:
    """Takes mail, and does as told: in `trouble` stands what it does to the next ones."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.trouble: list[str] = []

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        what = self.trouble.pop(0) if self.trouble else ""
        if what.startswith(("4", "5")):
            return what
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.taken.append(message_from_bytes(envelope.content, policy=as_people_read))  # type: ignore[arg-type]
        if what == "cut":
            assert server.transport is not None
            server.transport.abort()  # it has the mail, and the answer never comes
        return "250 taken"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: Any) -> str:  # noqa: N802
        if self.trouble and self.trouble[0].startswith("rcpt "):
            return self.trouble.pop(0).removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return "250 yes"

    @property
    def different(self) -> set[str]:
        """Mails, as a receiver counts them that knows one by its Message-ID."""
        return {str(mail["Message-ID"]) for mail in self.taken}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A server's own certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    at = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(at - dt.timedelta(days=1))
        .not_valid_after(at + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    public, private = folder / "server.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return public, context


def admit(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


class Running:
    """A mail server on a real port."""

    def __init__(self, context: ssl.SSLContext, ca: Path, *, is_wrapped: bool) -> None:
        self.box = Box()
        how: dict[str, Any] = {"ssl_context": context} if is_wrapped else {"tls_context": context}
        self.controller = Controller(
            self.box, hostname="127.0.0.1", port=free_port(), authenticator=admit, auth_required=not is_wrapped,
            auth_require_tls=not is_wrapped, require_starttls=not is_wrapped, **how,
        )  # fmt: skip
        self.controller.start()
        self.server = Server(host="127.0.0.1", port=self.controller.port, user=USER, is_wrapped=is_wrapped, ca=ca)


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def running(certificate: tuple[Path, ssl.SSLContext]) -> Iterator[Running]:
    """A server that wants STARTTLS and a password."""
    made = Running(certificate[1], certificate[0], is_wrapped=False)
    yield made
    made.controller.stop()


@pytest.fixture(params=["starttls", "wrapped"])
def either(request: pytest.FixtureRequest, certificate: tuple[Path, ssl.SSLContext]) -> Iterator[Running]:
    """The same, and one that speaks TLS from the first byte."""
    made = Running(certificate[1], certificate[0], is_wrapped=request.param == "wrapped")
    yield made
    made.controller.stop()


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as opened:
        yield opened


@pytest.fixture(scope="module")
def close(sample_book: troth.Book) -> Close:
    return next(iter(find_closes(sample_book, None, ANNA)))


def attempt(
    store: Store, server: Server, close: Close, *, person: str = ANNA, password: str = PASSWORD
) -> dict[str, Any]:
    """One run, as the command makes it."""
    row = enqueue(store, person, close.day, sender=SENDER, now=NOW)
    if row["state"] != "waiting":
        return row
    return send(store, server, password, write_mail(close, row, sender=SENDER), row, clock=lambda: NOW)


def test_the_close_arrives_as_words_and_as_a_page(store: Store, either: Running, close: Close) -> None:
    assert attempt(store, either.server, close)["state"] == "sent"
    [mail] = either.box.taken
    assert (mail["From"], mail["To"]) == (SENDER, ANNA)
    assert mail["Auto-Submitted"] == "auto-generated"
    words, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert words is not None
    assert page is not None
    assert close.tomorrow.text in words.get_content()
    html = page.get_content()
    assert close.circles[0].checkpoints[0].plain in html
    assert "left the machine" not in html
    for remote in ("http://", "https://", "src=", "url(", "<img", "<script", "<link"):
        assert remote not in html
    assert all(len(line) <= 998 for line in either.box.raw[0].split(b"\r\n"))
    assert attempt(store, either.server, close)["attempts"] == 1  # one close a person a day
    assert len(either.box.taken) == 1


@pytest.mark.parametrize("trouble", [["451 later"], ["cut"], ["rcpt 450 greylisted"], ["451 a", "cut", "421 b", "cut"]])
def test_a_server_in_trouble_gets_it_once_in_effect(
    store: Store, running: Running, close: Close, trouble: list[str]
) -> None:
    running.box.trouble = list(trouble)
    for number, what in enumerate(trouble, start=1):
        row = attempt(store, running.server, close)
        assert (row["state"], row["attempts"]) == ("waiting", number), what
        assert row["problem"]
        assert list_waiting(store, ANNA) == [close.day]
    row = attempt(store, running.server, close)
    assert (row["state"], row["attempts"]) == ("sent", len(trouble) + 1)
    assert running.box.different == {row["message_id"]}
    assert len(running.box.taken) == 1 + trouble.count("cut")
    assert len({str(mail["Date"]) for mail in running.box.taken}) == 1


def test_a_server_that_is_down_leaves_the_close_in_the_outbox(store: Store, close: Close) -> None:
    down = Server(host="127.0.0.1", port=free_port(), user="", is_wrapped=False)
    row = attempt(store, down, close)
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    assert "refused" in row["problem"].lower()


@pytest.mark.parametrize("trouble", ["550 no such mailbox", "rcpt 550 no such mailbox"])
def test_a_no_for_good_is_no_more_tried(store: Store, running: Running, close: Close, trouble: str) -> None:
    running.box.trouble = [trouble]
    row = attempt(store, running.server, close)
    assert (row["state"], row["problem"]) == ("refused", "550 no such mailbox")
    assert attempt(store, running.server, close)["attempts"] == 1


def test_the_row_stands_before_the_first_attempt(store: Store, close: Close) -> None:
    """Killed between the server's yes and ours: the row still waits, and the next mail has the same name."""
    row = enqueue(store, ANNA, close.day, sender=SENDER, now=NOW)
    again = enqueue(store, ANNA, close.day, sender=SENDER, now=NOW + dt.timedelta(days=1))
    assert row == again
    assert (row["state"], row["attempts"]) == ("waiting", 0)
    one, other = (write_mail(close, each, sender=SENDER) for each in (row, again))
    assert one["Message-ID"] == other["Message-ID"]
    assert one["Message-ID"].endswith("@brimholt.example>")


def test_a_server_that_cannot_prove_itself_gets_no_password(store: Store, either: Running, close: Close) -> None:
    with pytest.raises(InputError, match="cannot prove to be itself"):
        attempt(store, replace(either.server, ca=None), close)
    with pytest.raises(InputError, match="does not take the user"):
        attempt(store, either.server, close, password="guess")
    assert either.box.taken == []
    assert list_waiting(store, ANNA) == [close.day]
    assert PASSWORD not in repr(store.table("digests").to_pylist())


def test_words_of_strangers_stay_words(store: Store, running: Running, close: Close) -> None:
    """Header lines, markup, terminal orders and line breaks in a sentence and in a name do nothing."""
    evil = (
        "x\r\nBcc: eve@evil.example\r\n\r\n.\r\n<script>alert(1)</script><img src=https://evil.example/p.gif>"
        "\x1b]0;x\x07\u202e\u2028end"
    )
    points = [point for point in close.circles[0].checkpoints if point.best is not None]
    assert points[0].best is not None
    quote = replace(points[0].best, text=evil, relationship=evil)
    circle = replace(close.circles[0], checkpoints=(replace(points[0], best=quote),))
    forged = replace(
        close, circles=(circle, *close.circles[1:]), tomorrow=replace(close.tomorrow, text=evil, quote=evil),
        promises=tuple({**row, "text": evil, "relationship": evil, "evidence_text": evil} for row in close.promises),
    )  # fmt: skip
    assert attempt(store, running.server, forged)["state"] == "sent"
    [mail] = running.box.taken
    assert mail.get_all("Bcc") is None
    assert sorted(mail.keys()) == [
        "Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To",
        "X-Auto-Response-Suppress", *(name for name in mail if name in {"X-Peer", "X-MailFrom", "X-RcptTo"}),
    ]  # fmt: skip
    words, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert words is not None
    assert page is not None
    text = words.get_content()
    assert not {"\x1b", "\x07", "\u202e", "\u2028"} & set(text)
    assert not [line for line in text.splitlines() if line.startswith(("Bcc:", "."))]
    assert "<script>" not in page.get_content()
    assert "<img" not in page.get_content()
    assert "Percentiles" in text  # what comes after the lone dot came along


@pytest.mark.parametrize(
    "address",
    [
        *("anna@firm.example\r\nBcc: x@y.example", "a b@firm.example", "<anna@firm.example>", "@x", "x@", "anna"),
        *("ä@x.example", "anna@firm.example,eve@evil.example"),
    ],
)
def test_an_address_is_an_address_and_nothing_else(address: str) -> None:
    with pytest.raises(ValueError, match="no mail address"):
        check_address(address)
    with pytest.raises(SettingsError):
        parse_settings({"digest": {"smtp": "smtps://m.firm.example", "sender": SENDER, "to": [address]}}, "troth.toml")


def test_settings_name_a_server_and_never_a_password() -> None:
    given = Digest(smtp="smtp://anna%40firm.example@mail.firm.example", sender=SENDER)
    server = read_server(given)
    assert (server.user, server.host, server.port, server.is_wrapped) == (
        "anna@firm.example", "mail.firm.example", 587, False,
    )  # fmt: skip
    assert read_server(Digest(smtp="smtps://m.firm.example", sender=SENDER)).port == 465
    for wrong in ("smtps://anna:secret@m.firm.example", "https://m.firm.example", "m.firm.example", "smtps://"):
        with pytest.raises(SettingsError):
            parse_settings({"digest": {"smtp": wrong, "sender": SENDER}}, "troth.toml")


def test_a_close_goes_to_its_own_person_alone(sample_book: troth.Book) -> None:
    for stranger in (GESA, "eve@evil.example", "x\r\ny@z.example"):
        with pytest.raises(InputError):
            list(find_closes(sample_book, None, stranger))


TEAM = {"issuer": "https://login.brimholt.example", "client_id": "troth", "address": "https://troth.brimholt.example",
        "behind_proxy": True, "domains": ["brimholt.example"], "members": {ANNA: "owner"}}  # fmt: skip


@pytest.fixture(scope="module")
def team_book(sample_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[troth.Book]:
    copied = tmp_path_factory.mktemp("team") / "book.duckdb"
    copied.write_bytes(sample_file.read_bytes())
    with troth.open(copied, settings=Settings(**{**SETTINGS.model_dump(), "team": TEAM})) as book:
        yield book


def test_members_get_their_own_close_and_nothing_of_others(team_book: troth.Book) -> None:
    turns = team_book.turns().to_pylist()
    view = look_at(team_book)
    for person in (ANNA, GESA):
        [own] = find_closes(team_book, view, person)
        there = {
            row["conversation_id"] for row in turns
            if person in {row["speaker"], *(row["recipients"] or ()), *(row["cc"] or ())}
        }  # fmt: skip
        names = SETTINGS.people
        handles = {name for known in names.values() if person in known for name in known}
        there |= {row["conversation_id"] for row in turns if row["speaker"] in handles}
        there |= {row["conversation_id"] for row in turns if handles & {*(row["recipients"] or ()), *(row["cc"] or ())}}
        told = {
            quote.turn_id for circle in own.circles for point in circle.checkpoints
            for quote in (point.best, point.worst) if quote is not None
        }  # fmt: skip
        told |= {row["turn_id"] for row in (*own.promises, *own.questions)}
        spoken = {row["turn_id"]: row["conversation_id"] for row in turns}
        assert {spoken[turn_id] for turn_id in told} <= there
        assert not is_empty(own)
    with pytest.raises(InputError, match="not of this team"):
        list(find_closes(team_book, view, "mila.kestrov@gmail.com"))


def test_the_command_sends_what_waits_and_says_so(
    tmp_path: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, settings = tmp_path / "book.duckdb", tmp_path / "troth.toml"
    said = {"speaker": "kim@home.example", "recipients": [ANNA], "body": "Can you send us the offer by Friday?",
            "sent_at": NOW, "channel": "mail", "conversation_id": "c", "turn_id": "t", "position": 1,
            "automatic": False, "source": "s"}  # fmt: skip
    with troth.open(book, settings=Settings(us=(ANNA,))) as opened:
        opened.add([said])
    settings.write_text(
        f'us = ["{ANNA}"]\nzone = "Europe/Berlin"\n[digest]\nsmtp = "smtp://{USER}@127.0.0.1:{running.server.port}"\n'
        f'sender = "{SENDER}"\nto = ["{ANNA}"]\nca = "{running.server.ca}"\n'
    )
    command = ["digest", "--book", str(book), "--settings", str(settings)]
    assert "no password" in str(CliRunner().invoke(command_line, command).exception)
    monkeypatch.setenv("TROTH_SMTP_PASSWORD", PASSWORD)
    running.box.trouble = ["cut"]
    first = CliRunner().invoke(command_line, command)
    assert "still to be sent" in str(first.exception)
    second = CliRunner().invoke(command_line, command)
    assert (second.exit_code, second.exception) == (0, None)
    assert "sent, to anna@brimholt.example" in second.stderr
    assert "sent before" in CliRunner().invoke(command_line, command).stderr
    assert len(running.box.taken) == 2
    assert len(running.box.different) == 1
    stranger = [*command, "--to", "eve@evil.example"]
    assert "its own person alone" in str(CliRunner().invoke(command_line, stranger).exception)


def test_the_words_are_those_of_the_close(close: Close) -> None:
    text = write_text(close)
    assert text.count("Toward ") == 3
    assert close.tomorrow.text in text
    for row in close.promises:
        assert row["relationship"] in text
