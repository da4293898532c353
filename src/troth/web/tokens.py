"""API tokens: shown once, kept as a hash, given for some needs and some time, taken back at any moment."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from troth.errors import BookError, InputError, TrothError
from troth.plain import clean_line
from troth.schema import TOKENS
from troth.told import Told
from troth.web.access import Need, Role, Visitor
from troth.web.sessions import hash_secret, make_secret

if TYPE_CHECKING:
    from troth.book import Store

PREFIX: Final = "troth_"
"""Begins every token, so that scanners of code and logs can find one that lies about."""

LONGEST_DAYS: Final = 366
OWN_DAYS: Final = 90
"""How long a token lasts that somebody of a team makes for themselves: nobody else need know of it when they leave."""
_LONGEST_NAME: Final = 100
_MOST: Final = 200
MOST_OF_ONE: Final = 20
"""Good tokens of one person of a team, and as many that are over, which are kept for their owner to see."""
_FRESH_S: Final = 5.0  # that another program's word on a token, as of the command line, may take to be heard
_PATIENCE_S: Final = 1.0  # that a token which is not known waits for the book to be asked
_NOTED: Final = dt.timedelta(minutes=10)  # how exactly it is kept when a token was last used


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is kept of a token: everything but the token itself."""

    token_id: str
    name: str
    hash: str
    role: Role
    person: str | None
    needs: frozenset[Need]
    made_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None = None
    used_at: dt.datetime | None = None

    def state(self, now: dt.datetime) -> str:
        """good, revoked or expired."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if now >= self.expires_at else "good"

    @property
    def visitor(self) -> Visitor:
        """Who a request with this token is: in a team by address, since anybody may call a token by another's name."""
        return Visitor(name=self.person or self.name, role=self.role, person=self.person, needs=self.needs)


def make_token(
    store: Store, *, name: str, needs: Iterable[Need], lasts: dt.timedelta, for_whom: Visitor, now: dt.datetime
) -> tuple[str, Token]:
    """Make a token and keep its hash.

    Args:
        store: the book.
        name: what it is for, to tell it from others.
        needs: what it may do, among what its owner may.
        lasts: from now on, at most LONGEST_DAYS.
        for_whom: whose it is; requests with it see what this visitor sees.
        now: the time.

    Returns: the token, which nobody can tell again, and what is kept of it.
    Raises: InputError when its owner may not do what it is for, or a name or time cannot be.
    """
    wanted, called = frozenset(needs), clean_line(name)
    if not called or len(called) > _LONGEST_NAME:
        raise InputError(Told("a token needs a name of at most {most} characters: what it is for.", most=_LONGEST_NAME))
    if not wanted:
        raise InputError(Told("say what the token may do: {needs}.", needs=", ".join(_givable(for_whom))))
    if not wanted <= {Need(one) for one in _givable(for_whom)}:
        raise InputError(
            Told("a token of yours may do {needs}; no more than you.", needs=", ".join(_givable(for_whom)))
        )
    if not dt.timedelta(0) < lasts <= dt.timedelta(days=LONGEST_DAYS):
        raise InputError(Told("a token lasts between a moment and {days} days.", days=LONGEST_DAYS))
    secret = PREFIX + make_secret()
    token = Token(
        token_id=hash_secret(secret)[:12], name=called, hash=hash_secret(secret), role=for_whom.role,
        person=for_whom.person, needs=wanted, made_at=now, expires_at=now + lasts,
    )  # fmt: skip
    with store.transaction():
        mine = list_tokens(store, of=for_whom)
        most = _MOST if for_whom.person is None else MOST_OF_ONE
        over = [one.token_id for one in mine if one.state(now) != "good"]
        if len(mine) - len(over) >= most:
            raise InputError(Told("there are {most} tokens of yours. Revoke those that nobody uses.", most=most))
        if len(over) > most:
            store.replace("tokens", TOKENS.empty_table(), keys_column="token_id", keys=over[most:])
        _keep(store, token)
    return secret, token


def list_tokens(store: Store, *, of: Visitor | None = None) -> list[Token]:
    """Every token, or those of one person; the newest first."""
    rows = store.table("tokens").to_pylist()
    found = [
        Token(**row | {"role": Role(row["role"]), "needs": frozenset(map(Need, row["needs"]))})
        for row in rows
        if of is None or row["person"] == of.person
    ]
    return sorted(found, key=lambda token: (token.made_at, token.token_id), reverse=True)


