"""Settings: how pages look, who is who, tokens, who is told, and the way out with everything or without somebody."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final

import pyarrow.compute as pc
from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from troth.desk import clock
from troth.errors import InputError
from troth.forgetting import Meant, Weighed, choose_person, weigh
from troth.signals import HELD, SHOWN
from troth.told import Told
from troth.web.access import Need, Role, Visitor
from troth.web.downloading import name_makers
from troth.web.happenings import KINDS
from troth.web.later import find_later
from troth.web.records import tell_why
from troth.web.sessions import make_secret
from troth.web.tokens import LONGEST_DAYS, list_tokens, make_token, revoke_token
from troth.web.visit import Manage, Own, Refused, Visit
from troth.web.webhooks import Hook, add_hook, check_alone, count_events, drop_hook, list_hooks

if TYPE_CHECKING:
    import pyarrow as pa

    from troth.library import Book
    from troth.settings import Settings

router = APIRouter()
_PAGE: Final = 50
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_PEOPLE: Final = "/settings/people"
_Words = Annotated[str, Query(max_length=200)]

MAY: Final = MappingProxyType(
    {
        Need.own: "read what its owner may see",
        Need.decide: "say what became of promises and questions",
        Need.bring: "bring messages and answers in",
        Need.team: "read figures of groups",
        Need.manage: "change settings, and forget people",
        Need.store: "read and write the whole book, table by table",
    }
)
"""What a token can be given for, in plain words."""


@router.get("/settings")
def show_settings(visit: Own) -> Response:
    """Everything that can be set, or where to write it."""
    return _show(visit)


@router.post("/settings/tokens")
def give_token(
    visit: Manage, name: Annotated[str, Form()], days: Annotated[int, Form(ge=1, le=LONGEST_DAYS)] = 90,
    may: Annotated[tuple[str, ...], Form()] = (),
) -> Response:  # fmt: skip
    """Make a token; it is shown this once."""
    return _show(visit, token=give(visit, name=name, days=days, may=may))


@router.post("/settings/tokens/revoke")
def take_token(visit: Manage, token_id: Annotated[str, Form(min_length=1)]) -> Response:
    """Take a token back."""
    take_back(visit, token_id)
    return visit.go("/settings#tokens")


@router.post("/settings/webhooks")
def tell_address(
    visit: Manage, address: Annotated[str, Form(min_length=1)], kind: Annotated[tuple[str, ...], Form()] = ()
) -> Response:
    """Have an address told what happens; the secret that signs it is shown this once."""
    check_alone(visit.keeper.settings)
    hook = add_hook(visit.keeper.store, address=address.strip(), kinds=kind, now=clock())
    visit.keeper.renew(fresh=False)
    return _show(visit, hook=hook)


@router.post("/settings/webhooks/drop")
def drop_address(visit: Manage, hook_id: Annotated[str, Form(min_length=1)]) -> Response:
    """Tell an address no more."""
    drop_hook(visit.keeper.store, hook_id)
    return visit.go("/settings#webhooks")


@router.post("/settings/forget")
def forget(
    visit: Manage, who: Annotated[str, Form(min_length=3, max_length=300)], sure: Annotated[bool, Form()] = False,
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:  # fmt: skip
    """Say what would go with a person; and, once that is meant, have them taken out of the book beside the requests."""
    if not sure:
        meant, weighed = visit.keeper.ask(lambda book: _weigh(book, who))
        return visit.show("forget.html", names=meant.names, gone=weighed.gone, mentioned=weighed.mentioned,
                          once=make_secret())  # fmt: skip
    meant = visit.keeper.ask(lambda book: choose_person(book, who))
    visit.serving.worker.add("forget", once or make_secret(), {"names": list(meant.names)}, by=visit.who.name)
    for name in meant.names:
        visit.serving.sessions.end_all(Visitor(name=name, role=Role.member, person=name.lower()))
    return visit.go("/bring")


def _weigh(book: Book, who: str) -> tuple[Meant, Weighed]:
    meant = choose_person(book, who)
    return meant, weigh(book.store, meant)


@router.get("/settings/people")
def show_people(visit: Manage, q: _Words = "", after: _Words = "", several: bool = False) -> Response:
    """Who is who over all channels, what may be one person, and what was decided of it."""
    known = _find_people(visit)
    if known is None:
        return visit.show("people.html", known=None, q=q)
    people, suggested, decided = known
    rows, following = _cut(people, q, after, several=several)
    undone = {row["undoes"] for row in decided.to_pylist() if row["undoes"]}
    return visit.show(
        "people.html", known=known, q=q, several=several, rows=rows, following=following, people=people.num_rows,
        suggested=suggested.slice(0, _PAGE).to_pylist(), why=tell_why,
        decided=[row | {"is_undone": row["decision_id"] in undone} for row in decided.to_pylist()[::-1][:_PAGE]],
    )  # fmt: skip


@router.post("/settings/people/merge")
def merge(
    visit: Manage, first: Annotated[str, Form(min_length=1)], second: Annotated[str, Form(min_length=1)],
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:  # fmt: skip
    """Two are one person."""
    by = visit.who.name or None
    visit.keeper.change(lambda book: book.merge_people(first, second, note=note.strip() or None, by=by))
    return visit.go(_PEOPLE)


@router.post("/settings/people/split")
def split(
    visit: Manage, who: Annotated[str, Form(min_length=1)], note: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """A name is another person's than the names that it stands beside."""
    by = visit.who.name or None
    visit.keeper.change(lambda book: book.split_person(who, note=note.strip() or None, by=by))
    return visit.go(_PEOPLE)


