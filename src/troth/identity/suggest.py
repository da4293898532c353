"""Pairs of persons that may be one: found by the words in their names and by phones, weighed, and only suggested."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from troth.identity.evidence import (
    Census,
    Outcome,
    Weights,
    compare_names,
    start_bits,
    to_probability,
    weigh,
    weigh_firms,
    weigh_names,
)
from troth.identity.groups import Apart
from troth.identity.names import Words, is_address, is_phone, split_address, split_name

_MOST_HOLDERS: Final = 60  # a word that more persons hold tells no pairs apart; with another word they are still met
_MOST_VARIANTS: Final = 6  # names of one person that are compared
_TAIL: Final = 7  # last digits of a phone: what stands after country and area in most countries

SUGGESTIONS: Final = pa.schema(
    [
        pa.field("first", pa.string(), nullable=False),
        pa.field("second", pa.string(), nullable=False),
        pa.field("first_name", pa.string()),
        pa.field("second_name", pa.string()),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("bits", pa.float64(), nullable=False),  # log odds behind it
        pa.field("why", pa.string(), nullable=False),  # each comparison with its bits
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    names: tuple[str, ...]
    title: str | None
    variants: tuple[Words, ...]
    firms: frozenset[str]  # accounts and business domains
    tails: frozenset[str]


def suggest_joins(
    people: Sequence[Sequence[str]],
    *,
    titles: Mapping[str, Sequence[str]],
    homes: Mapping[str, str],
    free: frozenset[str],
    apart: Apart,
    turns: pa.Table,
    least: float = 0.5,
    weights: Weights | None = None,
) -> pa.Table:
    """Weigh every pair of persons that share a word of their names or the end of a phone number.

    Args:
        people: names of each person, the main one first.
        titles: address, handle or phone to full names given with it.
        homes: address, handle or phone to its account.
        free: domains of private mail.
        apart: names that somebody said are not one person's; their persons are never suggested.
        turns: TURNS; two who stand in one turn are less likely to be one.
        least: probability from which a pair is named.
        weights: chances behind the bits.

    Returns: SUGGESTIONS, the most likely first.
    Cost: linear in the turns; pairs grow with the persons, up to a bound for each word.
    """
    chosen = weights or Weights()
    roofs = _find_roofs({name.rpartition("@")[2] for names in people for name in names if is_address(name)} - free)
    persons = [_look_at(names, titles, homes, roofs) for names in people]
    census = Census((person.variants for person in persons), chosen)
    firms = Counter(firm for person in persons for firm in person.firms)
    met = sorted(_find_pairs(persons, census))
    pairs = [(one, other) for one, other in met if not _is_parted(persons[one], persons[other], apart)]
    together = _find_together(pairs, persons, turns)
    start = start_bits(len(persons), chosen)
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        one, other = (persons[place] for place in pair)
        said = [*_weigh_names(one, other, census), *_weigh_firms(one, other, firms, census)]
        said += [("phones that end alike", weigh(chosen.phone))] if one.tails & other.tails else []
        said += [("both in one turn", weigh(chosen.together))] if pair in together else []
        bits = start + sum(worth for _, worth in said)
        if (probability := to_probability(bits)) >= least:
            why = "; ".join(f"{words} ({worth:+.1f})" for words, worth in said)
            rows.append(
                {
                    "first": one.names[0],
                    "second": other.names[0],
                    "first_name": one.title,
                    "second_name": other.title,
                    "probability": probability,
                    "bits": bits,
                    "why": f"{why}; before any of it ({start:+.1f})",
                }
            )
    rows.sort(key=lambda row: (-row["bits"], row["first"], row["second"]))
    return pa.Table.from_pylist(rows, schema=SUGGESTIONS)


def _look_at(
    names: Sequence[str], titles: Mapping[str, Sequence[str]], homes: Mapping[str, str], roofs: Mapping[str, str]
) -> _Person:
    said = list(dict.fromkeys(title for name in names for title in titles.get(name, ())))
    variants = [split_name(title) for title in said if not is_address(title)]
    variants += [split_address(name) if is_address(name) else split_name(name) for name in names if not is_phone(name)]
    domains = {roofs[domain] for name in names if is_address(name) and (domain := name.rpartition("@")[2]) in roofs}
    return _Person(
        names=tuple(names),
        title=said[0] if said else None,
        variants=tuple(dict.fromkeys(words for words in variants if words.words))[:_MOST_VARIANTS],
        firms=frozenset(domains | {homes[name] for name in names if name in homes}),
        tails=frozenset(name[-_TAIL:] for name in names if is_phone(name) or (name.isdecimal() and len(name) > _TAIL)),
    )


def _find_roofs(domains: Set[str]) -> dict[str, str]:
    """Each domain to the shortest one above it that somebody writes from: mail.acme.example to acme.example."""
    return {domain: _find_roof(domain, domains) for domain in domains}


def _find_roof(domain: str, domains: Set[str]) -> str:
    parts = domain.split(".")
    above = (".".join(parts[start:]) for start in range(max(len(parts) - 2, 0), 0, -1))
    return next((one for one in above if one in domains), domain)


def _find_pairs(persons: Sequence[_Person], census: Census) -> set[tuple[int, int]]:
    """Pairs that share a word, two words where each is common, a run of letters that glues both, or a phone's end."""
    blocks: defaultdict[str, list[int]] = defaultdict(list)
    for place, person in enumerate(persons):
        for key in sorted(set(_list_keys(person, census))):
            blocks[key].append(place)
    return {
        (one, other)
        for block in blocks.values()
        if len(block) <= _MOST_HOLDERS
        for number, one in enumerate(block)
        for other in block[number + 1 :]
    }


