"""Who is meant by a name: "Tom will call you", where a Tom of the speaker's side is known from the turns up to then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.acts import act_after, after_will
from troth.promises.bare import WEAK
from troth.promises.tokens import Tokens, tokenise

_NOT_NAMES: Final = frozenset({
    "will", "may", "info", "support", "sales", "team", "office", "service", "services", "hello", "contact", "mail",
    "noreply", "reply", "admin", "orders", "billing", "customer", "the", "accounts", "help", "desk", "care",
})  # fmt: skip
_SOMEONE: Final = frozenset({"someone", "somebody"})
_PRONOUNS: Final = frozenset({"he", "she"})
_PEOPLE: Final = frozenset({
    "team", "colleague", "colleagues", "engineer", "engineers", "technician", "driver", "fitter", "crew", "lawyer",
    "accountant", "boss", "manager", "people", "support", "office", "warehouse", "courier", "partner", "assistant",
    "expert", "experts", "specialist", "director", "dispatch", "electrician", "plumber", "agent", "operations",
})  # fmt: skip
_REACHES: Final = frozenset({"you", "your", "yours"})
_SAME_PRESENT: Final = frozenset({
    "calls", "rings", "sends", "comes", "brings", "delivers", "ships", "writes", "visits", "pays", "fixes", "installs",
    "starts", "meets", "picks", "takes", "finishes", "books", "phones", "collects", "mails", "emails", "forwards",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote or was written to."""

    address: str
    side: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody else of the speaker's side is said to do."""

    probability: float
    verb: int
    actor: str | None  # None: of the speaker's side, but nobody we know by name


class People:
    """Everybody by each word of their name, and since when they are known: of nobody is known who came later."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[Person, datetime]] = {}

    def copy(self) -> People:
        """The same people; whom either meets from now on the other does not."""
        other = People()
        other._by_name = {word: dict(known) for word, known in self._by_name.items()}
        return other

    def meet(self, turns: pa.Table, moments: Sequence[datetime]) -> dict[str, datetime]:
        """Take in who speaks in these turns and who is written to, with the moment of each turn.

        Returns: the words by which somebody is known from an earlier moment on than before, with that moment.
        """
        codes: dict[tuple[Any, ...], tuple[Person, str | None]] = {}
        first: dict[tuple[Any, ...], datetime] = {}
        names = ("speaker", "speaker_name", "side", "recipients", "cc")
        columns = (turns.column(name).to_pylist() for name in names)
        for moment, speaker, name, side, recipients, cc in zip(moments, *columns, strict=True):
            key = (speaker, name, side)
            if key not in first or moment < first[key]:
                first[key] = moment
                codes[key] = (Person(speaker, side), name)
            for address in (*(recipients or ()), *(cc or ())):
                if address and ((address,) not in first or moment < first[address,]):
                    first[address,] = moment
                    codes[address,] = (Person(address, None), None)
        return self._learn((*codes[key], moment) for key, moment in first.items())

    def meet_dated(self, turns: pa.Table) -> None:
        """As `meet`, of turns that all have a time, without a look at each of them."""
        names = ["speaker", "speaker_name", "side"]
        spoke = turns.group_by(names, use_threads=False).aggregate([("sent_at", "min")])
        speakers = zip(*(spoke.column(name).to_pylist() for name in (*names, "sent_at_min")), strict=True)
        self._learn((Person(speaker, side), name, moment) for speaker, name, side, moment in speakers)
        for column in ("recipients", "cc"):
            given = turns.column(column).combine_chunks()
            sent = turns.column("sent_at").combine_chunks().take(pc.list_parent_indices(given))
            each = pa.table({"address": pc.list_flatten(given), "sent_at": sent})
            first = each.group_by("address", use_threads=False).aggregate([("sent_at", "min")])
            pairs = zip(first.column("address").to_pylist(), first.column("sent_at_min").to_pylist(), strict=True)
            self._learn((Person(address, None), None, moment) for address, moment in pairs if address)

    def _learn(self, people: Iterable[tuple[Person, str | None, datetime]]) -> dict[str, datetime]:
        met: dict[str, datetime] = {}
        for person, name, moment in people:
            for word in _names_of(person.address, name):
                known = self._by_name.setdefault(word, {})
                if person not in known or moment < known[person]:
                    known[person], met[word] = moment, min(met.get(word, moment), moment)
        return met

    def beside(self, word: str, turn: Mapping[str, Any]) -> str | None:
        """The one person of this name on the side of the turn's speaker; None where there is none or are several."""
        speaker, side, moment = turn["speaker"], turn["side"], turn["moment"]
        ours = {
            person.address
            for person, since in self._by_name.get(word, {}).items()
            if since <= moment and person.address != speaker and _is_beside(person, speaker, side)
        }
        return ours.pop() if len(ours) == 1 else None


