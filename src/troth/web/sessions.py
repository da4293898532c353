"""Signed-in browsers: a one-time token in the address becomes a cookie that no other site can send.

What is kept is the hash of a session's id, never the id; sessions end after a time without use, and at last however
much they are used.
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
BACK: Final = "/in/done"
"""Where an identity provider sends browsers back to; this after our address is what it must know, to the letter."""


def name_cookie(*, is_https: bool, name: str = COOKIE) -> str:
    """The name of a cookie: over TLS with the prefix that keeps other names under one's domain from setting it."""
    return f"__Host-{name}" if is_https else name


_BYTES: Final = 32  # 256 bits: nobody guesses them
_IDLE: Final = dt.timedelta(hours=12)
_LONGEST: Final = dt.timedelta(days=7)
TEAM_IDLE: Final = dt.timedelta(hours=1)
TEAM_LONGEST: Final = dt.timedelta(hours=12)
"""When a session of a team's member ends: unused for so long, and after so long in any case (a working day)."""
_MOST: Final = 10  # sessions of one visitor; the one unused for longest makes room


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

    def end_all(self, visitor: Visitor) -> int:
        """Sign this visitor out everywhere; how many sessions ended."""
        ...

    def count(self, visitor: Visitor) -> int:
        """How many sessions this visitor has."""
        ...


@dataclass(slots=True)
class _Session:
    visitor: Visitor
    begun_at: dt.datetime
    used_at: dt.datetime


class MemorySessions:
    """Sessions of one process: they end with it.

    Args:
        clock: the time.
        idle: how long a session lasts unused.
        longest: how long it lasts at all.
    """

    def __init__(
        self, clock: Callable[[], dt.datetime], *, idle: dt.timedelta = _IDLE, longest: dt.timedelta = _LONGEST
    ) -> None:
        self._clock, self._idle, self._longest = clock, idle, longest
        self._kept: dict[str, _Session] = {}
        self._mine: dict[str | None, set[str]] = {}  # their keys by person, so that nobody's are looked for among all
        self._lock = threading.Lock()

    def begin(self, visitor: Visitor) -> str:
        """Start a session; the secret that goes into the cookie."""
        secret, now = make_secret(), self._clock()
        with self._lock:
            for key in [key for key, session in self._kept.items() if self._is_over(session, now)]:
                self._drop(key)
            mine = sorted(self._of(visitor), key=lambda key: self._kept[key].used_at)
            for key in mine[: max(0, len(mine) - _MOST + 1)]:
                self._drop(key)
            self._kept[hash_secret(secret)] = _Session(visitor, now, now)
            self._mine.setdefault(visitor.person, set()).add(hash_secret(secret))
        return secret

    def find(self, secret: str) -> Visitor | None:
        """Who this is, or None where the session is not known or over."""
        key, now = hash_secret(secret), self._clock()
        with self._lock:
            session = self._kept.get(key)
            if session is None:
                return None
            if self._is_over(session, now):
                self._drop(key)
                return None
            session.used_at = now
            return session.visitor

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._lock:
            self._drop(hash_secret(secret))

    def end_all(self, visitor: Visitor) -> int:
        """Sign this visitor out everywhere; how many sessions ended."""
        with self._lock:
            mine = self._of(visitor)
            for key in mine:
                self._drop(key)
            return len(mine)

    def count(self, visitor: Visitor) -> int:
        """How many sessions this visitor has."""
        now = self._clock()
        with self._lock:
            return sum(not self._is_over(self._kept[key], now) for key in self._of(visitor))

    def _of(self, visitor: Visitor) -> list[str]:
        return list(self._mine.get(visitor.person, ()))

    def _drop(self, key: str) -> None:
        session = self._kept.pop(key, None)
        if session is not None:
            mine = self._mine[session.visitor.person]
            mine.discard(key)
            if not mine:
                del self._mine[session.visitor.person]

    def _is_over(self, session: _Session, now: dt.datetime) -> bool:
        return now - session.used_at > self._idle or now - session.begun_at > self._longest


def team_sessions(clock: Callable[[], dt.datetime]) -> MemorySessions:
    """Sessions of a team: they end after an hour unused, and after a working day in any case."""
    return MemorySessions(clock, idle=TEAM_IDLE, longest=TEAM_LONGEST)


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
