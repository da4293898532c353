"""Fit the two small models of `troth.promises.match` on the pairs of ``own/settling.tsv``, and score held-out ones.

    python -m training.settling

Prints the weights to put into `match.py` and, for pairs held out by scene, how well the match is told.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from troth.encoder import find_signals, load_encoder
from troth.promises import Calendar, settle_promises
from troth.promises.evidence import FULFILLING, Piece, Spot
from troth.promises.match import Pledge, make_pledge, may_settle, read_features
from troth.promises.scope import Rarity, Scope, lay_out_scopes
from troth.schema import PROMISES, TURNS, conform
from troth.text import split_sentences

PAIRS = Path(__file__).parent / "own" / "settling.tsv"
FILLERS = {"fit": "turns_a.jsonl", "held_out": "turns_b.jsonl"}
"""Turns on other matters, written for the encoder, put between promise and evidence: most sentences that follow a
promise have nothing to do with it, and the models have to learn how many."""
FILLERS_HERE, FILLERS_ELSEWHERE = 12, 8
SAID = datetime(2026, 3, 2, 9, tzinfo=UTC)
PENALTY = 4.0
"""Ridge penalty on standardised weights: best or within .01 of the best log loss of both models in five-fold
cross-validation over the scenes of the fit part (tried .1 to 8)."""

PEOPLE = {
    "actor": "ann@us.example",
    "colleague": "carl@us.example",
    "other": "ola@them.example",
    "third": "tom@us.example",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One piece of evidence of one written pair."""

    scene: int
    pair: int
    held_out: bool
    shows: str  # done, not_done, moved, none: of the pair
    pledge: Pledge
    piece: Piece
    features: dict[str, float]

    @property
    def fulfils(self) -> bool:
        """Whether the piece is of a kind that keeps promises."""
        return self.piece.kind in FULFILLING

    @property
    def target(self) -> bool:
        """Whether it settles the promise in the way of its kind."""
        if self.fulfils:
            return self.shows == "done"
        return self.shows == ("moved" if self.piece.kind == "moved" else "not_done")


def read_pairs() -> list[dict[str, str]]:
    """The written pairs, in order."""
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_cases() -> list[Case]:
    """Every piece that the gates let through, with its features; a relationship for each scene."""
    pairs = read_pairs()
    scenes: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, pair in enumerate(pairs):
        scenes.setdefault(pair["scene"], []).append((number, pair))
    rng = np.random.default_rng(5)
    texts = {part: _read_fillers(name) for part, name in FILLERS.items()}
    turns = conform(
        [
            turn
            for scene in scenes.values()
            for turn in [*_turns_of(scene), *_filler_turns(scene[0][1], texts[scene[0][1]["part"]], rng)]
        ],
        TURNS,
    )
    sentences = split_sentences(turns)
    findings = find_signals(sentences, load_encoder())
    said = pa.chunked_array([pa.array([f"said-{scene}" for scene in scenes])])
    cases: list[Case] = []
    for scope in lay_out_scopes(turns, sentences, findings, said=said, now=SAID + timedelta(days=400)):
        scene = next(spot.turn_id for spot in scope.spots.values() if spot.turn_id.startswith("said-"))[5:]
        cases.extend(_cases_of(scope, scenes[scene]))
    return cases


