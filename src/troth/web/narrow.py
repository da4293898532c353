"""One person's own view of a book.

You see the turns that you wrote and those that were sent to you, in copy or not. That you wrote in a conversation
opens more of it to you only where the turn was said to nobody in particular: in a room, as chats, calls and meetings
are, to whoever spoke there; at a desk for everybody, as tickets are, where a turn names nobody; and where somebody
outside wrote to a mailbox of the firm that is no person's, and to no person of it. Whoever writes into a thread of mail
opens nothing by it. Of the other turns in your conversations with the same relationship you see that there were some,
and on which days. Nothing else of the book is there for you.

Less than that is read, in the sense of findings, promises, questions and scores: your own turns, and of what people
outside the firm wrote that which you see and which was sent to you by name or stands where you wrote too (a turn that
you got in copy alone is for somebody else to answer). The words of colleagues stand there and are never read: a reading
of a colleague would be a person-level view of somebody else. What became of your promise, or who answered a question to
you, may have shown itself where you did not take part; then you see that it did and when, and neither the words nor the
place.

Survey answers and outcomes are given to the firm and not to one of its people: they are not in anybody's own view.
Scores are followed anew from the readings that remain, so that nothing of the others is mixed in.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.overview import tabulate_relationships
from troth.pipeline import Standing, Understood, close_books, find_segments
from troth.review import Close, day_bounds
from troth.review.close import CIRCLES
from troth.web.kept import Kept
from troth.web.mailboxes import is_shared

if TYPE_CHECKING:
    from troth.web.view import View

SHARED: Final = frozenset(
    {"made_at", "day", "morning", "grounds", "zone", "model", "lenses", "settings", "figures", "editions"}
)
"""What a view of one person has in common with that of the whole book: it says nothing of single conversations."""
NARROWED: Final = frozenset(
    {
        *("whose", "close", "known", "standing", "listed", "decisions", "history", "relationships", "rows"),
        *("segments", "outcomes", "answers", "contacts", "invitations", "counted", "between", "own"),
    }
)
"""What is cut down. A part of a view that stands in neither list stops `narrow`: nobody decided who may see it."""

_POINTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "evidence_turn_id": ("evidence_start", "evidence_end", "evidence_text", "evidence_probability"),
    "answer_turn_id": ("answer_start", "answer_end", "answer_text"),
    "machine_evidence_turn_id": (),
    "origin_turn_id": (),
}
"""Columns that point to another turn, each with those that hold what is taken from there."""
BETWEEN: Final = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("day", pa.date32()),  # where the book is; null where no time is known
        pa.field("count", pa.int64(), nullable=False),
    ]
)
"""Turns between others in conversations of which one sees a part: how many, by day, and nothing else."""
_ROOMS: Final = pa.array(["chat", "call", "meeting"])
_DESKS: Final = pa.array(["ticket", "social", "shop"])
_KEPT: Final = 64  # own views of one book; the one unused for longest makes room


class OwnViews(Kept["View"]):
    """Views of single persons, by the person's name."""

    def __init__(self) -> None:
        super().__init__(_KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What of TURNS is one person's.

    Attributes:
        seen: ids of the turns whose words they see.
        counted: ids of those among them that are read.
    """

    seen: pa.Array
    counted: pa.Array


def narrow(view: View, person: str | None) -> View:
    """The view of one person; the sole user of a book sees all of it.

    Args:
        view: of the whole book.
        person: an address of ours in lower case, or None.

    Raises: RuntimeError where a part of the view is in neither of SHARED and NARROWED.
    Cost: some passes over the columns of names in TURNS, once for each person and view, and the close of their day.
    """
    return view if person is None else view.own.find(person, lambda: _narrow(view, person))


def list_names(person: str, *, people: Mapping[str, Collection[str]], contacts: pa.Table) -> frozenset[str]:
    """Every name under which a person's turns count as their own.

    Nobody can widen what they see from within: neither a guess by the same full name nor a decision made on a page
    counts. What counts is what whoever runs troth stated, and handles and phones that a system of record gives to
    this address and to no other. Another mail address is none of these: whoever may bring contacts in would open a
    colleague's mail by naming it a handle of their own.

    Args:
        person: an address in lower case.
        people: the settings' people, each with their names as turns carry them.
        contacts: CONTACTS.
    """
    stated = {person}.union(*(set(names) for names in people.values() if person in names))
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for address, *others in zip(*(contacts[name].to_pylist() for name in ("address", "handle", "phone")), strict=True):
        for name in others:
            if name and address and not _is_mail(name):
                owners[name].add(address)
    told = {name for name, addresses in owners.items() if addresses <= stated}
    elsewhere = {name for names in people.values() if person not in names for name in names}
    return frozenset({person} | (stated | told) - elsewhere)  # a name of two people opens nothing


def _is_mail(name: str) -> bool:
    local, _, domain = name.rpartition("@")
    return bool(local) and "." in domain


def find_share(turns: pa.Table, names: Collection[str]) -> Share:
    """What of these TURNS belongs to the person of these names; the rule is at the top of this module."""
    mine = pa.array(sorted(names), pa.string())
    spoke = pc.is_in(turns["speaker"], mine).combine_chunks()
    wrote = pc.and_(spoke, pc.invert(turns["automatic"].combine_chunks()))
    talks = pc.unique(turns["conversation_id"].filter(wrote))
    took_part = pc.is_in(turns["conversation_id"], talks).combine_chunks()
    named, copied = (_holds(turns[column], mine) for column in ("recipients", "cc"))
    heard = pc.and_(took_part, find_open(turns) if pc.any(took_part).as_py() else took_part)
    seen = pc.or_(pc.or_(spoke, heard), pc.or_(named, copied))
    counted = pc.or_(wrote, pc.and_(pc.and_(_is_outside(turns), seen), pc.or_(took_part, named)))
    ids = turns["turn_id"].combine_chunks()
    return Share(seen=ids.filter(seen), counted=ids.filter(counted))


def find_open(turns: pa.Table) -> pa.Array:
    """Which turns were said to nobody in particular, so that whoever wrote in the conversation heard them too."""
    lists = [turns[column].combine_chunks() for column in ("recipients", "cc")]
    said = pc.dictionary_encode(pc.list_flatten(pa.chunked_array(lists)).combine_chunks())
    firm = _Firm.of(turns)
    people, boxes = (
        pa.array(list(filter(test, said.dictionary.to_pylist())), pa.string())
        for test in (firm.is_person, firm.is_mailbox)
    )
    to_person, to_box = (pc.or_(*(_holds_any(each, names) for each in lists)) for names in (people, boxes))
    names = pc.add(*(pc.fill_null(pc.list_value_length(each), 0) for each in lists))
    to_firm = pc.and_(_is_outside(turns), pc.and_(to_box, pc.invert(to_person)))
    in_room, at_desk = (pc.is_in(turns["channel"], places).combine_chunks() for places in (_ROOMS, _DESKS))
    return pc.or_(in_room, pc.or_(to_firm, pc.and_(at_desk, pc.equal(names, 0))))


@dataclass(frozen=True, slots=True)
class _Firm:
    """Who is of the firm, by those who wrote for it and the domains of their addresses."""

    names: frozenset[str]
    domains: frozenset[str]

    @classmethod
    def of(cls, turns: pa.Table) -> _Firm:
        ours = turns["speaker"].filter(pc.fill_null(pc.equal(turns["side"], "us"), False))
        names = frozenset(pc.unique(ours).to_pylist())
        return cls(names, frozenset(name.rpartition("@")[2] for name in names if _is_mail(name)))

    def has(self, name: str) -> bool:
        return name in self.names or name.rpartition("@")[2] in self.domains

    def is_person(self, name: str) -> bool:
        return self.has(name) and not is_shared(name)

    def is_mailbox(self, name: str) -> bool:
        return self.has(name) and is_shared(name) and _is_mail(name)


def count_between(turns: pa.Table, seen: pa.Array, *, zone: str) -> pa.Table:
    """BETWEEN for whoever sees these turns: the others of the same conversations and relationships, by day.

    What a program wrote is left out, and so is what was said in a conversation about, or with, somebody else: that
    colleagues spoke of a customer among themselves is told to none but those.
    """
    is_seen = pc.is_in(turns["turn_id"], seen)
    keys = ["conversation_id", "relationship"]
    homes = turns.select(keys).filter(is_seen).group_by(keys).aggregate([]).filter(pc.field("relationship").is_valid())
    here = pc.and_(pc.invert(pc.or_(is_seen, turns["automatic"])), pc.is_in(turns["conversation_id"], homes[keys[0]]))
    others = turns.select([*keys, "sent_at"]).filter(here).join(homes, keys, join_type="inner")
    if not others.num_rows:
        return BETWEEN.empty_table()
    days = pc.assume_timezone(pc.local_timestamp(others["sent_at"].cast(pa.timestamp("us", tz=zone))), "UTC")
    dated = others.append_column("day", days.cast(pa.date32()))
    counted = dated.group_by([keys[0], "day"], use_threads=False).aggregate([([], "count_all")])
    rows = pa.table([counted[keys[0]], counted["day"], counted["count_all"]], schema=BETWEEN)
    return rows.sort_by([("conversation_id", "ascending"), ("day", "ascending")])


def keep_turns(table: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows of a table that rest on these turns."""
    return table.filter(pc.fill_null(pc.is_in(table["turn_id"], ids), False))


def narrow_standing(standing: Standing, share: Share) -> Standing:
    """Promises, questions and readings of one person's share."""
    return Standing(
        now=standing.now,
        promises=_cut(standing.promises, share),
        questions=_cut(standing.questions, share),
        readings=keep_turns(standing.readings, share.counted),
        objections=keep_turns(standing.objections, share.counted),
    )


def hide_elsewhere(row: Mapping[str, Any], view: View) -> dict[str, Any]:
    """A row of PROMISES of the whole book as a view may tell it: without the words of turns that are not in it."""
    told = dict(row)
    if view.counted is None:
        return told
    for pointer, taken in _POINTERS.items():
        if told.get(pointer) is not None and told[pointer] not in view.turn:
            told |= dict.fromkeys(name for name in (pointer, *taken) if name in told)
    if told.get("replaced_by") is not None and told["replaced_by"] not in view.promise:
        told["replaced_by"] = None
    return told


def close_own(view: View, standing: Standing, day: dt.date) -> Close:
    """The close of a day from one person's own view.

    Args:
        view: what `narrow` gave.
        standing: that evening's, of the whole book.
        day: the day.
    """
    share = _share_of(view)
    return close_books(
        _read_of(view.known, share), narrow_standing(standing, share), day, zone=view.zone, circles=CIRCLES,
        model=view.model, watch=view.settings.trend,
    )  # fmt: skip


def _share_of(view: View) -> Share:
    seen = view.known.turns["turn_id"].combine_chunks()
    return Share(seen=seen, counted=seen if view.counted is None else view.counted)


def _narrow(view: View, person: str) -> View:
    if undecided := {each.name for each in fields(view) if each.init} - SHARED - NARROWED:
        raise RuntimeError(f"who may see {', '.join(sorted(undecided))} of a view? Say so in troth.web.narrow")
    names = list_names(person, people=view.settings.named_people(), contacts=view.contacts)
    share = find_share(view.known.turns, names)
    known = Understood(
        turns=_place_anew(_point_within(keep_turns(view.known.turns, share.seen), "parent_id", share.seen)),
        sentences=keep_turns(view.known.sentences, share.seen),
        findings=keep_turns(view.known.findings, share.counted),
    )
    standing, read = narrow_standing(view.standing, share), _read_of(known, share)
    relationships = tabulate_relationships(read, standing, view.model, watch=view.settings.trend)
    is_evening = view.day is not None and day_bounds(view.day, view.zone)[1] == standing.now
    close = None
    if view.day is not None and is_evening:
        close = close_books(
            read, standing, view.day, zone=view.zone, circles=CIRCLES, model=view.model, watch=view.settings.trend
        )
    return type(view)(
        **{name: getattr(view, name) for name in SHARED},
        whose=person,
        close=close,
        known=known,
        standing=standing,
        listed=_cut(view.listed, share),
        decisions=_cut(view.decisions, share),
        history=_cut(view.history, share),
        relationships=relationships,
        rows=relationships.to_pylist(),
        segments=find_segments(known.turns),
        outcomes=view.outcomes.slice(0, 0),
        answers=view.answers.slice(0, 0),
        contacts=view.contacts.slice(0, 0),
        invitations=view.invitations.slice(0, 0),
        counted=share.counted,
        between=count_between(view.known.turns, share.seen, zone=view.zone),
        own=OwnViews(),
    )


def _read_of(known: Understood, share: Share) -> Understood:
    """What is read: the turns that count, and what was found in them."""
    return Understood(
        turns=keep_turns(known.turns, share.counted),
        sentences=keep_turns(known.sentences, share.counted),
        findings=keep_turns(known.findings, share.counted),
    )


def _cut(table: pa.Table, share: Share) -> pa.Table:
    """Rows that rest on turns that count, without the words of turns that are not seen."""
    rows = keep_turns(table, share.counted)
    for pointer, taken in _POINTERS.items():
        if pointer in rows.column_names:
            rows = _point_within(rows, pointer, share.seen, *taken)
    if "replaced_by" in rows.column_names:
        rows = _point_within(rows, "replaced_by", rows["promise_id"].combine_chunks())
    return rows


def _point_within(rows: pa.Table, pointer: str, ids: pa.Array, *taken: str) -> pa.Table:
    """Rows that point to these ids alone; where one pointed elsewhere, that and what was taken from there is empty."""
    is_within = pc.is_in(rows[pointer], ids)
    for name in (pointer, *(name for name in taken if name in rows.column_names)):
        place, field = rows.schema.get_field_index(name), rows.schema.field(name)
        rows = rows.set_column(place, field, pc.if_else(is_within, rows[name], pa.scalar(None, field.type)))
    return rows


def _place_anew(turns: pa.Table) -> pa.Table:
    """Turns with their places counted among themselves: gaps would tell how many others there are, and where."""
    talks = pc.dictionary_encode(turns["conversation_id"].combine_chunks()).indices.to_numpy()
    order = np.lexsort((turns["position"].to_numpy(), talks))
    starts = np.flatnonzero(np.diff(talks[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    places = np.empty(len(order), np.int64)
    places[order] = rank
    field = turns.schema.get_field_index("position")
    return turns.set_column(field, turns.schema.field(field), pa.array(places, turns.schema.field(field).type))


def _is_outside(turns: pa.Table) -> pa.Array:
    """Which turns people outside the firm wrote."""
    outside = pc.and_(pc.equal(turns["side"], "them"), pc.not_equal(turns["circle"], "colleague"))
    return pc.fill_null(outside, False).combine_chunks()


def _holds(column: pa.ChunkedArray, names: pa.Array) -> pa.Array:
    """Which lists of a column hold one of these names."""
    return _holds_any(column.combine_chunks(), names)


def _holds_any(lists: pa.Array, names: pa.Array) -> pa.Array:
    found = np.zeros(len(lists), np.bool_)
    found[pc.list_parent_indices(lists).filter(pc.is_in(pc.list_flatten(lists), names)).to_numpy()] = True
    return pa.array(found)
