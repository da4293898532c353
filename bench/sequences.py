"""One step ahead on real sequences of labels: troth's filter beside what a user would pick instead.

    python bench/sequences.py [--data ../shared/data] [--only TASK]

Each label of a conversation is foretold from those before it. Every method's constants are fitted to the train and dev
parts by the same optimiser, and the test part is scored once. The scores go to bench/sequences.json, and from there
into the table of docs/sequences.md. Public data sets that are not there are left out, and their rows stay.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import expit, ndtr, ndtri

from troth.trust._arrays import Evidence, take_evidence
from troth.trust.likelihood import weigh
from troth.trust.margins import make_dynamics, take_facets
from troth.trust.model import Model

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "sequences.json", HERE.parent / "docs" / "sequences.md"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FACET = "FT"  # any facet would do: one facet alone is followed
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequences:
    """Labels 0..points-1 of several conversations, padded with -1: shape (conversations, longest)."""

    labels: Ints
    clusters: Ints  # (conversations,): those with one number go together in a standard error

    @classmethod
    def pad(cls, rows: Sequence[tuple[str, list[int]]]) -> Sequences:
        """From pairs of cluster and labels."""
        labels = np.full((len(rows), max(len(row) for _, row in rows)), -1, np.int64)
        for number, (_, row) in enumerate(rows):
            labels[number, : len(row)] = row
        return cls(labels=labels, clusters=np.unique([name for name, _ in rows], return_inverse=True)[1])

    @property
    def is_there(self) -> npt.NDArray[np.bool_]:
        """Where there is a label."""
        return self.labels >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to foretell: `score` gives log P of each conversation at unconstrained constants."""

    name: str
    start: Floats
    score: Callable[[Floats, Sequences], Floats]


# What there is to foretell


def read_rows(folder: Path, part: str) -> Iterator[dict[str, Any]]:
    """The rows of one part of a data set, gzipped or not."""
    for name, opener in ((f"{part}.jsonl", open), (f"{part}.jsonl.gz", gzip.open)):
        if (folder / name).exists():
            with opener(folder / name, "rt", encoding="utf-8") as lines:
                yield from map(json.loads, lines)
            return


def read_diplomacy(folder: Path, part: str, label: str) -> list[tuple[str, list[int]]]:
    """Each player's marks towards one other, in order; a message without a mark has no label."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in read_rows(folder, part):
        if row["labels"][label] is not None:
            key = (row["dialogue"], row["speaker"])
            found.setdefault(key, []).append((row["turn"], int(row["labels"][label])))
    return [(dialogue, [mark for _, mark in sorted(marks)]) for (dialogue, _), marks in sorted(found.items())]


def read_satisfaction(folder: Path, part: str) -> list[tuple[str, list[int]]]:
    """Each user turn's mean rating, rounded: 0 below 3, 1 at 3, 2 above."""
    found = []
    for row in read_rows(folder, part):
        means = [turn["labels"].get("satisfaction_mean") for turn in row["turns"] if turn["speaker"] == "user"]
        found.append((row["id"], [int(np.sign(np.floor(mean + 0.5) - 3)) + 1 for mean in means if mean is not None]))
    return [(name, marks) for name, marks in found if marks]


_SELFISH = {"self-need", "other-need", "vouch-fair", "uv-part"}
_SOCIAL = {"promote-coordination", "no-need", "showing-empathy", "elicit-pref"}


def read_strategies(folder: Path, part: str) -> list[tuple[str, list[int]]]:
    """Each negotiator's strategies: 0 for oneself, 1 neither or both, 2 for both sides."""
    found = []
    for row in read_rows(folder, part):
        for speaker in ("1", "2"):
            used = [turn.get("labels", {}).get("strategies") for turn in row["turns"] if turn["speaker"] == speaker]
            marks = [bool(_SOCIAL & set(names)) - bool(_SELFISH & set(names)) + 1 for names in used if names]
            if marks:
                found.append((row["id"], marks))
    return found


_AGAINST = {"negative-reaction-to-donation", "negative-to-inquiry", "disagree-donation", "disagree-donation-more"}
_FOR = {
    "positive-reaction-to-donation",
    "positive-to-inquiry",
    "agree-donation",
    "confirm-donation",
    "provide-donation-amount",
}


def read_reactions(folder: Path, part: str) -> list[tuple[str, list[int]]]:
    """Each sentence of the one who is asked to give: 0 against, 1 neither, 2 for it."""
    found = []
    for row in read_rows(folder, part):
        acts = [turn["labels"]["act"] for turn in row["turns"] if turn["speaker"] == "persuadee"]
        marks = [(act in _FOR) - (act in _AGAINST) + 1 for act in acts if act is not None]
        if marks:
            found.append((row["id"], marks))
    return found