def _read_fillers(name: str) -> list[str]:
    with (PAIRS.parent / name).open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def _filler_turns(first: dict[str, str], texts: Sequence[str], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Turns about other matters; in the promise's own talk by the other side alone where any answer would keep it."""
    turns: list[dict[str, Any]] = []
    name = f"{first['scene']}.example"
    row = {"text": first["promise"], "due_words": None, "condition": None, "actor": "ann", "addressee": None}
    nobody = Spot(
        turn_id="", talk="", order=0, sent_at=None, speaker="", side=None, people=frozenset(), subject=frozenset()
    )
    is_answer = make_pledge(row, nobody, None).is_answer
    for number, at in enumerate(rng.choice(len(texts), FILLERS_HERE + FILLERS_ELSEWHERE, replace=False).tolist()):
        here = number < FILLERS_HERE
        speaker = str(rng.choice(["actor", "colleague", "other", "other"]))
        if here and is_answer:
            speaker = "other"
        turns.append({
            "turn_id": f"filler-{first['scene']}-{number}", "conversation_id": f"{name}-{0 if here else 900 + number}",
            "position": 500 + number, "sent_at": SAID + timedelta(days=int(rng.integers(0, 21)), hours=9),
            "speaker": PEOPLE[speaker], "side": "them" if speaker == "other" else "us", "channel": "mail",
            "subject": first["subject"] if here else "Other matters", "body": texts[at], "attachments": None,
            "source": "own", "circle": "customer", "relationship": name, "automatic": False,
        })  # fmt: skip
    return turns


def _turns_of(scene: Sequence[tuple[int, dict[str, str]]]) -> list[dict[str, Any]]:
    first = scene[0][1]
    name = f"{first['scene']}.example"
    common = {"source": "own", "circle": "customer", "relationship": name, "automatic": False}
    turns: list[dict[str, Any]] = [
        {
            "turn_id": f"said-{first['scene']}", "conversation_id": f"{name}-0", "position": 0, "sent_at": SAID,
            "speaker": PEOPLE["actor"], "side": "us", "channel": "mail", "subject": first["subject"],
            "body": first["promise"], "attachments": None, **common,
        }
    ]  # fmt: skip
    for number, pair in scene:
        same = pair["talk"] == "same"
        turns.append({
            "turn_id": f"pair-{number}", "conversation_id": f"{name}-{0 if same else number + 1}",
            "position": number + 1, "sent_at": SAID + timedelta(days=int(pair["days"]), hours=1 + number % 7),
            "speaker": PEOPLE[pair["speaker"]], "side": "them" if pair["speaker"] == "other" else "us",
            "channel": "chat" if pair["channel"] == "chat" else pair["channel"], "subject": pair["later_subject"],
            "body": pair["text"], "attachments": [pair["attachments"]] if pair["attachments"] else None, **common,
        })  # fmt: skip
    return turns


def _cases_of(scope: Scope, scene: Sequence[tuple[int, dict[str, str]]]) -> list[Case]:
    first = scene[0][1]
    days = first["due_days"]
    due = SAID.replace(hour=23, minute=59) + timedelta(days=int(days)) if days else None
    row = {
        "text": first["promise"], "due_words": first["due_words"], "condition": None, "actor": PEOPLE["actor"],
        "addressee": PEOPLE["other"],
    }  # fmt: skip
    pledge = make_pledge(row, scope.spots[f"said-{first['scene']}"], due)
    rarity = Rarity(scope, pledge.spot.sent_at)
    by_turn: dict[str, list[Piece]] = {}
    for pieces in scope.talks.values():
        for piece in pieces:
            by_turn.setdefault(piece.spot.turn_id, []).append(piece)
    shown = {f"pair-{number}": (number, pair["shows"]) for number, pair in scene}
    fillers = {turn_id for turn_id in by_turn if turn_id.startswith("filler-")}
    shown |= {turn_id: (-1000 * int(first["scene"]) - at, "none") for at, turn_id in enumerate(sorted(fillers))}
    return [
        Case(
            scene=int(first["scene"]), pair=pair, held_out=first["part"] == "held_out", shows=shows,
            pledge=pledge, piece=piece, features=read_features(pledge, piece, rarity),
        )
        for turn_id, pieces in by_turn.items()
        if turn_id != pledge.spot.turn_id
        for pair, shows in [shown[turn_id]]
        for piece in pieces
        if may_settle(pledge, piece)
    ]  # fmt: skip


def fit_logistic(
    rows: NDArray[np.float64], targets: NDArray[np.float64], *, penalty: float
) -> tuple[NDArray[np.float64], float]:
    """Ridge logistic regression by Newton steps on standardised columns.

    Args:
        rows: shape (n, k).
        targets: shape (n,), 0 or 1.
        penalty: on the squared standardised weights, the bias free.

    Returns: weights on the raw scale, shape (k,), and the bias.
    """
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale == 0] = 1.0
    x = np.column_stack([np.ones(len(rows)), (rows - mean) / scale])
    ridge = np.diag([0.0, *[penalty] * rows.shape[1]])
    w = np.zeros(x.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        step = np.linalg.solve(
            (x * (p * (1 - p))[:, None]).T @ x + ridge + 1e-9 * np.eye(len(w)), x.T @ (p - targets) + ridge @ w
        )
        w = w - step
        if np.abs(step).max() < 1e-8:
            break
    weights = w[1:] / scale
    return weights, float(w[0] - weights @ mean)


def fit(cases: Sequence[Case], *, penalty: float = PENALTY) -> dict[str, float]:
    """Weights by name of feature, with "bias"."""
    names = sorted({name for case in cases for name in case.features})
    rows = np.array([[case.features.get(name, 0.0) for name in names] for case in cases])
    weights, bias = fit_logistic(rows, np.array([case.target for case in cases], float), penalty=penalty)
    return {"bias": bias} | {name: float(weight) for name, weight in zip(names, weights, strict=True)}


def judge(cases: Sequence[Case], weights: dict[str, float]) -> NDArray[np.float64]:
    """Probabilities, shape (cases,)."""
    logits = [
        weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in case.features.items()) for case in cases
    ]
    return 1 / (1 + np.exp(-np.array(logits)))


