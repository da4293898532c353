"""The properties that Outlook keeps of a mail, whatever file they lie in, taken to an envelope.

Numbers and types of properties: [MS-OXPROPS] and [MS-OXCDATA], section 2.11.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from troth.sources.charsets import clean, decode_bytes
from troth.sources.envelope import Envelope
from troth.sources.headers import Address

_SHORT, _LONG, _FLAG, _TEXT8, _TEXT, _TIME, _BYTES = 0x02, 0x03, 0x0B, 0x1E, 0x1F, 0x40, 0x102

CLASS: Final = 0x001A
_SUBJECT: Final = 0x0037
_SUBMITTED, _DELIVERED = 0x0039, 0x0E06
_FROM_NAME, _FROM_ADDRESS, _FROM_SMTP = 0x0042, 0x0065, 0x5D02
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_HEADERS: Final = 0x007D
_INDEX: Final = 0x0071  # of the conversation: 6 bytes of time, 16 of its name, 5 for each answer
_FLAGS: Final = 0x0E07
_UNSENT: Final = 0x8  # among the flags
_BODY, _HTML, RTF = 0x1000, 0x1013, 0x1009
_ID, _REFERENCES, _ANSWERS = 0x1035, 0x1039, 0x1042
_CODEPAGE, _HTML_CODEPAGE = 0x3FFD, 0x3FDE
_KIND, _NAME, _ADDRESS, _SMTP = 0x0C15, 0x3001, 0x3003, 0x39FE  # of a recipient
_LONG_FILE, _FILE, _HIDDEN = 0x3707, 0x3704, 0x7FFE  # of an attachment
_CC: Final = (2, 3)  # kinds of recipients beside those in To: copies, and copies that others do not see

_CHARSETS: Final = {
    **{number: f"cp{number}" for number in (437, 850, 866, 874, 932, 949, 950, *range(1250, 1259))},
    **{28590 + part: f"iso8859_{part}" for part in (*range(1, 10), 13, 15)},
    936: "gb18030",
    54936: "gb18030",
    20866: "koi8_r",
    21866: "koi8_u",
    51932: "euc_jp",
    51949: "euc_kr",
    50220: "iso2022_jp",
    50221: "iso2022_jp",
    50222: "iso2022_jp",
    65001: "utf_8",
    20127: "cp1252",
}
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)  # of FILETIME, in units of 100 ns


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its type and its bytes, numbers little-endian."""

    type: int
    data: bytes


Properties = Mapping[int, Property]


def make_envelope(mail: Properties, *, recipients: Sequence[Properties], attachments: Sequence[Properties]) -> Envelope:
    """A mail's own properties and those of whom it went to and of what hung on it, as an envelope."""
    page = _number(mail, _CODEPAGE)
    everybody = [(_number(one, _KIND), _address(one, _NAME, (_SMTP, _ADDRESS), page)) for one in recipients]
    index = mail[_INDEX].data if _INDEX in mail else b""
    moments = (_time(mail, number) for number in (_SUBMITTED, _DELIVERED))
    sender = _address(mail, _FROM_NAME, (_FROM_SMTP, _FROM_ADDRESS), page)
    if "@" not in sender.address:
        second = _address(mail, _SENDER_NAME, (_SENDER_SMTP, _SENDER_ADDRESS), page)
        sender = second if "@" in second.address or not sender.name else sender
    return Envelope(
        headers=take_string(mail, _HEADERS, page).encode("utf-8", "replace"),
        message_id=take_string(mail, _ID, page),
        thread=f"outlook:{index[6:22].hex()}" if len(index) >= 22 else "",
        answers=f"{take_string(mail, _REFERENCES, page)} {take_string(mail, _ANSWERS, page)}".strip(),
        subject=take_string(mail, _SUBJECT, page),
        sender=sender,
        to=[person for kind, person in everybody if kind not in _CC],
        cc=[person for kind, person in everybody if kind in _CC],
        sent_at=next((moment for moment in moments if moment), None),
        text=take_string(mail, _BODY, page),
        html=take_string(mail, _HTML, _number(mail, _HTML_CODEPAGE) or page),
        attachments=[_file(one, page) for one in attachments if not _number(one, _HIDDEN)],
        is_draft=bool(_number(mail, _FLAGS) & _UNSENT),
    )


def take_string(properties: Properties, number: int, page: int = 0) -> str:
    """A property as text; 8-bit text and HTML in the code page of this number. Empty where there is none."""
    found = properties.get(number)
    if found is None:
        return ""
    if found.type == _TEXT:
        return clean(found.data.decode("utf-16-le", "replace")).rstrip("\0")
    return decode_bytes(found.data, _CHARSETS.get(page)).text if found.type in (_TEXT8, _BYTES) else ""


def _number(properties: Properties, number: int) -> int:
    found = properties.get(number)
    size = {_SHORT: 2, _LONG: 4, _FLAG: 1}.get(found.type, 0) if found else 0
    return int.from_bytes(found.data[:size], "little") if found else 0


def _time(properties: Properties, number: int) -> datetime | None:
    found = properties.get(number)
    if found is None or found.type != _TIME or len(found.data) < 8:
        return None
    (ticks,) = struct.unpack_from("<Q", found.data)
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def _address(properties: Properties, name: int, addresses: Sequence[int], page: int) -> Address:
    """A person: of several addresses the first that is one outside Exchange."""
    given = (take_string(properties, number, page) for number in addresses)
    found = next((address for address in given if "@" in address), "")
    return Address(take_string(properties, name, page), found)


def _file(properties: Properties, page: int) -> str:
    named = (take_string(properties, number, page) for number in (_LONG_FILE, _FILE, _NAME))
    return next((name for name in named if name.strip()), "")
