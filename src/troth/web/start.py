"""The parts of a served book, put together for one user on one machine, or for a team that signs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from troth import __version__
from troth.desk import clock
from troth.encoder import encoder_id
from troth.errors import InputError
from troth.library import Book
from troth.teaming import LOOPBACK
from troth.web.access import Role
from troth.web.app import Serving
from troth.web.audit import Audit
from troth.web.inbox import Inbox
from troth.web.jobs import UNFINISHED, Worker
from troth.web.keeper import Keeper
from troth.web.rendering import Pages
from troth.web.sessions import DoorKeys, MemorySessions, team_sessions
from troth.web.tokens import TokenDesk
from troth.web.transactions import Transactions
from troth.web.webhooks import Teller
from troth.web.work import make_kinds

if TYPE_CHECKING:
    from troth.book import Store
    from troth.settings import Settings
    from troth.teaming import Team
    from troth.web.oidc import SignIn


def make_serving(store: Store, settings: Settings, *, address: str = "", secret: str | None = None) -> Serving:
    """Serve a store to its one user or, where the settings name one, to a team.

    The first view is begun at once; `serving.close` hands the store back.

    Args:
        address: where browsers reach us.
        secret: that the team's identity provider gave us.

    Raises: ProviderError where the provider does not answer; InputError where a team has no secret.
    """
    sign_in = None if settings.team is None else _make_sign_in(settings.team, secret)
    keeper = Keeper(store, settings, open_book=Book)
    teller = Teller(keeper, clock, base=address)
    keeper.listen(teller.hear)
    keeper.renew()
    inbox = Inbox(store.path)
    tokens = TokenDesk(store, clock, role_of=None if settings.team is None else _roles(settings.team))
    kinds = make_kinds(keeper, inbox, forgot=tokens.forget)
    worker = Worker(store, clock, kinds, tidy=lambda asked, told: _tidy(inbox, asked, told))
    inbox.sweep(_needed(worker))
    worker.begin()
    return Serving(
        keeper=keeper,
        pages=Pages(zone=settings.zone, foot=f"troth {__version__}, {encoder_id()}"),
        sessions=MemorySessions(clock) if settings.team is None else team_sessions(clock),
        keys=DoorKeys(),
        sign_in=sign_in,
        audit=None if settings.team is None else Audit(store, clock=clock),
        hosts=LOOPBACK if settings.team is None else (*settings.team.names, *LOOPBACK),
        is_https=settings.team is not None and settings.team.is_https,
        transactions=Transactions(store),
        worker=worker,
        inbox=inbox,
        find_token=tokens.find,
        forget_tokens=tokens.forget,
        on_close=(worker.close, lambda: inbox.close(_needed(worker)), teller.close, tokens.close),
        address=address,
    )


def _needed(worker: Worker) -> list[str]:
    """The folders of the inbox that a job still needs."""
    return [
        job.asked["folder"]
        for job in worker.jobs()
        if job.state in {*UNFINISHED, "stopped"} and job.asked.get("folder")
    ]


def _tidy(inbox: Inbox, asked: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Delete what a job was done with, unless what came of it lies there to be fetched."""
    if "file" not in told:
        inbox.drop(asked.get("folder", ""))


def _roles(team: Team) -> Callable[[str], Role | None]:
    def role_of(person: str) -> Role | None:
        role = team.role_of(person)
        return None if role is None else Role(role)

    return role_of


def _make_sign_in(team: Team, secret: str | None) -> SignIn:
    from troth.web.oidc import SignIn  # noqa: PLC0415 - loads what one user alone does without

    if not secret:
        raise InputError("a team signs in at its identity provider, and the secret that this gave troth is missing.")
    sign_in = SignIn(team, secret, clock=clock)
    sign_in.check()
    return sign_in
