"""Answers kept for a day under the key that a caller gave, so that a repeated request is told the same again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from troth.book import Store
from troth.errors import InputError
from troth.web.api.bringing import Body

_PREFIX: Final = "api_request:"
_KEPT_FOR: Final = dt.timedelta(days=1)
_MOST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A request under a key; only hashes of the key and of what was sent are kept."""

    name: str
    content: str

    @classmethod
    def of(cls, who: str, key: str, body: Body) -> Kept:
        """The request of somebody under this key."""
        digest = hashlib.sha256(f"{who}\0{key}".encode()).hexdigest()
        return cls(name=_PREFIX + digest, content=hashlib.sha256(body.kind.encode() + b"\0" + body.data).hexdigest())


def find_kept(store: Store, kept: Kept) -> dict[str, Any] | None:
    """What was answered to this request before.

    Raises: InputError when something else was sent under the same key.
    """
    found = store.settings(kept.name)
    if found is None:
        return None
    if found["content"] != kept.content:
        raise InputError("Idempotency-Key: was used for another request. Give each request its own.")
    return found["answer"]


def keep_answer(store: Store, kept: Kept, answer: dict[str, Any], *, now: dt.datetime) -> None:
    """Keep an answer, and forget those of yesterday and, of very many, the oldest."""
    store.set_setting(kept.name, {"at": now.isoformat(), "content": kept.content, "answer": answer})
    if not kept.name.endswith("0"):
        return  # they are looked through one time in sixteen
    names = [name for name in store.table("settings", columns=["name"])["name"].to_pylist() if name.startswith(_PREFIX)]
    rows = store.table("settings", where={"name": names})
    dated = sorted((json.loads(row["value"])["at"], row["name"]) for row in rows.to_pylist())
    old = [name for at, name in dated if now - dt.datetime.fromisoformat(at) > _KEPT_FOR]
    gone = {*old, *(name for _, name in dated[:-_MOST])}
    if gone:
        store.replace("settings", rows.slice(0, 0), keys_column="name", keys=sorted(gone))
