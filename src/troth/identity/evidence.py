"""What speaks for and against two names being one person's: comparisons, and what each weighs in bits.

After Fellegi and Sunter, A Theory for Record Linkage (JASA 64, 1969): a comparison with outcome o weighs
log2(P(o | same person) / P(o | different persons)). The chance that two different persons share a word is taken from
the book itself, word by word (Winkler's frequency-based weights): a shared Maribelle says more than a shared John.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from troth.identity.names import Words

_SHORT_FORMS: Final = """
    alexander alex sasha, anthony tony, barbara barb, benjamin ben, catherine katherine kathleen kate kathy cathy,
    charles chuck charlie, christopher christine christina chris, daniel dan, david dave, deborah debra deb debbie,
    donald don, edward ted ed eddie, elizabeth liz beth betty, eugene gene, frederick fred, gerald jerry,
    gregory greg, henry harry hank, james jim jimmy jamie, jeffrey geoffrey jeff geoff, jennifer jen jenny,
    john jon jack johnny, jonathan jon, joseph joe, kenneth ken, lawrence laurence larry, leonard len,
    margaret meg peggy, martin marty, matthew matt, michael mike mick, nicholas nick, pamela pam, patricia pat patti,
    patrick pat, peter pete, philip phil, raymond ray, rebecca becky, richard rick dick rich, robert bob rob bobby,
    ronald ron, samuel sam, stephen steven steve, susan sue susie, theodore ted, thomas tom, timothy tim,
    vincent vince, walter walt, william bill will