def revoke_token(store: Store, token_id: str, *, now: dt.datetime, of: Visitor | None = None) -> Token:
    """Take a token back, now and for good.

    Args:
        store: the book.
        token_id: its id, or the beginning of it.
        now: the time.
        of: only one of this person's.

    Raises: InputError when none or several are meant.
    """
    with store.transaction():
        meant = [token for token in list_tokens(store, of=of) if token_id and token.token_id.startswith(token_id)]
        if len(meant) != 1:
            raise InputError(
                Told(
                    "more than one token has the id {token_id!r}." if meant else "no token has the id {token_id!r}.",
                    token_id=clean_line(token_id),
                )
            )
        token = replace(meant[0], revoked_at=meant[0].revoked_at or now)
        _keep(store, token)
    return token


class TokenDesk:
    """Finds whose a token is, without making a request wait for the book.

    What is known of tokens is read anew beside the requests when it is some seconds old. A token that is not known
    waits a moment for that. Whoever makes or revokes one says so (`forget`), and nothing that was read before counts
    any more; one that another program revokes in the book itself is good for those seconds at most.

    Args:
        store: the book.
        clock: the time.
        role_of: where a team is served: the role that one of it has now, None for who left; a token never outlives it.
    """

    def __init__(
        self, store: Store, clock: Callable[[], dt.datetime], *, role_of: Callable[[str], Role | None] | None = None
    ) -> None:
        self._store, self._clock, self._role_of = store, clock, role_of
        self._known: dict[str, Token] = {}
        self._used: dict[str, dt.datetime] = {}
        self._read_at: dt.datetime | None = None
        self._forgotten = 0  # how often
        self._reading: Future[None] | None = None
        self._lock = threading.Lock()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-tokens")

    def find(self, secret: str) -> Visitor | None:
        """Who a request with this token is; None where it is not known, expired or revoked.

        Raises: BookError where the book does not say in time which tokens are good.
        """
        if not secret.startswith(PREFIX):
            return None
        key, now = hash_secret(secret), self._clock()
        coming = self._refresh(now)
        token = self._known.get(key)
        if token is None and coming is not None:
            with suppress(TimeoutError, TrothError):
                coming.result(timeout=_PATIENCE_S)
            token = self._known.get(key)
            if token is None and self._read_at is None:
                raise BookError("the book is busy, and does not say which tokens are good. Ask again in a moment")
        if token is None or token.state(now) != "good":
            return None
        token = token if self._role_of is None else _within_team(token, self._role_of)
        if token is None:
            return None
        with self._lock:
            self._used[token.token_id] = now
        return token.visitor

    def forget(self, *token_ids: str) -> None:
        """Have the book asked anew, and count nothing on what is known of these tokens; of all where none is named."""
        with self._lock:
            kept = {key: token for key, token in self._known.items() if token_ids and token.token_id not in token_ids}
            self._known, self._read_at = kept, None
            self._forgotten += 1

    def close(self) -> None:
        """Write down when tokens were last used, and stop."""
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._note(_NOTED * 0)

    def _refresh(self, now: dt.datetime) -> Future[None] | None:
        with self._lock:
            is_old = self._read_at is None or (now - self._read_at).total_seconds() > _FRESH_S
            if is_old and (self._reading is None or self._reading.done()):
                self._reading = self._reader.submit(self._read)
            return self._reading if is_old else None

    def _read(self) -> None:
        now = self._clock()
        self._note(_NOTED)
        while True:
            begun = self._forgotten
            known = {token.hash: token for token in list_tokens(self._store)}
            with self._lock:
                if begun == self._forgotten:  # else a token was revoked while they were read
                    self._known, self._read_at = known, now
                    return

    def _note(self, least: dt.timedelta) -> None:
        """Write down the last use of tokens whose kept one is so much older."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        with self._store.transaction():
            for token in list_tokens(self._store):
                at = used.get(token.token_id)
                if at is not None and (token.used_at is None or at - token.used_at > least):
                    _keep(self._store, replace(token, used_at=at))
                    used.pop(token.token_id)
        with self._lock:
            self._used = used | self._used


def _within_team(token: Token, role_of: Callable[[str], Role | None]) -> Token | None:
    """A token as it is good where a team is served: one that is nobody's brings turns in, and reads nothing."""
    if token.person is None:
        needs = token.needs & {Need.bring}
        return replace(token, needs=needs) if needs else None
    role = role_of(token.person)
    return None if role is None else replace(token, role=role)


def _givable(visitor: Visitor) -> list[str]:
    return [need.value for need in Need if need is not Need.nothing and visitor.may(need)]


def _keep(store: Store, token: Token) -> None:
    row = {name: getattr(token, name) for name in TOKENS.names} | {
        "role": token.role.value, "needs": sorted(need.value for need in token.needs),
    }  # fmt: skip
    store.upsert("tokens", pa.Table.from_pylist([row], schema=TOKENS))