_TALK = ("sustain", "neutral", "change")


def read_talk(folder: Path, part: str) -> list[tuple[str, list[int]]]:
    """Each client turn of a counselling call: 0 for staying as it is, 1 neutral, 2 for change."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in read_rows(folder, part):
        if row["labels"].get("talk") is not None:
            turn = int(row["id"].rsplit("-", 1)[1])
            found.setdefault(str(row["meta"]["transcript"]), []).append((turn, _TALK.index(row["labels"]["talk"])))
    return [(name, [mark for _, mark in sorted(marks)]) for name, marks in sorted(found.items())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of label in one data set."""

    name: str
    folder: str
    points: int
    read: Callable[[Path, str], list[tuple[str, list[int]]]]


TASKS = (
    Task(name="diplomacy: believed by the receiver", folder="diplomacy", points=2,
         read=lambda folder, part: read_diplomacy(folder, part, "receiver_perceived_truthful")),
    Task(name="diplomacy: meant truthfully", folder="diplomacy", points=2,
         read=lambda folder, part: read_diplomacy(folder, part, "sender_truthful")),
    Task(name="USS MultiWOZ: satisfaction", folder="uss_mwoz", points=3, read=read_satisfaction),
    Task(name="USS SGD: satisfaction", folder="uss_sgd", points=3, read=read_satisfaction),
    Task(name="CaSiNo: strategies", folder="casino", points=3, read=read_strategies),
    Task(name="PersuasionForGood: reactions", folder="persuasion_for_good", points=3, read=read_reactions),
    Task(name="AnnoMI: client talk", folder="annomi", points=3, read=read_talk),
)  # fmt: skip


# Ways to foretell


def count_labels(known: Sequences, points: int) -> Floats:
    """How common each label is, with half a label added to each."""
    counts = np.bincount(known.labels[known.is_there], minlength=points) + 0.5
    return counts / counts.sum()


def step_through(
    sequences: Sequences, chances: Callable[[Any], Floats], after: Callable[[Any, Ints], Any], state: Any
) -> Floats:
    """log P of each conversation by a rule that keeps a state: shape (conversations,)."""
    total, rows = np.zeros(len(sequences.labels)), np.arange(len(sequences.labels))
    for labels in sequences.labels.T:
        given, is_there = np.maximum(labels, 0), labels >= 0
        p = np.maximum(chances(state)[rows, given], _LEAST)
        total += np.where(is_there, np.log(p), 0.0)
        state = after(state, given)  # after its end a conversation's state no longer counts
    return total


def base_rate(known: Sequences, points: int) -> Method:
    """Every label as common as in the train part."""
    base = count_labels(known, points)

    def score(_: Floats, sequences: Sequences) -> Floats:
        return np.where(sequences.is_there, np.log(base[np.maximum(sequences.labels, 0)]), 0.0).sum(axis=1)

    return Method(name="base rate", start=np.empty(0), score=score)


def last_value(known: Sequences, points: int) -> Method:
    """The last label with probability w, else the base rate. One constant."""
    base = count_labels(known, points)

    def score(theta: Floats, sequences: Sequences) -> Floats:
        w, count = float(expit(theta[0])), len(sequences.labels)
        table = np.vstack([w * np.eye(points) + (1 - w) * base, base])  # the last row: no label yet
        return step_through(sequences, lambda last: table[last], lambda _, new: new, np.full(count, points))

    return Method(name="last value", start=np.zeros(1), score=score)


def markov(known: Sequences, points: int) -> Method:
    """How often each label followed each, with one label's worth of base rate added; no constant is searched."""
    base = count_labels(known, points)
    pairs = np.zeros((points, points))
    before, after = known.labels[:, :-1], known.labels[:, 1:]
    np.add.at(pairs, (before[after >= 0], after[after >= 0]), 1.0)
    first = np.bincount(known.labels[:, 0], minlength=points) + base
    table = np.vstack([(pairs + base) / (pairs.sum(axis=1, keepdims=True) + 1.0), first / first.sum()])

    def score(_: Floats, sequences: Sequences) -> Floats:
        count = len(sequences.labels)
        return step_through(sequences, lambda last: table[last], lambda _, new: new, np.full(count, points))

    return Method(name="Markov", start=np.empty(0), score=score)


