"""Measure the reference population with the shipped encoder: python -m training.reference --data ../shared/data

Raw evidence means nothing by itself; a percentile needs a population. This one is made of public conversations of
business mail, a project's mailing list, help-desk calls and an AI agent's chats. Only variances, rates and waiting
times are kept, nothing of the texts. How often the heads miss an act or see one that is not there comes from the dev
rows of business_acts; its test rows are never read here. Run it after every change of the encoder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.sets import read_lines
from troth.api import open as open_book
from troth.encoder import encoder_id, find_signals, load_encoder
from troth.people import TEAM
from troth.pipeline import Understood
from troth.promises import Calendar
from troth.readings import Reference
from troth.readings.evidence import weigh_scene
from troth.readings.held import RULES, categorise_turns
from troth.readings.reference import ActReference, Components, estimate_components, estimate_facets
from troth.readings.scene import Floats, Scene, set_scene
from troth.readings.shown import ACTS, Sorted, sort_turns
from troth.readings.spread import estimate_acts
from troth.readings.waits import log_wait
from troth.schema import FINDINGS, SENTENCES, TURNS, conform
from troth.settings import Settings
from troth.worktime import lay_out_hours

_CORPORA = ("enron_email", "numpy_list_2001_11", "it_helpdesk_calls", "ai_agent_airline")
_TIMED = ("enron_email", "numpy_list_2001_11")  # the others have no true times of their turns
_ENOUGH = 5  # turns that hold a category, under which its sensitivity is no figure
_HOURS = Calendar(zone="America/Chicago", country="US")  # most of those who wrote in the timed corpora sat in the US
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


def measure_acts(
    scenes: Sequence[Scene],
    found: Sequence[Mapping[str, Sorted]],
    groups: Mapping[str, str],
    *,
    sensitivity: Mapping[str, Mapping[str, float]],
    specificity: Mapping[str, Mapping[str, float]],
) -> dict[str, ActReference]:
    """For each facet of SHOWN whose acts are rare: its categories by channel and length, and how relationships differ.

    Args:
        scenes: of each corpus.
        found: our turns in each of them, sorted (`sort_turns`).
        groups: turn to relationship.
        sensitivity, specificity: as `measure_detection` gives them.
    """
    acts: dict[str, ActReference] = {}
    for facet, rule in ACTS.items():
        mine = [one[facet] for one in found]
        chosen = [scene.turns.take(pa.array(one.rows)) for scene, one in zip(scenes, mine, strict=True)]
        ids = [turn_id for table in chosen for turn_id in table["turn_id"].to_pylist()]
        acts[facet] = estimate_acts(
            rule,
            np.concatenate([one.category for one in mine]),
            length=np.concatenate([one.length for one in mine]),
            channel=[channel for table in chosen for channel in table["channel"].to_pylist()],
            group=np.unique([groups[turn_id] for turn_id in ids], return_inverse=True)[1],
            sensitivity=sensitivity.get(facet, {}),
            specificity=specificity.get(facet, {}),
        )
    return acts


def measure_waits(scenes: Mapping[str, Scene]) -> Components:
    """Log working hours from a question of theirs to our answer: mean, variance between and within relationships."""
    waits: list[Floats] = []
    homes: list[str] = []
    for corpus, scene in scenes.items():
        sent = scene.turns["sent_at"].to_numpy().astype("datetime64[us]")
        asks = scene.in_turn(scene.found("question", "request")) & ~scene.is_us & (scene.answer >= 0)
        rows = np.flatnonzero(asks & ~np.isnat(sent) & ~np.isnat(sent[scene.answer]))
        asked, until = sent[rows], sent[scene.answer[rows]]
        rows = rows[until - asked < np.timedelta64(30, "D")]  # a thread taken up again is no answer
        days = [moment.astype("datetime64[D]").item() for moment in (asked.min(), until.max())]
        hours = lay_out_hours(
            *days, is_open=_HOURS.is_open, to_utc=_HOURS.to_utc, starts=_HOURS.starts, ends=_HOURS.ends
        )
        waits.append(log_wait(sent[rows], sent[scene.answer[rows]], hours))
        whose = scene.turns.select(["relationship", "speaker"]).take(rows).to_pylist()
        homes += [
            f"{corpus}: {row['speaker'] if row['relationship'] == TEAM else row['relationship']}" for row in whose
        ]
    log_hours = np.concatenate(waits)
    home = np.unique(np.array(homes), return_inverse=True)[1]
    return estimate_components(log_hours, np.arange(len(log_hours)), home)


def measure_detection(dev: Path) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Sensitivity and specificity of each category of HELD and SHOWN, turn by turn, on the dev rows of business_acts.

    Every turn is read as anybody's. What only one of the two readers marked stands for neither answer: a turn
    with such a mark on an act of the facet is left out. A category that fewer than `_ENOUGH` turns hold is left out,
    and the readings fall back on their wary start values. One half is added to each count, so that nothing is sure.
    """
    turns, sentences, disputed, marked = read_marked(dev)
    truth = set_scene(turns, sentences, conform(marked, FINDINGS))
    found = set_scene(turns, sentences, find_signals(sentences, load_encoder()))
    open_to_doubt = set_scene(turns, sentences, conform(disputed, FINDINGS))
    sensitivity: dict[str, dict[str, float]] = {}
    specificity: dict[str, dict[str, float]] = {}
    for facet, rule in {**RULES, **ACTS}.items():
        acts = sorted({signal for signals in rule.signals.values() for signal in signals})
        sure = ~open_to_doubt.in_turn(open_to_doubt.found(*acts))
        holds, says = rule.category(truth)[sure], rule.category(found)[sure]
        for number, name in enumerate(rule.categories):
            if name == rule.plain:
                continue
            both = np.array([[(holds == number) & (says == number), (holds == number)],
                             [(holds != number) & (says != number), (holds != number)]]).sum(axis=2)  # fmt: skip
            print(f"{facet} {name}: found {both[0, 0]} of {both[0, 1]}, left alone {both[1, 0]} of {both[1, 1]}")
            if both[0, 1] < _ENOUGH:
                continue
            share = (both[:, 0] + 0.5) / (both[:, 1] + 1.0)
            sensitivity.setdefault(facet, {})[name] = round(float(share[0]), 4)
            specificity.setdefault(facet, {})[name] = round(float(share[1]), 4)
    return sensitivity, specificity


