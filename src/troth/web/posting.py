"""Signed messages to an address that the owner entered: one POST, no redirect followed, nothing read of the answer."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import http.client
import ipaddress
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from troth.errors import InputError
from troth.plain import clean_line
from troth.told import Told

_TIMEOUT_S: Final = 10.0
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where messages go."""

    is_https: bool
    host: str
    port: int | None
    path: str


def read_target(address: str) -> Target:
    """Take an address apart.

    Raises: InputError when it is none that messages may go to: https, or http on this machine.
    """
    advice = Told("Write it like https://hooks.example.com/troth.")
    if len(address) > _LONGEST or not address.isascii() or not all(33 <= ord(char) < 127 for char in address):
        raise InputError(Told("the address has a character that none may have, or too many. {advice}", advice=advice))
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InputError(Told("{address} is no address. {advice}", address=address, advice=advice)) from None
    if not host or parts.username is not None or parts.fragment or parts.scheme not in {"http", "https"}:
        raise InputError(
            Told(
                "{address} is no address for messages: no name, no password, nothing behind '#'. {advice}",
                address=address,
                advice=advice,
            )
        )
    if parts.scheme == "http" and not _is_here(host):
        raise InputError(
            Told(
                "{address} is not encrypted: use https. Only this machine itself can be told by http.", address=address
            )
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_https=parts.scheme == "https", host=host, port=port, path=path)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over the time, a dot and the body, in hexadecimal digits."""
    return hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


def post(address: str, body: bytes, *, secret: str, event_id: str, now: dt.datetime) -> str | None:
    """Send a message.

    Returns: None where it was taken (any 2xx), else what went wrong, in one line.
    """
    target, timestamp = read_target(address), int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "troth",
        "Troth-Id": event_id,
        "Troth-Timestamp": str(timestamp),
        "Troth-Signature": f"v1={sign(secret, timestamp, body)}",
    }
    connection = _connect(target)
    try:
        connection.request("POST", target.path, body=body, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return clean_line(f"{type(error).__name__}: {error}")[:200]
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"answered {status}"


def _connect(target: Target) -> http.client.HTTPConnection:
    if target.is_https:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(target.host, target.port, timeout=_TIMEOUT_S, context=context)
    # A name could be led elsewhere: http goes to this machine's own address, whatever is asked for.
    host = "127.0.0.1" if target.host == "localhost" else target.host
    return http.client.HTTPConnection(host, target.port, timeout=_TIMEOUT_S)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
