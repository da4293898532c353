"""Measure the reference population with the shipped encoder: python -m training.reference --data ../shared/data

Raw evidence means nothing by itself; a percentile needs a population. This one is made of public conversations of
business mail, a project's mailing list, help-desk calls and an AI agent's chats. Only variances, rates and waiting
times are kept, nothing of the texts. How often the heads miss an act or see one that is not there comes from the dev
rows of business_acts; its test rows are never read here. Run it after every change of the encoder; after a change of a
rule over several turns run `training.rules`, and then this with `--only rules`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
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
from troth.readings import Reference, load_reference
from troth.readings.connected import FACET as JOINED
from troth.readings.connected import RULES as JOINS
from troth.readings.connected import sort_joins
from troth.readings.evidence import weigh_scene
from troth.readings.held import RULES, categorise_turns
from troth.readings.reference import ActReference, Components, estimate_components, estimate_facets
from troth.readings.scene import Floats, Scene, set_scene
from troth.readings.shown import ACTS, Sorted, sort_turns
from troth.readings.spread import estimate_acts
from troth.readings.waits import log_wait
from troth.ruled import find_ruled
from troth.schema import FINDINGS, SENTENCES, TURNS, conform
from troth.settings import Settings
from troth.signals import RULED, WORDED
from troth.worktime import lay_out_hours

_CORPORA = ("enron_email", "numpy_list_2001_11", "it_helpdesk_calls", "ai_agent_airline")
_TIMED = ("enron_email", "numpy_list_2001_11")  # the others have no true times of their turns
_ENOUGH = 5  # turns that hold a category, under which its sensitivity is no figure
_HOURS = Calendar(zone="America/Chicago", country="US")  # most of those who wrote in the timed corpora sat in the US
_OWN_WORDS = ("enron_email", "numpy_list_2001_11", "ai_agent_airline")  # the calls resemble each other by design
_RULED = pa.array(RULED)
_FIRST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_SELDOM, _START_TURNS = 0.05, 20.0  # start values of `measure_joins`
_BY_RULE = (
    ("PE", "personal", "their_facts"),
    ("PE", "template", "template"),
    ("CO", "contradiction", "contradiction"),
    ("CO", "told_again", "told_again"),
)
_MAIL_OCCASIONS = MappingProxyType({"their_facts": (287, 2), "template": (300, 0), "contradiction": (17, 2)})
"""Turns of real mail with the occasion and none of it as read by the author, and how many of them a rule took for one:
replies of ours in Enron's mail and on the list; pairs of statements where all of Enron's mail is taken for one firm's
to one customer."""
_CHECKS = Path(__file__).parents[1] / "src/troth/checks/rules.json"
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
    facets: Sequence[str] = tuple(ACTS),
) -> dict[str, ActReference]:
    """For each facet of SHOWN whose acts are rare: its categories by channel and length, and how relationships differ.

    Args:
        scenes: of each corpus.
        found: our turns in each of them, sorted (`sort_turns`).
        groups: turn to relationship.
        sensitivity, specificity: as `measure_detection` gives them.
        facets: which.
    """
    acts: dict[str, ActReference] = {}
    for facet, rule in ((facet, ACTS[facet]) for facet in facets):
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


def space_out(known: Understood) -> pa.Table:
    """The turns of a corpus without times, one conversation of each task a day: as if on days of their own.

    A task that was played several times would be its own template.
    """
    turns = known.turns.filter(pc.ends_with(known.turns["conversation_id"], "-0"))
    days = {talk: number for number, talk in enumerate(dict.fromkeys(turns["conversation_id"].to_pylist()))}
    at = [
        _FIRST + dt.timedelta(days=days[talk], minutes=place)
        for talk, place in zip(turns["conversation_id"].to_pylist(), turns["position"].to_pylist(), strict=True)
    ]
    field = turns.schema.field("sent_at")
    return turns.set_column(turns.schema.get_field_index("sent_at"), field, pa.array(at, field.type))


def measure_own_words(
    corpora: Mapping[str, Understood],
    groups: Mapping[str, str],
    *,
    sensitivity: Mapping[str, Mapping[str, float]],
    specificity: Mapping[str, Mapping[str, float]],
) -> ActReference:
    """The facet of personalisation, from corpora in which text is not a script that everybody reads out."""
    scenes: list[Scene] = []
    for name in _OWN_WORDS:
        known = corpora[name]
        turns = known.turns if name in _TIMED else space_out(known)
        ids = turns["turn_id"].combine_chunks()
        said = known.sentences.filter(pc.is_in(known.sentences["turn_id"], ids))
        encoded = known.findings.filter(
            pc.and_(pc.is_in(known.findings["turn_id"], ids), pc.invert(pc.is_in(known.findings["signal"], _RULED)))
        )
        ruled = find_ruled(turns, said, calendar=Calendar()).findings
        scenes.append(set_scene(turns, said, pa.concat_tables([encoded, ruled])))
    found = [sort_turns(weigh_scene(scene), scene) for scene in scenes]
    acts = measure_acts(scenes, found, groups, sensitivity=sensitivity, specificity=specificity, facets=("PE",))
    return acts["PE"]


def measure_joins(
    scenes: Sequence[Scene], sensitivity: Mapping[str, float], specificity: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Share of the categories of each side's turns at their occasions, as found, drawn to a start value.

    Public mail has few turns over two channels or two people of one firm: 3 of ours and 5 of theirs. So the start value
    weighs as much as twenty: one occasion in twenty holds a contradiction, or has to be told again, and what the rules
    then find of it and beside it.
    """
    joins: dict[str, dict[str, float]] = {}
    for side, rule in JOINS.items():
        counts = sum((np.bincount(sort_joins(scene, side)[1], minlength=2) for scene in scenes), np.zeros(2))
        act = rule.categories[0]
        found = _SELDOM * sensitivity[act] + (1.0 - _SELDOM) * (1.0 - specificity[act])
        start = np.array([found, 1.0 - found])
        shares = (counts + _START_TURNS * start) / (counts.sum() + _START_TURNS)
        print(f"CO {side}: {dict(zip(rule.categories, counts.astype(int).tolist(), strict=True))}")
        joins[side] = dict(zip(rule.categories, shares.round(5).tolist(), strict=True))
    return joins


