"""All that later turns of one relationship offer as evidence, laid out so that a promise finds its own quickly."""

from __future__ import annotations

from bisect import bisect_right, insort_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import fsum, log
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR
from troth.promises.content import content_stems
from troth.promises.evidence import Line, Piece, Spot, head_signals, mark_lines, pieces_in

_PRIOR: Final = (
    200.0  # sentences of other relationships that a word is taken to be absent from: a small book is no measure
)
NEAR: Final = 40  # pieces looked at behind a promise in its own conversation
PER_WORD: Final = 8  # and for each of its rarest words anywhere in the relationship
WORDS: Final = 6
CALLS: Final = 3
_OWNER: Final = 0.9  # share of turns in which the owner of a mailbox takes part
_TELLING: Final = 5  # turns from which that share says something
_TURN_COLUMNS: Final = (
    "turn_id", "conversation_id", "position", "sent_at", "speaker", "recipients", "cc", "channel", "subject",
    "attachments", "side", "circle",
)  # fmt: skip


class Rarity:
    """How much shared words tell, as of one moment: what is said later never changes what an earlier word was worth.

    A word weighs the log of the inverse share of the relationship's sentences, up to then, that hold it. Without a
    moment all words weigh alike.
    """

    def __init__(self, scope: Scope, at: datetime | None) -> None:
        self._heard, self._at = scope.heard, at
        self._sentences = _PRIOR + (0 if at is None else bisect_right(scope.sentences, at))
        self._known: dict[str, float] = {}

    def __call__(self, stem: str) -> float:
        """Of one word, in nats."""
        known = self._known.get(stem)
        if known is None:
            times = () if self._at is None else self._heard.get(stem, ())
            count = bisect_right(times, self._at) if times and self._at is not None else 0
            known = self._known[stem] = log(self._sentences / (count + 1.0))
        return known

    def of(self, stems: frozenset[str]) -> float:
        """The sum over several words, to the last bit whatever their order."""
        return fsum(map(self, stems))

    def rarest(self, stems: frozenset[str], most: int) -> list[str]:
        """The words that tell most."""
        return sorted(stems, key=lambda stem: (-self(stem), stem))[:most]


@dataclass(slots=True)
class Scope:
    """One relationship: its turns, and the evidence in them by conversation and by word."""

    spots: dict[str, Spot] = field(default_factory=dict[str, Spot])
    talks: dict[str, list[Piece]] = field(default_factory=dict[str, list[Piece]])  # by order within each
    postings: dict[str, list[Piece]] = field(default_factory=dict[str, list[Piece]])  # by `time_key`
    held: list[Piece] = field(default_factory=list[Piece])  # calls and meetings, by `time_key`
    heard: dict[str, list[datetime]] = field(default_factory=dict[str, list[datetime]])  # turns with this word, by time
    sentences: list[datetime] = field(default_factory=list[datetime])  # of each sentence, by time
    seats: Counter[str] = field(default_factory=Counter[str])  # turns that each person wrote or received
    said: Counter[str] = field(default_factory=Counter[str])  # turns of each conversation

    def shows(self, actor: str, addressee: str | None) -> bool:
        """Whether a message from one to the other would be in the book.

        Where one person takes part in nearly every turn, the book is that person's mailbox and holds only what went
        through it.
        """
        owners = self.owners()
        return not owners or actor in owners or addressee in owners

    def owners(self) -> frozenset[str]:
        """Those who take part in nearly every turn."""
        turns = len(self.spots)
        if turns < _TELLING:
            return frozenset()
        return frozenset(who for who, count in self.seats.items() if count >= _OWNER * turns)

    def after(self, spot: Spot, words: Sequence[str]) -> Iterator[Piece]:
        """The pieces behind a turn that may belong to a promise, each once, in no order.

        Args:
            spot: of the promise.
            words: the words that tell most of it.

        Cost: bounded by about a hundred pieces, whatever the size of the relationship.
        """
        near = self.near(spot)
        yield from (piece for piece in near if not _runs_back(spot, piece.spot))
        if spot.sent_at is None:
            return
        seen = {id(piece) for piece in near}
        for pieces, most in (*((self.postings.get(word, []), PER_WORD) for word in words), (self.held, CALLS)):
            at = bisect_right(pieces, spot.sent_at, key=_sent_at)
            for piece in pieces[at : at + most]:
                in_talk = piece.spot.talk == spot.talk
                if id(piece) not in seen and not (in_talk and piece.spot.order <= spot.order):
                    seen.add(id(piece))
                    yield piece

    def near(self, spot: Spot) -> list[Piece]:
        """The next pieces of its own conversation."""
        own = self.talks.get(spot.talk, [])
        first = bisect_right(own, spot.order, key=lambda piece: piece.spot.order)
        return own[first : first + NEAR]


