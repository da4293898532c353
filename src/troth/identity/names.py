"""What a name is made of: the words and initials in a full name, a handle or the first part of an address."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

_LONGEST: Final = 200  # characters of a name that are looked at; strangers write them
_MOST_WORDS: Final = 6
_PHONE: Final = range(6, 16)  # digits of a phone number, country included: E.164 allows fifteen
_TITLES: Final = frozenset("mr mrs ms miss dr prof sir herr frau mme phd mba jr sr ii iii von van de der den".split())
_ROLES: Final = frozenset(
    """
    info support help helpdesk service services sales office contact admin administrator mail team billing accounts
    accounting invoice invoices hello noreply reply no donotreply marketing press news newsletter jobs hr it postmaster
    webmaster root list lists customer care orders order kontakt buero rechnung vertrieb empfang reception enquiries
    """.split()
)
"""First parts of addresses that name a task and no person."""

_WRAPPED: Final = ("imcea", "bounce", "prvs=", "noreply", "no-reply", "do-not-reply", "donotreply")
"""How addresses begin that wrap another one or take no answer."""


class Words(NamedTuple):
    """A name taken apart. `glued` marks a single run of letters that may be several words, as in bberg."""

    words: tuple[str, ...]
    initials: tuple[str, ...]
    number: str = ""  # the digits in it, which tell desk1 from desk2
    glued: bool = False


NOTHING: Final = Words((), ())


def is_address(name: str) -> bool:
    """Whether this is a mail address."""
    return "@" in name[1:-1]


def is_phone(name: str) -> bool:
    """Whether this is a phone number with its country.

    >>> is_phone("+491701234567"), is_phone("360001234567")
    (True, False)
    """
    return name.startswith("+") and name[1:].isdecimal() and len(name) - 1 in _PHONE


@lru_cache(maxsize=65536)
def split_name(name: str) -> Words:
    """A person's name in words and initials, accents and titles left out; a name of somebody's task has none.

    >>> split_name("Dr. Bo J. Bérg")
    Words(words=('bo', 'berg'), initials=('j',), number='', glued=False)
    """
    plain = unicodedata.normalize("NFKD", name[:_LONGEST].casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    parts = "".join(char if char.isalpha() else " " for char in letters).split()[: 2 * _MOST_WORDS]
    words = tuple(dict.fromkeys(part for part in parts if len(part) > 1 and part not in _TITLES))[:_MOST_WORDS]
    if words and all(word in _ROLES for word in words):
        return NOTHING
    initials = tuple(dict.fromkeys(part for part in parts if len(part) == 1))[:_MOST_WORDS]
    return Words(words, initials, "".join(char for char in plain if char.isdecimal()))


def split_address(address: str) -> Words:
    """The words in the first part of an address.

    >>> split_address("b.berg@acme.example"), split_address("info@acme.example").words
    (Words(words=('berg',), initials=('b',), number='', glued=False), ())
    """
    local = address.partition("@")[0]
    if local.startswith(_WRAPPED):
        return NOTHING
    found = split_name(local)
    return found._replace(glued=len(found.words) == 1 and not found.initials)


def is_full(words: Words) -> bool:
    """Whether a name has a first and a last name."""
    return len(words.words) > 1


def contradict(names: Iterable[str]) -> bool:
    """Whether these cannot all name one person: two of them have words, and none in common.

    >>> contradict(["Bo Berg", "B. Berg"]), contradict(["Bo Berg", "Cy Lund"])
    (False, True)
    """
    found = [set(words) for name in dict.fromkeys(names) if (words := split_name(name).words)]
    return any(not first & second for place, first in enumerate(found[:8]) for second in found[place + 1 : 9])
