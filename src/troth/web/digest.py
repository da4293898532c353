"""The day's close as mail: to its own person alone, and once in effect.

A row stands in the outbox before the first attempt, with the Message-ID that every attempt carries. Where a server
takes a mail and the line breaks before it says so, the mail goes out again under the same name, which receivers know to
be the same mail. What the mail says is made anew at each attempt and kept nowhere.
"""

from __future__ import annotations

import datetime as dt
import secrets
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from troth import __version__
from troth.encoder import encoder_id
from troth.errors import InputError
from troth.plain import clean_line
from troth.review import Close, day_bounds
from troth.review.close import Checkpoint, name_state
from troth.review.html import render_close
from troth.saying import say, write_day, write_number
from troth.schema import DIGESTS
from troth.signals import HELD
from troth.teaming import LOOPBACK, Digest, check_address
from troth.told import Told
from troth.web.narrow import close_own, narrow
from troth.web.view import View, make_view

if TYPE_CHECKING:
    from troth.book import Store
    from troth.library import Book

_TIMEOUT_S: Final = 30.0
_LONGEST: Final = 200  # characters of a server's answer that are kept
_TOWARD: Final = {"customer": "Toward customers", "colleague": "Toward colleagues", "friend": "Toward friends"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A mail server.

    Attributes:
        host, port: where it is.
        user: whom we are there; empty where it asks nobody.
        is_wrapped: TLS from the first byte; else STARTTLS, which is a must outside this machine.
        ca: authorities of one's own.
    """

    host: str
    port: int
    user: str
    is_wrapped: bool
    ca: Path | None = None

    @property
    def account(self) -> str:
        """Under which its password is kept."""
        return f"{self.user}@{self.host}"


def read_server(digest: Digest) -> Server:
    """The server that the settings name."""
    parts = urlsplit(digest.smtp)
    is_wrapped = parts.scheme == "smtps"
    return Server(
        host=parts.hostname or "",
        port=parts.port or (465 if is_wrapped else 587),
        user=unquote(parts.username or ""),
        is_wrapped=is_wrapped,
        ca=digest.ca,
    )


def check_reader(book: Book, person: str) -> None:
    """Whether a close may go to this address: it is a member's of the team or, without a team, the book's own.

    Raises: InputError where it may not.
    """
    try:
        check_address(person)
    except ValueError as error:
        raise InputError(str(error)) from error
    team = book.settings.team
    own = {name for name in book.whose.split(", ") if "@" in name}
    if team is not None and team.role_of(person) is None:
        raise InputError(f"{person} is not of this team, and gets nobody's close. [team] in troth.toml says who is.")
    if team is None and person not in own:
        known = f" (this book is of {', '.join(sorted(own))})" if own else ""
        raise InputError(
            f"a close goes to its own person alone, and this book is not {person}'s{known}. Say --me {person} where it "
            "is, or [team] in troth.toml where several share it."
        )


def look_at(book: Book) -> View | None:
    """What the closes of a team are cut from; None for a book of one person. Made once for all who get one."""
    return None if book.settings.team is None else make_view(book, book.settings)


def find_closes(book: Book, view: View | None, person: str, days: Sequence[dt.date] = ()) -> Iterator[Close]:
    """One person's own closes: of these days, or of the last one with a turn.

    Args:
        book: the whole.
        view: what `look_at` gave.
        person: by address.
        days: none for the last one.

    Raises: InputError.
    """
    check_reader(book, person)
    if view is None:
        for day in days or (None,):
            yield book.review(day)
        return
    own = narrow(view, person)
    for day in days or ((own.day,) if own.day else ()):
        yield close_own(own, book.stock(day_bounds(day, own.zone)[1]), day)


def is_empty(close: Close) -> bool:
    """Whether there is nothing to say of a day."""
    is_quiet = not any(circle.written or circle.received for circle in close.circles)
    return is_quiet and not close.promises and not close.questions


def enqueue(store: Store, person: str, day: dt.date, *, sender: str, now: dt.datetime) -> dict[str, Any]:
    """The row of the outbox for a person's day, made where there is none: one close a person a day."""
    rows = store.table("digests", where={"person": person, "day": day.isoformat()}).to_pylist()
    if rows:
        return rows[0]
    row = {
        "person": person, "day": day.isoformat(), "made_at": now, "state": "waiting", "attempts": 0,
        "message_id": f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>",
    }  # fmt: skip
    _keep(store, row)
    return store.table("digests", where={"message_id": row["message_id"]}).to_pylist()[0]


def list_waiting(store: Store, person: str) -> list[dt.date]:
    """The days whose close still waits to be sent to a person, the earliest first."""
    rows = store.table("digests", where={"person": person, "state": "waiting"}).to_pylist()
    return sorted(dt.date.fromisoformat(row["day"]) for row in rows)


def write_mail(close: Close, row: Mapping[str, Any], *, sender: str, language: str = "en") -> EmailMessage:
    """The close as a mail: plain words, and the page as it is elsewhere; nothing in it is fetched from anywhere."""
    day = write_day(language, close.day, "EEEE d MMMM y")
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = check_address(sender), check_address(row["person"])
    mail["Subject"] = say(language, "Your close of {day}", day=day)
    mail["Date"] = format_datetime(row["made_at"])
    mail["Message-ID"] = row["message_id"]
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    page = render_close(
        close, whose=row["person"], made_with=f"troth {__version__}, {encoder_id()}", is_mail=True, language=language
    )
    mail.set_content(write_text(close, language=language), cte="quoted-printable")
    mail.add_alternative(page, subtype="html", cte="quoted-printable")
    return mail


def write_text(close: Close, *, language: str = "en") -> str:
    """The close in plain words of a language, line by line; what strangers wrote stays on its line."""
    tell = partial(say, language)
    todo = clean_line(tell(close.tomorrow.text))
    lines = [write_day(language, close.day, "EEEE d MMMM y"), "", tell("One thing to do tomorrow"), f"  {todo}"]
    if close.tomorrow.quote:
        lines.append(f"  {_quote(tell, close.tomorrow.quote)}")
    for circle in close.circles:
        counts = tell("{written} written, {received} received", written=circle.written, received=circle.received)
        lines += ["", f"{tell(_TOWARD[circle.circle])}: {counts}"]
        if circle.written or circle.received:
            for point in circle.checkpoints:
                lines += _tell_checkpoint(point, language)
    evening = day_bounds(close.day, close.zone)[1]
    lines += ["", tell("Promises"), *_tell(tell, close.promises, lambda row: name_state(row, evening))]
    lines += ["", tell("Still without an answer")]
    lines += _tell(tell, close.questions, lambda row: Told(HELD.get(row["kind"], "question")))
    lines += ["", tell("Percentiles of a public reference population, 50 is typical, with the 80 % band.")]
    lines += [tell("Scores describe words and deeds, never a person's character.")]
    return "\n".join(lines) + "\n"


def _tell_checkpoint(point: Checkpoint, language: str) -> list[str]:
    tell, write = partial(say, language), partial(write_number, language)
    gauge = point.gauge
    if gauge is None:
        return [f"  {tell(point.plain)}: {tell('no occasion')}"]
    band = tell("{low} to {high}", low=write(gauge.low), high=write(gauge.high))
    number = tell("too little for a number") if gauge.percentile is None else write(gauge.percentile)
    lines = [f"  {tell(point.plain)}: {number} ({band})"]
    for mark, quote in (("+", point.best), ("-", point.worst)):
        if quote is not None:
            lines.append(f"    {mark} {_quote(tell, quote.text)} ({clean_line(quote.relationship)})")
    return lines


def _tell(
    tell: Callable[..., str], rows: Sequence[Mapping[str, Any]], name: Callable[[Mapping[str, Any]], Told]
) -> list[str]:
    told = [
        f"  {clean_line(row['relationship'] or '')}: {_quote(tell, row['text'])} ({tell(name(row))})" for row in rows
    ]
    return told or [f"  {tell('none')}"]


def _quote(tell: Callable[..., str], text: str) -> str:
    return tell("“{words}”", words=clean_line(text))


def send(
    store: Store,
    server: Server,
    password: str,
    mail: EmailMessage,
    row: Mapping[str, Any],
    *,
    clock: Callable[[], dt.datetime],
) -> dict[str, Any]:
    """Try once to hand a mail over; the row of the outbox as it stands then.

    A server that says no for good ends it (refused); whatever else goes wrong leaves it waiting for the next attempt.

    Raises: InputError where the server cannot be trusted or does not know us, which another attempt does not mend.
    """
    tried = {**row, "attempts": row["attempts"] + 1, "tried_at": clock(), "problem": None}
    _keep(store, tried)
    try:
        _hand_over(server, password, mail)
    except smtplib.SMTPAuthenticationError as error:
        _keep(store, {**tried, "problem": "the user or the password"})
        raise InputError(f"{server.host} does not take the user {server.user} or the password.") from error
    except ssl.SSLCertVerificationError as error:
        _keep(store, {**tried, "problem": "the certificate of the server"})
        raise InputError(
            f"{server.host} cannot prove to be itself: {error.verify_message}. Name the authority with [digest] ca."
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        done = {**tried, "problem": _explain(error), "state": "refused" if _is_final(error) else "waiting"}
    else:
        done = {**tried, "state": "sent", "sent_at": clock()}
    _keep(store, done)
    return done


def _hand_over(server: Server, password: str, mail: EmailMessage) -> None:
    context = ssl.create_default_context(cafile=None if server.ca is None else str(server.ca))
    name = str(mail["From"]).rpartition("@")[2]  # how we greet; never this machine's own name
    if server.is_wrapped:
        link = smtplib.SMTP_SSL(server.host, server.port, name, timeout=_TIMEOUT_S, context=context)
    else:
        link = smtplib.SMTP(server.host, server.port, name, timeout=_TIMEOUT_S)
    try:
        link.ehlo()
        if not server.is_wrapped and (link.has_extn("starttls") or server.host not in LOOPBACK):
            link.starttls(context=context)
        if server.user:
            link.login(server.user, password)
        link.send_message(mail)
    finally:
        link.close()  # no word of farewell: what counts was said, and a server that hangs holds nobody up


def _is_final(error: Exception) -> bool:
    """Whether the server said no for good to this mail or this address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, (smtplib.SMTPDataError, smtplib.SMTPSenderRefused)) and error.smtp_code >= 500


def _explain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return clean_line(f"{code} {words.decode('utf-8', 'replace')}")[:_LONGEST]
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        return clean_line(
            f"{error.smtp_code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"
        )[:_LONGEST]
    return clean_line(f"{type(error).__name__}: {error}")[:_LONGEST]


def _keep(store: Store, row: Mapping[str, Any]) -> None:
    store.upsert("digests", pa.Table.from_pylist([dict(row)], schema=DIGESTS))
