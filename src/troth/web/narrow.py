"""One person's own view of a book: the conversations that this person took part in, and nothing else.

Scores are followed anew from the readings that remain, so that nothing of the others is mixed in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from troth.overview import tabulate_relationships
from troth.pipeline import Standing, Understood, close_books, find_segments
from troth.review import day_bounds
from troth.review.close import CIRCLES

if TYPE_CHECKING:
    from troth.web.view import View


def narrow(view: View, person: str | None) -> View:
    """The view of one person; the sole user of a book sees all of it.

    Args:
        view: of the whole book.
        person: an address of ours in lower case, or None.
    """
    if person is None:
        return view
    if person not in view.own:
        view.own[person] = _narrow(view, person)
    return view.own[person]


def keep_turns(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of a table that rest on these turns."""
    return table.filter(pc.fill_null(pc.is_in(table["turn_id"], ids), False))


def narrow_standing(standing: Standing, ids: pa.Array) -> Standing:
    """Promises, questions and readings that rest on these turns."""
    return Standing(
        now=standing.now,
        promises=keep_turns(standing.promises, ids),
        questions=keep_turns(standing.questions, ids),
        readings=keep_turns(standing.readings, ids),
    )


def _narrow(view: View, person: str) -> View:
    turns = view.known.turns
    among = [
        person in {speaker, *(recipients or ()), *(cc or ())}
        for speaker, recipients, cc in zip(
            *(turns[name].to_pylist() for name in ("speaker", "recipients", "cc")), strict=True
        )
    ]
    talked = turns["conversation_id"].filter(pa.array(among, pa.bool_())).unique()
    mine = turns.filter(pc.is_in(turns["conversation_id"], talked))
    ids = mine["turn_id"].combine_chunks()

    def of_mine(table: pa.Table) -> pa.Table:
        return keep_turns(table, ids)

    known = Understood(turns=mine, sentences=of_mine(view.known.sentences), findings=of_mine(view.known.findings))
    standing = narrow_standing(view.standing, ids)
    relationships = tabulate_relationships(known, standing, view.model, watch=view.settings.trend)
    day = view.day
    if day is None or day_bounds(day, view.zone)[1] != standing.now:
        close = None
    else:
        close = close_books(
            known, standing, day, zone=view.zone, circles=CIRCLES, model=view.model, watch=view.settings.trend
        )
    return replace(
        view,
        close=close,
        whose=person,
        known=known,
        standing=standing,
        listed=of_mine(view.listed),
        decisions=of_mine(view.decisions),
        history=of_mine(view.history),
        relationships=relationships,
        rows=relationships.to_pylist(),
        segments=find_segments(mine),
        outcomes=view.outcomes.slice(0, 0),
        answers=view.answers.slice(0, 0),
        own={},
    )
