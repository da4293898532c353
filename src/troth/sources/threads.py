"""Which turns answer each other.

Links, in the order of their weight: References, last to first; In-Reply-To (read into `references` as its last);
for a mail whose subject is marked as an answer ("Re:", "AW:", "Fwd:") and that names no turn in the table, the latest
mail before it, at most 30 days, with the same subject and a shared participant. Turns that are linked form one
conversation.

The result does not depend on the order of the rows, and takes time near linear in their number: links go into a
union-find, subjects are walked once in the order of time.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from troth.schema import TURNS, conform

REACH: Final = timedelta(days=30)  # how long after a mail an answer is known by its subject
_SUBJECT_LIMIT: Final = 500  # characters compared

# Answer and forward marks of mail programs in many languages, with their counters: "Re[2]:", "AW:", "Fwd:", "SV:".
_MARK: Final = re2.compile(
    r"(?i)^\s*(?:re|aw|fwd?|wg|sv|vs|vb|antw(?:ort)?|doorst|tr|rif|i|r|res|enc|rv|odp|pd|ynt|ilt|ref|回复|答复|转发|回覆|轉寄|返信|転送)"
    r"\s*(?:[\[(^]\d{1,3}[\])]?)?\s*[:：]\s*"
)
_TAG: Final = re2.compile(r"^\s*(\[[^\[\]]{1,60}\])\s*")

CONCERNED: Final = ("turn_id", "conversation_id", "parent_id", "references", "channel", "subject")
LINKS: Final = pa.schema([TURNS.field(name) for name in ("turn_id", "conversation_id", "parent_id")])
_NEEDED: Final = (
    *("turn_id", "conversation_id", "parent_id", "sent_at", "speaker", "recipients", "cc", "references"),
    *("channel", "subject"),
)
_LIGHT: Final = pa.schema([TURNS.field(name) for name in _NEEDED])
_REACH_US: Final = REACH // timedelta(microseconds=1)


class _Light(NamedTuple):
    """What threading needs of one turn."""

    turn_id: str
    conversation_id: str
    parent_id: str | None
    sent_at: int | None  # microseconds since 1970
    people: frozenset[str]
    references: Sequence[str]
    channel: str
    topic: str
    marked: bool

    @property
    def age(self) -> tuple[bool, int, str]:
        """Orders turns by time; those without one last, the id decides between equals."""
        return self.sent_at is None, self.sent_at or 0, self.turn_id


def assign_threads(light: pa.Table) -> pa.Table:
    """Say for each turn which conversation it belongs to and which turn it answers.

    Args:
        light: the columns turn_id, conversation_id, parent_id, references, sent_at, speaker, recipients, cc, channel
            and subject of TURNS, of a whole file or a whole book, in any order.

    Returns: turn_id, conversation_id, parent_id, one row per row of `light`, in its order. A conversation_id that is
        the id of a turn or of a reference is worked out anew: it becomes the root reference, or else the id, of the
        conversation's earliest turn. Any other was given by the source and is kept. parent_id is null where the turn
        answered is not in the table; no chain of parents leads back to where it began.

    Raises: MissingColumns, BadColumn.
    """
    rows = _read_rows(conform(light, _LIGHT))
    turns = {row.turn_id: row for row in rows}
    ordered = sorted(turns.values(), key=lambda row: row.age)
    named = set(turns).union(*(row.references for row in turns.values()))
    groups = _Groups()
    parents: dict[str, str] = {}
    for row in ordered:
        _link_stated(row, turns, groups, parents)
    for row, earlier in _link_subjects(ordered, named, parents):
        groups.join(row.turn_id, earlier.turn_id)
        parents.setdefault(row.turn_id, earlier.turn_id)
    _cut_rings(parents, turns)
    names = _name_groups(ordered, groups, named)
    return pa.table(
        [
            [row.turn_id for row in rows],
            [names[groups.find(row.turn_id)] if _is_ours(row, named) else row.conversation_id for row in rows],
            [parents.get(row.turn_id) for row in rows],
        ],
        schema=LINKS,
    )


def find_concerned(light: pa.Table, new: Collection[str]) -> frozenset[str]:
    """The conversations that new turns concern: all others are as they were without these.

    Those that a new turn names or is named in, that share a reference with one, and mails on the topic of one.

    Args:
        light: the columns `CONCERNED` of a whole book that was threaded before the new turns came.
        new: their ids.

    Cost: a pass over ids and references, and a look at each different subject that holds a word of a new one's topic.
    """
    fresh = light.filter(pc.is_in(light["turn_id"], pa.array(sorted(new), pa.string())))
    names = {name for column in ("turn_id", "conversation_id", "parent_id") for name in fresh[column].to_pylist()}
    names |= {name for references in fresh["references"].to_pylist() for name in references or ()}
    wanted = pa.array(sorted(names - {None}), pa.string())
    given = light["references"].combine_chunks()
    rows = pc.list_parent_indices(given).filter(pc.is_in(pc.list_flatten(given), wanted))
    concerned = np.zeros(light.num_rows, bool)
    concerned[rows.to_numpy()] = True
    for column in ("turn_id", "conversation_id", "parent_id"):
        concerned |= pc.is_in(light[column], wanted).to_numpy(zero_copy_only=False)
    mails = fresh.filter(pc.equal(fresh["channel"], "mail"))
    topics = {_split_subject(subject or "")[0] for subject in mails["subject"].to_pylist()} - {""}
    concerned |= pc.is_in(light["subject"], _find_subjects(light["subject"], topics)).to_numpy(zero_copy_only=False)
    return frozenset(light["conversation_id"].filter(pa.array(concerned)).to_pylist())


def _find_subjects(subjects: pa.ChunkedArray, topics: Collection[str]) -> pa.Array:
    """The different subjects among these that have one of the topics."""
    plain = [[word for word in topic.split() if word.isascii() and word.isalnum()] for topic in topics]
    told = pc.unique(subjects).drop_null()
    if all(plain):
        longest = sorted({max(words, key=len) for words in plain})
        told = told.filter(pc.match_substring_regex(told, "|".join(longest), ignore_case=True)) if longest else told[:0]
    return pa.array([subject for subject in told.to_pylist() if _split_subject(subject)[0] in topics], pa.string())


def _read_rows(light: pa.Table) -> list[_Light]:
    microseconds = light.column("sent_at").cast(pa.int64())  # a datetime of Python for each row would cost the most
    light = light.set_column(light.column_names.index("sent_at"), "sent_at", microseconds)
    columns = {name: light.column(name).to_pylist() for name in _NEEDED}
    rows: list[_Light] = []
    for values in zip(*columns.values(), strict=True):
        turn_id, conversation_id, parent_id, sent_at, speaker, recipients, cc, references, channel, subject = values
        topic, marked, tags = _split_subject(subject or "")
        others = [*(recipients or ()), *(cc or ())]
        # An archive of a mailing list names no recipients: there the list's tag stands for who read it.
        people = frozenset([speaker, *(others or tags)])
        row = _Light(turn_id, conversation_id, parent_id, sent_at, people, references or (), channel, topic, marked)
        rows.append(row)
    return rows


def _split_subject(subject: str) -> tuple[str, bool, list[str]]:
    """A subject without marks and list tags in lower case, whether it was marked as an answer, and its tags."""
    rest, marked = subject[:_SUBJECT_LIMIT], False
    if ":" not in rest and "：" not in rest and "[" not in rest:
        return " ".join(rest.lower().split()), False, []
    tags: list[str] = []
    while True:
        if match := _MARK.match(rest):
            rest, marked = rest[match.end() :], True
        elif match := _TAG.match(rest):
            rest = rest[match.end() :]
            tags.append(str(match.group(1)).lower())
        else:
            return " ".join(rest.lower().split()), marked, tags


def _is_ours(row: _Light, named: set[str]) -> bool:
    return row.conversation_id in named


def _link_stated(row: _Light, turns: dict[str, _Light], groups: _Groups, parents: dict[str, str]) -> None:
    """Links that the turn itself states; ids of absent turns join their answers all the same."""
    groups.find(row.turn_id)
    stated = [*row.references, *([row.parent_id] if row.parent_id else [])]
    for name in stated:
        groups.join(row.turn_id, name)
    if not stated and row.conversation_id in turns:
        groups.join(row.turn_id, row.conversation_id)
    wanted = reversed(row.references) if row.references else ([row.parent_id] if row.parent_id else [])
    parent = next((name for name in wanted if name in turns and name != row.turn_id), None)
    if parent is not None:
        parents[row.turn_id] = parent


def _link_subjects(ordered: Sequence[_Light], named: set[str], answered: Container[str]) -> list[tuple[_Light, _Light]]:
    """Marked mails that answer no turn we have, with the latest mail before each on its topic among its people."""
    links: list[tuple[_Light, _Light]] = []
    latest: dict[tuple[str, str], _Light] = {}
    for row in ordered:
        if row.channel != "mail" or not row.topic or row.sent_at is None or not _is_ours(row, named):
            continue
        if row.marked and row.turn_id not in answered:
            earlier = [latest[row.topic, person] for person in row.people if (row.topic, person) in latest]
            near = [
                other for other in earlier if other.sent_at is not None and row.sent_at - other.sent_at <= _REACH_US
            ]
            if near:
                links.append((row, max(near, key=lambda other: other.age)))
        for person in row.people:
            latest[row.topic, person] = row
    return links


def _cut_rings(parents: dict[str, str], turns: dict[str, _Light]) -> None:
    """Where parents lead in a ring, the earliest turn of the ring answers nobody."""
    done: set[str] = set()
    for start in list(parents):
        path: dict[str, None] = {}
        name: str | None = start
        while name is not None and name not in done and name not in path:
            path[name] = None
            name = parents.get(name)
        if name is not None and name in path:
            trail = list(path)
            ring = trail[trail.index(name) :]
            del parents[min(ring, key=lambda member: turns[member].age)]
        done.update(path)


def _name_groups(ordered: Sequence[_Light], groups: _Groups, named: set[str]) -> dict[str, str]:
    """A name for each group: the one its source gave, else the root of its earliest turn."""
    names: dict[str, str] = {}
    given: dict[str, str] = {}
    for row in ordered:
        group = groups.find(row.turn_id)
        if not _is_ours(row, named):
            given.setdefault(group, row.conversation_id)
        names.setdefault(group, row.references[0] if row.references else row.turn_id)
    return names | given


class _Groups:
    """Union-find over ids, with path halving; the smaller group joins the larger."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._sizes: dict[str, int] = {}

    def find(self, name: str) -> str:
        """The id that stands for the group of `name`."""
        above = self._above
        if name not in above:
            above[name] = name
            self._sizes[name] = 1
            return name
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Make one group of the groups of both."""
        one, other = self.find(one), self.find(other)
        if one == other:
            return
        if self._sizes[one] < self._sizes[other]:
            one, other = other, one
        self._above[other] = one
        self._sizes[one] += self._sizes[other]