def reputation(known: Sequences, points: int) -> Method:
    """Beta reputation with forgetting (for three labels Dirichlet): counts that fade, and a prior. Two constants."""
    base = count_labels(known, points)

    def score(theta: Floats, sequences: Sequences) -> Floats:
        keep, strength = float(expit(theta[0])), float(np.exp(theta[1]))
        return step_through(
            sequences,
            lambda n: (n + strength * base) / (n.sum(axis=1, keepdims=True) + strength),
            lambda n, new: keep * n + np.eye(points)[new],
            np.zeros((len(sequences.labels), points)),
        )

    return Method(name="beta reputation", start=np.array([3.0, 1.0]), score=score)


def place_cuts(theta: Floats) -> Floats:
    """Rising cuts from unconstrained numbers, with infinite ends."""
    return np.concatenate([[-np.inf], np.cumsum(np.concatenate([theta[:1], np.exp(theta[1:])])), [np.inf]])


def start_cuts(known: Sequences, points: int, spread: float) -> Floats:
    """Cuts that give the base rate to a level spread so far, as unconstrained numbers."""
    cuts = ndtri(np.cumsum(count_labels(known, points))[:-1]) * spread
    return np.concatenate([cuts[:1], np.log(np.diff(cuts))])


def score_driven(known: Sequences, points: int) -> Method:
    """Ordered probit whose level moves with the score of each label (GAS). Two constants and the cuts."""

    def score(theta: Floats, sequences: Sequences) -> Floats:
        keep, gain, cuts = float(expit(theta[0])), float(np.exp(theta[1])), place_cuts(theta[2:])

        def chances(level: Floats) -> Floats:
            return np.maximum(np.diff(ndtr(cuts - level[:, None]), axis=1), _LEAST)

        def after(level: Floats, new: Ints) -> Floats:
            lo, hi = cuts[new] - level, cuts[new + 1] - level
            slope = (np.exp(-0.5 * lo**2) - np.exp(-0.5 * hi**2)) / np.sqrt(2 * np.pi)
            return keep * level + gain * slope / chances(level)[np.arange(len(new)), new]

        return step_through(sequences, chances, after, np.zeros(len(sequences.labels)))

    return Method(name="score-driven", start=np.concatenate([[3.0, -2.0], start_cuts(known, points, 1.0)]), score=score)


def troth_filter(known: Sequences, points: int) -> Method:
    """One facet of troth's filter, a label being an interval reading and a step a day.

    Constants: slow and fast half-life, the fast share, the noise, the share of misread labels, and the cuts.
    """
    laid: dict[int, tuple[Sequences, Evidence, Ints]] = {}  # holds the sequences, so that no id comes twice

    def score(theta: Floats, sequences: Sequences) -> Floats:
        key = id(sequences)
        if key not in laid:
            laid[key] = (sequences, *lay_out(sequences))
        _, evidence, label = laid[key]
        fast = float(np.exp(np.clip(theta[0], -3, 8)))
        slow = fast * (1 + float(np.exp(np.clip(theta[1], -3, 8))))
        v, misread = float(np.exp(np.clip(theta[3], -5, 6))), float(expit(theta[4]))
        cuts = place_cuts(theta[5:])
        count = len(label)
        read = replace(
            evidence,
            lo=cuts[label], hi=np.maximum(cuts[label + 1], cuts[label] + 1e-6), v=np.full(count, v),
            alpha=np.full(count, misread / points), beta=np.full(count, 1 - misread),
        )  # fmt: skip
        model = Model(slow_half_life_days=slow, fast_half_life_days=fast, fast_share=float(expit(theta[2])))
        dyn = make_dynamics(np.ones((1, 1)), model)
        return weigh(read, lambda _: dyn)

    start = np.concatenate([[1.5, 3.0, -1.0, 0.5, -3.0], start_cuts(known, points, 1.6)])
    return Method(name="troth", start=start, score=score)


def lay_out(sequences: Sequences) -> tuple[Evidence, Ints]:
    """The labels as readings a day apart, conversation by conversation, and the label of each."""
    row, step = np.nonzero(sequences.is_there)
    label = sequences.labels[row, step]
    count = len(row)
    table = pa.table(
        {
            "relationship": pa.array([f"{number:06}" for number in range(len(sequences.labels))]).take(pa.array(row)),
            "facet": pa.repeat(_FACET, count),
            "at": (np.datetime64("2000-01-01", "us") + step.astype("timedelta64[D]")).astype("datetime64[us]"),
            "signal": pa.repeat("label", count),
            "lo": np.full(count, -np.inf),
            "hi": np.full(count, np.inf),
            **{name: np.full(count, value) for name, value in (("v", 1.0), ("slope", 1.0), ("alpha", 0.0))},
            "beta": np.ones(count),
            "slow_only": np.zeros(count, bool),
        }
    )
    evidence = take_evidence(table)[1]["SHOWN"]
    assert (evidence.row == np.arange(count)).all()
    return take_facets(evidence, [int(evidence.facet[0])]), label


