"""Clauses on which an act waits: "once you send the data", "if they agree", "after the meeting"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from troth.promises.tokens import Tokens

_SUBJECTS: Final = frozenset(
    {"i", "we", "you", "he", "she", "it", "they", "everyone", "everybody", "someone", "ich", "wir", "sie"}
)
_NOUN_LEADS: Final = frozenset({"the", "your", "our", "my", "his", "their", "this", "a", "an", "der", "dem", "die"})
_AUXILIARIES: Final = frozenset({
    "can", "will", "do", "does", "is", "are", "did", "would", "could", "should", "was", "were", "shall", "am", "may",
})  # fmt: skip
_CLAUSE_ENDS: Final = frozenset({",", ";", ".", "!", "?", "—", ":"})
_AT_ONCE: Final = frozenset({"straight", "right", "directly", "immediately", "only"})  # "straight after the meeting"
_WILLS: Final = frozenset({"will", "shall", "can", "could"})
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Condition:
    """A clause in the tokens from `first` up to, not including, `end`."""

    first: int
    end: int
    starts_clock: bool  # the due time runs from when it comes true; false for a bare "if"
    own: bool  # its subject is the speaker: "when I am back on Monday"


def find_conditions(tokens: Tokens) -> list[Condition]:
    """Every conditional clause, in order; clauses do not overlap."""
    found: list[Condition] = []
    at = 0
    while at < len(tokens):
        size = _trigger(tokens, at)
        if size == 0:
            at += 1
            continue
        end = _clause_end(tokens, at, at + size)
        starts_clock = tokens.at(at) not in {"if", "unless", "provided", "assuming", "falls", "subject"}
        found.append(Condition(at, end, starts_clock, tokens.at(at + size) in {"i", "we", "ich", "wir"}))
        at = end
    return found


def _trigger(  # noqa: PLR0911, PLR0912  # one line per word that opens a clause
    tokens: Tokens, at: int
) -> int:
    """How many tokens open a conditional clause here; 0 where none does."""
    word, after, beyond, before = tokens.at(at), tokens.at(at + 1), tokens.at(at + 2), tokens.at(at - 1)
    clause = after in _SUBJECTS and beyond not in {"", ",", ".", "!", "?"}
    noun = after in _NOUN_LEADS
    if word in {"if", "unless", "sobald", "falls", "nachdem", "bevor"} or (word == "wenn" and after):
        return 0 if before in {"as", "even", "know", "see", "ask", "check", "wonder", "what"} or not after else 1
    if word in {"provided", "assuming"} and (after == "that" or clause):
        return 1
    if tokens.has(at, ("subject", "to")):
        return 2
    if word == "once":
        return (
            1
            if clause or noun or (after and after not in {"more", "again", "there", "upon", "in", "per", "and", "a"})
            else 0
        )
    if tokens.has(at, ("as", "soon", "as")):
        able = after == "soon" and tokens.at(at + 4) in {"can", "possibly"}
        return 0 if tokens.at(at + 3) in {"possible", "feasible", "practicable", ""} or able else 3
    if tokens.has(at, ("as", "and", "when")):
        return 3
    if (tokens.has(at, ("the", "moment")) or tokens.has(at, ("the", "minute"))) and beyond in _SUBJECTS | _NOUN_LEADS:
        return 2
    if tokens.has(at, ("the", "day", "after")) and tokens.at(at + 3) in _SUBJECTS | _NOUN_LEADS:
        return 3
    if word == "when":
        asks = after in _AUXILIARIES or before in {
            "know",
            "ask",
            "tell",
            "wonder",
            "decide",
            "since",
            "of",
            "me",
            "about",
        }
        return 0 if asks or not after or tokens.has(at + 1, ("it", "comes")) else 1
    if word in {"after", "before", "following", "nach"}:
        gerund = after.endswith("ing") and len(after) > 4
        if before in {"day", "soon", "shortly", "look", "looking", "named", "week", "the", "your", "our"} or (
            word == "nach" and not noun
        ):
            return 0
        return 1 if clause or noun or gerund or after in {"receipt", "approval", "payment", "delivery"} else 0
    if tokens.has(at, ("by", "the", "time")):
        return 3 if tokens.at(at + 3) in _SUBJECTS or tokens.at(at + 3) in _NOUN_LEADS else 0
    if word in {"until", "till"}:
        return 1 if clause else 0
    if word == "upon" or tokens.has(at, ("on", "receipt")):
        return 1 if after and before != "once" and before not in {"depend", "depends", "based", "rely", "agreed"} else 0
    return 0


def _clause_end(tokens: Tokens, first: int, start: int) -> int:
    """Where the clause stops: at a comma, or before the main clause when it comes first."""
    opens = first == 0 or tokens.at(first - 1) in _CLAUSE_ENDS or (first == 1 and tokens.at(0) in _AT_ONCE)
    limit = min(len(tokens), first + _LONGEST)
    for at in range(start, limit):
        if tokens.at(at) in _CLAUSE_ENDS:
            return at
        main = at > start + 1 and tokens.at(at) in _SUBJECTS
        if opens and main and (tokens.at(at + 1) in _WILLS or tokens.has(at + 1, ("'", "ll"))):
            return at
    return limit
