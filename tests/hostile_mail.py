"""Makers of mails as strangers and broken programs write them. Each is small unless asked to be large."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Final

HEAD: Final = (
    b"From: Anna Berg <anna@firm.example>\nTo: bob@shop.example\nSubject: Terms\n"
    b"Date: Fri, 20 Nov 2026 10:00:00 +0100\nMessage-ID: <%s@firm.example>\n"
)
SAID: Final = "We will send the contract on Friday."


def mail(name: str, more: bytes = b"", body: bytes = SAID.encode() + b"\n") -> bytes:
    return HEAD % name.encode() + more + b"\n" + body


def torn_multipart() -> bytes:
    """A multipart cut off in the middle of a base64 attachment, no closing boundary."""
    more = b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b1"\n'
    body = (
        b"--b1\nContent-Type: text/plain\n\n" + SAID.encode() + b"\n--b1\nContent-Type: application/pdf; name=a.pdf\n"
    )
    return mail("torn", more, body + b"Content-Transfer-Encoding: base64\n\nJVBERi0xLjQKJ")


def no_boundary() -> bytes:
    return mail("noboundary", b"MIME-Version: 1.0\nContent-Type: multipart/mixed\n")


def boundary_never_used() -> bytes:
    """Declared, never seen: everything is preamble. The mail stands with an empty body."""
    return mail("unused", b"Content-Type: multipart/mixed; boundary=zzz\n")


def parts_without_blank_line() -> bytes:
    more = b"Content-Type: multipart/mixed; boundary=b\n"
    return mail("noblank", more, b"--b\nContent-Type: text/html\n--b\n" + SAID.encode() + b"\n--b--\n")


def unknown_charset() -> bytes:
    return mail("charset", b'Content-Type: text/plain; charset="x-klingon"\n', "Straße: ".encode() + SAID.encode())


def codec_as_charset() -> bytes:
    """A charset that names one of Python's codecs which is no text encoding."""
    return mail("zlib", b"Content-Type: text/plain; charset=zlib\n")


def utf7() -> bytes:
    return mail("utf7", b"Content-Type: text/plain; charset=utf-7\n", b"+ADw-script+AD4- " + SAID.encode())


def wrong_charset() -> bytes:
    """UTF-8 bytes that call themselves us-ascii."""
    return mail("wrong", b"Content-Type: text/plain; charset=us-ascii\n", "Grüße. ".encode() + SAID.encode())


def latin_bytes() -> bytes:
    """Windows-1252 bytes without any declaration, in the body and in the subject."""
    head = (HEAD % b"latin").replace(b"Terms", "Größe".encode("cp1252"))
    return head + b"\n" + "Grüße – ".encode("cp1252") + SAID.encode()


def no_date() -> bytes:
    return mail("nodate").replace(b"Date: Fri, 20 Nov 2026 10:00:00 +0100\n", b"")


def date(value: bytes) -> bytes:
    return mail("date").replace(b"Fri, 20 Nov 2026 10:00:00 +0100", value)


def later_than_received() -> bytes:
    received = b"Received: from a by b; Fri, 20 Nov 2020 10:00:00 +0000\n"
    return mail("later", received)


def nested(depth: int) -> bytes:
    """Multiparts inside each other, the text in the innermost."""
    head = HEAD % b"nested"
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(depth)
    )
    return head + opened + b"Content-Type: text/plain\n\n" + SAID.encode() + b"\n"


def many_parts(count: int) -> bytes:
    part = b"--b\nContent-Type: text/plain\n\nx\n"
    return mail("parts", b"Content-Type: multipart/mixed; boundary=b\n", part * count)


def many_headless_parts(count: int) -> bytes:
    """Boundaries and nothing else: no blank line ends any of the headers."""
    return mail("headless", b"Content-Type: multipart/mixed; boundary=b\n", b"--b\n" * count)


def many_people(count: int) -> bytes:
    people = b", ".join(b'"P, %d" <p%d@x.example>' % (number, number) for number in range(count))
    return mail("people").replace(b"bob@shop.example", people)


def long_line(size: int) -> bytes:
    return mail("line", b"", SAID.encode() + b"\n" + b"x" * size + b"\n")


def long_header(size: int) -> bytes:
    return mail("header", b"X-Noise: " + b"y" * size + b"\n")


def many_encoded_words(count: int) -> bytes:
    """Encoded words that begin and never end: quadratic for a backtracking pattern."""
    return mail("words").replace(b"Terms", b"=?utf-8?Q?" * count)


def many_folds(count: int) -> bytes:
    return mail("folds", b"References: " + b"\n <a@b>" * count + b"\n")


def with_nul() -> bytes:
    return mail("nul", b"", b"\0" + SAID.encode() + b"\0")


def encoded_surrogate() -> bytes:
    """A lone surrogate smuggled in as CESU-like bytes and as UTF-16."""
    body = base64.b64encode("\ud800x".encode("utf-16-le", "surrogatepass") + SAID.encode("utf-16-le"))
    return mail("surrogate", b"Content-Type: text/plain; charset=utf-16-le\nContent-Transfer-Encoding: base64\n", body)


