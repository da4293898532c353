"""Whether a difference between two statements was told as a change, or asked for by the customer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import re2

from troth.touch.amounts import is_same, read_amounts
from troth.touch.compare import Pair, Said
from troth.touch.facts import Fact
from troth.touch.guards import CHANGED, WISHED

_CHANGED, _WISHED = re2.compile(CHANGED), re2.compile(WISHED)
_NEAR: Final = 1  # sentences before and behind the later statement that may tell of the change


def find_told(pairs: Sequence[Pair], turns: pa.Table, sentences: pa.Table, said: Sequence[Said]) -> list[bool]:
    """For each pair that does not agree: whether the customer was told of the change, or had asked for one.

    Told: the later statement's sentence or one beside it speaks of a change, or its turn names the earlier figure too.
    Asked for: between the two, in one of their conversations, the customer asked for something else.

    Args:
        pairs: of statements, their rows those of `turns`.
        turns: TURNS of both sides.
        sentences: SENTENCES of these turns.
        said: of every turn, by its row.

    Cost: filters over the tables, then linear in the turns of the conversations that hold a pair.
    """
    if not pairs:
        return []
    talks = {said[fact.row].conversation for pair in pairs for fact in (pair.earlier, pair.later)}
    here = pc.is_in(turns["conversation_id"], pa.array(sorted(talks), pa.string()))
    rows = pc.indices_nonzero(here)
    ids = turns["turn_id"].combine_chunks().take(rows)
    of_row = pc.index_in(sentences["turn_id"], ids)
    known = pc.is_valid(of_row)
    chosen = sentences.filter(known).select(["start", "text"]).to_pylist()
    lines: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for row, sentence in zip(rows.take(of_row.filter(known)).to_pylist(), chosen, strict=True):
        lines[row].append((sentence["start"], sentence["text"]))
    theirs: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
    for row, side in zip(rows.to_pylist(), turns["side"].take(rows).to_pylist(), strict=True):
        if side == "them":
            wishes = any(_WISHED.search(text) for _, text in lines[row])
            theirs[said[row].conversation].append((said[row].order, wishes))
    return [
        _is_told(pair.earlier, pair.later, sorted(lines[pair.later.row])) or _is_wished(pair, said, theirs)
        for pair in pairs
    ]


def _is_told(earlier: Fact, later: Fact, lines: Sequence[tuple[int, str]]) -> bool:
    at = next((number for number, (start, _) in enumerate(lines) if start == later.start), 0)
    if any(_CHANGED.search(text) for _, text in lines[max(0, at - _NEAR) : at + _NEAR + 1]):
        return True
    if earlier.amount is None:
        return False
    named = [one for _, text in lines for one in read_amounts(text)]
    return any(one.kind == earlier.amount.kind and is_same(one, earlier.amount) for one in named)


def _is_wished(pair: Pair, said: Sequence[Said], theirs: defaultdict[str, list[tuple[int, bool]]]) -> bool:
    since, until = said[pair.earlier.row].order, said[pair.later.row].order
    talks = {said[pair.earlier.row].conversation, said[pair.later.row].conversation}
    return any(wishes and since < order < until for talk in talks for order, wishes in theirs[talk])