def _sent_at(piece: Piece) -> datetime:
    assert piece.spot.sent_at is not None  # noqa: S101  # only such pieces are posted
    return piece.spot.sent_at


def time_key(piece: Piece) -> tuple[datetime, str]:
    """Sorts posted pieces; those of one turn keep their order."""
    return (_sent_at(piece), piece.spot.turn_id)


def _runs_back(spot: Spot, later: Spot) -> bool:
    """Whether a turn that comes later in the conversation says that it was sent earlier."""
    return spot.sent_at is not None and later.sent_at is not None and later.sent_at < spot.sent_at


def lay_out_scopes(
    turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, said: pa.ChunkedArray, now: datetime
) -> Iterator[Scope]:
    """The relationships that hold the turns `said`, one by one; turns sent after `now` are left out.

    A turn without a relationship belongs to its conversation alone.
    Cost: one pass over each table to filter and sort, then work in proportion to those relationships.
    """
    for volume in read_volumes(turns, sentences, findings, said=said, now=now):
        scope = Scope()
        grow(scope, volume.rows, volume.lines)
        yield scope


@dataclass(frozen=True, slots=True)
class Volume:
    """All turns of one relationship, read and not laid out yet."""

    key: str
    rows: list[dict[str, Any]]  # by turn_id
    lines: dict[str, list[Line]]  # sentences by turn

    @property
    def is_dated(self) -> bool:
        """Whether every turn says when it was sent."""
        return all(_believable(row["sent_at"]) is not None for row in self.rows)


def read_volumes(
    turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, said: pa.ChunkedArray, now: datetime
) -> Iterator[Volume]:
    """As `lay_out_scopes`, before anything is made of the turns."""
    keyed = turns.append_column("scope", scope_keys(turns))
    wanted = pc.unique(keyed.filter(pc.is_in(keyed.column("turn_id"), pc.unique(said))).column("scope"))
    in_time = pc.or_kleene(pc.is_null(turns.column("sent_at")), pc.less_equal(turns.column("sent_at"), pa.scalar(now)))
    kept = keyed.filter(pc.and_(pc.is_in(keyed.column("scope"), wanted), in_time))
    kept = kept.filter(pc.invert(kept.column("automatic"))).select([*_TURN_COLUMNS, "scope"])
    kept = kept.sort_by([("scope", "ascending"), ("turn_id", "ascending")]).combine_chunks()
    if not kept.num_rows:
        return
    ids = _whole(kept.column("turn_id"))
    heads = head_signals(findings, ids)
    lines, ends = _lines_by_turn(sentences, ids)
    scopes = kept.column("scope")
    starts = np.flatnonzero(np.append(True, _differs(_whole(scopes))))
    for first, last in zip(starts, [*starts[1:], kept.num_rows], strict=True):
        rows = kept.slice(first, last - first).to_pylist()
        cut = int(ends[first - 1]) if first else 0
        texts = lines.slice(cut, int(ends[last - 1]) - cut).to_pydict()
        yield Volume(scopes[int(first)].as_py(), rows, _cut_lines(rows, texts, ends[first:last] - cut, heads))