def cross_validate(cases: Sequence[Case], *, penalty: float, folds: int = 5) -> NDArray[np.float64]:
    """Each case judged by weights fitted on the scenes of other folds."""
    judged = np.zeros(len(cases))
    scenes = np.array([case.scene for case in cases]) % (folds * 3) // 3
    for fold in range(folds):
        weights = fit([case for case, at in zip(cases, scenes, strict=True) if at != fold], penalty=penalty)
        mine = np.flatnonzero(scenes == fold)
        judged[mine] = judge([cases[at] for at in mine.tolist()], weights)
    return judged


@dataclass(frozen=True, kw_only=True)
class Told:
    """One turn behind a promise: the best of its pieces against what it shows."""

    scene: int
    judged: float
    truth: bool


def by_turn(cases: Sequence[Case], judged: NDArray[np.float64], shows: str, *, held_out: bool) -> list[Told]:
    """Written pairs and fillers alike; a turn in which no gate opened is told by no one: 0."""
    best: dict[int, float] = {}
    scene_of: dict[int, int] = {}
    for case, value in zip(cases, judged, strict=True):
        best[case.pair] = max(best.get(case.pair, 0.0), float(value))
        scene_of[case.pair] = case.scene
    part = "held_out" if held_out else "fit"
    pairs = {number: pair for number, pair in enumerate(read_pairs()) if pair["part"] == part}
    told = [
        Told(scene=int(pair["scene"]), judged=best.get(number, 0.0), truth=pair["shows"] == shows)
        for number, pair in pairs.items()
    ]
    return told + [Told(scene=scene_of[at], judged=value, truth=False) for at, value in best.items() if at < 0]