@router.post("/settings/people/undo")
def undo(visit: Manage, decision: Annotated[str, Form(min_length=1)]) -> Response:
    """Take a decision of who is who back."""
    by = visit.who.name or None
    visit.keeper.change(lambda book: book.undo_person(decision, by=by))
    return visit.go(_PEOPLE)


def _show(visit: Visit, *, token: str | None = None, hook: Hook | None = None) -> Response:
    view, now = visit.view, clock()
    manages, store = visit.who.may(Need.manage), visit.keeper.store
    return visit.show(
        "settings.html", manages=manages, leaves=visit.who.may(Need.store), view=view,
        lines=write_lines(view.settings), facets={**SHOWN, **HELD}, may=MAY,
        givable=[need for need in MAY if visit.who.may(need)],
        tokens=list_tokens(store) if manages else [], hooks=list_hooks(store) if manages else [],
        events=count_events(store) if manages else {}, kinds=KINDS, now=now, made_with=name_makers(),
        where=store.path if visit.who.person is None else "", longest=LONGEST_DAYS,
        token=token, hook=hook,
    )  # fmt: skip


def give(visit: Visit, *, name: str, days: int, may: Iterable[str]) -> str:
    """Make a token that does no more than its owner may; the token, to be shown this once.

    Raises: Refused with 403 where a token asks for another one, which would outlive it; InputError.
    """
    if visit.session is None:
        raise Refused(403, "tokens are made in a browser, by somebody who is signed in; no token makes another")
    secret, made = make_token(
        visit.keeper.store, name=name, needs=_read_needs(may), lasts=dt.timedelta(days=days), for_whom=visit.who,
        now=clock(),
    )  # fmt: skip
    visit.serving.forget_tokens(made.token_id)
    return secret


def take_back(visit: Visit, token_id: str, *, of: Visitor | None = None) -> None:
    """Revoke a token, at once.

    Raises: InputError where it is not there, or not one `of` this person's.
    """
    revoked = revoke_token(visit.keeper.store, token_id, now=clock(), of=of)
    visit.serving.forget_tokens(revoked.token_id)


def _read_needs(words: Iterable[str]) -> list[Need]:
    strange = [word for word in words if word not in list(MAY)]
    if strange:
        raise InputError(Told("a token may do {may}; not {strange!r}.", may=", ".join(MAY), strange=strange[0]))
    return [Need(word) for word in words]


def _find_people(visit: Visit) -> tuple[pa.Table, pa.Table, pa.Table] | None:
    """PERSONS, suggestions and decisions as of the book's view; None while they are being worked out."""
    view = visit.keeper.view()
    return find_later(
        view, "people",
        lambda: visit.keeper.ask_later(
            lambda book: (book.people(), book.suggest_people(), book.person_decisions())
        ),
    )  # fmt: skip


def _cut(people: pa.Table, q: str, after: str, *, several: bool) -> tuple[list[dict[str, Any]], str | None]:
    """A page of those whose names hold `q`, behind the person `after`; and behind whom the next page begins."""
    found = people
    if q:
        names = [
            pc.match_substring(found[column].combine_chunks(), q, ignore_case=True) for column in ("person", "name")
        ]
        lists = [
            pc.match_substring(pc.binary_join(found[column].combine_chunks(), "\n"), q, ignore_case=True)
            for column in ("addresses", "handles")
        ]
        marks = pc.fill_null(names[0], False)
        for other in (names[1], *lists):
            marks = pc.or_(marks, pc.fill_null(other, False))
        found = found.filter(marks)
    if several:
        count = pc.add(pc.list_value_length(found["addresses"]), pc.list_value_length(found["handles"]))
        found = found.filter(pc.greater(count, 1))
    start = pc.index(found["person"], after).as_py() + 1 if after else 0
    rows = found.slice(start, _PAGE).to_pylist()
    return rows, rows[-1]["person"] if start + _PAGE < found.num_rows else None


def write_lines(settings: Settings) -> Mapping[str, str]:
    """What stands in troth.toml, or could, as lines to write there; by section of the page."""
    stated = settings.model_dump(mode="json")
    return {
        "us": _toml({"us": stated["us"] or ["you@firm.com", "firm.com"]}),
        "circles": _toml({name: stated[name] for name in ("customers", "colleagues", "friends") if stated[name]}
                         or {"customers": ["acme.com"]})
        + ("\n\n" + _table("accounts", stated["accounts"]) if stated["accounts"] else ""),
        "people": _table("people", stated["people"] or {"Kim Lee": ["kim@acme.com", "slack:U123"]}),
        "calendar": _toml({"zone": stated["zone"], "country": stated["country"] or "DE", "dates": stated["dates"],
                           "closed": stated["closed"] or ["12-24..12-31"]}),
        "touchpoints": "\n\n".join(
            "[[touchpoints]]\n" + _toml({name: value for name, value in rule.items() if value})
            for rule in stated["touchpoints"] or [{"stage": "billing", "address": "invoices@firm.com"}]
        ),
        "trend": "[trend]\n" + _toml(stated["trend"]),
    }  # fmt: skip


def _table(name: str, values: Mapping[str, Any]) -> str:
    return f"[{name}]\n{_toml(values)}"


def _toml(values: Mapping[str, Any]) -> str:
    """Values as TOML writes them; its strings, lists and numbers look as those of JSON do."""
    return "\n".join(
        f"{name if _BARE.fullmatch(name) else json.dumps(name)} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )
