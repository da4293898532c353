"""What later turns tell of a promise: a report of completion, a delivery, a receipt, a reminder, a new date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from troth.promises.calendar import FIRST_YEAR, LAST_YEAR
from troth.promises.content import content_stems

Kind = Literal["done", "delivery", "reply", "receipt", "chase", "admits", "moved"]

_DONE: Final = (
    r"(?i)\b(attached|enclosed|please find|find below|as promised|as requested|here (is|are|you go|it is)|"
    r"(have|has|ve) (just |now |already |been )*(sent|shared|fixed|done|updated|uploaded|shipped|delivered|submitted|"
    r"booked|finished|completed|forwarded|posted|paid|refunded|issued|cancelled|called|spoken|signed|resolved|"
    r"checked|reviewed|changed|corrected|added|ordered|replaced|arranged|set up|asked|talked|written|made)|"
    r"just (sent|shared|uploaded|paid|called)|(is|are) (now )?(done|fixed|live|ready|shipped|finished|resolved|"
    r"complete|paid|attached)|went out|^(done|sent|fixed)\b|i (sent|fixed|shipped|paid|called|finished|shared|"
    r"forwarded|uploaded)|we (sent|fixed|shipped|paid|delivered|finished|replaced|refunded)|anbei|im anhang|erledigt)"
)
_RECEIPT: Final = (
    r"(?i)(\bgot (it|the|your)|\breceived\b|\barrived\b|thank(s| you)( very much| so much| a lot)? for (the|your|"
    r"sending|getting|fixing|sorting|that)|works (now|fine|again)|\ball good now|came through|\berhalten\b|angekommen)"
)
_NOT_YET: Final = (
    r"(?i)(\b(not|never|n['’]t|nothing|still) (yet |been |have |has |had |waiting|missing|no )*(received|arrived|got|"
    r"seen|heard|come|sent|done|waiting|missing|open|outstanding|managed|finished|had a chance)|"
    r"still (waiting|no |nothing|missing)|any (news|update) (on|about)|following up|reminder|not yet|overdue|"
    r"noch nicht|where is)"
)
_MOVED: Final = (
    r"(?i)(\b(postpone|reschedul|push(ed)? (it |this |that )?(back|to|out)|mov(e|ed|ing) (it |this |that )?to|"
    r"need (a bit |a little )?(more|until|till|another)|later than|(will|['’]ll) be late|running late|"
    r"won['’]t (make|manage|be able)|can(no|['’])t make|not be able to|slip|delay|take(s)? longer|verschieb|verspät|"
    r"instead of (monday|tuesday|wednesday|thursday|friday)))"
)
_LEAST: Final = 0.5
_PLAIN_REPLY: Final = 40  # characters of own words above which a later turn answers something


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One turn in its conversation."""

    turn_id: str
    order: int
    sent_at: datetime | None  # None where it is missing or cannot be true
    speaker: str
    side: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One sentence, or one attachment, that may settle a promise of its conversation."""

    spot: Spot
    kind: Kind
    stems: frozenset[str]
    start: int | None
    end: int | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """The turns of one conversation in order, and the evidence in them."""

    spots: Mapping[str, Spot]
    evidence: tuple[Evidence, ...]  # by order
    last_by_speaker: Mapping[str, datetime]


def gather(
    turns: pa.Table, sentences: pa.Table, findings: pa.Table, *, said: pa.ChunkedArray, now: datetime
) -> dict[str, Record]:
    """The records of the conversations that hold the turns `said`, by turn id; turns sent after `now` are left out.

    Cost: one pass over each table to filter, then work in proportion to those conversations alone.
    """
    conversations = pc.unique(
        turns.filter(pc.is_in(turns.column("turn_id"), pc.unique(said))).column("conversation_id")
    )
    known = pc.or_kleene(pc.is_null(turns.column("sent_at")), pc.less_equal(turns.column("sent_at"), pa.scalar(now)))
    kept = turns.filter(pc.and_(pc.is_in(turns.column("conversation_id"), conversations), known))
    kept = kept.filter(pc.invert(kept.column("automatic"))).select(
        ["turn_id", "conversation_id", "position", "sent_at", "speaker", "side", "attachments"]
    )
    signals = _signals(findings, kept.column("turn_id"))
    lines = _lines(sentences, kept.column("turn_id"))
    by_conversation: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in kept.to_pylist():
        by_conversation[row["conversation_id"]].append(row)
    records: dict[str, Record] = {}
    for rows in by_conversation.values():
        record = _record(rows, lines, signals)
        records.update(dict.fromkeys(record.spots, record))
    return records


def _signals(findings: pa.Table, turn_ids: pa.ChunkedArray) -> dict[tuple[str, int], set[str]]:
    """The signals that count as evidence, by turn and start of the sentence."""
    wanted = pa.array(["done", "not_done", "chases", "gratitude"])
    found = findings.filter(
        pc.and_(pc.is_in(findings.column("signal"), wanted), pc.greater_equal(findings.column("probability"), _LEAST))
    )
    found = found.filter(pc.is_in(found.column("turn_id"), turn_ids.combine_chunks()))
    signals: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for turn_id, start, signal in zip(
        *(found.column(name).to_pylist() for name in ("turn_id", "start", "signal")), strict=True
    ):
        signals[turn_id, start].add(signal)
    return signals


def _lines(sentences: pa.Table, turn_ids: pa.ChunkedArray) -> dict[str, list[dict[str, Any]]]:
    """The sentences of these turns by turn, with what the patterns say of each."""
    kept = sentences.filter(pc.is_in(sentences.column("turn_id"), turn_ids.combine_chunks()))
    text = kept.column("text")
    for name, pattern in (("done", _DONE), ("receipt", _RECEIPT), ("not_yet", _NOT_YET), ("moved", _MOVED)):
        kept = kept.append_column(name, pc.match_substring_regex(text, pattern))
    kept = kept.append_column(
        "ahead", pc.match_substring_regex(text, r"(?i)\b(will|['’]ll|shall|going to|look(ing)? forward)\b|\?")
    )
    lines: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in kept.to_pylist():
        lines[row["turn_id"]].append(row)
    return lines


def _record(
    rows: list[dict[str, Any]], lines: Mapping[str, list[dict[str, Any]]], signals: Mapping[tuple[str, int], set[str]]
) -> Record:
    spots = _in_order(rows)
    attached = {row["turn_id"]: row["attachments"] or [] for row in rows}
    evidence: list[Evidence] = []
    last: dict[str, datetime] = {}
    for spot in spots.values():
        evidence.extend(_evidence_in(spot, lines.get(spot.turn_id, []), signals, attached[spot.turn_id]))
        if spot.sent_at is not None:
            last[spot.speaker] = max(spot.sent_at, last.get(spot.speaker, spot.sent_at))
    return Record(spots, tuple(evidence), last)


def _in_order(rows: list[dict[str, Any]]) -> dict[str, Spot]:
    """The turns in the order they were said: by time, and by position alone where a time is missing or false."""
    times = {row["turn_id"]: _believable(row["sent_at"]) for row in rows}
    if any(moment is None for moment in times.values()):
        rows = sorted(rows, key=lambda row: row["position"])
    else:
        rows = sorted(rows, key=lambda row: (row["sent_at"], row["position"]))
    return {
        row["turn_id"]: Spot(
            turn_id=row["turn_id"], order=order, sent_at=times[row["turn_id"]], speaker=row["speaker"], side=row["side"]
        )
        for order, row in enumerate(rows)
    }


def _believable(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _evidence_in(
    spot: Spot, lines: list[dict[str, Any]], signals: Mapping[tuple[str, int], set[str]], attached: list[str]
) -> Iterator[Evidence]:
    """What one turn offers, sentence by sentence; names of attachments join the sentence that delivers them."""
    length, names = 0, content_stems(" ".join(attached))
    delivered = False
    for line in lines:
        length += len(line["text"])
        marks = signals.get((spot.turn_id, line["start"]), frozenset[str]())
        for kind in _kinds(line, marks):
            stems = content_stems(line["text"])
            if kind == "done" and attached and not delivered:
                kind, stems, delivered = "delivery", stems | names, True  # noqa: PLW2901  # the same sentence, stronger
            yield Evidence(spot=spot, kind=kind, stems=stems, start=line["start"], end=line["end"], text=line["text"])
    first = lines[0] if lines else {"start": None, "end": None, "text": None}
    if attached and not delivered:
        yield Evidence(
            spot=spot, kind="delivery", stems=names, start=first["start"], end=first["end"], text=first["text"]
        )
    if length >= _PLAIN_REPLY and not any(line["moved"] or line["not_yet"] for line in lines):
        longest = max(lines, key=lambda line: len(line["text"]))
        yield Evidence(
            spot=spot, kind="reply", stems=frozenset(), start=longest["start"], end=longest["end"], text=longest["text"]
        )


def _kinds(line: Mapping[str, Any], marks: frozenset[str] | set[str]) -> Iterator[Kind]:
    """The kinds of evidence that one sentence is; the speaker's side decides later which of them count."""
    if "not_done" in marks or "chases" in marks or line["not_yet"]:
        yield "chase"
        yield "admits"
    elif line["moved"]:
        yield "moved"
    elif not line["ahead"]:
        if "done" in marks or line["done"]:
            yield "done"
        if line["receipt"] or ("gratitude" in marks and " for " in line["text"]):
            yield "receipt"
