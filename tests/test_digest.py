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

import pyarrow as pa
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
from troth.cli.options import Language
from troth.errors import InputError, SettingsError
from troth.proving import say_scored, write_wealth
from troth.review import Close
from troth.review.asking import tell_asking
from troth.review.close import CIRCLES, Checkpoint, CircleClose, Gauge, Quote, ScoredForecast
from troth.review.html import render_close
from troth.review.tomorrow import suggest
from troth.saying import say
from troth.schema import PROMISES, QUESTIONS
from troth.settings import Settings, parse_settings
from troth.teaming import Digest, check_address
from troth.told import LANGUAGES, Told
from troth.trend import say_gap
from troth.trust import Gap
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
        f'sender = "{SENDER}"\nto = ["{ANNA}"]\nca = "{running.server.ca}"\nlanguages = {{"{ANNA}" = "de"}}\n'
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
    assert running.box.taken[0]["Subject"] == "Ihr Tagesabschluss vom Freitag, 20. November 2026"
    shown = CliRunner().invoke(command_line, [*command, "--show"]).stdout
    assert "Eines für morgen" in shown
    assert (
        "One thing to do tomorrow" in CliRunner().invoke(command_line, [*command, "--show", "--language", "en"]).stdout
    )
    stranger = [*command, "--to", "eve@evil.example"]
    assert "its own person alone" in str(CliRunner().invoke(command_line, stranger).exception)


def make_close() -> Close:
    """A close with everything that a day can bring, made by hand."""
    asked = {"relationship": "acme", "kind": "direct", "text": "When?", "asked_at": NOW}
    owed = {"relationship": "acme", "side": "us", "text": "By noon.", "act": None, "evidence_text": None}
    gauge = Gauge(percentile=61.4, low=30.5, high=88.6, reliability=0.7, readings=1)
    said = Quote(
        text="It is 5.", why=Told("{signal}: counts for {facet}", signal=Told("reason"), facet=Told("reasoning")),
        relationship="acme", turn_id="t", start=0, end=8, signal="reason", probability=0.9, facet="RS",
    )  # fmt: skip
    point = Checkpoint(name="a", plain="quality of logic", gauge=gauge, best=said, worst=None)
    few = replace(point, plain="saying it as it is", gauge=replace(gauge, percentile=None), best=None, worst=said)
    none = replace(point, plain="time for empathy", gauge=None, best=None)
    circle = CircleClose(circle="customer", written=1, received=2, relationships=1, checkpoints=(point, few, none))
    waits = {"turn_id": "t", "circle": "customer", "side": "them", "state": "open", "act": None, "probability": 1.0}
    questions = pa.Table.from_pylist(
        [dict.fromkeys(QUESTIONS.names) | waits | asked | {"kind": kind} for kind in ("HR", "direct")],
        schema=QUESTIONS,
    )
    days = {"since": NOW - dt.timedelta(days=9), "until": NOW + dt.timedelta(days=1)}
    return Close(
        day=NOW.date(),
        zone="Europe/Berlin",
        circles=(circle, replace(circle, circle="friend", written=0, received=0)),
        promises=(
            {**owed, "state": "open", "due_latest": NOW}, {**owed, "state": "suspected", "due_latest": None},
            {**owed, "state": "late", "due_latest": NOW, "side": "them", "relationship": "<b>"},
        ),
        questions=(asked, {**asked, "kind": "HR"}),
        questions_older=3,
        tomorrow=suggest(
            NOW.date() + dt.timedelta(days=2), zone="Europe/Berlin", promises=PROMISES.empty_table(),
            questions=questions, circles=CIRCLES,
        ),
        gaps=({"relationship": "acme", "text": say_gap(Gap(relationship="acme", shown_rose=0.93, held_rose=0.001))},),
        proof=say_scored(
            ScoredForecast(
                day=NOW.date() - dt.timedelta(days=2), since=dt.date(2026, 3, 1), readings=1, gain=-0.25,
                wealth=write_wealth(0.25), has_won=False,
            ),
            NOW.date(),
        ),
        asking=tuple(tell_asking(questions, CIRCLES, **days)),
    )  # fmt: skip


WORDS = """Friday 20 November 2026

One thing to do tomorrow
  Answer acme, who has waited since Friday 20 November to hear whether they can depend on you. 1 more matter is open \
there.
  “When?”

Toward customers: 1 written, 2 received
  quality of logic: 61 (30 to 89)
    + “It is 5.” (acme)
  saying it as it is: too little for a number (30 to 89)
    - “It is 5.” (acme)
  time for empathy: no occasion

Toward friends: 0 written, 0 received

Promises
  acme: “By noon.” (was due)
  acme: “By noon.” (overdue, nothing shows it was done)
  <b>: “By noon.” (kept late)

Still without an answer
  acme: “When?” (question)
  acme: “When?” (dependence)

Percentiles of a public reference population, 50 is typical, with the 80 % band.
Scores describe words and deeds, never a person's character.
"""

WORTE = """Freitag, 20. November 2026

Eines für morgen
  Antworten Sie acme: Dort wartet man seit Freitag, dem 20. November, darauf zu erfahren, ob auf Sie Verlass ist. Dort \
ist noch ein weiterer Punkt offen.
  „When?“

Gegenüber Kunden: 1 geschrieben, 2 erhalten
  Güte der Begründung: 61 (30 bis 89)
    + „It is 5.“ (acme)
  sagen, wie es ist: zu wenig für eine Zahl (30 bis 89)
    - „It is 5.“ (acme)
  Zeit für Einfühlung: kein Anlass

Gegenüber Freunden: 0 geschrieben, 0 erhalten

Versprechen
  acme: „By noon.“ (war fällig)
  acme: „By noon.“ (überfällig, nichts belegt die Erfüllung)
  <b>: „By noon.“ (verspätet gehalten)

Noch ohne Antwort
  acme: „When?“ (Frage)
  acme: „When?“ (Verlässlichkeit)

Perzentile einer öffentlichen Vergleichsmenge, 50 ist typisch, mit dem 80-%-Band.
Werte beschreiben Worte und Taten, nie den Charakter eines Menschen.
"""