def broken_base64() -> bytes:
    coded = base64.b64encode(SAID.encode()).rstrip(b"=")
    return mail("b64", b"Content-Transfer-Encoding: base64\n", b"\x01 " + coded[:9] + b"\n!!" + coded[9:] + b"\n")


def broken_quoted_printable() -> bytes:
    return mail("qp", b"Content-Transfer-Encoding: quoted-printable\n", b"=ZZ =\n" + SAID.encode() + b"=")


def body_without_blank_line() -> bytes:
    return HEAD % b"noempty" + SAID.encode() + b"\n"


def html_only() -> bytes:
    body = f"<html><script>steal()</script><p>{SAID}</p></html>".encode()
    return mail("html", b"Content-Type: text/html; charset=utf-8\n", body)


def carriage_returns() -> bytes:
    return mail("crlf").replace(b"\n", b"\r\n")


def attached_mail() -> bytes:
    """A forwarded mail as an attachment: its words are not the sender's."""
    inner = mail("inner", b"", b"NOT MINE\n")
    more = b"Content-Type: multipart/mixed; boundary=o\n"
    text = b"--o\nContent-Type: text/plain\n\n" + SAID.encode() + b"\n--o\nContent-Type: message/rfc822\n"
    return mail("outer", more, text + b"\n" + inner + b"\n--o--\n")


def same_boundary_inside() -> bytes:
    more = b"Content-Type: multipart/mixed; boundary=s\n"
    text = b"--s\nContent-Type: multipart/alternative; boundary=s\n\n--s\nContent-Type: text/plain\n\n"
    return mail("same", more, text + SAID.encode() + b"\n--s--\n")


def id_with_spaces() -> bytes:
    return mail("x").replace(b"<x@firm.example>", b"< a b\n\t@firm.example >")


# name -> maker, and whether SAID must be in the body that comes out
SMALL: Final[dict[str, tuple[Callable[[], bytes], bool]]] = {
    "torn multipart": (torn_multipart, True),
    "multipart without boundary": (no_boundary, True),
    "boundary never used": (boundary_never_used, False),
    "part header without blank line": (parts_without_blank_line, True),
    "unknown charset": (unknown_charset, True),
    "codec as charset": (codec_as_charset, True),
    "utf-7": (utf7, True),
    "wrong charset": (wrong_charset, True),
    "undeclared 8-bit": (latin_bytes, True),
    "no date": (no_date, True),
    "later than received": (later_than_received, True),
    "20 nested parts": (lambda: nested(20), True),
    "500 nested parts": (lambda: nested(500), False),
    "NUL": (with_nul, True),
    "lone surrogate": (encoded_surrogate, True),
    "broken base64": (broken_base64, True),
    "broken quoted-printable": (broken_quoted_printable, True),
    "no blank line": (body_without_blank_line, True),
    "HTML only": (html_only, True),
    "CRLF": (carriage_returns, True),
    "attached mail": (attached_mail, True),
    "same boundary inside": (same_boundary_inside, True),
    "id with spaces": (id_with_spaces, True),
}

# Large in one dimension, made smaller or larger by one number; each must be read in time near linear in it.
LARGE: Final[dict[str, Callable[[int], bytes]]] = {
    "nested multiparts": nested,
    "parts": many_parts,
    "parts without headers": many_headless_parts,
    "recipients": many_people,
    "one line": lambda count: long_line(100 * count),
    "one header": lambda count: long_header(100 * count),
    "unfinished encoded words": many_encoded_words,
    "folded references": many_folds,
    "almost boundaries": lambda count: mail(
        "almost", b"Content-Type: multipart/mixed; boundary=b\n", b"--bx\n" * count
    ),
    "open quotes in recipients": lambda count: mail("q").replace(b"bob@shop.example", b'"(<' * count),
    "parameters": lambda count: mail("par", b"Content-Type: text/plain" + b"; a*0=x" * count + b"\n"),
    "answer marks": lambda count: mail("re").replace(b"Terms", b"Re: " * count),
    "almost separators": lambda count: mail("sep", b"", b"\n\nFrom here on\nNote: x\n" * count),
}


def write_attachment_mail(megabytes: int) -> Iterator[bytes]:
    """Pieces of an mbox message whose text stands before and after an attachment of so many megabytes."""
    yield b"From x@y.example Fri Nov 20 10:00:00 2026\n"
    yield HEAD % b"large" + b"Content-Type: multipart/mixed; boundary=big\n\n--big\nContent-Type: text/plain\n\n"
    yield SAID.encode() + b"\n--big\nContent-Type: application/zip; name=big.zip\n"
    yield b"Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=big.zip\n\n"
    line = b"QUJD" * 19 + b"\n"
    for _ in range(megabytes):
        yield line * (1_000_000 // len(line))
    yield b"--big\nContent-Type: text/plain\n\nKind regards\n--big--\n\n"
