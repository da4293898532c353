"""Header fields as they come: folded, in any charset, with encoded words, mangled addresses and impossible dates.

Every function here is linear in its input, takes anything and never raises: a field that cannot be read is an
empty value. Standards: RFC 5322 (fields, addresses, dates), RFC 2047 (encoded words), RFC 2231 (parameters).
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import re2

from troth.sources.charsets import clean, decode_base64, decode_bytes

FIELD_LIMIT: Final = 65_536  # bytes of one field; the rest is left out
ADDRESS_LIMIT: Final = 1_000  # people in one field
REFERENCE_LIMIT: Final = 200
ID_LIMIT: Final = 998  # RFC 5322, section 2.1.1: no line may be longer
_ADDRESS_LENGTH: Final = 320  # RFC 3696, errata 1690: 64 + 1 + 255
_NAME_LENGTH: Final = 200
_DATE_LENGTH: Final = 100
_OFTEN: Final = 300  # bytes of a field that is worth remembering

_WORD: Final = re2.compile(r"=\?([^?\s]+)\?([QqBb])\?([^?]*)\?=")
_CONTROLS: Final = dict.fromkeys([*range(32), 127])

Fields = Mapping[bytes, list[bytes]]


class Address(NamedTuple):
    """One person in a field: the address in lower case, or the name again where there is none; a name may be empty."""

    name: str
    address: str


class Header(NamedTuple):
    """The fields asked for, in order, and where the first line that is no field begins (-1: nowhere)."""

    fields: dict[bytes, list[bytes]]
    body_at: int


def split_header(block: bytes, wanted: frozenset[bytes]) -> Header:
    """Cut a header block into the wanted fields (names in lower case), still folded and undecoded.

    A line that is no field ends the header, as it does for the standard library; `body_at` then says where.
    """
    fields: dict[bytes, list[bytearray]] = {}
    value: bytearray | None = None
    offset = 0
    body_at = -1
    for line in block.split(b"\n"):
        if line.startswith((b" ", b"\t")):
            if value is not None and len(value) < FIELD_LIMIT:
                value += line[:FIELD_LIMIT]
        else:
            name, colon, content = line.partition(b":")
            name = name.rstrip().lower()
            value = None
            if name in wanted and colon:
                value = bytearray(content[:FIELD_LIMIT])
                fields.setdefault(name, []).append(value)
            elif colon and name and b" " not in name and b"\t" not in name:
                pass  # a field nobody asked for
            elif line and not (offset == 0 and line.startswith((b"From ", b">From "))):
                body_at = offset
                break
        offset += len(line) + 1
    return Header({name: [bytes(value) for value in values] for name, values in fields.items()}, body_at)


def first_text(fields: Fields, name: bytes) -> str:
    """The first field of this name as text with white space made single; empty when there is none."""
    values = fields.get(name)
    return decode_field(values[0]) if values else ""


def decode_field(raw: bytes) -> str:
    """A field's text: encoded words decoded, 8-bit bytes guessed, controls out, white space made single."""
    return tidy(decode_words(field_string(raw)))


def tidy(text: str) -> str:
    """Take control characters out and make white space single."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(text.split()).translate(_CONTROLS)


def field_string(raw: bytes) -> str:
    """A field's bytes as text, encoded words untouched."""
    return raw.decode("ascii") if raw.isascii() and b"\0" not in raw else decode_bytes(raw, None).text


def decode_words(text: str) -> str:
    """Decode the encoded words of RFC 2047; neighbours of one charset are joined before they are decoded."""
    if "=?" not in text:
        return text
    out: list[str] = []
    held, held_charset = b"", ""
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        charset, encoding, payload = (str(group) for group in match.groups())
        charset = charset.partition("*")[0].lower()
        if held and (between.strip() or charset != held_charset):
            out.append(decode_bytes(held, held_charset).text)
            held = b""
        if between.strip() or not end:
            out.append(between)
        held, held_charset = held + _word_bytes(encoding, payload), charset
        end = match.end()
    if held:
        out.append(decode_bytes(held, held_charset).text)
    out.append(text[end:])
    return "".join(out)


def _word_bytes(encoding: str, payload: str) -> bytes:
    raw = payload.encode("utf-8", "replace")
    return decode_base64(raw) if encoding in "Bb" else binascii.a2b_qp(raw, header=True)


def read_addresses(raws: list[bytes] | None) -> list[Address]:
    """Everybody named in these fields, in order, at most `ADDRESS_LIMIT`; "a at b" is read as a@b."""
    people: list[Address] = []
    for raw in raws or ():
        people += _read_often(raw) if len(raw) <= _OFTEN else _read_field(raw)
    return people[:ADDRESS_LIMIT]


def _read_field(raw: bytes) -> list[Address]:
    entries = islice(_split_people(field_string(raw)), ADDRESS_LIMIT)
    return [person for entry, comment in entries if (person := _person(entry, comment))]


@lru_cache(maxsize=4_096)
def _read_often(raw: bytes) -> tuple[Address, ...]:
    """The same few people write most of a mailbox; long fields are not kept, so the cache stays small."""
    return tuple(_read_field(raw))


def _person(entry: str, comment: str) -> Address | None:
    if "=?" in entry and "@" not in entry:
        entry = decode_words(entry)  # some programs encode the address with the name
    name, bracket, rest = entry.rpartition("<")
    if bracket:
        address = rest.partition(">")[0]
    else:
        address, name = entry, comment
    address = _plain_address(address)
    name = tidy(decode_words(name.strip().strip('"').replace("\0", '"')))[:_NAME_LENGTH].strip()
    if not address:
        return Address(name, name) if name else None
    return Address(name, address)