def scope_keys(turns: pa.Table) -> pa.ChunkedArray | pa.Array:
    """Whose promises each turn may bear on: its relationship, else its conversation."""
    talk = pc.binary_join_element_wise("talk", turns.column("conversation_id"), "\n")
    return pc.coalesce(turns.column("relationship"), talk)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _differs(values: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    codes = values.dictionary_encode().indices.to_numpy()
    return codes[1:] != codes[:-1]


def _lines_by_turn(sentences: pa.Table, ids: pa.Array) -> tuple[pa.Table, np.ndarray[Any, np.dtype[np.int64]]]:
    """The sentences of these turns in the order of the turns, marked; and for each turn where its sentences end."""
    columns = sentences.select(["turn_id", "sentence", "start", "end", "text"])
    turn = pc.index_in(columns.column("turn_id"), value_set=ids)
    lines = columns.append_column("turn", turn).filter(pc.is_valid(turn))
    lines = lines.sort_by([("turn", "ascending"), ("sentence", "ascending")])
    lines = lines.append_column("marks", mark_lines(lines.column("text")))
    counts = np.bincount(lines.column("turn").to_numpy(), minlength=len(ids))
    return lines.select(["start", "end", "text", "marks"]), np.cumsum(counts)


def _cut_lines(
    rows: Sequence[Mapping[str, Any]],
    texts: Mapping[str, list[Any]],
    ends: np.ndarray[Any, np.dtype[np.int64]],
    heads: Mapping[tuple[str, int], Mapping[str, float]],
) -> dict[str, list[Line]]:
    cut: dict[str, list[Line]] = {}
    first = 0
    for row, end in zip(rows, ends.tolist(), strict=True):
        turn_id = row["turn_id"]
        cut[turn_id] = [
            Line(start=start, end=stop, text=text, marks=marks, heads=heads.get((turn_id, start), {}))
            for start, stop, text, marks in zip(
                *(texts[name][first:end] for name in ("start", "end", "text", "marks")), strict=True
            )
        ]
        first = end
    return cut


def grow(scope: Scope, rows: Sequence[Mapping[str, Any]], lines: Mapping[str, list[Line]]) -> None:
    """Add turns to a relationship: dated ones, and none said before one of its conversation that is in it.

    An empty relationship takes any.
    """
    talks: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        talks[row["conversation_id"]].append(row)
    fresh: list[Piece] = []
    for talk, members in talks.items():
        pieces = scope.talks.setdefault(talk, [])
        for order, row in enumerate(_in_order(members), scope.said[talk]):
            spot = _spot(row, order)
            scope.spots[spot.turn_id] = spot
            scope.seats.update({row["speaker"], *(row["recipients"] or ()), *(row["cc"] or ())})
            found = list(pieces_in(
                spot, lines[spot.turn_id], row["attachments"] or (), channel=row["channel"], opens_talk=order == 0
            ))  # fmt: skip
            pieces.extend(found)
            fresh.extend(found)
            if spot.sent_at is not None:
                _put_in(scope.sentences, spot.sent_at, len(lines[spot.turn_id]))
        scope.said[talk] += len(members)
    for when, words in {id(piece.whole): (piece.spot.sent_at, piece.whole) for piece in fresh}.values():
        if when is not None:
            for stem in words:
                _put_in(scope.heard.setdefault(stem, []), when)
    _post(scope, [piece for piece in fresh if piece.spot.sent_at is not None])


def _put_in(times: list[datetime], when: datetime, copies: int = 1) -> None:
    """Keep a list of times in order; what comes last, as it mostly does, is only appended."""
    if not times or times[-1] <= when:
        times.extend([when] * copies)
    else:
        at = bisect_right(times, when)
        times[at:at] = [when] * copies


def _post(scope: Scope, dated: list[Piece]) -> None:
    dated.sort(key=time_key)
    for piece in dated:
        if piece.kind == "held":
            _put_piece(scope.held, piece)
        words = piece.stems | piece.documents
        for stem in words if piece.start is None or piece.stems else words | piece.spot.subject:
            _put_piece(scope.postings.setdefault(stem, []), piece)


def _put_piece(pieces: list[Piece], piece: Piece) -> None:
    if not pieces or time_key(pieces[-1]) <= time_key(piece):
        pieces.append(piece)
    else:
        insort_right(pieces, piece, key=time_key)


def _in_order(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The turns in the order they were said: by time, and by position alone where a time is missing or false."""
    if any(_believable(row["sent_at"]) is None for row in rows):
        return sorted(rows, key=lambda row: (row["position"], row["turn_id"]))
    return sorted(rows, key=lambda row: (row["sent_at"], row["position"], row["turn_id"]))


def _spot(row: Mapping[str, Any], order: int) -> Spot:
    among = row["circle"] == "colleague"
    people = (row["speaker"], *(row["recipients"] or ()), *(row["cc"] or ())) if among else ()
    return Spot(
        turn_id=row["turn_id"], talk=row["conversation_id"], order=order, sent_at=_believable(row["sent_at"]),
        speaker=row["speaker"], side=row["side"], people=frozenset(people), subject=content_stems(row["subject"] or ""),
    )  # fmt: skip


def _believable(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR else None
