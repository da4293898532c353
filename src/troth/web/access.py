"""Who may do what: one table, asked by every route, and the person who asks.

Two questions decide over every request. May this role do this at all? `ALLOWED` answers, for the `Need` that the route
states. And is the thing it names theirs? Routes read `Visit.view` alone, which `narrow` has cut down to one's own, so
that what belongs to others is not there: the answer is the same as for what never was (404). `OBJECTS` lists every
kind of thing that an address can name, and how far it is told apart. Tests walk all routes over both tables; a route
with a part that stands in neither fails them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Need(StrEnum):
    """What a route asks of its visitor. Every route states one; a route that states none is not served."""

    nothing = "nothing"  # sign-in, assets, a survey opened by its own secret link
    own = "own"  # read one's own view: relationships and conversations that one took part in
    decide = "decide"  # say what is true of a promise, a question or a finding in one's own view
    bring = "bring"  # take exports and answers into the book
    team = "team"  # figures of groups, from eight people on
    manage = "manage"  # settings, who is who, tokens, retention, erasure
    store = "store"  # the whole book, table by table: the command line and the library pointed at an address


class Role(StrEnum):
    """What somebody is in a team. `sole` is the one user of a book on his or her own machine."""

    sole = "sole"
    owner = "owner"
    analyst = "analyst"
    member = "member"


_MEMBER: Final = frozenset({Need.nothing, Need.own, Need.decide})
ALLOWED: Final[Mapping[Role, frozenset[Need]]] = MappingProxyType(
    {
        Role.sole: frozenset(Need),
        Role.owner: _MEMBER | {Need.bring, Need.manage},  # whoever runs it sees no content of others
        Role.analyst: _MEMBER | {Need.team},
        Role.member: _MEMBER,
    }
)
"""What each role may do; what is not here is refused."""


class Reach(StrEnum):
    """How far a thing that an address names is told apart by who asks."""

    own = "own"  # it is there for those alone who took part in it
    role = "role"  # whoever has the need of the route sees all of them
    open = "open"  # it says nothing of anybody, as a day or the name of a lens does


OBJECTS: Final[Mapping[str, Reach]] = MappingProxyType(
    {
        "name": Reach.own,  # a relationship
        "relationship": Reach.own,
        "conversation": Reach.own,
        "turn": Reach.own,
        "turn_id": Reach.own,
        "promise": Reach.own,
        "promise_id": Reach.own,
        "question": Reach.own,
        "question_id": Reach.own,
        "day": Reach.open,
        "period": Reach.open,
        "ending": Reach.open,  # of a file: csv, png
        "invitation_id": Reach.role,  # of a survey by link; it names who was asked, not what was answered
        "secret": Reach.open,  # of a survey's own link: whoever has it may answer, and sees the questions alone
        "job": Reach.role,  # a long job: names of files and counts, and no word of what is in them
        "table": Reach.open,  # the name of a table, of which everybody gets their own rows
    }
)
"""The parts of addresses, as {name} in a route's path, and what each one names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is signed in.

    Attributes:
        name: how the page greets them, and the audit log names them.
        role: what they may do.
        person: whose own view they see, by address; None for the sole user, who sees the whole book.
        needs: what a token was given for, where one was used; None for a session in a browser.
    """

    name: str
    role: Role
    person: str | None = None
    needs: frozenset[Need] | None = None

    def __post_init__(self) -> None:
        """Refuse somebody of a team without a person: nobody but the sole user sees a whole book."""
        if (self.role is Role.sole) != (self.person is None):
            raise ValueError(f"a visitor who is {self.role} and {self.person} cannot be")

    def may(self, need: Need) -> bool:
        """Whether this is allowed: by the role and, where a token was used, by the token as well."""
        return need in ALLOWED[self.role] and (self.needs is None or need in self.needs or need is Need.nothing)
