"""Signing in at the firm's own identity provider: OpenID Connect, the code flow with PKCE, and nothing else.

What belongs to one attempt (state, nonce, the PKCE secret) travels in a cookie of the browser that began it, under a
seal of this process; so nobody can fill a memory by beginning, and an answer that another browser brings is worth
nothing. An attempt is good once and for ten minutes. There is no password and no way in beside it.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from troth.errors import TrothError
from troth.plain import clean_line
from troth.teaming import LOOPBACK, Team
from troth.told import Told
from troth.web.access import Role, Visitor
from troth.web.sessions import BACK, make_secret
from troth.web.visit import Refused

_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a key of the provider alone: one made with the client's own secret, or none, counts for nothing."""
_ATTEMPT: Final = dt.timedelta(minutes=10)
_LEEWAY_S: Final = 60  # that clocks may differ by
_TIMEOUT_S: Final = 10.0
_FRESH: Final = dt.timedelta(minutes=1)  # between two looks at the provider's keys
_MOST_BYTES: Final = 1 << 20  # of an answer of the provider


class ProviderError(TrothError):
    """The identity provider does not answer, or not as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Somebody on the way to the provider.

    Attributes:
        address: where the browser goes.
        cookie: what it brings back.
    """

    address: str
    cookie: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    authorize: str
    token: str
    keys: str
    method: str  # of telling the client's secret