def _list_keys(person: _Person, census: Census) -> Iterator[str]:
    for tail in person.tails:
        yield f"+{tail}"
    for name in person.variants:
        for word in name.words:
            if census.words[word] <= _MOST_HOLDERS:
                yield word
        first, last = name.words[0], name.words[-1]
        if first != last:
            yield from (f"{first} {last}", f"{last} {first}", first[0] + last, last + first[0], first + last)
        elif name.initials:
            yield name.initials[0] + last


def _is_parted(one: _Person, other: _Person, apart: Apart) -> bool:
    return any(not apart.get(name, frozenset()).isdisjoint(other.names) for name in one.names)


def _find_together(
    pairs: Iterable[tuple[int, int]], persons: Sequence[_Person], turns: pa.Table
) -> set[tuple[int, int]]:
    """Pairs that stand in one turn: one wrote to the other, or somebody to both."""
    partners: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        partners[one].add(other)
    home = {name: place for place, person in enumerate(persons) for name in person.names}
    found: set[tuple[int, int]] = set()
    columns = (turns.column(name).to_pylist() for name in ("speaker", "recipients", "cc"))
    for speaker, recipients, cc in zip(*columns, strict=True):
        here = {home[name] for name in (speaker, *(recipients or ()), *(cc or ())) if name in home}
        for one in here & partners.keys():
            found.update((one, other) for other in partners[one] & here)
    return found


def _weigh_names(one: _Person, other: _Person, census: Census) -> Iterator[tuple[str, float]]:
    """How the names compare that agree best, in words, and the bits it is worth."""
    compared = [compare_names(ours, theirs, census) for ours in one.variants for theirs in other.variants]
    weighed = [(weigh_names(outcome, census), outcome) for outcome in compared if outcome.kind]
    if weighed:
        bits, outcome = max(weighed, key=lambda pair: pair[0])
        yield _say(outcome), bits


def _weigh_firms(one: _Person, other: _Person, firms: Counter[str], census: Census) -> Iterator[tuple[str, float]]:
    if one.firms and other.firms:
        both = one.firms & other.firms
        firm = min(both, key=lambda name: (firms[name], name)) if both else None
        share = None if firm is None else firms[firm] / max(census.persons, 1)
        yield f"both of {firm}" if firm else "of two firms", weigh_firms(share, census.weights)


def _say(outcome: Outcome) -> str:
    shared = " ".join(sorted(outcome.shared))
    beside = {
        "same": f"both named {shared}",
        "short": f"both named {shared}, and a form of {outcome.also}",
        "initial": f"both named {shared}, with the initial {outcome.also}",
        "missing": f"both named {shared}, one without another name",
        "first": f"both named {shared}, one without a last name",
        "other": f"both named {shared}, with another initial",
        "contradiction": f"both named {shared}, with other names beside it",
    }
    return beside[outcome.kind]
