"""Measure the reference population with the shipped encoder: python -m training.reference --data ../shared/data

Raw evidence means nothing by itself; a percentile needs a population. This one is made of public conversations of
business mail, a project's mailing list, help-desk calls and an AI agent's chats. Only variances, rates and waiting
times are kept, nothing of the texts. Run it after every change of the encoder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from troth.api import open as open_book
from troth.encoder import card, encoder_id
from troth.people import TEAM
from troth.pipeline import Understood
from troth.readings import Reference
from troth.readings.evidence import weigh_scene
from troth.readings.held import RULES, categorise_turns
from troth.readings.reference import estimate_facets
from troth.readings.scene import Scene, set_scene
from troth.settings import Settings

_CORPORA = ("enron_email", "numpy_list_2001_11", "it_helpdesk_calls", "ai_agent_airline")
_TIMED = ("enron_email", "numpy_list_2001_11")  # the others have no true times of their turns
_LEAST_MISREAD = 0.05  # no error seen in a few dozen detections is not none
_TARGET = Path(__file__).parents[1] / "src/troth/readings/reference.json"


def read_corpus(path: Path) -> Understood:
    """Every turn of one corpus, placed and understood."""
    with open_book(settings=Settings()) as book:
        book.read(path)
        return book.understand()


def group_turns(known: Understood) -> dict[str, str]:
    """Turn to the pair it belongs to: inside a firm, who writes to whom rather than the team as one."""
    columns = ("turn_id", "relationship", "speaker", "recipients", "conversation_id", "source")
    groups: dict[str, str] = {}
    for row in known.turns.select(list(columns)).to_pylist():
        whole = row["relationship"]
        if whole == TEAM:
            whole = f"{row['speaker']} > {(row['recipients'] or [row['conversation_id']])[0]}"
        groups[row["turn_id"]] = f"{row['source']}: {whole}"
    return groups


def measure_rates(scenes: list[Scene]) -> dict[str, dict[str, float]]:
    """For each facet of HELD: the share of each category among turns that had the occasion."""
    rates: dict[str, dict[str, float]] = {}
    for facet, rule in RULES.items():
        counts = np.zeros(len(rule.categories))
        for scene in scenes:
            counts += np.bincount(categorise_turns(scene)[facet][1], minlength=len(counts))
        rates[facet] = dict(zip(rule.categories, (counts / counts.sum()).round(5).tolist(), strict=True))
    return rates


def measure_waits(scenes: list[Scene]) -> tuple[float, float]:
    """Mean and standard deviation of log hours from a question of theirs to our answer."""
    waits: list[float] = []
    for scene in scenes:
        sent = scene.turns["sent_at"].to_numpy()
        rows = np.flatnonzero(scene.in_turn(scene.found("question", "request")) & ~scene.is_us & (scene.answer >= 0))
        hours = (sent[scene.answer[rows]] - sent[rows]) / np.timedelta64(1, "h")
        waits += np.log(np.maximum(hours[np.isfinite(hours)], 0.05)).tolist()
    return float(np.mean(waits)), float(np.std(waits))


def read_misread() -> dict[str, float]:
    """Share of detections that are wrong, per signal, on real mail: 1 - precision from the card's F1 and sensitivity.

    A measured error of the heads, not a choice made from test rows. Signals too rare there to judge are left out and
    keep the wary start value of the readings.
    """
    found = {
        (check["signal"], check["metric"]): check["value"] for check in card().checks if check["set"] == "business_acts"
    }
    misread: dict[str, float] = {}
    for (signal, metric), f1 in found.items():
        recall = found.get((signal, "sensitivity"))
        if metric == "F1" and recall and f1 > 0:
            misread[signal] = max(_LEAST_MISREAD, round(1.0 - f1 * recall / (2.0 * recall - f1), 3))
    return misread


def main() -> None:
    """Measure and write the reference file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    chosen = parser.parse_args()
    scenes: dict[str, Scene] = {}
    evidence: list[pa.Table] = []
    groups: dict[str, str] = {}
    channels: dict[str, str] = {}
    for corpus in _CORPORA:
        known = read_corpus(chosen.data / "interactions" / corpus / "messages.jsonl")
        scenes[corpus] = set_scene(known.turns, known.sentences, known.findings)
        evidence.append(weigh_scene(scenes[corpus]))
        groups |= group_turns(known)
        channels |= dict(zip(*(known.turns[name].to_pylist() for name in ("turn_id", "channel")), strict=True))
        print(f"{corpus}: {known.turns.num_rows} turns, {known.sentences.num_rows} sentences", flush=True)
    facets = estimate_facets(pa.concat_tables(evidence), groups, channels)
    wait_mean, wait_sd = measure_waits([scenes[corpus] for corpus in _TIMED])
    reference = Reference(
        encoder=encoder_id(),
        corpora=", ".join(_CORPORA),
        facets=facets,
        rates=measure_rates(list(scenes.values())),
        misread=read_misread(),
        wait_mean=round(wait_mean, 5),
        wait_sd=round(wait_sd, 5),
    )
    _TARGET.write_text(reference.to_json(), "utf-8")
    print(json.dumps({facet: _describe(part) for facet, part in facets.items()}, indent=1))
    print(reference.rates, wait_mean, wait_sd)


def _describe(part: Any) -> dict[str, float]:
    """How much of the spread lies between relationships, and the noise of one turn of five sentences."""
    whole = part.between_var + part.turn_var + part.sentence_var
    noise = (part.turn_var + part.sentence_var / 5) / part.between_var
    return {
        **part.means,
        "turns": part.turns,
        "share_between": round(part.between_var / whole, 3),
        "v": round(noise, 1),
    }


if __name__ == "__main__":
    main()
