"""Dress the hand-written words as real mail programs would, and lay the mails into one mbox file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from troth.sample._source import Mail, Person

_DEPTH: Final = 3  # earlier mails that a reply still carries; people rarely delete them, programs never do
_GMAIL_WIDTH: Final = 78
_FROM_LINE: Final = re.compile(rb"^(>*From )", re.MULTILINE)
_NEWSLETTER_BUTTON: Final = '<p><a href="https://coldchainherald.example/out">Unsubscribe</a></p>'

_DAYS: Final = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "fr": ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."),
    "da": ("man.", "tirs.", "ons.", "tors.", "fre.", "lør.", "søn."),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}
_MONTHS: Final = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": (
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
    ),
    "da": ("jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."),
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
}  # fmt: skip


def build_mbox(mails: Mapping[str, Mail]) -> bytes:
    """All mails as one mbox in the mboxrd form, in the order of `mails`."""
    return b"".join(_entry(mail, mails) for mail in mails.values())


def _entry(mail: Mail, mails: Mapping[str, Mail]) -> bytes:
    stamp = mail.at.astimezone(UTC).strftime("%a %b %d %H:%M:%S %Y")
    body = _FROM_LINE.sub(rb">\1", bytes(_message(mail, mails)))
    return f"From {mail.sender.address} {stamp}\n".encode("ascii") + body.rstrip(b"\n") + b"\n\n"


def _message(mail: Mail, mails: Mapping[str, Mail]) -> EmailMessage:
    message = EmailMessage()
    message["From"] = _address(mail.sender)
    message["To"] = tuple(_address(person) for person in mail.to)
    if mail.cc:
        message["Cc"] = tuple(_address(person) for person in mail.cc)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = mail.message_id
    if mail.answers:
        message["In-Reply-To"] = mails[mail.answers].message_id
        message["References"] = " ".join(reversed([earlier.message_id for earlier in _thread(mail, mails)]))
    for name, value in _automatic_headers(mail.automatic):
        message[name] = value
    _fill(message, mail, mails)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{mail.label}_{number}")  # the library's own boundaries are random
    return message


def _address(person: Person) -> Address:
    return Address(person.name, addr_spec=person.address)


def _thread(mail: Mail, mails: Mapping[str, Mail]) -> Iterator[Mail]:
    """The mails this one answers, nearest first."""
    while mail.answers:
        mail = mails[mail.answers]
        yield mail


def _automatic_headers(kind: str | None) -> tuple[tuple[str, str], ...]:
    match kind:
        case "generated" | "noreply":
            return (("Auto-Submitted", "auto-generated"),)
        case "replied":
            return (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))
        case "newsletter":
            return (
                ("List-Id", "Cold Chain Herald <news.coldchainherald.example>"),
                ("List-Unsubscribe", "<https://coldchainherald.example/out>"),
                ("Precedence", "bulk"),
            )
        case _:
            return ()


def _fill(message: EmailMessage, mail: Mail, mails: Mapping[str, Mail]) -> None:
    plain = render_plain(mail, mails) + "\n"
    charset = mail.sender.charset
    if mail.form == "html":
        _set_text(message, _render_html(mail, mails), subtype="html", charset=charset)
    else:
        _set_text(message, plain, subtype="plain", charset=charset)
    if mail.form == "alternative":
        message.make_alternative()
        page = EmailMessage(policy=message.policy)
        _set_text(page, _render_html(mail, mails), subtype="html", charset=charset)
        message.attach(page)
    for name in mail.attachments:
        maintype, subtype = _kind(name)
        stand_in = f"A stand-in for {name}: the sample keeps only the names of its files.\n".encode("ascii")
        message.add_attachment(stand_in, maintype=maintype, subtype=subtype, filename=name)


def _set_text(part: EmailMessage, text: str, *, subtype: str, charset: str) -> None:
    lines_fit = all(len(line) <= _GMAIL_WIDTH for line in text.split("\n"))
    transfer = "7bit" if text.isascii() and lines_fit else "quoted-printable"
    part.set_content(text, subtype=subtype, charset=charset, cte=transfer)


def _kind(name: str) -> tuple[str, str]:
    kinds = {"pdf": ("application", "pdf"), "jpg": ("image", "jpeg"), "mp4": ("video", "mp4")}
    return kinds.get(name.rpartition(".")[2], ("application", "octet-stream"))


def render_plain(mail: Mail, mails: Mapping[str, Mail], *, depth: int = _DEPTH) -> str:
    """A mail's text as it is read: own words, signature, and the earlier mails in the writer's program's style."""
    own = mail.words + _closing(mail)
    if mail.forwards:
        return f"{own}\n\n{_forwarded(mail, mails)}"
    if not mail.answers or depth == 0 or mail.client == "none":
        return own
    earlier = mails[mail.answers]
    text = render_plain(earlier, mails, depth=depth - 1)
    if mail.client in {"outlook", "outlook-de"}:
        return f"{own}\n\n{_outlook_block(mail, earlier)}\n\n{text}"
    quote = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.split("\n"))
    if mail.client == "bottom":
        return f"{_attribution(mail, earlier)}\n{quote}\n\n{own}"
    gap = "\n\n" if mail.client == "apple" else "\n"
    return f"{own}\n\n{_attribution(mail, earlier)}{gap}{quote}"