def read_marked(path: Path) -> tuple[pa.Table, pa.Table, list[dict[str, Any]], list[dict[str, Any]]]:
    """Turns and sentences of a labelled file, and as findings what one reader alone, and what both, marked."""
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    disputed: list[dict[str, Any]] = []
    marked: list[dict[str, Any]] = []
    for number, turn in enumerate(read_lines(path)):
        turns.append(
            {"turn_id": turn["id"], "conversation_id": turn["id"], "position": number, "speaker": "them",
             "channel": "mail", "body": turn["text"], "automatic": False, "source": path.name, "side": "them"}
        )  # fmt: skip
        for sentence in turn["sentences"]:
            where = {"turn_id": turn["id"], "sentence": sentence["n"]}
            where |= {"start": sentence["start"], "end": sentence["end"]}
            text = " ".join(turn["text"][sentence["start"] : sentence["end"]].split())
            sentences.append(where | {"text": text, "language": "en"})
            for column, found in (("labels", marked), ("disputed", disputed)):
                found += [where | {"signal": act, "probability": 1.0} for act in sentence.get(column) or ()]
    return conform(turns, TURNS), conform(sentences, SENTENCES), disputed, marked


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
    every = pa.concat_tables(evidence)
    facets = estimate_facets(every.filter(pc.invert(pc.is_in(every["facet"], pa.array(list(ACTS))))), groups, channels)
    waits = measure_waits({corpus: scenes[corpus] for corpus in _TIMED})
    sensitivity, specificity = measure_detection(chosen.data / "business_acts" / "dev.jsonl")
    found = [sort_turns(one, scene) for one, scene in zip(evidence, scenes.values(), strict=True)]
    acts = measure_acts(list(scenes.values()), found, groups, sensitivity=sensitivity, specificity=specificity)
    reference = Reference(
        encoder=encoder_id(),
        corpora=", ".join(_CORPORA),
        facets=facets,
        acts=acts,
        rates=measure_rates(list(scenes.values())),
        sensitivity=sensitivity,
        specificity=specificity,
        wait_mean=round(waits.mean, 5),
        wait_between_var=round(waits.between_var, 5),
        wait_within_var=round(waits.turn_var, 5),
    )
    _TARGET.write_text(reference.to_json(), "utf-8")
    print(json.dumps({facet: _describe(part) for facet, part in facets.items()}, indent=1))
    print({facet: (part.turns, part.share_between) for facet, part in acts.items()})
    print(reference.rates, waits)


def _describe(part: Any) -> dict[str, float]:
    """How much of the spread lies between relationships, and the noise of one turn of five unconnected sentences."""
    whole = part.between_var + part.turn_var + part.sentence_var
    noise = (part.turn_var + part.sentence_var / 5) / part.between_var
    return {
        **part.means,
        "turns": part.turns,
        "share_between": round(part.between_var / whole, 3),
        "v": round(noise, 1),
        "neighbour": part.neighbour,
    }


if __name__ == "__main__":
    main()
