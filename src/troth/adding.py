"""Turns that came into a book whose other turns are known: what they change is found, all else is taken over.

The new turns, those of their conversations, and the relationships that these belong to are looked at; see `mending` for
how things then stand. Some of what is told of a book comes from all of it, and where that changes everything is worked
out anew. These are:

- who is who: a name that the new turns brought joins two relationships, a contact or a person's decision came;
- whose book it is: `us` is guessed from all turns, where nobody stated it, or was stated anew;
- a turn that was there was corrected or erased, or changed sides;
- the first day of the book is an earlier one: working hours are counted from there;
- answers or records belong elsewhere than before;
- another encoder.

A later last day is no such case, but another evening, which nobody has worked out yet.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.book import Store
from troth.encoder import Encoder
from troth.people import name_speakers, place_turns
from troth.persons import Who, know_people
from troth.pipeline import Came, Progress, Understood, cut_down, understand_turns
from troth.promises import Calendar, People, date_turns, find_versions
from troth.promises.scope import scope_keys
from troth.schema import TURNS
from troth.settings import Settings

_THREADS: Final = ("conversation_id", "parent_id")
_PLACES: Final = ("circle", "relationship")
_MOVES: Final = (*_THREADS, *_PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new or stands elsewhere among the turns of some conversations."""

    fresh: pa.Table  # TURNS, placed
    moved: pa.Table  # placed where they are now
    before: pa.Table  # the same turns as they were placed
    talks: frozenset[str]  # conversations that hold them, or held them
    around: pa.Table  # all turns of these conversations, placed
    who: Who


def find_news(
    store: Store, known: Understood, turn_ids: Collection[str], *, who: Who, settings: Settings
) -> News | None:
    """Look at turns that were written, and at those of their conversations.

    Args:
        store: the book.
        known, who: as they were before.
        turn_ids: what was written.
        settings: people, accounts and circles that are stated.

    Returns: None where everything is to be worked out anew.
    """
    ids = pa.array(sorted(turn_ids), pa.string())
    written = store.table("turns", columns=["turn_id", "conversation_id"], where={"turn_id": ids.to_pylist()})
    was = known.turns.filter(pc.is_in(known.turns["turn_id"], ids))
    if written.num_rows < len(ids):
        return None  # erased
    talks = frozenset(name for table in (written, was) for name in table["conversation_id"].to_pylist())
    read = store.table("turns", where={"conversation_id": sorted(talks)})
    is_held = pc.or_(
        pc.is_in(known.turns["conversation_id"], pa.array(sorted(talks), pa.string())),
        pc.is_in(known.turns["turn_id"], read["turn_id"].combine_chunks()),
    )
    held = known.turns.filter(is_held).combine_chunks()
    is_told = pc.is_in(held["turn_id"], read["turn_id"].combine_chunks())
    if not pc.all(is_told, min_count=0).as_py() or not talks.issuperset(held["conversation_id"].to_pylist()):
        return None  # a turn went, or moved unseen
    place = pc.index_in(read["turn_id"], held["turn_id"].combine_chunks()).combine_chunks()
    after = _know(store, known, read.filter(pc.is_null(place)), who=who, settings=settings)
    if after is None:
        return None
    around = place_turns(read, us=after.us, circles=after.circles, known=after.known)
    old, before = around.filter(pc.is_valid(place)), held.take(place.drop_null())
    if any(not _is_same(old[name], before[name]) for name in TURNS.names if name not in _MOVES):
        return None
    is_moved = _differ(old, before)
    fresh = around.filter(pc.is_null(place))
    return News(
        fresh=fresh, moved=old.filter(is_moved), before=before.filter(is_moved), talks=talks, around=around, who=after
    )


def _know(store: Store, known: Understood, fresh: pa.Table, *, who: Who, settings: Settings) -> Who | None:
    """Who is who with these turns; None where anybody of before is somebody else."""
    if set(name_speakers(fresh)) <= set(name_speakers(known.turns)):
        return who
    names = ["speaker", "speaker_name"]
    spoke = pa.concat_tables([known.turns.select(names), fresh.select(names)])
    after = know_people(store, spoke, settings, who.us)
    return after if (after.known, after.base) == (who.known, who.base) else None


def _is_same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    return bool(one.combine_chunks().equals(other.combine_chunks()))


def _differ(one: pa.Table, other: pa.Table) -> pa.ChunkedArray | pa.Array:
    """Which rows stand elsewhere."""
    differ: Any = pa.array([False] * one.num_rows, pa.bool_())
    for name in _MOVES:
        now, then = one[name].combine_chunks(), other[name].combine_chunks()
        both = pc.and_(pc.is_null(now), pc.is_null(then))
        differ = pc.or_(differ, pc.invert(pc.or_(pc.fill_null(pc.equal(now, then), False), both)))
    return differ