def _plain_address(text: str) -> str:
    text = tidy(text.replace("\0", '"')).strip("<>\"' ")
    if "@" not in text:
        user, at, host = text.partition(" at ")  # pipermail archives
        if at and user and host and " " not in user and " " not in host:
            text = f"{user}@{host}"
    text = text.replace(" ", "") if "@" in text else text
    return text[:_ADDRESS_LENGTH].lower()


def _split_people(text: str) -> list[tuple[str, str]]:
    """Cut an address list at its commas; escaped quotes stand as NUL, which `field_string` let none through."""
    text = text.replace('\\"', "\0")
    if '"' not in text and "(" not in text:
        entries = [(_out_of_group(part), "") for part in text.replace(";", ",").split(",")]
        return [(entry, "") for entry, _ in entries if entry.strip()]
    people: list[tuple[str, str]] = []
    entry: list[str] = []
    comment: list[str] = []
    depth, quoted = 0, False
    for char in text + ",":
        if quoted:
            quoted = char != '"'
            entry.append(char)
        elif depth:
            depth += (char == "(") - (char == ")")
            if depth:
                comment.append(char)
        elif char == "(":
            depth = 1
        elif char in ",;":
            people.append((_out_of_group("".join(entry)), "".join(comment)))
            entry, comment = [], []
        else:
            quoted = char == '"'
            entry.append(char)
    if entry or comment:  # a quote or a comment that never closes
        people.append(("".join(entry).replace('"', " ").rstrip(","), "".join(comment).rstrip(",")))
    return [(entry, comment) for entry, comment in people if entry.strip() or comment.strip()]


def _out_of_group(entry: str) -> str:
    group, colon, first = entry.partition(":")
    return first if colon and "@" not in group and '"' not in group and "<" not in group else entry


def read_ids(raws: list[bytes] | None) -> list[str]:
    """The message ids in these fields, in order, each once; words around them are left out."""
    found: dict[str, None] = {}
    for raw in raws or ():
        text = field_string(raw)
        if "<" in text:
            tokens = [piece.partition(">")[0] for piece in text.split("<")[1:] if ">" in piece]
        else:
            tokens = [token for token in text.split() if "@" in token]
        for token in tokens:
            name = clean_id(token)
            if name:
                found.setdefault(name)
    return list(found)


def clean_id(text: str) -> str:
    """A message id without brackets, white space and controls; empty when nothing usable is left."""
    name = "".join(text.split()).translate(_CONTROLS).strip("<>")
    return name if len(name) <= ID_LIMIT else ""


def read_date(text: str) -> datetime | None:
    """A date of RFC 5322 or the older asctime form, as UTC; a time without a zone is taken as UTC."""
    try:
        parts = parsedate_tz(text[:_DATE_LENGTH])
        if parts is None:
            return None
        year, month, day, hour, minute, second = parts[:6]
        local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)  # a leap second is its 59th
        return local - timedelta(seconds=parts[9] or 0)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None  # the standard parser lets each of these through on torn dates


class Parameters(NamedTuple):
    """A field such as Content-Type: its value in lower case, and its parameters by lower-case name."""

    value: str
    named: dict[str, str]


def read_parameters(raw: bytes) -> Parameters:
    """Read `value; name=word; name="quoted"; name*0*=charset''pieces`."""
    return _parameters_often(raw) if len(raw) <= _OFTEN else _parameters(raw)


def _parameters(raw: bytes) -> Parameters:
    text = field_string(raw).replace('\\"', "\0")
    first, *rest = _split_outside_quotes(text)
    named: dict[str, str] = {}
    for piece in rest:
        name, equals, value = piece.partition("=")
        if equals:
            named.setdefault(name.strip().lower(), value.strip().strip('"').replace("\0", '"'))
    return Parameters(tidy(first).lower(), _join_continued(named) if any("*" in name for name in named) else named)


_parameters_often = lru_cache(maxsize=512)(_parameters)


def _split_outside_quotes(text: str) -> list[str]:
    if '"' not in text:
        return text.split(";")
    pieces = [""]
    for number, run in enumerate(text.split('"')):
        if number % 2:
            pieces[-1] += f'"{run}"'
        else:
            head, *tail = run.split(";")
            pieces[-1] += head
            pieces.extend(tail)
    return pieces


def _join_continued(named: dict[str, str]) -> dict[str, str]:
    joined = {name: value for name, value in named.items() if "*" not in name}
    for name in {name.partition("*")[0] for name in named if "*" in name}:
        if f"{name}*" in named:
            joined[name] = _extended([(named[f"{name}*"], True)])
            continue
        pieces: list[tuple[str, bool]] = []
        while True:
            key = f"{name}*{len(pieces)}"
            if f"{key}*" in named:
                pieces.append((named[f"{key}*"], True))
            elif key in named:
                pieces.append((named[key], False))
            else:
                break
        if pieces:
            joined[name] = _extended(pieces)
    return joined


def _extended(pieces: list[tuple[str, bool]]) -> str:
    charset = ""
    first, encoded = pieces[0]
    if encoded and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
    pieces = [(first, encoded), *pieces[1:]]
    data = b"".join(unquote_to_bytes(text) if percent else text.encode("utf-8", "replace") for text, percent in pieces)
    return decode_bytes(data, charset or None).text


def file_name(text: str) -> str:
    """An attachment's name as shown to people: decoded, without folders, at most 255 characters."""
    name = tidy(clean(decode_words(text)))
    return name.replace("\\", "/").rpartition("/")[2][-255:].strip()
