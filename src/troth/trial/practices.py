"""The visible table of practices: for each facet of SHOWN what could be done differently, in plain words.

They follow from what the facets mean (MEASUREMENT.md sections 1 and 2). None of them is proven: that is what a trial is
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from troth.errors import InputError
from troth.signals import CATALOGUE, SHOWN
from troth.told import Told

DATED: Final = "dated promises"
"""How a practice about promises is seen: the share of our promises that name a time."""

_LONGEST_WORDS: Final = 500
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """One thing to do, or to do always.

    Attributes:
        name: as it is called on the command line.
        facet: code of SHOWN; None for one of your own that belongs to none.
        words: what to do, as it is told to those who do it.
        seen_by: the signal whose share of our turns with an occasion for it tells how often it was done; DATED for
            promises with a time; None where our words do not show it.
    """

    name: str
    facet: str | None
    words: str
    seen_by: str | None


def _practice(name: str, facet: str, seen_by: str | None, words: str) -> Practice:
    return Practice(name=name, facet=facet, words=words, seen_by=seen_by)


_PRACTICES: Final = (
    _practice("give-the-reason", "RS", "reason", "Give the reason with every claim and every recommendation."),
    _practice("answer-first", "CL", None, "Put the answer into the first sentence, then what they are to do."),
    _practice("name-the-limit", "CA", "hedge", "Say with every claim how sure it is and where it ends."),
    _practice("no-superlatives", "CA", None, "Leave out what cannot be shown: no hype, no praise without a fact."),
    _practice("same-figures", "CO", None, "Repeat price, date and scope as last agreed, and say so where one changes."),
    _practice("date-every-promise", "FT", DATED, "Confirm every promise with a date."),
    _practice("warn-the-day-before", "FT", None, "Say the day before when a date will not be met, with the new one."),
    _practice("feeling-first", "AT", "reaction", "Where they voice a worry or a joy, answer that before the matter."),
    _practice("ask-before-proposing", "AT", "exploration", "Ask one question about their situation before a proposal."),
    _practice("say-it-first", "OP", "disclosure", "Tell what did not go well, or is not known, before they find it."),
    _practice("name-their-goal", "OR", "their_interest", "Name their goal in every proposal, and how it is served."),
    _practice("thank-for-something", "RG", "gratitude", "Thank in every talk for one thing they did, by its name."),
    _practice("take-up-their-words", "PE", "personal", "Take up something of theirs from the last talk in a reply."),
)  # fmt: skip

PRACTICES: Final = MappingProxyType({practice.name: practice for practice in _PRACTICES})
"""Every practice by name."""


def practices_of(facet: str) -> tuple[Practice, ...]:
    """The practices for a facet of SHOWN."""
    return tuple(practice for practice in _PRACTICES if practice.facet == facet)


def choose_practice(
    name: str, *, words: str | None = None, seen_by: str | None = None, known: Sequence[Practice] = _PRACTICES
) -> Practice:
    """The practice of the table of this name, or one of your own where `words` say what it is.

    Args:
        name: letters, digits and hyphens.
        words: of your own practice.
        seen_by: the signal that shows it in our words, of your own practice.

    Raises: InputError when there is none of this name, the name is taken, or there is no such signal.
    """
    there = {practice.name: practice for practice in known}
    if words is None and seen_by is None:
        if name in there:
            return there[name]
        raise InputError(
            Told(
                "there is no practice {name!r}. Name one of {known}, or say what it is in --words.",
                name=name,
                known=", ".join(there),
            )
        )
    if name in there:
        raise InputError(f"{name!r} is a practice of the table already; give yours another name.")
    if not name.replace("-", "").isalnum() or not name.isascii() or len(name) > _LONGEST_NAME:
        raise InputError(f"{name!r} cannot name a practice: use letters, digits and -, {_LONGEST_NAME} at most.")
    said = " ".join((words or "").split())
    if not said or len(said) > _LONGEST_WORDS:
        raise InputError(f"say in --words what is to be done, in {_LONGEST_WORDS} characters at most.")
    facet = None
    if seen_by is not None and seen_by != DATED:
        facet = CATALOGUE[seen_by].shown if seen_by in CATALOGUE else None
        if facet is None:
            ours = [signal.name for signal in CATALOGUE.values() if signal.shown and signal.found_by == "encoder"]
            raise InputError(f"{seen_by!r} is no signal in our words. There are {', '.join(ours)}, and {DATED!r}.")
    return Practice(name=name, facet="FT" if seen_by == DATED else facet, words=said, seen_by=seen_by)


def say_facet(code: str | None) -> str:
    """The name of a facet, or that the practice has none."""
    return "its own" if code is None else SHOWN[code]