METHODS = (base_rate, last_value, markov, reputation, score_driven, troth_filter)


# Fitting and scoring


def fit(method: Method, known: Sequences) -> Floats:
    """The constants that foretell the known part best, by the same search for every method, begun twice."""
    if not len(method.start):
        return method.start
    count = int(known.is_there.sum())

    def miss(theta: Floats) -> float:
        return -float(method.score(theta, known).sum()) / count

    theta = method.start
    for _ in range(2):  # Nelder and Mead's simplex may fold up; a fresh one around its end goes on
        theta = minimize(miss, theta, method="Nelder-Mead", options={"maxiter": 500, "xatol": 1e-3, "fatol": 1e-6}).x
    return theta


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A mean log score for each label, and its lead over the filter's, with a standard error by conversation."""

    log_score: float
    lead: float  # of troth over this method; above 0 troth foretold better
    error: float


def compare(own: Floats, other: Floats, sequences: Sequences) -> Scored:
    """Mean of `other`, and the lead of `own` over it."""
    counts = np.bincount(sequences.clusters, weights=sequences.is_there.sum(axis=1))
    sums = np.bincount(sequences.clusters, weights=own - other)
    lead, size = sums.sum() / counts.sum(), len(counts)
    error = np.sqrt(size / (size - 1) * np.square(sums - lead * counts).sum()) / counts.sum()
    return Scored(log_score=float(other.sum() / counts.sum()), lead=float(lead), error=float(error))


def run_task(task: Task, data: Path) -> dict[str, Any]:
    """Fit every method on train and dev, score it on test."""
    folder = data / task.folder
    known = Sequences.pad([*task.read(folder, "train"), *task.read(folder, "dev")])
    test = Sequences.pad(task.read(folder, "test"))
    scores: dict[str, Floats] = {}
    constants: dict[str, list[float]] = {}
    for make in METHODS:
        method = make(known, task.points)
        theta = fit(method, known)
        scores[method.name] = method.score(theta, test)
        constants[method.name] = [round(float(value), 3) for value in theta]
    compared = {name: compare(scores["troth"], score, test) for name, score in scores.items()}
    return {
        "task": task.name,
        "known_labels": int(known.is_there.sum()),
        "test_labels": int(test.is_there.sum()),
        "test_conversations": int(test.clusters.max()) + 1,
        "most_common": round(float(count_labels(test, task.points).max()), 3),
        "scores": {
            name: {part: round(getattr(one, part), 4) for part in ("log_score", "lead", "error")}
            for name, one in compared.items()
        },
        "constants": constants,
    }


# The page


def draw_table(results: Sequence[dict[str, Any]]) -> str:
    """The table of docs/sequences.md."""
    names = list(results[0]["scores"])
    lines = [
        f"| labels (test: number, conversations, share of the commonest) | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for result in results:
        about = f"{result['test_labels']:,}, {result['test_conversations']}, {result['most_common']:.0%}"
        cells = [f"{result['task']} ({about})"]
        for name in names:
            one = result["scores"][name]
            if name == "troth":
                cells.append(f"{one['log_score']:.4f}")
            else:
                cells.append(f"{one['log_score']:.4f} ({one['lead']:+.4f} ± {one['error']:.4f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def fill_page(page: str, mark: str, table: str) -> str:
    """The page with the table between its marks replaced."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- end {mark} -->"
    head, _, rest = page.partition(begin)
    return head + begin + table + end + rest.partition(end)[2]


def find_data() -> Path:
    """The public data beside the repository."""
    return Path(os.environ.get("TROTH_SHARED", HERE.parent / ".." / "shared")) / "data"


def main() -> None:
    """Run every task there is data for, keep the results and bring the page up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=find_data())
    parser.add_argument("--only", help="tasks whose name contains this; nothing is written")
    arguments = parser.parse_args()
    old = {one["task"]: one for one in json.loads(RESULTS.read_text("utf-8"))} if RESULTS.exists() else {}
    results: list[dict[str, Any]] = []
    for task in TASKS:
        if arguments.only and arguments.only not in task.name:
            continue
        begun = time.perf_counter()
        if (arguments.data / task.folder).is_dir():
            results.append(run_task(task, arguments.data))
            print(f"{task.name}: {time.perf_counter() - begun:.0f} s")
        elif task.name in old:
            results.append(old[task.name])
            print(f"{task.name}: no data, the old row stays")
    if results:
        print(draw_table(results))
    if results and not arguments.only:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        PAGE.write_text(fill_page(PAGE.read_text("utf-8"), "one step ahead", draw_table(results)), "utf-8")


if __name__ == "__main__":
    main()