"""
_ROOTS: Final[dict[str, frozenset[str]]] = {}
for _group in _SHORT_FORMS.split(","):
    _names = frozenset(_group.split())
    for _name in _names:
        _ROOTS[_name] = _ROOTS.get(_name, frozenset()) | _names
"""English short forms of first names, written for this project; a name that begins with the other counts as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Chances of what is seen, for one person under two names (m) and for two persons who share a word (u).

    Measured: on 97 pairs of addresses in labelled Enron mail (60 of one person, 37 of two), the half kept for tuning;
    one was added to every count. `docs/people.md` says how they were labelled and what came out on the other half.
    Start values were measured nowhere.
    """

    start_share: float = 0.16  # measured: labelled twins among the addresses of that half
    word_share: float = 0.002  # start value: of persons that hold a word nobody else is known to hold yet
    word_weight: float = 100.0  # start value: persons' worth of belief in that share
    same: float = 0.136  # measured, 8 of 60: two full names that agree
    short: float = 0.136  # measured, 8 of 60
    initial: float = 0.242  # measured, 15 of 60
    missing: tuple[float, float] = (0.239, 0.008)  # measured, 15 of 60 and 8 of about 1,100 that share a word
    first: tuple[float, float] = (0.03, 0.01)  # measured, 1 of 60 and 10: nothing shared but the first of two names
    other: tuple[float, float] = (0.212, 0.01)  # measured, 13 of 60 and 10: an initial that the other's words lack
    contradiction: tuple[float, float] = (0.015, 0.97)  # measured, none of 60 and about 1,060
    same_firm: float = 0.69  # measured, 42 of 60; for two persons it is the firm's share of the book
    other_firm: tuple[float, float] = (0.31, 0.74)  # measured, 18 of 60 and 28 of 37
    together: tuple[float, float] = (0.08, 0.1)  # measured, 4 of 60 and 3 of 37
    phone: tuple[float, float] = (0.5, 0.0001)  # start values: two numbers that end alike, the country left out


class Outcome(NamedTuple):
    """How two names compare beyond the word that they share."""

    kind: str  # same, short, initial, missing, first, other, contradiction; empty where no word is shared
    shared: tuple[str, ...]  # words that both have, the rarest first
    also: str = ""  # the letter or word that goes with `initial` and `short`


class Census:
    """How many persons hold each word, letter and firm."""

    def __init__(self, names: Iterable[Sequence[Words]], weights: Weights) -> None:
        self.weights = weights
        self.persons = 0
        self.words: Counter[str] = Counter()
        self._letters: Counter[str] = Counter()
        for variants in names:
            self.persons += 1
            words = {word for name in variants for word in name.words}
            self.words.update(words)
            self._letters.update({word[0] for word in words})

    def share(self, word: str) -> float:
        """The chance that somebody else holds a word: of all persons but the two compared, drawn to `word_share`."""
        held, prior = max(self.words[word] - 2, 0), self.weights.word_weight
        return (held + prior * self.weights.word_share) / (max(self.persons - 2, 0) + prior)

    def share_letter(self, letter: str) -> float:
        """The chance that somebody else has a word with this first letter; a fifteenth before anybody is known."""
        return (self._letters[letter] + 2) / (self.persons + 30)


def compare_names(one: Words, other: Words, census: Census) -> Outcome:
    """Compare two names of which at least one word is shared.

    >>> census = Census([[]], Weights())
    >>> compare_names(Words(("bo", "berg"), ()), Words(("berg",), ("b",)), census).kind
    'initial'
    """
    shared = sorted(set(one.words) & set(other.words), key=lambda word: (census.share(word), word))
    if not shared:
        return _unglue(one, other) or _unglue(other, one) or Outcome("", ())
    ours = Words(tuple(word for word in one.words if word not in shared), one.initials)
    theirs = Words(tuple(word for word in other.words if word not in shared), other.initials)
    if one.number and other.number and one.number != other.number:
        kind, also = "contradiction", ""
    elif len(shared) > 1 and not (ours.words and theirs.words):
        kind, also = "same", ""
    else:
        kind, also = _compare_rest(ours, theirs, is_alone=len(shared) == 1)
    if kind == "missing" and (
        (one.words[0] == shared[0] and ours.words) or (other.words[0] == shared[0] and theirs.words)
    ):
        kind = "first"
    return Outcome(kind, tuple(shared), also)


def _compare_rest(one: Words, other: Words, *, is_alone: bool) -> tuple[str, str]:
    """The kind of outcome by what two names have beside the words that they share, and the word or letter with it."""
    if short := next(
        (max(ours, theirs, key=len) for ours in one.words for theirs in other.words if _is_short_form(ours, theirs)), ""
    ):
        return "short", short
    letters = [word[0] for word in one.words if word[0] in other.initials]
    letters += [word[0] for word in other.words if word[0] in one.initials]
    if letters:
        return "initial", letters[0]
    if one.words and other.words:
        return "contradiction", ""
    if not is_alone:
        return "same", ""
    if both := set(one.initials) & set(other.initials):
        return "initial", min(both)
    return ("other" if any(one[:2]) and any(other[:2]) else "missing"), ""


def _is_short_form(one: str, other: str) -> bool:
    """Whether both may be one first name: a known short form, or the beginning of it.

    >>> _is_short_form("joe", "joseph"), _is_short_form("alex", "alexandra"), _is_short_form("bo", "bob")
    (True, True, False)
    """
    short, long = sorted((one, other), key=len)
    return other in _ROOTS.get(one, ()) or (len(short) > 2 and long.startswith(short))


def _unglue(glued: Words, full: Words) -> Outcome | None:
    """bberg, bobberg or bergb against Bob Berg."""
    if not glued.glued or len(full.words) < 2:
        return None
    run, first, last = glued.words[0], full.words[0], full.words[-1]
    if run in {first + last, last + first}:
        return Outcome("same", (last, first))
    if run in {first[0] + last, last + first[0]}:
        return Outcome("initial", (last,), first[0])
    return None


def weigh_names(outcome: Outcome, census: Census) -> float:
    """Bits that a comparison of names is worth: for the rarest shared word, and for what stands beside it."""
    weights = census.weights
    bits = _bits(1.0, census.share(outcome.shared[0]))  # the shared word is what made these two a pair at all
    if outcome.kind == "same":
        return bits + _bits(weights.same, census.share(outcome.shared[1]))
    if outcome.kind == "short":
        return bits + _bits(weights.short, census.share(outcome.also))
    if outcome.kind == "initial":
        return bits + _bits(weights.initial, census.share_letter(outcome.also))
    pairs = {
        "missing": weights.missing,
        "first": weights.first,
        "other": weights.other,
        "contradiction": weights.contradiction,
    }
    return bits + _bits(*pairs[outcome.kind])


def weigh_firms(share: float | None, weights: Weights) -> float:
    """Bits for one firm, of which `share` of all persons are, or for two firms (None)."""
    return _bits(*weights.other_firm) if share is None else _bits(weights.same_firm, share)


def weigh(pair: tuple[float, float]) -> float:
    """Bits of an outcome by its two chances."""
    return _bits(*pair)


def start_bits(persons: int, weights: Weights) -> float:
    """Log odds that two persons drawn at random are one: `start_share` of them have one twin among the others."""
    chance = min(weights.start_share / max(persons - 1, 1), 0.5)
    return _bits(chance, 1 - chance)


def to_probability(bits: float) -> float:
    """The probability of log odds in bits."""
    return 1.0 / (1.0 + 2.0 ** -max(min(bits, 60.0), -60.0))


def _bits(same: float, different: float) -> float:
    return math.log2(same / different)
