"""How likely a later piece belongs to a promise: shared words by their rarity, numbers, documents, deeds, people, time.

Two small logistic models. `FULFILS` judges deliveries, reports, receipts and answers: does this show that the promised
act took place? `SPEAKS_OF` judges complaints and new dates: do they mean this promise? The weights are fitted by
``training/settling.py`` on pairs of promise and later turn that a language model wrote for this purpose
(``training/own/settling.tsv``); ``docs/settling.md`` says how well they do on pairs held out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import exp
from types import MappingProxyType
from typing import Any, Final

from troth.promises.content import content_stems
from troth.promises.deeds import deed_kinds
from troth.promises.evidence import FULFILLING, Piece, Spot
from troth.promises.scope import Rarity
from troth.promises.tokens import tokenise


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """A promise as matching sees it."""

    spot: Spot
    actor: str
    stems: frozenset[str]  # of the act: no due words, no condition, no names of the two people
    deeds: frozenset[str]
    is_answer: bool  # any later word of substance on the matter fulfils it
    due: datetime | None  # latest, where it can be true
    around: frozenset[str]  # of the rest of its sentence and its subject
    topic: frozenset[str]  # stems of the subject of its turn


_ANSWERS: Final = frozenset({
    ("get", "back"), ("come", "back"), ("let", "you"), ("let", "us"), ("in", "touch"), ("follow", "up"),
    ("keep", "you"), ("keep", "us"), ("report", "back"), ("my", "answer"), ("tell", "us"), ("tell", "you"),
    ("update", "you"), ("hear", "from"), ("hear", "back"), ("answer", "you"), ("reply", "to"), ("melde", "mich"),
    ("melden", "uns"), ("ll", "know"), ("will", "know"), ("revert", "to"),
})  # fmt: skip
"""Words of acts that any later word of substance by the promiser may fulfil."""

_FEW: Final = 4.0  # rarity added below a share, about that of one word: a single common word proves little
_TWO: Final = 2
_ONE_WORD: Final = 0.35
"""The most that a plain statement, which reports no act, can prove with one shared word: a doubt, not an act."""
_DUE_MARK: Final = "\x00"
# Linear by construction: single marks and fixed words, no repetition.
_CLAUSE: Final = re.compile(r"[,;:—–]|\b(?:and|but|so|because)\b", re.IGNORECASE)
_PROMISING: Final = re.compile(r"\b(?:will|shall|ll|going to|promise|werden?|you get|you have)\b", re.IGNORECASE)
_SPOKEN: Final = frozenset({"call", "meet", "tell"})  # deeds that a call or a meeting does
_PLAIN: Final = frozenset({"delivery", "done", "receipt"})  # kinds that need no words of their own: "Done."

FULFILS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "bias": -4.52,
        "actor": 0.47,
        "answers": 4.01,
        "around": 6.87,
        "bare_here": 1.64,
        "deed": 1.34,
        "delivery": 0.39,
        "denied": -0.3,
        "done": -0.11,
        "foreign": -0.29,
        "held": 3.61,
        "here": 0.56,
        "number": 6.05,
        "overlap": 9.3,
        "overlap_here": -1.33,
        "own": -0.49,
        "past": 0.69,
        "receipt": 1.77,
        "reply": -1.71,
        "same_subject": 3.19,
        "says": -0.51,
        "sends": 0.83,
        "sure": 0.48,
    }
)
SPEAKS_OF: Final[Mapping[str, float]] = MappingProxyType(
    {
        "bias": -1.54,
        "actor": 0.04,
        "against": -2.79,
        "around": 7.72,
        "deed": 1.23,
        "here": 1.29,
        "moved": 2.79,
        "overlap": 4.1,
        "overlap_here": 6.6,
        "own": -2.53,
        "same_subject": 2.91,
    }
)


def make_pledge(row: Mapping[str, Any], spot: Spot, due: datetime | None) -> Pledge:
    """A row of PROMISES as matching sees it; `due` is its latest due moment where that can be true."""
    whole = row.get("act") or row["text"]
    act = promised_act(whole, due_words=row["due_words"], condition=row["condition"])
    names = [part for who in (row["actor"], row["addressee"]) if who for part in tokenise(who.split("@")[0]).low]
    words = tokenise(act).low
    stems = content_stems(act, without=names)
    return Pledge(
        spot=spot,
        actor=row["actor"],
        stems=stems,
        around=(content_stems(whole, without=names) | spot.subject) - stems,
        deeds=deed_kinds(words),
        is_answer=bool(set(pairwise(words)) & _ANSWERS),
        due=due,
        topic=spot.subject,
    )


def promised_act(text: str, *, due_words: str | None, condition: str | None) -> str:
    """The clauses of a sentence that promise, without the words that say when or on what condition.

    A clause promises where it holds "will" and its like or the due words; where none does, the whole sentence counts.
    """
    marked = text.replace(due_words, _DUE_MARK) if due_words else text
    marked = marked.replace(condition, " ") if condition else marked
    clauses = _CLAUSE.split(marked)
    chosen = [clause for clause in clauses if _DUE_MARK in clause or _PROMISING.search(clause)]
    act = " ".join(chosen)
    return (act if content_stems(act) else marked).replace(_DUE_MARK, " ")


def may_settle(pledge: Pledge, piece: Piece) -> bool:
    """Whether the right side speaks: we deliver, answer and put off; they receive and chase; both report and meet."""
    own = is_own(pledge.spot, piece.spot)
    if pledge.spot.people and not pledge.spot.people & piece.spot.people - {pledge.spot.speaker}:
        return False
    if piece.kind in ("delivery", "moved", "reply"):
        return own and (piece.kind != "reply" or pledge.is_answer)
    if piece.kind == "released":  # by whom it was promised to, in words of the act
        return not own and bool(pledge.stems & piece.stems)
    if piece.kind == "held" and not pledge.deeds & _SPOKEN:
        return False  # a call about the matter keeps no promise to build or to pay
    if piece.kind in FULFILLING and not own and piece.denied:
        return False
    return piece.kind != "receipt" or not own


def match_probability(pledge: Pledge, piece: Piece, rarity: Rarity) -> float:
    """The probability that this piece settles this promise in the way of its kind, between 0 and 1."""
    weights = FULFILS if piece.kind in FULFILLING else SPEAKS_OF
    features = read_features(pledge, piece, rarity)
    if piece.kind == "released":  # weighed like a new date by the promiser: there are no pairs to fit it on
        features |= {"moved": 1.0, "own": 1.0}
    logit = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in features.items())
    probability = 1.0 / (1.0 + exp(-max(-30.0, min(30.0, logit))))
    if piece.kind == "says" and len(pledge.stems & (piece.stems | piece.documents)) < _TWO:
        return min(probability, _ONE_WORD)
    return probability


def read_features(pledge: Pledge, piece: Piece, rarity: Rarity) -> dict[str, float]:
    """What the models look at, each within 0 and 1; a name that is absent is 0.

    `overlap` is the share of the rarity of the promised act's words (sum of inverse document frequencies) that comes
    back in the sentence or in the names of what is attached, as if one more word had not; `around` is the same for
    the words beside the act. `rarity` is as of the moment of the promise.
    """
    words = piece.stems | piece.documents
    shared = pledge.stems & words
    here = piece.spot.talk == pledge.spot.talk
    own = is_own(pledge.spot, piece.spot)
    overlap = rarity.of(shared) / (rarity.of(pledge.stems) + _FEW)
    around = pledge.around & words
    features = {
        "overlap": overlap,
        "overlap_here": overlap * here,
        "around": rarity.of(around) / (rarity.of(pledge.around) + _FEW),
        "number": float(any(word.isdigit() and len(word) > 2 for word in shared)),
        "here": float(here),
        "bare_here": float(here and piece.kind in _PLAIN and len(words - pledge.stems) <= 1),
        "same_subject": 0.0 if here or not pledge.topic else len(pledge.topic & piece.spot.subject) / len(pledge.topic),
        "own": float(own),
        "actor": float(piece.spot.speaker == pledge.actor),
        "deed": float(bool(pledge.deeds & piece.deeds)),
        piece.kind: 1.0,
    }
    if piece.kind in FULFILLING:
        features |= {"sure": piece.sure, "denied": piece.denied, "answers": float(pledge.is_answer and own and here)}
    if piece.kind == "delivery":
        foreign = words - pledge.stems - pledge.topic
        features["sends"] = float("send" in pledge.deeds)
        features["foreign"] = rarity.of(foreign) / rarity.of(words) if foreign else 0.0
    return features


def is_own(spot: Spot, other: Spot) -> bool:
    """Whether two turns come from the same side; the same person where sides are not known."""
    if spot.side is not None and other.side is not None:
        return spot.side == other.side
    return spot.speaker == other.speaker