def measure_rules() -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Sensitivity and specificity of what rules find, from src/troth/checks/rules.json; see `training.rules`.

    Half a case is added to each count. The share left alone counts the turns of real mail as well, where it has any.
    """
    rows = json.loads(_CHECKS.read_text("utf-8"))
    sensitivity: dict[str, dict[str, float]] = {}
    specificity: dict[str, dict[str, float]] = {}
    for facet, name, signal in _BY_RULE:
        mine = {row["metric"]: row for row in rows if row["signal"] == signal}
        positives, cases = mine["sensitivity"]["positives"], mine["sensitivity"]["rows"]
        hits = round(mine["sensitivity"]["value"] * positives)
        alone, others = round(mine["specificity"]["value"] * (cases - positives)), cases - positives
        more, wrong = _MAIL_OCCASIONS.get(signal, (0, 0))
        sensitivity.setdefault(facet, {})[name] = round((hits + 0.5) / (positives + 1.0), 4)
        specificity.setdefault(facet, {})[name] = round((alone + more - wrong + 0.5) / (others + more + 1.0), 4)
    return sensitivity, specificity


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
    Acts that rules find in words are left out: the rules were made on these very rows.
    """
    turns, sentences, disputed, marked = read_marked(dev)
    by_encoder = find_signals(sentences, load_encoder())
    truth, found, open_to_doubt = (
        set_scene(turns, sentences, some.filter(pc.invert(pc.is_in(some["signal"], pa.array(WORDED)))))
        for some in (conform(marked, FINDINGS), by_encoder, conform(disputed, FINDINGS))
    )
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
    parser.add_argument("--only", choices=["rules"], help="measure what rules find anew, and leave all else as it is")
    chosen = parser.parse_args()
    scenes: dict[str, Scene] = {}
    evidence: list[pa.Table] = []
    groups: dict[str, str] = {}
    channels: dict[str, str] = {}
    corpora: dict[str, Understood] = {}
    for corpus in _CORPORA:
        corpora[corpus] = known = read_corpus(chosen.data / "interactions" / corpus / "messages.jsonl")
        scenes[corpus] = set_scene(known.turns, known.sentences, known.findings)
        evidence.append(weigh_scene(scenes[corpus]))
        groups |= group_turns(known)
        channels |= dict(zip(*(known.turns[name].to_pylist() for name in ("turn_id", "channel")), strict=True))
        print(f"{corpus}: {known.turns.num_rows} turns, {known.sentences.num_rows} sentences", flush=True)
    se, sp = measure_rules()
    of_rules = {"PE": measure_own_words(corpora, groups, sensitivity=se, specificity=sp)}
    joins = measure_joins(list(scenes.values()), se[JOINED], sp[JOINED])
    if chosen.only == "rules":
        shipped = load_reference(encoder_id())
        shipped = replace(
            shipped, acts={**shipped.acts, **of_rules}, joins=joins,
            sensitivity={**shipped.sensitivity, **se}, specificity={**shipped.specificity, **sp},
        )  # fmt: skip
        _TARGET.write_text(shipped.to_json(), "utf-8")
        print(of_rules, joins, se, sp)
        return
    every = pa.concat_tables(evidence)
    every = every.filter(pc.not_equal(every["facet"], JOINED))
    facets = estimate_facets(every.filter(pc.invert(pc.is_in(every["facet"], pa.array(list(ACTS))))), groups, channels)
    waits = measure_waits({corpus: scenes[corpus] for corpus in _TIMED})
    sensitivity, specificity = measure_detection(chosen.data / "business_acts" / "dev.jsonl")
    sensitivity, specificity = {**sensitivity, **se}, {**specificity, **sp}
    found = [sort_turns(one, scene) for one, scene in zip(evidence, scenes.values(), strict=True)]
    acts = measure_acts(list(scenes.values()), found, groups, sensitivity=sensitivity, specificity=specificity)
    reference = Reference(
        encoder=encoder_id(),
        corpora=", ".join(_CORPORA),
        facets=facets,
        acts={**acts, **of_rules},
        joins=joins,
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