def _is_beside(person: Person, speaker: str, side: str | None) -> bool:
    _, _, domain = speaker.rpartition("@")
    same_house = "@" in speaker and person.address.endswith(f"@{domain}")
    if side == "us" or (side is None and "@" not in speaker):
        return same_house or (side is not None and person.side == side)
    return same_house


def _names_of(address: str, name: str | None) -> set[str]:
    local = address.partition("@")[0] if "@" in address else ""
    words = [word for word in tokenise(name or "").low[:4] if word.isalpha()]
    words += [word for word in tokenise(local).low[:1] if word.isalpha()]
    return {word for word in words if len(word) > 2 and word not in _NOT_NAMES}


def read_named(tokens: Tokens, turn: Mapping[str, Any], people: People, earlier: str | None) -> Named | None:
    """What this sentence says that somebody of the speaker's side will do for the reader.

    Args:
        earlier: the last person of the speaker's side named before in the turn, whom "he" or "she" then means.
    """
    if len(tokens) == 0 or "?" in tokens.low[-2:]:
        return None
    for at in range(min(len(tokens), 40)):
        found = _named_at(tokens, at, turn, people, earlier)
        if found is not None:
            return found
        if tokens.raw(at)[:1].isupper():
            earlier = people.beside(tokens.at(at), turn) or earlier
    return None


def last_named(tokens: Tokens, turn: Mapping[str, Any], people: People) -> str | None:
    """The last person of the speaker's side that the sentence names."""
    for at in range(len(tokens) - 1, -1, -1):
        if tokens.raw(at)[:1].isupper() and (actor := people.beside(tokens.at(at), turn)) is not None:
            return actor
    return None


def _named_at(tokens: Tokens, at: int, turn: Mapping[str, Any], people: People, earlier: str | None) -> Named | None:
    is_meant, actor = _who(tokens, at, turn, people, earlier)
    if not is_meant or tokens.at(at - 1) in {"if", "when", "that", "said", "says", "whether"}:
        return None
    word = tokens.at(at)
    verb = after_will(tokens, at + 1)
    if not verb and tokens.at(at + 1).isalpha() and tokens.raw(at + 1)[:1].isupper():
        verb = after_will(tokens, at + 2)  # with a family name
    if verb:
        probability = act_after(tokens, verb)[0]
        return Named(probability, verb, actor) if probability else None
    if tokens.at(at + 1) in _SAME_PRESENT and word not in _PRONOUNS | _SOMEONE:
        return Named(WEAK, at + 1, actor)
    return None


def _who(
    tokens: Tokens, at: int, turn: Mapping[str, Any], people: People, earlier: str | None
) -> tuple[bool, str | None]:
    """Whether this token means somebody of the speaker's side, and whom."""
    word = tokens.at(at)
    if word in _PRONOUNS:
        return earlier is not None and bool(_REACHES & set(tokens.low[at : at + 10])), earlier
    if word in _PEOPLE:
        return bool({"our", "my"} & set(tokens.low[max(0, at - 3) : at])), None
    if word in _SOMEONE:
        return True, None
    actor = people.beside(word, turn) if tokens.raw(at)[:1].isupper() else None
    return actor is not None, actor