def _closing(mail: Mail) -> str:
    signature = f"\n\n{mail.sender.signature}" if mail.signed and mail.sender.signature else ""
    disclaimer = f"\n\n{mail.sender.disclaimer}" if mail.sender.disclaimer else ""
    return signature + disclaimer


def _seen_at(reader: Mail, earlier: Mail) -> datetime:
    return earlier.at.astimezone(ZoneInfo(reader.sender.zone))


def _day(at: datetime, language: str) -> str:
    return _DAYS[language][at.weekday()]


def _month(at: datetime, language: str) -> str:
    return _MONTHS[language][at.month - 1]


def _attribution(mail: Mail, earlier: Mail) -> str:
    return _ATTRIBUTIONS[mail.client](_seen_at(mail, earlier), earlier.sender)


def _gmail(at: datetime, who: Person) -> str:
    line = f"On {_day(at, 'en')}, {at.day} {_month(at, 'en')} {at.year} at {at:%H:%M}, {who.name} <{who.address}>"
    return f"{line} wrote:" if len(line) + 7 <= _GMAIL_WIDTH else f"{line}\nwrote:"


def _apple(at: datetime, who: Person) -> str:
    return f"On {at.day} {_month(at, 'en')} {at.year}, at {at:%H:%M}, {who.name} <{who.address}> wrote:"


def _german(at: datetime, who: Person) -> str:
    return f"Am {at:%d.%m.%Y} um {at:%H:%M} schrieb {who.name}:"


def _french(at: datetime, who: Person) -> str:
    day = f"Le {_day(at, 'fr')} {at.day} {_month(at, 'fr')} {at.year}"
    return f"{day} à {at:%H:%M}, {who.name} <{who.address}> a écrit :"


def _danish(at: datetime, who: Person) -> str:
    day = f"Den {_day(at, 'da')} {at.day}. {_month(at, 'da')} {at.year}"
    return f"{day} kl. {at:%H.%M} skrev {who.name} <{who.address}>:"


def _bottom(at: datetime, who: Person) -> str:
    return f"On {at:%d/%m/%Y %H:%M}, {who.name} wrote:"


_ATTRIBUTIONS: Final[Mapping[str, Callable[[datetime, Person], str]]] = {
    "gmail": _gmail,
    "apple": _apple,
    "outlook": _apple,  # an HTML mail from there still needs a line above its blockquote
    "german": _german,
    "french": _french,
    "danish": _danish,
    "bottom": _bottom,
}


def _outlook_block(mail: Mail, earlier: Mail) -> str:
    at = _seen_at(mail, earlier)
    receivers = "; ".join(f"{person.name} <{person.address}>" for person in earlier.to)
    copied = "; ".join(f"{person.name} <{person.address}>" for person in earlier.cc)
    sender = f"{earlier.sender.name} <{earlier.sender.address}>"
    if mail.client == "outlook-de":
        when = f"{_day(at, 'de')}, {at.day}. {_month(at, 'de')} {at.year} {at:%H:%M}"
        rows = [("Von", sender), ("Gesendet", when), ("An", receivers), ("Cc", copied), ("Betreff", earlier.subject)]
    else:
        when = f"{at.day} {_month(at, 'en')} {at.year} {at:%H:%M}"
        rows = [("From", sender), ("Sent", when), ("To", receivers), ("Cc", copied), ("Subject", earlier.subject)]
    return "\n".join(f"{name}: {value}" for name, value in rows if value)


def _forwarded(mail: Mail, mails: Mapping[str, Mail]) -> str:
    earlier = mails[mail.forwards or ""]
    at = _seen_at(mail, earlier)
    return "\n".join(
        [
            "---------- Forwarded message ---------",
            f"From: {earlier.sender.name} <{earlier.sender.address}>",
            f"Date: {_day(at, 'en')}, {at.day} {_month(at, 'en')} {at.year} at {at:%H:%M}",
            f"Subject: {earlier.subject}",
            f"To: {', '.join(f'{person.name} <{person.address}>' for person in earlier.to)}",
            "",
            render_plain(earlier, mails, depth=0),
        ]
    )


def _render_html(mail: Mail, mails: Mapping[str, Mail]) -> str:
    own = _paragraphs(mail.words)
    closing = f'<div class="gmail_signature">{_lines(_closing(mail).strip())}</div>' if _closing(mail) else ""
    button = _NEWSLETTER_BUTTON if mail.automatic == "newsletter" else ""
    quote = ""
    if mail.answers:
        earlier = mails[mail.answers]
        inner = _lines(render_plain(earlier, mails, depth=0))
        quote = (
            f'<div class="gmail_quote"><div class="gmail_attr">{_lines(_attribution(mail, earlier))}<br></div>\n'
            f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;padding-left:1ex">{inner}</blockquote></div>\n'
        )
    return f"<html><body>\n{own}\n{closing}{button}\n{quote}</body></html>\n"


def _paragraphs(text: str) -> str:
    return "\n".join(f"<p>{_lines(paragraph)}</p>" for paragraph in text.split("\n\n"))


def _lines(text: str) -> str:
    return "<br>\n".join(escape(line, quote=False) for line in text.split("\n"))
