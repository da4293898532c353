"""Which sentences ask, and whether it is trust that they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.formulas import FORMULA, INDIRECT, INTERROGATIVE, POLITE, QUOTED, RHETORICAL, SELF_ANSWER
from troth.questions.matching import hold
from troth.questions.wording import WORDINGS

LEAST: Final = 0.5
BY_MARK: Final = 0.6
"""Probability of a direct question that has a question mark and no finding: a setting, not learned."""
BY_WORDS_ALONE: Final = 0.8
"""What is left of a wording's probability where the sentence has no question mark and no finding: a start value."""

KINDS: Final = MappingProxyType(
    {"asks_proof": "HC", "chases": "HR", "doubts_motive": "HS", "question": "direct", "request": "direct"}
)
"""Signal to the trust question that it voices: by whose authority, can I depend on you, is this fair to both."""

_RANK: Final = {"HS": 0, "HC": 1, "HR": 2, "direct": 3}
_BY_SIGNAL: Final = 0.6  # strength of a trust question that the encoder alone found: a start value
_PRESSED: Final = 0.1  # what emphasis adds to the strength
_EMPHASIS: Final = (
    r"(?i:\b(even|really|actually|honestly|at all|ever|again|third time|for once|finally|seriously)\b)"
    r"|[!?]{2}|\b\p{Lu}{4,}\b"
)
_ASKING: Final = f"({INTERROGATIVE})|{INDIRECT}"
_IDLE: Final = "|".join(f"({pattern})" for pattern in (FORMULA, POLITE, RHETORICAL, QUOTED))
_FREE: Final = "|".join(f"({one.pattern})" for one in WORDINGS if not one.asks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence that asks."""

    turn_id: str
    start: int
    end: int
    text: str
    before: str  # the sentence before it in the same turn, for "Is it?"
    kind: str  # HC, HR, HI, HS, direct
    act: str
    spoken: bool
    strength: float
    probability: float


def find_asked(sentences: pa.Table, askers: pa.Table, findings: pa.Table, *, trust: bool) -> list[Sentence]:
    """The sentences of these turns that ask for something; courtesies, rhetorical and quoted questions left out.

    Args:
        sentences: SENTENCES; only the sender's own words are in it, so that nothing quoted from a mail counts.
        askers: TURNS of the side that asks.
        findings: FINDINGS; read are asks_proof, chases, doubts_motive, question and request of .5 and above.
        trust: whether to tell the kind; else all are direct.
    """
    marks = _marks(findings, askers.column("turn_id"))
    said = sentences.filter(pc.is_in(sentences.column("turn_id"), askers.column("turn_id").combine_chunks()))
    text = said.column("text")
    marked = pc.is_in(said.column("turn_id"), pa.array({turn for turn, _ in marks}, pa.string()))
    asking = hold(text, _ASKING)
    wanted = pc.or_(asking, marked)
    if trust:
        wanted = pc.or_(wanted, hold(text, _FREE))
    hits = said.filter(wanted)
    if not hits.num_rows:
        return []
    around = _around(said, hits)
    flags = _flag(hits, trust=trust)
    rows: list[Sentence] = []
    for number, row in enumerate(hits.select(["turn_id", "sentence", "start", "end", "text"]).to_pylist()):
        mark = marks.get((row["turn_id"], row["start"]))
        is_asking = flags["asking"][number] or mark is not None
        found = _read_kind(number, flags, mark, is_asking=is_asking, trust=trust)
        if found is None or flags["idle"][number]:
            continue
        before, after = around.get((row["turn_id"], row["sentence"]), ("", False))
        if after and flags["marked"][number] and len(row["text"]) < 60:
            continue  # answered by the one who asks
        rows.append(
            Sentence(
                turn_id=row["turn_id"],
                start=row["start"],
                end=row["end"],
                text=row["text"],
                before=before,
                **found,
            )
        )
    return rows


def _marks(findings: pa.Table, turn_ids: pa.ChunkedArray) -> dict[tuple[str, int], tuple[str, float]]:
    """Kind and probability by turn and start of the sentence; the trust question wins over the direct one."""
    wanted = pc.and_(
        pc.is_in(findings.column("signal"), pa.array(list(KINDS))),
        pc.greater_equal(findings.column("probability"), LEAST),
    )
    found = findings.filter(wanted)
    found = found.filter(pc.is_in(found.column("turn_id"), turn_ids.combine_chunks()))
    marks: dict[tuple[str, int], tuple[str, float]] = {}
    columns = [found.column(name).to_pylist() for name in ("turn_id", "start", "signal", "probability")]
    for turn_id, start, signal, probability in zip(*columns, strict=True):
        kind = KINDS[signal]
        held = marks.get((turn_id, start))
        if held is None or (_RANK[kind], -probability) < (_RANK[held[0]], -held[1]):
            marks[turn_id, start] = (kind, probability)
    return marks


def _around(said: pa.Table, hits: pa.Table) -> dict[tuple[str, int], tuple[str, bool]]:
    """For each sentence of the turns that ask: the one before it, and whether the one after it answers it."""
    near = said.filter(pc.is_in(said.column("turn_id"), hits.column("turn_id").combine_chunks()))
    answers = hold(near.column("text"), SELF_ANSWER).to_pylist()
    columns = [near.column(name).to_pylist() for name in ("turn_id", "sentence", "text")]
    places = {
        (turn_id, number): (text, is_answer) for turn_id, number, text, is_answer in zip(*columns, answers, strict=True)
    }
    return {
        (turn_id, number): (
            places.get((turn_id, number - 1), ("", False))[0],
            places.get((turn_id, number + 1), ("", False))[1],
        )
        for turn_id, number in places
    }


def _flag(hits: pa.Table, *, trust: bool) -> Mapping[str, list[Any]]:
    """Per sentence: whether it ends in a question mark, asks for nothing, presses, and the wordings that it holds."""
    text = hits.column("text")

    def match(pattern: str) -> list[bool]:
        return hold(text, pattern).to_pylist()

    return {
        "asking": match(_ASKING),
        "marked": match(INTERROGATIVE),
        "idle": match(_IDLE),
        "presses": match(_EMPHASIS),
        "wordings": list(zip(*(match(one.pattern) for one in WORDINGS), strict=True)) if trust else [()] * len(text),
    }


def _read_kind(
    number: int, flags: Mapping[str, Sequence[Any]], mark: tuple[str, float] | None, *, is_asking: bool, trust: bool
) -> dict[str, Any] | None:
    """Kind, act, strength and probability of one sentence; None where it does not ask after all."""
    kind, probability = mark or ("direct", BY_MARK)
    best: dict[str, Any] | None = None
    if is_asking:
        is_trust = trust and kind != "direct"
        best = {
            "kind": kind if trust else "direct",
            "act": "asks",
            "spoken": True,
            "strength": _BY_SIGNAL if is_trust else 0.0,
            "probability": probability,
        }
    sure = probability if best is not None and best["kind"] != "direct" else 0.0
    for wording, holds in zip(WORDINGS, flags["wordings"][number], strict=False):
        if not holds or (wording.asks and not is_asking):
            continue
        likely = wording.probability * (1.0 if is_asking else BY_WORDS_ALONE)
        if likely > sure and likely >= LEAST:
            sure = likely
            best = {
                "kind": wording.kind,
                "act": wording.act,
                "spoken": wording.spoken,
                "strength": wording.strength,
                "probability": likely,
            }
    if best is not None and best["strength"] and flags["presses"][number]:
        best["strength"] = min(1.0, best["strength"] + _PRESSED)
    return best