def log_loss(judged: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Mean negative log likelihood, nats."""
    p = np.clip(judged, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(truth, np.log(p), np.log(1 - p))))


def area(judged: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the share of pairs of one right and one wrong that stand in order."""
    right, wrong = judged[truth], judged[~truth]
    above = (right[:, None] > wrong[None, :]).mean() + 0.5 * (right[:, None] == wrong[None, :]).mean()
    return float(above)


def interval(
    measure: Callable[[NDArray[np.intp]], float], clusters: Sequence[int], *, seed: int = 1, draws: int = 1000
) -> tuple[float, float]:
    """95 % bootstrap interval over clusters (scenes); draws in which the measure has no value are left out."""
    rng = np.random.default_rng(seed)
    members = {cluster: np.flatnonzero(np.array(clusters) == cluster) for cluster in sorted(set(clusters))}
    names = list(members)
    values = [
        measure(np.concatenate([members[names[k]] for k in rng.integers(0, len(names), len(names))]))
        for _ in range(draws)
    ]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def precision_recall(judged: NDArray[np.float64], truth: NDArray[np.bool_], least: float) -> tuple[float, float]:
    """Precision and recall of what is judged at least this likely."""
    said = judged >= least
    hit = float((said & truth).sum())
    return hit / max(1.0, float(said.sum())), hit / max(1.0, float(truth.sum()))


def main() -> None:
    """Fit, print the weights, score the held-out scenes."""
    cases = read_cases()
    for title, fulfils, shown in (("FULFILS", True, ("done",)), ("SPEAKS_OF", False, ("not_done", "moved"))):
        chosen = [case for case in cases if case.fulfils == fulfils]
        weights = fit([case for case in chosen if not case.held_out])
        print(title, {name: round(value, 2) for name, value in weights.items() if abs(value) >= 0.005})
        for shows in shown:
            held_out = [
                case
                for case in chosen
                if case.held_out and (fulfils or (case.piece.kind == "moved") == (shows == "moved"))
            ]
            report(by_turn(held_out, judge(held_out, weights), shows, held_out=True), shows)
    report_states()


def settle_pairs(part: str) -> list[tuple[str, str, float | None]]:
    """Each pair of a part with nothing else in its relationship: what it shows, the state, and how sure the match is.

    Nothing can be told by silence: the act is one that no channel would show.
    """
    pairs = [(number, pair) for number, pair in enumerate(read_pairs()) if pair["part"] == part]
    turns: list[dict[str, Any]] = []
    promises: list[dict[str, Any]] = []
    for number, pair in pairs:
        home = f"alone-{number}.example"
        for turn in _turns_of([(number, pair)]):
            talk = turn["conversation_id"].replace(f"{pair['scene']}.example", home)
            turn_id = turn["turn_id"].replace(f"said-{pair['scene']}", f"said-{number}")
            turns.append({**turn, "turn_id": turn_id, "conversation_id": talk, "relationship": home})
        days = pair["due_days"]
        promises.append({
            "promise_id": str(number), "turn_id": f"said-{number}", "start": 0, "end": len(pair["promise"]),
            "text": pair["promise"], "act": pair["promise"], "origin": "stated", "probability": 1.0, "side": "us",
            "relationship": home, "circle": "customer", "actor": PEOPLE["actor"], "addressee": PEOPLE["other"],
            "said_at": SAID, "specific": True, "due_words": pair["due_words"] or None, "observability": "O3",
            "due_rule": "explicit" if days else "none", "state": "open", "decided_by": "machine",
            "due_latest": SAID.replace(hour=23, minute=59) + timedelta(days=int(days)) if days else None,
        })  # fmt: skip
    table = conform(turns, TURNS)
    sentences = split_sentences(table)
    settled = settle_promises(
        pa.Table.from_pylist(promises, PROMISES), table, sentences, find_signals(sentences, load_encoder()),
        now=SAID + timedelta(days=200), calendar=Calendar(),
    ).to_pylist()  # fmt: skip
    return [
        (pair["shows"], row["state"], row["evidence_probability"])
        for (_, pair), row in zip(pairs, settled, strict=True)
    ]


def report_states() -> None:
    """The states of held-out pairs, and how often evidence that counts as an act is none, by how sure it is."""
    pairs = settle_pairs("held_out")
    for shows, states in (("done", ("kept", "late")), ("not_done", ("suspected",)), ("moved", ("withdrawn",))):
        truly = sum(one == shows for one, _, _ in pairs)
        hits = sum(one == shows and state in states for one, state, _ in pairs)
        others = sum(one != shows and state in states for one, state, _ in pairs)
        print(f"{shows}: {hits} of {truly} pairs {' or '.join(states)}, {others} others")
    said = [(shows == "done", sure) for shows, state, sure in pairs if state in ("kept", "late") and sure is not None]
    for least, below in ((0.4, 0.75), (0.75, 0.9), (0.9, 1.01)):
        mine = [right for right, sure in said if least <= sure < below]
        print(f"  kept or late at {least} to {min(below, 1.0)}: {sum(mine)} of {len(mine)} right")


def report(told: Sequence[Told], shows: str) -> None:
    """Area and, at some thresholds, precision and recall over held-out turns, with intervals over scenes."""
    judged, truth = np.array([turn.judged for turn in told]), np.array([turn.truth for turn in told])
    scenes = [turn.scene for turn in told]
    low, high = interval(lambda at: area(judged[at], truth[at]), scenes)
    print(
        f"  {shows}: {len(told)} held-out turns, {truth.sum()} show it; "
        f"AUC {area(judged, truth):.2f} ({low:.2f} to {high:.2f})"
    )
    for least in (0.4, 0.5, 0.75):
        precision, recall = precision_recall(judged, truth, least)
        ends = [
            interval(lambda at, n=n, least=least: precision_recall(judged[at], truth[at], least)[n], scenes)
            for n in (0, 1)
        ]
        bands = [f"{low:.2f} to {high:.2f}" for low, high in ends]
        print(f"    at {least}: precision {precision:.2f} ({bands[0]}), recall {recall:.2f} ({bands[1]})")


if __name__ == "__main__":
    main()
