"""How far two readings of the hand-written turns agree, label by label. Run: python training/own/agreement.py.

The first reading is the `labels` of the turns themselves, the second lies in `second/labels.jsonl`. It has a folder of
its own because it holds no texts: whoever reads every `*.jsonl` of this folder as turns must not find it there.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from check import LABELS, read_rows

OWN = Path(__file__).parent
SECOND = OWN / "second" / "labels.jsonl"
RESAMPLES = 2000
SEED = 20261122

Counts = npt.NDArray[np.int64]
"""Sentences by who gave the label: last axis both, only the first reader, only the second, neither."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Two readings of one label: counts of sentences, and what they agree on beyond chance."""

    label: str
    first: int
    second: int
    both: int
    f1: float
    kappa: float
    kappa_low: float
    kappa_high: float
    alpha: float


def read_second(path: Path = SECOND) -> list[dict[str, Any]]:
    """The rows of the second reading: `id`, and `sentences` with `n` and `labels`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def count_marks(rows: list[dict[str, Any]], second: list[dict[str, Any]]) -> Counts:
    """Counts of shape (conversations, labels, 4) over the sentences that both readers read."""
    place = {name: i for i, name in enumerate(sorted({row["meta"]["conversation_id"] for row in rows}))}
    by_id = {row["id"]: row for row in rows}
    counts = np.zeros((len(place), len(LABELS), 4), dtype=np.int64)
    read = np.zeros(len(place), dtype=bool)
    for other in second:
        row = by_id[other["id"]]
        conversation = place[row["meta"]["conversation_id"]]
        read[conversation] = True
        given = {sentence["n"]: set(sentence["labels"]) for sentence in row["sentences"]}
        for sentence in other["sentences"]:
            ours, theirs = given[sentence["n"]], set(sentence["labels"])
            for i, label in enumerate(LABELS):
                counts[conversation, i, 2 * (label not in ours) + (label not in theirs)] += 1
    return counts[read]


def count_same(rows: list[dict[str, Any]], second: list[dict[str, Any]]) -> int:
    """How many sentences carry exactly the same labels in both readings."""
    ours = {(row["id"], sentence["n"]): set(sentence["labels"]) for row in rows for sentence in row["sentences"]}
    pairs = ((ours[row["id"], sentence["n"]], sentence["labels"]) for row in second for sentence in row["sentences"])
    return sum(first == set(other) for first, other in pairs)


def take_f1(counts: Counts) -> npt.NDArray[np.float64]:
    """F1 of one reader against the other, the same in both directions: 2 both / (first + second)."""
    both, first, second, _ = np.moveaxis(counts, -1, 0)
    return _divide(2 * both, 2 * both + first + second)


def take_kappa(counts: Counts) -> npt.NDArray[np.float64]:
    """Cohen's kappa (1960): agreement beyond what each reader's own rate of giving the label brings by chance."""
    both, first, second, neither = np.moveaxis(counts, -1, 0)
    total = both + first + second + neither
    chance = (both + first) * (both + second) + (neither + first) * (neither + second)
    return _divide((both + neither) * total - chance, total * total - chance)


def take_alpha(counts: Counts) -> npt.NDArray[np.float64]:
    """Krippendorff's alpha for nominal data (2004, ch. 11): as kappa, with one pooled rate and a small-sample term."""
    both, first, second, neither = np.moveaxis(counts, -1, 0)
    given, values = 2 * both + first + second, 2 * (both + first + second + neither)
    return 1 - _divide((values - 1) * (first + second), given * (values - given))


def _divide(above: Counts, below: Counts) -> npt.NDArray[np.float64]:
    # a label that no reader gave, or that both gave everywhere, has no agreement to speak of: NaN, never a guess
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)


def resample_kappa(counts: Counts, *, resamples: int = RESAMPLES, seed: int = SEED) -> npt.NDArray[np.float64]:
    """Bounds (2, labels) of the 95 % percentile interval of kappa, whole conversations drawn with replacement.

    Sentences of one conversation resemble each other, so drawing single sentences would give too narrow an interval.
    """
    rng = np.random.default_rng(seed)
    size = len(counts)
    kappas = np.empty((resamples, counts.shape[1]))
    for i in range(resamples):
        weights = np.bincount(rng.integers(0, size, size=size), minlength=size)
        kappas[i] = take_kappa(np.tensordot(weights, counts, axes=1))
    return np.nanquantile(kappas, [0.025, 0.975], axis=0)


def compare_readings(counts: Counts) -> list[Agreement]:
    """One `Agreement` for each label, in the order of the codebook."""
    total = counts.sum(axis=0)
    f1, kappa, alpha, (low, high) = take_f1(total), take_kappa(total), take_alpha(total), resample_kappa(counts)
    return [
        Agreement(
            label=label,
            first=int(total[i, 0] + total[i, 1]),
            second=int(total[i, 0] + total[i, 2]),
            both=int(total[i, 0]),
            f1=float(f1[i]),
            kappa=float(kappa[i]),
            kappa_low=float(low[i]),
            kappa_high=float(high[i]),
            alpha=float(alpha[i]),
        )
        for i, label in enumerate(LABELS)
    ]


def format_table(agreements: list[Agreement]) -> str:
    """The agreements as a markdown table."""
    lines = ["| label | 1 | 2 | both | F1 | kappa | 95 % interval | alpha |", "|---|---|---|---|---|---|---|---|"]
    lines += [
        f"| {a.label} | {a.first} | {a.second} | {a.both} | {a.f1:.2f} "
        f"| {a.kappa:.2f} | {a.kappa_low:.2f} to {a.kappa_high:.2f} | {a.alpha:.2f} |"
        for a in agreements
    ]
    return "\n".join(lines)


def format_report(rows: list[dict[str, Any]], second: list[dict[str, Any]]) -> str:
    """One line on how much was read twice and how alike it is, and the table."""
    counts = count_marks(rows, second)
    agreements = compare_readings(counts)
    given = sum(a.first + a.second for a in agreements)
    pooled = 2 * sum(a.both for a in agreements) / given
    sentences = int(counts[:, 0].sum())
    return (
        f"Read twice: {len(second)} turns, {sentences} sentences, {len(counts)} conversations. "
        f"Exactly the same labels on {count_same(rows, second)} sentences; F1 over all marks {pooled:.2f}.\n\n"
        f"{format_table(agreements)}"
    )


def main() -> int:
    """Print the report; the README's section "Agreement" holds the same words and table."""
    print(format_report(read_rows(OWN), read_second()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
