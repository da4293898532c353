"""A small OpenID Connect provider on a real port, that can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "troth", "a secret of the provider's"


@dataclass
class Provider:
    """What it says, and what was asked of it."""

    redirect: str
    issuer: str = ""
    email: str = "anna@brimholt.example"
    claims: dict[str, Any] = field(default_factory=dict)  # laid over those of an honest token; None takes one out
    sign_with: str = "own"  # own, other, secret, none
    is_down: bool = False
    keys: list[RSAKey] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "first"})])
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def turn_keys(self) -> None:
        self.keys = [RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})]

    def authorize(self, query: dict[str, str]) -> str:
        """The user agrees at once."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["redirect_uri"] == self.redirect, "to the letter"
        assert query["code_challenge_method"] == "S256"
        assert {"state", "nonce", "code_challenge"} <= set(query)
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{self.redirect}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        whom = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        begun = self.codes.pop(form.get("code", ""), None)  # good once
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
        if whom != f"{CLIENT}:{SECRET}":
            return 401, {"error": "invalid_client"}
        is_right = begun is not None and begun["code_challenge"] == challenge
        if begun is None or not is_right or form.get("redirect_uri") != self.redirect:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        access = secrets.token_urlsafe(16)
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer, "sub": "248289761001", "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": begun["nonce"], "email": self.email, "email_verified": True,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="), **self.claims,
        }  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": self.sign(kept)}

    def sign(self, claims: dict[str, Any]) -> str:
        if self.sign_with == "none":
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        if self.sign_with == "secret":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
        key = self.keys[0] if self.sign_with == "own" else RSAKey.generate_key(2048)
        return jwt.encode({"alg": "RS256", "kid": self.keys[0].kid}, claims, key)


@contextmanager
def run_provider(redirect: str) -> Generator[Provider]:
    provider = Provider(redirect=redirect)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if provider.is_down:
                self.answer(503, {})
            elif parts.path == "/.well-known/openid-configuration":
                at = provider.issuer
                self.answer(200, {"issuer": at, "authorization_endpoint": f"{at}/authorize",
                                  "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/jwks"})  # fmt: skip
            elif parts.path == "/jwks":
                self.answer(200, dict(KeySet(list(provider.keys)).as_dict(private=False)))
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                self.end_headers()
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*provider.exchange(form, self.headers.get("authorization", "")))

        def answer(self, status: int, content: dict[str, Any]) -> None:
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
