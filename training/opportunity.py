"""Are the occasions themselves found? A signal is evidence only where it could have happened.

    PYTHONPATH=src python -m training.opportunity --data ../shared/data  # into src/troth/checks/opportunity.json

An occasion is found by signals too (`troth.readings`): a claim is the occasion for a reason, a feeling for a reaction.
The same rule is asked twice of the sentences and turns of `business_acts/test`, once with its labels and once with what
the encoder finds at .5 (for attunement at `VOICED`) and the rules on words find; the least length that some rules ask
for is left aside. Occasions that need the turn before are judged in that turn, where they arise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.fairness import find_shift, lay_out
from troth.encoder import Encoder, load_encoder
from troth.encoder.phrases import find_phrases
from troth.readings.evidence import VOICED, VOICES

CHECKS: Final = Path(__file__).parents[1] / "src/troth/checks/opportunity.json"
_CALL: Final = 0.5

OCCASIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "reasoning, a sentence that": ("claim", "rejects", "bad_news"),
        "candour, a sentence that": ("claim", "hedge", "overclaim", "flattery"),
        "attunement, a turn before that": VOICES,
        "orientation, a turn that": ("request", "offer", "commitment", "rejects"),
        "credence, a turn before that": ("claim",),
        "dependence, a turn before that": ("request", "offer", "commitment", "claim"),
        "fairness, a turn before that": ("request", "offer", "rejects", "bad_news", "apology"),
    }
)
"""Facet and unit to the signals any of which opens it, as `readings.evidence` and `readings.held` have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A labelled sentence."""

    turn: str
    conversation: str
    text: str
    labels: frozenset[str]
    disputed: frozenset[str]  # what only one of two readers gave


def read_sentences(path: Path) -> list[Sentence]:
    """The sentences of a file of `business_acts`."""
    with path.open(encoding="utf-8") as lines:
        turns = [json.loads(line) for line in lines]
    return [
        Sentence(
            turn=turn["id"],
            conversation=turn["meta"]["conversation_id"],
            text=turn["text"][each["start"] : each["end"]],
            labels=frozenset(each["labels"]),
            disputed=frozenset(each["disputed"]),
        )
        for turn in turns
        for each in turn["sentences"]
    ]


def check_occasions(sentences: Sequence[Sentence], encoder: Encoder) -> list[dict[str, Any]]:
    """Two rows for each occasion: the share of those labelled that is found, and of the others that is left alone."""
    texts = [each.text for each in sentences]
    scores, by_rule = encoder.score(texts), find_phrases(texts)
    column = {head.signal: at for at, head in enumerate(encoder.heads)}
    rows: list[dict[str, Any]] = []
    for name, signals in OCCASIONS.items():
        shipped = [column[signal] for signal in signals if signal in column]
        found = np.asarray((scores[:, shipped] >= (VOICED if signals == VOICES else _CALL)).any(axis=1), bool)
        for signal in by_rule.keys() & set(signals):
            found |= by_rule[signal]
        rows += check_occasion(name, signals, sentences, found)
    return rows


def check_occasion(
    name: str, signals: Sequence[str], sentences: Sequence[Sentence], found: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """One occasion. Units that only one reader saw it in are left out.

    Args:
        found: shape (n_sentences,), whether the encoder finds one of the signals.
    """
    units = [each.turn for each in sentences] if " turn " in name else [str(at) for at in range(len(sentences))]
    said: dict[str, bool] = {}
    doubtful: dict[str, bool] = {}
    seen: dict[str, bool] = {}
    home: dict[str, str] = {}
    for unit, each, is_found in zip(units, sentences, found.tolist(), strict=True):
        said[unit] = said.get(unit, False) or not each.labels.isdisjoint(signals)
        doubtful[unit] = doubtful.get(unit, False) or not each.disputed.isdisjoint(signals)
        seen[unit] = seen.get(unit, False) or is_found
        home[unit] = each.conversation
    rows: list[dict[str, Any]] = []
    for metric, wanted in (("found", True), ("left alone", False)):
        chosen = [unit for unit in said if said[unit] == wanted and (wanted or not doubtful[unit])]
        share = find_shift(np.array([float(seen[unit] == wanted) for unit in chosen]), [home[unit] for unit in chosen])
        what = "occasions" if wanted else "the rest"
        rows.append({
            "found_by": "encoder", "signal": "acts together", "set": "business_acts", "split": "test",
            "rows": len(chosen), "metric": f"share of {what} {metric}: {name} holds {', '.join(signals)}",
            "value": round(share.mean, 4), "low": round(share.low, 4), "high": round(share.high, 4),
            "licence_class": "open", "note": "labels both of two language-model readers gave",
        })  # fmt: skip
    return rows


def main() -> None:
    """Check every occasion and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    path = parser.parse_args().data / "business_acts/test.jsonl"
    CHECKS.write_text(lay_out(check_occasions(read_sentences(path), load_encoder())), encoding="utf-8")


if __name__ == "__main__":
    main()
