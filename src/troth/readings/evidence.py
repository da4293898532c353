"""FINDINGS to EVIDENCE: what each sentence with an occasion says on each facet of SHOWN.

Each rule below names the sentences in which the facet had its opportunity, and sums its signals there. A sentence
without the opportunity gives no row: missing empathy in a line about an invoice number is not low empathy.
Source: MEASUREMENT.md section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa

from troth.readings.clarity import rate_clarity
from troth.readings.scene import Bools, Floats, Scene, set_scene
from troth.schema import EVIDENCE, conform, empty
from troth.signals import CATALOGUE, SHOWN

_SUBSTANTIVE_WORDS = 4  # a shorter sentence ("Hi Anna,", "Best, Tom") carries no claim to be clear or open about


VOICES: Final = ("feeling", "bad_news", "not_done", "chases", "doubts_motive")
"""What a turn holds that a warm answer has its occasion in."""

VOICED: Final = 0.3
"""Probability from which such a turn counts as one. Heads for rare acts are cautious: on the dev rows of business_acts
9 of 12 such turns are found from here up and 119 of 124 others left alone; from .5 up 7 and 121."""


def weigh_findings(turns: pa.Table, sentences: pa.Table, findings: pa.Table) -> pa.Table:
    """Weigh what our side wrote: TURNS (placed), SENTENCES, FINDINGS to EVIDENCE.

    Cost: a handful of array operations over all sentences for each facet.
    """
    return weigh_scene(set_scene(turns, sentences, findings))


def weigh_scene(scene: Scene) -> pa.Table:
    """As `weigh_findings`, on a scene that is already set."""
    ours = scene.is_us[scene.of_turn]
    tables = [_rows(scene, facet, ours & rule(scene)) for facet, rule in _OPPORTUNITY.items()]
    return pa.concat_tables(tables) if tables else empty(EVIDENCE)


def _rows(scene: Scene, facet: str, chosen: Bools) -> pa.Table:
    contributions = {name: scores[chosen] for name, scores in _contributions(scene, facet).items()}
    rows = scene.sentences.filter(pa.array(chosen)).select(["turn_id", "sentence", "start", "end"])
    if not contributions:
        return empty(EVIDENCE)
    stacked = np.stack(list(contributions.values()))
    leading = np.abs(stacked).argmax(axis=0)
    strength = np.abs(stacked).max(axis=0, initial=0.0)
    is_named = (strength >= 0.5) | (facet == "CL")
    names = np.array(list(contributions), object)[leading]
    columns = {
        "facet": pa.repeat(facet, rows.num_rows),
        "raw": stacked.sum(axis=0),
        "signal": pa.array(names, pa.string(), mask=~is_named),
        "probability": pa.array(np.minimum(strength, 1.0), pa.float32(), mask=~is_named | (facet == "CL")),
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return conform(rows, EVIDENCE)


def _contributions(scene: Scene, facet: str) -> Mapping[str, Floats]:
    """Signed probability of each signal of the facet, per sentence."""
    if facet == "CL":
        return {"clarity": rate_clarity(scene.sentences["text"])}
    signed: dict[str, Floats] = {}
    for signal in CATALOGUE.values():
        if signal.shown == facet and signal.is_finding and not signal.of_theirs:
            probability = scene.probability[signal.name]
            if signal.kind == "graded":
                probability = np.where(probability > 0, probability - 0.5, 0.0)  # about the reference median
            signed[signal.name] = signal.sign * probability
    if facet == "RS":  # a reason beside the claim serves it too
        signed = {name: take_beside(scene, scores) for name, scores in signed.items()}
    return signed


def take_beside(scene: Scene, scores: Floats) -> Floats:
    """The larger of a sentence's own score and those of its neighbours in the same turn."""
    padded = np.concatenate([[0.0], scores, [0.0]])
    turn = np.concatenate([[-1], scene.of_turn, [-1]])
    before = np.where(turn[:-2] == scene.of_turn, padded[:-2], 0.0)
    after = np.where(turn[2:] == scene.of_turn, padded[2:], 0.0)
    return np.maximum(scores, np.maximum(before, after))


def find_claims(scene: Scene) -> Bools:
    """Sentences that claim something and are long enough to need a reason."""
    return scene.found("claim", "rejects", "bad_news") & (scene.words >= _SUBSTANTIVE_WORDS)


def _substantive(scene: Scene) -> Bools:
    return scene.words >= _SUBSTANTIVE_WORDS


def _marked_claims(scene: Scene) -> Bools:
    return scene.found("claim", "hedge", "overclaim", "flattery")


def answers_a_feeling(scene: Scene) -> Bools:
    """Turns that answer one in which a feeling, a need or something unwelcome was voiced."""
    return scene.in_answered(scene.in_turn(scene.found(*VOICES, least=VOICED)))


def _occasions_to_attune(scene: Scene) -> Bools:
    return answers_a_feeling(scene)[scene.of_turn] | scene.found("reaction", "interpretation", "exploration")


def _proposals(scene: Scene) -> Bools:
    proposed = scene.in_turn(scene.found("request", "offer", "commitment", "rejects"))
    objected = scene.in_answered(scene.in_turn(scene.found("rejects", "doubts_motive", "chases")))
    acts = scene.found("their_interest", "own_interest", "pressure")
    return ((proposed | objected)[scene.of_turn] & _substantive(scene)) | acts


def _anything(scene: Scene) -> Bools:
    return np.ones(len(scene.of_turn), bool)


def _facts_told_twice(scene: Scene) -> Bools:
    return scene.found("contradiction", "facts_agree")


def _replies(scene: Scene) -> Bools:
    return scene.is_reply[scene.of_turn] & _substantive(scene)


_OPPORTUNITY: Final[Mapping[str, Callable[[Scene], Bools]]] = MappingProxyType(
    {
        "RS": find_claims,
        "CL": _substantive,
        "CA": _marked_claims,
        "CO": _facts_told_twice,
        "AT": _occasions_to_attune,
        "OP": _substantive,
        "OR": _proposals,
        "RG": _anything,
        "PE": _replies,
    }
)
"""Facet to the sentences in which it had its occasion. FT does not come from sentences; CO is read in `connected`."""

assert set(_OPPORTUNITY) <= set(SHOWN)  # noqa: S101 -- a misspelt facet must not go unseen
