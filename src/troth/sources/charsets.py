"""Bytes of strangers to text that every later stage can hold: no lone surrogates, no NUL, no utf-7."""

from __future__ import annotations

import binascii
from encodings.aliases import aliases
from typing import Final, NamedTuple

UNKNOWN_CHARSET: Final = "charset unknown or refused: read as UTF-8 or Windows-1252"
WRONG_BYTES: Final = "bytes outside the declared charset: read as UTF-8 or replaced"

# utf-7 can spell script tags that a filter before us did not see; the others are not text encodings at all.
_REFUSED: Final = {"utf_7", "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec"} | {
    "zlib_codec",
    "mbcs",
}
_WITHOUT_ALIAS: Final = {"koi8_u", "cp720", "cp737", "cp874", "mac_romanian", "mac_croatian"}
# The names are looked up here and never handed to `codecs.lookup` unseen: it keeps every unknown name for ever.
_CODECS: Final = frozenset((set(aliases.values()) | _WITHOUT_ALIAS) - _REFUSED)
# What senders mean by these names is the wider set: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT: Final = {
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "windows_874": "cp874",
    "ks_c_5601_1987": "cp949",
    "iso8859_8_i": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
}


class Decoded(NamedTuple):
    """Text, and what had to be mended to get it (None when nothing had)."""

    text: str
    mended: str | None


def decode_bytes(data: bytes, charset: str | None) -> Decoded:
    """Decode as declared where that is known and safe, else as UTF-8, else as Windows-1252; never raises."""
    named = _codec(charset) if charset else "ascii"
    if named is None or named == "ascii":
        text = _guess(data)
        return Decoded(clean(text), UNKNOWN_CHARSET if named is None else None)
    try:
        return Decoded(clean(data.decode(named)), None)
    except UnicodeDecodeError:
        pass
    try:
        return Decoded(clean(data.decode("utf-8")), WRONG_BYTES)  # the commonest lie: UTF-8 under another name
    except UnicodeDecodeError:
        return Decoded(clean(data.decode(named, "replace")), WRONG_BYTES)


def _codec(charset: str) -> str | None:
    name = charset.strip().strip("\"'").lower().replace("-", "_").replace(" ", "_")
    name = _MEANT.get(name, name)
    codec = aliases.get(name, name)
    codec = _MEANT.get(codec, codec)
    return codec if codec in _CODECS else None


def _guess(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def clean(text: str) -> str:
    """Take out NUL and turn lone surrogates into U+FFFD: neither can be stored as UTF-8 everywhere."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


_BASE64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_NOT_BASE64: Final = bytes(byte for byte in range(256) if byte not in _BASE64)


def decode_base64(data: bytes) -> bytes:
    """Decode base64 up to its first padding; foreign characters and a torn end are left out."""
    letters = data.translate(None, _NOT_BASE64)
    end = letters.find(b"=")
    if end >= 0:
        letters = letters[:end]
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
