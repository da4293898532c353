"""Signed-in browsers: a one-time token in the address becomes a cookie that no other site can send.

What is kept is the hash of a session's id, never the id; sessions end after a time without use.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from troth.web.access import Visitor

COOKIE: Final = "troth"
_BYTES: Final = 32  # 256 bits: nobody guesses them
_IDLE: Final = dt.timedelta(hours=12)


class Sessions(Protocol):
    """Where sessions are kept."""

    def begin(self, visitor: Visitor) -> str:
        """Start a session; the secret that goes into the cookie."""
        ...

    def find(self, secret: str) -> Visitor | None:
        """Who this is, or None where the session is not known or over."""
        ...

    def end(self, secret: str) -> None:
        """Sign out."""
        ...


@dataclass(slots=True)
class _Session:
    visitor: Visitor
    used_at: dt.datetime


class MemorySessions:
    """Sessions of one process: they end with it, as the one user's do."""

    def __init__(self, clock: Callable[[], dt.datetime], *, idle: dt.timedelta = _IDLE) -> None:
        self._clock, self._idle = clock, idle
        self._kept: dict[str, _Session] = {}
        self._lock = threading.Lock()

    def begin(self, visitor: Visitor) -> str:
        """Start a session; the secret that goes into the cookie."""
        secret = make_secret()
        with self._lock:
            self._kept[hash_secret(secret)] = _Session(visitor, self._clock())
        return secret

    def find(self, secret: str) -> Visitor | None:
        """Who this is, or None where the session is not known or over."""
        key, now = hash_secret(secret), self._clock()
        with self._lock:
            session = self._kept.get(key)
            if session is None:
                return None
            if now - session.used_at > self._idle:
                del self._kept[key]
                return None
            session.used_at = now
            return session.visitor

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._lock:
            self._kept.pop(hash_secret(secret), None)


class DoorKeys:
    """Tokens that open the page once each, as the address that `troth serve` prints carries one."""

    def __init__(self) -> None:
        self._hashes: set[str] = set()
        self._lock = threading.Lock()

    def make(self) -> str:
        """A new token."""
        token = make_secret()
        with self._lock:
            self._hashes.add(hash_secret(token))
        return token

    def use(self, token: str) -> bool:
        """Whether the token is one of ours and was not used before; it is used now."""
        with self._lock:
            try:
                self._hashes.remove(hash_secret(token))
            except KeyError:
                return False
            return True


def make_secret() -> str:
    """256 random bits as text for an address or a cookie."""
    return secrets.token_urlsafe(_BYTES)


def hash_secret(secret: str) -> str:
    """What is kept of a secret. It is random and long, so that a plain hash hides it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_form_token(session: str) -> str:
    """The token that a form of this session must bring back: another site knows neither."""
    return hmac.new(session.encode(), b"troth form", hashlib.sha256).hexdigest()


def is_form_token(token: str, session: str) -> bool:
    """Whether a form's token is this session's."""
    return hmac.compare_digest(token.encode(), make_form_token(session).encode())
