"""How often somebody may ask: a bucket of permits for each session, token or address, and a small one for guesses."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from troth.web.failing import answer_error
from troth.web.visit import KNOWN, Refused, read_bearer

_MOST: Final = 10_000  # buckets, and credentials known to be good; those unused for longest make room
_SIGN_IN: Final = ("/in", "/auth")  # paths where secrets are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How many requests are answered. Start values, without a measurement.

    Attributes:
        per_s: requests a second that go on for ever, for each session, token, or address of who has neither.
        burst: requests at once after a pause.
        guesses_per_min, guesses_burst: the same for secrets that turn out wrong, for each address.
    """

    per_s: float = 50.0
    burst: int = 1000
    guesses_per_min: float = 6.0
    guesses_burst: int = 20


class Buckets:
    """A bucket of permits for each name; it fills by itself up to its size.

    >>> now = [0.0]
    >>> buckets = Buckets(per_s=1.0, size=2, clock=lambda: now[0])
    >>> [buckets.wait_s("a"), buckets.wait_s("a"), buckets.wait_s("a"), buckets.wait_s("b")]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, *, per_s: float, size: float, clock: Callable[[], float]) -> None:
        self._per_s, self._size, self._clock = per_s, size, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # permits, and when they were counted

    def wait_s(self, name: str, *, takes: float = 1.0) -> float:
        """Take so many permits; seconds to wait where there is not one, and then none is taken."""
        now = self._clock()
        left, at = self._left.pop(name, (self._size, now))
        left = min(self._size, left + (now - at) * self._per_s)
        is_there = left >= 1.0
        self._left[name] = (left - takes if is_there else left, now)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
        return 0.0 if is_there else (1.0 - left) / self._per_s


class Limits:
    """Answers 429 to who asks too often; assets are free.

    A cookie or token has a bucket of its own once it was seen to be good, so that made-up ones get no new buckets. An
    address that sends wrong ones is soon not listened to, whatever it sends; what is known to be good still is.

    Cost: two look-ups in memory for each request.

    Args:
        app: what is guarded.
        rates: how many requests are answered.
        cookie: the name of the cookie of a session.
        own_token: the one of this machine's command line, which is asked as often as it asks.
        clock: seconds, for instance since the machine was started.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rates: Rates,
        cookie: str,
        own_token: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._cookie = app, cookie
        self._own = _hash(own_token)
        self._asked = Buckets(per_s=rates.per_s, size=rates.burst, clock=clock)
        self._guessed = Buckets(per_s=rates.guesses_per_min / 60, size=rates.guesses_burst, clock=clock)
        self._good: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say when to come again."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        address = f"address {scope['client'][0] if scope.get('client') else ''}"
        shown = self._credential(scope)
        if shown == self._own:
            await self._app(scope, receive, send)
            return
        is_good = shown is not None and shown in self._good
        guesses = not is_good and (shown is not None or scope["path"].startswith(_SIGN_IN))
        wait_s = self._asked.wait_s(shown if is_good and shown else address)
        if guesses:
            wait_s = max(wait_s, self._guessed.wait_s(address, takes=0.0))
        if wait_s:
            await self._refuse(scope, receive, send, wait_s)
            return

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(shown, address, is_wrong=message["status"] == 401, guesses=guesses, known=scope.get(KNOWN))
            await send(message)

        await self._app(scope, receive, send_noted)

    def _note(
        self, shown: str | None, address: str, *, is_wrong: bool, guesses: bool, known: str | None = None
    ) -> None:
        """Learn from an answer. That nothing was wrong says little: routes that need nothing ask nobody who it is."""
        if is_wrong:
            if guesses:
                self._guessed.wait_s(address)
            self._good.pop(shown or "", None)
        elif shown is not None and known is not None and shown == _hash(known):
            self._good[shown] = None
            self._good.move_to_end(shown)
            if len(self._good) > _MOST:
                self._good.popitem(last=False)

    def _credential(self, scope: Scope) -> str | None:
        """The session or token that a request shows, as a hash."""
        request = Request(scope)
        secret = request.cookies.get(self._cookie) or read_bearer(request)
        return _hash(secret) if secret else None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, wait_s: float) -> None:
        answer = answer_error(Request(scope), Refused(429, "too many requests at once. Wait a moment, then go on"))
        answer.headers["Retry-After"] = str(ceil(wait_s))
        await answer(scope, receive, send)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