def take_news(
    store: Store, known: Understood, news: News, encoder: Encoder, *, progress: Progress | None = None
) -> Understood:
    """What is understood with the news in it; signals of the new turns are found and written where they are lacking."""
    fresh, ids = news.fresh, news.fresh["turn_id"].to_pylist()
    have = store.table("sentences", columns=["turn_id"], where={"turn_id": ids})["turn_id"].unique()
    lacking = fresh.filter(pc.invert(pc.is_in(fresh["turn_id"], have)))
    for sentences, findings in understand_turns(lacking, encoder, progress=progress):
        with store.transaction():
            store.upsert("sentences", sentences)
            store.upsert("findings", findings)
    scopes = pc.unique(pa.chunked_array([*_keys(news.around), *_keys(news.before)], pa.string()))
    homes = {home or "" for table in (news.around, news.before) for home in table["relationship"].to_pylist()}
    came = Came(
        turns=pa.concat_tables([fresh, news.moved]),
        sentences=store.table("sentences", where={"turn_id": ids}),
        findings=store.table("findings", where={"turn_id": ids}),
        talks=news.talks,
        scopes=frozenset(scopes.to_pylist()),
        homes=frozenset(homes),
    )
    return replace(
        known,
        turns=pa.concat_tables([_move(known.turns, news.moved), fresh]),
        sentences=pa.concat_tables([known.sentences, came.sentences]),
        findings=pa.concat_tables([known.findings, came.findings]),
        came=(*known.came, came),
    )


def _keys(turns: pa.Table) -> list[pa.Array]:
    keys = scope_keys(turns)
    return keys.chunks if isinstance(keys, pa.ChunkedArray) else [keys]


def _move(turns: pa.Table, moved: pa.Table) -> pa.Table:
    """The turns with these where they stand now; the words of all stay where they lie."""
    if not moved.num_rows:
        return turns
    place = pc.index_in(turns["turn_id"], moved["turn_id"].combine_chunks())
    for name in _MOVES:
        now = moved[name].combine_chunks().take(place.combine_chunks())
        column = pc.if_else(pc.is_valid(place), now, turns[name])
        turns = turns.set_column(turns.schema.get_field_index(name), turns.schema.field(name), column)
    return turns


def find_anew(
    found: pa.Table, known: Understood, *, people: People, calendar: Calendar
) -> tuple[pa.Table, People, frozenset[str]]:
    """FOUND with what the turns that came last made of it.

    A name that nobody had before may be meant by what was said elsewhere from then on: "Tom will call you".

    Args:
        found: FOUND before.
        known: with these turns.
        people: everybody met before.
        calendar: the speakers' working days.

    Returns: FOUND, everybody met, and the scopes beyond those of the conversations themselves in which it differs.
    """
    came, people = known.came[-1], people.copy()
    talks = _in_talks(known.turns, came.talks)
    met = people.meet(talks, date_turns(talks))
    named = _find_named(known, came, met)
    near = cut_down(known, _in_talks(known.turns, came.talks | named))
    ids = near.turns["turn_id"].combine_chunks()
    fresh = find_versions(near.turns, near.sentences, near.findings, calendar=calendar, people=people)
    is_stale = pc.is_in(found["turn_id"], ids)
    others = _in_talks(near.turns, named)
    other = _find_other(found.filter(is_stale), fresh)
    scopes = scope_keys(others).filter(pc.is_in(others["turn_id"], pa.array(sorted(other), pa.string())))
    return pa.concat_tables([found.filter(pc.invert(is_stale)), fresh]), people, frozenset(scopes.to_pylist())


def _in_talks(turns: pa.Table, talks: Collection[str]) -> pa.Table:
    return turns.filter(pc.is_in(turns["conversation_id"], pa.array(sorted(talks), pa.string())))


def _find_named(known: Understood, came: Came, met: dict[str, dt.datetime]) -> frozenset[str]:
    """Other conversations in which one of these words was written since somebody is known by it."""
    if not met:
        return frozenset()
    sent_at = known.turns["sent_at"]
    later = pc.fill_null(pc.greater_equal(sent_at, pa.scalar(min(met.values()), sent_at.type)), True)
    since = known.turns.select(["turn_id", "conversation_id"]).filter(later)
    said = known.sentences.filter(pc.is_in(known.sentences["turn_id"], since["turn_id"].combine_chunks()))
    names = said.filter(pc.match_substring_regex(said["text"], "|".join(sorted(met)), ignore_case=True))
    holds = pc.is_in(since["turn_id"], names["turn_id"].combine_chunks())
    return frozenset(since["conversation_id"].filter(holds).to_pylist()) - came.talks


def _find_other(before: pa.Table, after: pa.Table) -> set[str]:
    """Turns whose promises are found otherwise."""
    rows: tuple[defaultdict[str, list[dict[str, Any]]], ...] = (defaultdict(list), defaultdict(list))
    for table, by_turn in zip((before, after), rows, strict=True):
        for row in table.to_pylist():
            by_turn[row["turn_id"]].append(row)
    return {turn_id for turn_id in {**rows[0], **rows[1]} if rows[0][turn_id] != rows[1][turn_id]}
