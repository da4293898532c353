"""In which stage of the relationship a turn took place: stated, or told by cautious rules, or unknown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

STAGES: Final = ("marketing", "sales", "onboarding", "service", "billing")
UNKNOWN: Final = "unknown"
GROUNDS: Final = (
    "source", "settings", "automatic", "ticket", "subject", "words", "conversation", "deal open", "deal won", UNKNOWN,
)  # fmt: skip
"""How a stage was told, the surest first."""

_AFTER_WON: Final = dt.timedelta(days=30)  # a first deal won makes what follows onboarding for so long: a start value

# What the subject line says, and what must stand in the words themselves, which are many and say much in passing.
_SUBJECTS: Final = MappingProxyType(
    {
        "billing": (
            r"invoices?|credit notes?|refunds?|payments?|billing|direct debit|statement of account"
            r"|reminder of payment|dunning"
            r"|rechnung(en)?|gutschrift|mahnung|zahlung|faktura|fattura|facture"
        ),
        "sales": (
            r"offers?|quotes?|quotations?|proposals?|pric(e|es|ing)|how much|tender|rf[qp]|demo|renewal"
            r"|order confirmation"
            r"|contract|angebot(e|s)?|vertrag|preis(e)?|bestellung|last chance|quick win"
        ),
        "onboarding": (
            r"on-?boarding|kick-?off|go-?live|installation|set-?up|getting started|welcome to|commissioning"
            r"|hand-?over|training"
            r"|inbetriebnahme|einführung|schulung"
        ),
        "service": (
            r"alarms?|alerts?|faults?|broken|not working|errors?|problems?|issues?|outage|down|repairs?|help"
            r"|complaints?|warranty"
            r"|support|tickets?|incidents?|leak(s|ing)?|stuck|crash(es|ed)?|störung(en)?|defekt|kaputt"
        ),
    }
)
_WORDS: Final = MappingProxyType(
    {
        "billing": (
            r"(your|our|the|this|attached|enclosed|receive[d]?|an) invoices?|invoice (no|nr|number|is|was|has)"
            r"|invoice \d"
            r"|credit notes?|refund(ed)?|payment reminder|overdue (payment|invoice)|(your|unsere|die|ihre) rechnung"
        ),
        "sales": (
            r"(your|our|this|an|attached|refreshed) (offer|quote|quotation|proposal|order)|how much (is|would"
            r"|does|do|for)"
            r"|(a|the|your|refresh the|one) price (for|of|list)|what (would|does) (it|that|this) cost|purchase order"
            r"|sign (the contract|page|here|by)|we (can )?close before|ihr angebot|unser angebot"
        ),
        "onboarding": (
            r"kick-?off|on-?boarding|go-?live|commissioning|getting started|first log-?in|hand-?over (to|protocol)"
        ),
        "service": (
            r"(is|are|has|have|was|were|went) (broken|down|failing|failed|leaking|stuck)|not working"
            r"|do(es)?(n['’]t| not) work|error message|alarm|warranty claim|service visit|out of order"
            r"|complain(t|ed)?"
            r"|repair(ed)?|spare (part|relay)s?|funktioniert nicht|ist defekt"
        ),
    }
)
_NEWS: Final = r"(?i)\b(unsubscribe|newsletter|webinar|view (this|it) in your browser|abbestellen|abmelden)\b"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """What a user states: turns that fit every condition given belong to this stage."""

    stage: str
    channel: str | None = None
    source: str | None = None  # a pattern with * over the source's name
    address: str | None = None  # an address or domain that wrote or received the turn
    subject: str | None = None  # a pattern with * over the subject line; case does not matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The stage of each turn, and how it was told."""

    stage: list[str]
    grounds: list[str]  # of GROUNDS


def tell_stages(
    turns: pa.Table, words: Sequence[str], *, rules: Sequence[StageRule] = (), outcomes: pa.Table | None = None
) -> Staged:
    """The stage of every turn. What a source states is kept, then what the settings state; the rest is told by rule.

    By rule: bulk mail of ours with a way to unsubscribe is marketing; a ticket is service; what the subject line and
    then the words speak of, where they speak of one stage alone; else what an earlier turn of the conversation spoke
    of; else the stage in which the account's deals were: sales while its first is open, onboarding for 30 days after.

    Args:
        turns: TURNS of customers, each conversation in order.
        words: each turn's own words.
        rules: stated by the user; the first that fits counts.
        outcomes: OUTCOMES.

    Cost: one pass of each pattern over the words; linear.
    """
    stated = turns["stage"].to_pylist()
    stage: list[str] = [one if one in STAGES else UNKNOWN for one in stated]
    grounds = ["source" if one != UNKNOWN else UNKNOWN for one in stage]

    def fill(found: Sequence[str | None], why: str) -> None:
        for row, one in enumerate(found):
            if one is not None and stage[row] == UNKNOWN:
                stage[row], grounds[row] = one, why

    fill(_by_settings(turns, rules), "settings")
    fill(_by_news(turns, words), "automatic")
    fill(["service" if channel == "ticket" else None for channel in turns["channel"].to_pylist()], "ticket")
    lines = pc.fill_null(turns["subject"], "")
    fill(_by_pattern(lines, _SUBJECTS), "subject")
    said = [*_by_pattern(pa.chunked_array([pa.array(words, pa.string())]), _WORDS)]
    is_reply = [bool(line) and _REPLY.match(line) is not None for line in lines.to_pylist()]
    # A reply carries the subject line of what it answers, so its own words go before that line.
    for row, one in enumerate(said):
        if one is not None and is_reply[row] and grounds[row] == "subject":
            stage[row], grounds[row] = one, "words"
    fill(said, "words")
    fill(_by_conversation(turns["conversation_id"].to_pylist(), stage), "conversation")
    for found, why in zip(_by_deals(turns, outcomes), ("deal open", "deal won"), strict=True):
        fill(found, why)
    return Staged(stage=stage, grounds=grounds)


