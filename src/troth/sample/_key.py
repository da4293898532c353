"""The key of the sample: what is true of it, noted by its author, for tests and for readers who like to check."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

from troth.sample._source import read_mails, read_people
from troth.sample._talks import Turn, read_turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise and what had become of it on the evening of the last day."""

    mail: str  # label of the mail, or of the turn outside the mailbox, that makes it
    words: str
    actor: str  # address of who gave the word
    side: str  # us, them; between colleagues only the owner of the mailbox is us
    state: str  # kept, late, broken, open, withdrawn, unknown
    due: date | None = None  # the latest day; None where the words name none
    evidence: str | None = None  # label of the mail that shows the state
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question that is about trust, and whether it found an answer."""

    mail: str
    words: str
    kind: str  # HC credence, HR dependence, HI closeness, HS fairness
    answer: str | None = None  # label of the mail that answers; None while it is open
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """One story line, and the days on which trust should visibly move."""

    name: str
    relationship: str  # an account's domain, a person's address, or "colleagues"
    story: str
    falls: tuple[date, ...] = ()
    rises: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """The same customer was told two things that cannot both be true."""

    said: str  # label
    words: str
    against: str  # label of what was said elsewhere
    against_words: str
    about: str  # price, date, scope, name, promise
    relationship: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A customer had to say again what they had said before."""

    first: str  # label
    again: str  # label
    relationship: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """What the close of the last day should show. Each entry is the label of a mail that made or asked it."""

    due: tuple[str, ...]
    arrived_late: tuple[str, ...]  # overdue promises that were kept on that day
    overdue: tuple[str, ...]
    unanswered: tuple[str, ...]
    tomorrow: str
    tomorrow_relationship: str
    tomorrow_evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The whole key. Everything said has a label; `message_ids` leads from a mail's to its Message-ID header."""

    promises: tuple[Promise, ...]
    questions: tuple[Question, ...]
    arcs: tuple[Arc, ...]
    circles: Mapping[str, str]  # address to us, customer, friend, automatic
    accounts: Mapping[str, tuple[str, ...]]  # customer domain to addresses
    last_day: LastDay
    message_ids: Mapping[str, str]
    own_words: Mapping[str, str]  # label to what the sender wrote: no quote, no signature, nothing forwarded
    turns: Mapping[str, Turn]  # label to what was said outside the mailbox
    promises_elsewhere: tuple[Promise, ...]  # given outside the mailbox; the evidence may be a mail
    questions_elsewhere: tuple[Question, ...]  # asked outside the mailbox; the answer may be a mail
    arcs_elsewhere: tuple[Arc, ...]
    told_twice: tuple[tuple[str, str], ...]  # labels of one promise told on two channels
    contradictions: tuple[Contradiction, ...]
    repeats: tuple[Repeat, ...]


def read_key() -> Key:
    """The key, with each mail's Message-ID and own words beside its label."""
    mails = read_mails()
    table = tomllib.loads(files("troth.sample").joinpath("key.toml").read_text(encoding="utf-8"))
    people = read_people().values()
    addresses = {short: person.address for short, person in read_people().items()}
    domains = sorted({person.account for person in people if person.account})
    return Key(
        promises=tuple(_promise(entry, addresses) for entry in table["promise"]),
        questions=tuple(Question(**entry) for entry in table["question"]),
        arcs=tuple(Arc(**_frozen(entry)) for entry in table["arc"]),
        circles={person.address: person.circle for person in people},
        accounts={
            domain: tuple(sorted({person.address for person in people if person.account == domain}))
            for domain in domains
        },
        last_day=LastDay(**_frozen(table["last_day"])),
        message_ids={label: mail.message_id for label, mail in mails.items()},
        own_words={label: _without_quotes(mail.words) for label, mail in mails.items()},
        turns=read_turns(),
        promises_elsewhere=tuple(_promise(entry, addresses) for entry in table["promise_elsewhere"]),
        questions_elsewhere=tuple(Question(**entry) for entry in table["question_elsewhere"]),
        arcs_elsewhere=tuple(Arc(**_frozen(entry)) for entry in table["arc_elsewhere"]),
        told_twice=tuple((entry["first"], entry["again"]) for entry in table["told_twice"]),
        contradictions=tuple(Contradiction(**entry) for entry in table["contradiction"]),
        repeats=tuple(Repeat(**entry) for entry in table["repeat"]),
    )


def _promise(entry: Mapping[str, Any], addresses: Mapping[str, str]) -> Promise:
    values: dict[str, Any] = {**entry, "actor": addresses[entry["actor"]]}
    return Promise(**values)


def _frozen(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}


def _without_quotes(words: str) -> str:
    """An answer written between the quoted lines keeps only what is new."""
    return "\n".join(line for line in words.split("\n") if not line.startswith(">"))
