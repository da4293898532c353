"""Pages of long answers: a cursor says where the last page stopped, and any other string is refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Generic, TypeVar, cast

from fastapi import Query
from pydantic import BaseModel, Field

from troth.errors import InputError
from troth.web.listing import Key, Listing

T = TypeVar("T")

_LONGEST: Final = 4000
_DIGEST_CHARS: Final = 12

Limit = Annotated[int, Query(ge=1, le=200, description="Rows of one page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=_LONGEST, description="`next` of the page before, with the same filters. Absent: the first page."),
]


class Page(BaseModel, Generic[T]):
    """Some rows, and where the next ones begin."""

    items: list[T]
    next: str | None = Field(description="Hand this back as `cursor` for the next page; null where nothing follows.")


def write_cursor(key: Key | None, asked: Mapping[str, object]) -> str | None:
    """A cursor that stands behind a key, for the same question alone."""
    if key is None:
        return None
    text = json.dumps([_digest(asked), *key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, asked: Mapping[str, object], listing: Listing) -> Key | None:
    """The key that a cursor stands behind.

    Raises: InputError when it is none of ours, or of another question.
    """
    if cursor is None:
        return None
    parts = _parse(cursor)
    if not parts or parts[0] != _digest(asked) or not listing.fits(parts[1:]):
        raise InputError("cursor: is no `next` of a page with these filters. Leave it out to begin anew.")
    return cast("Key", tuple(parts[1:]))


def _parse(cursor: str) -> list[object]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found: object = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):  # no ASCII, no base64, no UTF-8, no JSON
        return []
    return cast("list[object]", found) if isinstance(found, list) else []


def _digest(asked: Mapping[str, object]) -> str:
    """What was asked, in short: a cursor of one question makes no sense for another."""
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
