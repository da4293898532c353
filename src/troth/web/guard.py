"""What every answer carries and every request must: headers that keep a page shut, and a host that is ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from troth.told import Told

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with that, browsers send plain forms of our own pages with "Origin: null", which is refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MOST_BYTES: Final = 1 << 20
_BOUNDED: Final = ("/bring", "/api/v1/turns", "/api/v1/store/tables/", "/api/v1/store/settings/")
"""Routes that look at who asks before they take anything in, and have bounds of their own; behind a slash any path."""


class Guard:
    """Refuses foreign hosts and origins and what is too large, and puts the headers on every answer.

    A form or JSON is in memory before it is known who sent it, so that all of it has a bound here.

    Args:
        app: what is guarded.
        hosts: names by which we are called, without a port; a page that another name leads here (DNS rebinding) is
            refused.
        is_https: whether browsers reach us over TLS only.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], is_https: bool = False) -> None:
        self._app, self._hosts = app, frozenset(hosts)
        self._headers = dict(_HEADERS)
        if is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refuse(scope)
        await (refusal or self._app)(scope, receive if _has_bounds(scope["path"]) else _bound(receive), send_guarded)

    def _refuse(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_of(f"//{host}") not in self._hosts:
            return PlainTextResponse("This address is not one of this troth's.", status_code=421)
        origin = headers.get("origin")
        if scope["method"] in _UNSAFE and origin is not None and _place_of(origin) != host:
            return PlainTextResponse("Another site may not send this.", status_code=403)
        return None


def _has_bounds(path: str) -> bool:
    return any(path.startswith(each) if each.endswith("/") else path == each for each in _BOUNDED)


def _bound(receive: Receive) -> Receive:
    """What comes in, up to the bound.

    Raises: HTTPException with 413 where it is more.
    """
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > _MOST_BYTES:
            raise HTTPException(413, Told("a request may carry {size} MiB here", size=_MOST_BYTES >> 20))
        return message

    return receive_bounded


def _place_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