def test_a_close_reads_as_its_reader_writes() -> None:
    """Every word of it: what it said in English before there was a choice, and what it says in German."""
    made = make_close()
    assert write_text(made) == WORDS
    assert write_text(made, language="de") == WORTE
    row = {"person": ANNA, "made_at": NOW, "message_id": "<a@b.example>"}
    subjects = [write_mail(made, row, sender=SENDER, language=one)["Subject"] for one in ("en", "de")]
    assert subjects == ["Your close of Friday 20 November 2026", "Ihr Tagesabschluss vom Freitag, 20. November 2026"]


@pytest.mark.parametrize(
    ("asking", "english", "german"),
    [
        (2, "Two friends are asking whether it is fair (f0, f1); one ", "Zwei Freunde fragen, ob es gerecht zugeht "),
        (12, "Twelve friends are asking whether it is fair (f0, f1, f10, ", "Zwölf Freunde fragen, ob es gerecht "),
        (13, "13 friends are asking whether it is fair (f0, f1, f10, ", "13 Freunde fragen, ob es gerecht zugeht "),
    ],
)
def test_who_asks_is_counted_in_words(asking: int, english: str, german: str) -> None:
    row: dict[str, Any] = dict.fromkeys(QUESTIONS.names)
    row |= {"circle": "friend", "state": "open", "asked_at": NOW, "kind": "HS"}
    rows = [*({**row, "relationship": f"f{n}"} for n in range(asking)), {**row, "relationship": "f0", "kind": "HC"}]
    for number, one in enumerate(rows):
        one |= {"turn_id": str(number)}
    questions = pa.Table.from_pylist(rows, schema=QUESTIONS)
    [told] = tell_asking(questions, CIRCLES, since=NOW - dt.timedelta(days=1), until=NOW + dt.timedelta(days=1))
    assert told.text.startswith(english)
    assert told.text.endswith("; one whether they can believe you (f0).")
    assert say("de", told.text).startswith(german)
    assert say("de", told.text).endswith("; einer, ob man Ihnen glauben kann (f0).")


PAGE = {
    "en": (
        "<title>Close of 20 November 2026 · troth</title>", "1 written by us, 2 received, 1 relationship.",
        'aria-label="percentile 61, band 30 to 89"', 'aria-label="number withheld, band 30 to 89"',
        "<b>61</b> · 30–89 · 1 reading</div>", "acme · reason: counts for reasoning",
        "<td>we to acme</td>", "<td>from &lt;b&gt;</td>",
        "<td>Fri 20 Nov 2026</td>", "<td>no time named</td>", "<td>kept late</td>",
        "One customer is asking whether they can depend on you (acme).", "3 older:",
        "SHOWN rose at acme (P .93) while HELD did not (P under .01)",
        "The last forecast scored, for 2026-11-18: 1 reading, 0.25 nats a reading worse than the base rate. Since ",
        "2026-03-01 W = 1.3: not better than the base rate so far. All of it:", 'quotes:"“" "”"',
    ),
    "de": (
        "<title>Tagesabschluss vom 20. November 2026 · troth</title>",
        "1 von uns geschrieben, 2 erhalten, 1 Beziehung.",
        'aria-label="Perzentil 61, Band 30 bis 89"', 'aria-label="Zahl zurückgehalten, Band 30 bis 89"',
        "<b>61</b> · 30–89 · 1 Ablesung</div>", "acme · Begründung: zählt für Begründung", "<td>wir an acme</td>",
        "<td>von &lt;b&gt;</td>", "<td>Fr., 20. Nov. 2026</td>", "<td>ohne Termin</td>", "<td>verspätet gehalten</td>",
        "Ein Kunde fragt, ob auf Sie Verlass ist (acme).", "3 ältere:",
        "GEZEIGT ist bei acme gestiegen (P 0,93), GESCHENKT nicht (P unter 0,01)",
        "Die letzte ausgewertete Vorhersage, für den 18.11.2026: 1 Ablesung, je Ablesung 0,25 Nat schlechter als ",
        "die Grundrate. Seit 01.03.2026 W = 1,3: bisher nicht besser als die Grundrate. Alles dazu:", 'quotes:"„" "“"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", PAGE)
def test_its_page_reads_so_as_well(language: str) -> None:
    page = render_close(make_close(), whose=ANNA, made_with="troth", language=language)
    assert f'<html lang="{language}">' in page
    assert [said for said in PAGE[language] if said not in page] == []


def test_settings_say_in_which_language_whose_close_is_written() -> None:
    stated = {"smtp": "smtps://m.firm.example", "sender": SENDER, "language": "de", "languages": {GESA.upper(): "en"}}
    digest = parse_settings({"digest": stated}, "troth.toml").digest
    assert digest is not None
    assert [digest.language_of(who) for who in (ANNA, GESA)] == ["de", "en"]
    for wrong in ({"language": "fr"}, {"languages": {ANNA: "fr"}}):
        with pytest.raises(SettingsError, match="'fr' is no language of a close; there are en, de"):
            parse_settings({"digest": stated | wrong}, "troth.toml")
    assert [one.value for one in Language] == list(LANGUAGES)


def test_the_words_are_those_of_the_close(close: Close) -> None:
    text = write_text(close)
    assert text.count("Toward ") == 3
    assert close.tomorrow.text in text
    for row in close.promises:
        assert row["relationship"] in text