_REPLY: Final = re2.compile(r"(?i)^\s*(re|aw|sv|antw|fwd?|wg|vs)\s*:")


def _by_settings(turns: pa.Table, rules: Sequence[StageRule]) -> list[str | None]:
    found: list[str | None] = [None] * turns.num_rows
    for rule in reversed(rules):
        for row in np.flatnonzero(_fits(turns, rule)).tolist():
            found[row] = rule.stage
    return found


def _fits(turns: pa.Table, rule: StageRule) -> npt.NDArray[np.bool_]:
    fits = np.ones(turns.num_rows, bool)
    if rule.channel is not None:
        fits &= _flags(pc.equal(turns["channel"], rule.channel))
    for name in ("source", "subject"):
        pattern = getattr(rule, name)
        if pattern is not None:
            fits &= _flags(pc.match_substring_regex(turns[name], _glob(pattern)))
    if rule.address is not None:
        wanted = rule.address.lower().removeprefix("@")
        ends = "@" + wanted

        def holds(person: str) -> bool:
            return person == wanted or ("@" not in wanted and person.endswith(ends))

        people = zip(*(turns[name].to_pylist() for name in ("speaker", "recipients", "cc")), strict=True)
        fits &= np.array([any(map(holds, (who, *(to or ()), *(cc or ())))) for who, to, cc in people], bool)
    return fits


def _glob(pattern: str) -> str:
    """A pattern with * as RE2, over the whole text."""
    return "(?is)^" + ".*".join(re2.escape(part) for part in pattern.split("*")) + "$"


def _flags(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), bool)


def _by_news(turns: pa.Table, words: Sequence[str]) -> list[str | None]:
    """Mail of ours that went out in bulk: written by a program, or with a way to unsubscribe."""
    ours = _flags(pc.equal(turns["side"], "us"))
    bodies = pc.utf8_slice_codeunits(turns["body"], 0, 20_000)
    news = _flags(pc.match_substring_regex(bodies, _NEWS)) & _flags(turns["automatic"])
    news |= _flags(pc.match_substring_regex(pa.chunked_array([pa.array(words, pa.string())]), _NEWS))
    return ["marketing" if one else None for one in (ours & news).tolist()]


def _by_pattern(texts: pa.ChunkedArray, patterns: Mapping[str, str]) -> list[str | None]:
    """The one stage whose pattern a text holds; None where it holds those of several or of none."""
    held = np.stack([_flags(pc.match_substring_regex(texts, rf"(?i)\b({pattern})\b")) for pattern in patterns.values()])
    names = list(patterns)
    only = held.sum(axis=0) == 1
    return [
        names[place] if one else None for place, one in zip(held.argmax(axis=0).tolist(), only.tolist(), strict=True)
    ]


def _by_conversation(talks: Sequence[str], stage: Sequence[str]) -> list[str | None]:
    """What the conversation spoke of last before a turn; for its first turns, the one stage it speaks of at all."""
    found: list[str | None] = [None] * len(talks)
    latest: dict[str, str] = {}
    spoken: dict[str, set[str]] = {}
    for row, talk in enumerate(talks):
        if stage[row] != UNKNOWN:
            latest[talk] = stage[row]
            spoken.setdefault(talk, set()).add(stage[row])
        else:
            found[row] = latest.get(talk)
    for row, talk in enumerate(talks):
        if stage[row] == UNKNOWN and found[row] is None and len(spoken.get(talk, ())) == 1:
            found[row] = next(iter(spoken[talk]))
    return found


def _by_deals(turns: pa.Table, outcomes: pa.Table | None) -> tuple[list[str | None], list[str | None]]:
    """Sales while an account's first deal is open, onboarding right after it was won."""
    is_open: list[str | None] = [None] * turns.num_rows
    is_won: list[str | None] = [None] * turns.num_rows
    if outcomes is None or not outcomes.num_rows:
        return is_open, is_won
    deals: dict[str, list[dict[str, Any]]] = {}
    for deal in outcomes.filter(pc.equal(outcomes["kind"], "deal")).to_pylist():
        deals.setdefault(deal["relationship"], []).append(deal)
    first_won = {
        home: min(deal["closed_at"] for deal in ones if deal["state"] == "won" and deal["closed_at"] is not None)
        for home, ones in deals.items()
        if any(deal["state"] == "won" and deal["closed_at"] is not None for deal in ones)
    }
    for row, (home, at) in enumerate(zip(turns["relationship"].to_pylist(), turns["sent_at"].to_pylist(), strict=True)):
        if at is None or home not in deals:
            continue
        won = first_won.get(home)
        if won is not None and won <= at:
            is_won[row] = "onboarding" if at <= won + _AFTER_WON else None
        elif any(
            deal["opened_at"] <= at and (deal["closed_at"] is None or at <= deal["closed_at"]) for deal in deals[home]
        ):
            is_open[row] = "sales"
    return is_open, is_won