class SignIn:
    """One team's way in.

    Args:
        team: who belongs to it, and which provider says who somebody is.
        secret: that the provider gave this troth.
        clock: the time.
    """

    def __init__(self, team: Team, secret: str, *, clock: Callable[[], dt.datetime]) -> None:
        self._team, self._secret, self._clock = team, secret, clock
        self._seal = secrets.token_bytes(32)
        self._used: dict[str, dt.datetime] = {}
        self._lock = threading.Lock()
        self._provider: _Provider | None = None
        self._keys: KeySet | None = None
        self._looked_at = dt.datetime.min.replace(tzinfo=dt.UTC)

    def check(self) -> None:
        """Ask the provider how it is to be asked; once is enough.

        Raises: ProviderError where it does not say, or says it of another.
        """
        if self._provider is not None:
            return
        found = self._fetch(f"{self._team.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self._team.issuer:
            raise ProviderError(
                Told(
                    "{issuer} calls itself {what}. Mend issuer",
                    issuer=self._team.issuer,
                    what=clean_line(str(found.get("issuer"))),
                )
            )
        places = {name: found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        for name, place in places.items():
            if not isinstance(place, str) or not _is_safe(place):
                raise ProviderError(Told("{issuer} gives no {name} over https", issuer=self._team.issuer, name=name))
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        self._provider = _Provider(
            authorize=str(places["authorization_endpoint"]),
            token=str(places["token_endpoint"]),
            keys=str(places["jwks_uri"]),
            method="client_secret_basic" if "client_secret_basic" in methods else "client_secret_post",
        )

    def begin(self) -> Attempt:
        """Send somebody to the provider.

        Raises: ProviderError.
        """
        provider = self._known()
        state, nonce, verifier = make_secret(), make_secret(), secrets.token_urlsafe(48)
        with self._client(provider) as client:
            address, _ = client.create_authorization_url(
                provider.authorize, state=state, nonce=nonce, code_verifier=verifier
            )
        until = int((self._clock() + _ATTEMPT).timestamp())
        told = json.dumps({"state": state, "nonce": nonce, "verifier": verifier, "until": until}).encode()
        return Attempt(address=address, cookie=f"{_pack(told)}.{_pack(self._sign(told))}")

    def finish(self, query: Mapping[str, str], cookie: str | None) -> Visitor:
        """Who came back from the provider.

        Args:
            query: what the provider gave the browser along.
            cookie: of the attempt.

        Raises: Refused; ProviderError.
        """
        begun = self._open(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), begun["state"].encode()):
            raise Refused(401, "this does not belong to the attempt that this browser began. Sign in again")
        self._use_up(begun["state"])
        if "error" in query:
            raise Refused(
                401, Told("the identity provider said: {error}. Sign in again", error=clean_line(query["error"])[:80])
            )
        if query.get("iss", self._team.issuer).rstrip("/") != self._team.issuer or not query.get("code"):
            raise Refused(401, "this is no answer of the identity provider. Sign in again")
        token = self._exchange(query["code"], begun["verifier"])
        return self._admit(self._read(token, begun["nonce"]))

    def _known(self) -> _Provider:
        self.check()
        if self._provider is None:
            raise RuntimeError("the provider was asked and is not known")
        return self._provider

    def _client(self, provider: _Provider) -> Any:  # its annotations do not know that it is an httpx2 client
        return OAuth2Client(
            client_id=self._team.client_id,
            client_secret=self._secret,
            token_endpoint_auth_method=provider.method,
            scope="openid email",
            redirect_uri=self._team.address + BACK,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            follow_redirects=False,
        )

    def _open(self, cookie: str | None) -> dict[str, Any]:
        """What an attempt holds; refused where we did not make it, or it is over."""
        told, _, seal = (cookie or "").partition(".")
        raw, given = _unpack(told), _unpack(seal)
        if raw is None or given is None or not hmac.compare_digest(given, self._sign(raw)):
            raise Refused(401, "this browser began no attempt to sign in, or too long ago. Sign in again")
        begun: dict[str, Any] = json.loads(raw)
        if begun["until"] < self._clock().timestamp():
            raise Refused(401, "this attempt to sign in took too long. Sign in again")
        return begun

    def _use_up(self, state: str) -> None:
        now = self._clock()
        with self._lock:
            self._used = {key: until for key, until in self._used.items() if until > now}
            if state in self._used:
                raise Refused(401, "this attempt to sign in was used before. Sign in again")
            self._used[state] = now + _ATTEMPT

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        provider = self._known()
        try:
            with self._client(provider) as client:
                return dict(client.fetch_token(provider.token, code=code, code_verifier=verifier))
        except AuthlibBaseError as error:
            raise Refused(401, "the identity provider did not take this back. Sign in again") from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderError(
                Told(
                    "{issuer} does not answer as it should: {name}", issuer=self._team.issuer, name=type(error).__name__
                )
            ) from error

    def _read(self, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that this provider signed for us, for this attempt, and a moment ago."""
        raw = token.get("id_token")
        if not isinstance(raw, str):
            raise Refused(401, "the identity provider did not say who you are. Sign in again")
        try:
            decoded = self._decode(raw)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self._team.issuer},
                    "aud": {"essential": True, "value": self._team.client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                {"nonce": nonce, "client_id": self._team.client_id, "access_token": token.get("access_token")},
            )
            claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError, KeyError, TypeError) as error:
            raise Refused(401, "what the identity provider said cannot be trusted. Sign in again") from error
        return claims

    def _decode(self, raw: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(raw, self._key_set(), registry=registry)
        except InvalidKeyIdError:
            return jwt.decode(raw, self._key_set(anew=True), registry=registry)

    def _key_set(self, *, anew: bool = False) -> KeySet:
        """The provider's keys; looked at anew where one is unknown, but not for each who says so."""
        now = self._clock()
        if self._keys is None or (anew and now - self._looked_at > _FRESH):
            self._keys, self._looked_at = KeySet.import_key_set(self._fetch(self._known().keys)), now  # type: ignore[arg-type]
        return self._keys

    def _admit(self, claims: Mapping[str, Any]) -> Visitor:
        address = str(claims.get("email", "")).lower()
        if claims.get("email_verified") is not True or not address.isascii():
            raise Refused(403, "the identity provider has not verified your mail address. Ask whoever runs it")
        role = self._team.role_of(address)
        if role is None:
            raise Refused(403, "you are not a member of this team. Ask whoever runs this troth")
        return Visitor(name=address, role=Role(role), person=address)

    def _fetch(self, address: str) -> dict[str, Any]:
        try:
            answer = httpx2.get(address, timeout=_TIMEOUT_S, follow_redirects=False)
            answer.raise_for_status()
            found: object = json.loads(answer.content) if len(answer.content) <= _MOST_BYTES else None
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderError(
                Told(
                    "{issuer} cannot be asked who somebody is: {name}. Look at [team] issuer",
                    issuer=self._team.issuer,
                    name=type(error).__name__,
                )
            ) from error
        if not isinstance(found, dict):
            raise ProviderError(Told("{address} is not what an identity provider says", address=address))
        return found

    def _sign(self, told: bytes) -> bytes:
        return hmac.new(self._seal, told, hashlib.sha256).digest()


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unpack(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii", "replace") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
