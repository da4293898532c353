"""Do the heads read the same act alike, whoever writes it? Counterfactual pairs, judged with margins set beforehand.

    PYTHONPATH=src python -m training.fairness            # the half for the report, into src/troth/checks/fairness.json
    PYTHONPATH=src python -m training.fairness --choose   # the other half, on the terminal only

A pair says the same thing twice: `left` in plain standard English (or with an English name, or tersely), `right` in a
dialect, as a non-native writer, with another name, or effusively. A shift is right minus left.
Source: MEASUREMENT.md section 8.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from troth.encoder import Encoder, load_encoder
from troth.signals import CATALOGUE
from troth.text._language import tell_language

PAIRS: Final = Path(__file__).parent / "fair" / "pairs.tsv"
CHECKS: Final = Path(__file__).parents[1] / "src/troth/checks/fairness.json"
AXES: Final = ("dialect", "nonnative", "names", "effusive")

MEAN_SD: Final = 0.1
"""Largest mean shift, in standard deviations between sentences: the bound of MEASUREMENT section 8."""

SURE_SD: Final = 0.2
"""The 95 % interval must lie within this: half the pairs of an axis cannot show an interval inside .1."""

PROBABILITY: Final = 0.05
"""Largest shift in probability, the section's bound for differences in error rates; its interval must lie inside."""

_DRAWS: Final = 2_000
_SEED: Final = 20261122
_CALL: Final = 0.5

Verdict = Literal["passes", "fails", "not enough"]
Half = Literal["choose", "report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One thing said twice."""

    id: str
    axis: str
    variety: str
    frame: str  # pairs of one frame share their left sentence, or its mould
    act: str  # what both sides were written to do
    channel: str
    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A mean over pairs with its 95 % bootstrap interval over frames."""

    mean: float
    low: float
    high: float

    def lies_within(self, margin: float) -> bool:
        """Whether the whole interval does."""
        return -margin < self.low and self.high < margin

    def leaves(self, margin: float) -> bool:
        """Whether the mean reaches the margin and the interval leaves out zero."""
        return abs(self.mean) >= margin and (self.low > 0 or self.high < 0)


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """The pairs, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [Pair(**row) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def half_of(frame: str) -> Half:
    """Which half a frame is for; all its pairs go with it, and it stays there whatever is added."""
    return "report" if hashlib.sha256(frame.encode()).digest()[0] % 2 else "choose"


def find_shift(difference: NDArray[np.float64], frames: Sequence[str]) -> Shift:
    """Mean of right minus left, with the 2.5 and 97.5 % points over resampled frames.

    Args:
        difference: shape (n_pairs,).
        frames: of each pair.
    """
    group = np.unique(frames, return_inverse=True)[1]
    total, size = np.bincount(group, weights=difference), np.bincount(group)
    drawn = np.random.default_rng(_SEED).multinomial(len(size), np.full(len(size), 1 / len(size)), size=_DRAWS)
    low, high = np.quantile((drawn @ total) / (drawn @ size), [0.025, 0.975])
    return Shift(mean=float(difference.mean()), low=float(low), high=float(high))


def judge(in_sd: Shift, in_probability: Shift | None) -> Verdict:
    """What the margins say; graded signals have no probability.

    passes: the mean is below .1 SD, surely below .2 SD, and surely below .05 in probability.
    fails: the mean is .1 SD or more, or .05 in probability or more, and surely not zero.
    not enough: anything else; these pairs cannot tell.
    """
    if in_sd.leaves(MEAN_SD) or (in_probability is not None and in_probability.leaves(PROBABILITY)):
        return "fails"
    near = abs(in_sd.mean) < MEAN_SD and in_sd.lies_within(SURE_SD)
    return "passes" if near and (in_probability is None or in_probability.lies_within(PROBABILITY)) else "not enough"


def check_pairs(pairs: Sequence[Pair], encoder: Encoder) -> list[dict[str, Any]]:
    """A row for each signal and axis, then for each axis how often the acts themselves and the language are seen."""
    left = encoder.score([pair.left for pair in pairs]).astype(float)
    right = encoder.score([pair.right for pair in pairs]).astype(float)
    rows: list[dict[str, Any]] = []
    for at, head in enumerate(encoder.heads):
        for axis in AXES:
            here = np.flatnonzero([pair.axis == axis for pair in pairs])
            some = [pairs[place] for place in here.tolist()]
            rows.append(check_signal(head.signal, head.kind, some, left[here, at], right[here, at]))
    column = {head.signal: at for at, head in enumerate(encoder.heads)}
    for axis in AXES:
        here = np.flatnonzero([pair.axis == axis for pair in pairs])
        rows += _check_acts(axis, [pairs[at] for at in here.tolist()], column, left[here], right[here])
    return rows


def check_signal(
    signal: str, kind: str, pairs: Sequence[Pair], left: NDArray[np.float64], right: NDArray[np.float64]
) -> dict[str, Any]:
    """One signal on one axis: how far its score moves, how often its call changes, and what the margins say.

    Args:
        left, right: shape (n_pairs,), probabilities, or values of a graded signal in SD of its reference set.
    """
    frames = [pair.frame for pair in pairs]
    is_graded = kind == "graded"
    # A frame's left side counts once, so that a frame with more pairs does not weigh more in the spread.
    once = np.unique([pair.left for pair in pairs], return_index=True)[1]
    logits = (left, right) if is_graded else (_log_odds(left), _log_odds(right))
    spread = 1.0 if is_graded else float(logits[0][once].std(ddof=1))
    moved = (logits[1] - logits[0]) / spread
    in_sd = find_shift(moved, frames)
    in_probability = None if is_graded else find_shift(right - left, frames)
    said = (left > 0, right > 0) if is_graded else (left >= _CALL, right >= _CALL)
    gained, lost = float((said[1] & ~said[0]).mean()), float((said[0] & ~said[1]).mean())
    verdict = judge(in_sd, in_probability)
    farthest, size = _find_farthest(pairs, moved)
    shown = in_sd if in_probability is None else in_probability
    axis = pairs[0].axis
    note = "" if is_graded else f"in log odds {in_sd.mean * spread:+.2f}, in SD {_tell(in_sd)}; "
    note += f"calls gained {gained:.1%}, lost {lost:.1%}; farthest: {farthest} {size:+.2f} SD"
    return {
        "found_by": "encoder", "signal": signal, "set": "fair", "split": "report", "rows": len(pairs),
        "metric": f"shift, {axis}: {verdict}", "value": round(shown.mean, 4), "low": round(shown.low, 4),
        "high": round(shown.high, 4), "licence_class": "open", "note": note, "axis": axis, "verdict": verdict,
        "sd": round(in_sd.mean, 4), "sd_low": round(in_sd.low, 4), "sd_high": round(in_sd.high, 4),
        "log_odds": None if is_graded else round(in_sd.mean * spread, 4), "gained": round(gained, 4),
        "lost": round(lost, 4), "farthest": farthest, "farthest_sd": round(size, 4),
    }  # fmt: skip


def _check_acts(
    axis: str,
    some: Sequence[Pair],
    column: Mapping[str, int],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
) -> list[dict[str, Any]]:
    """How often the act that a pair was written for is found on either side; then how often another language is.

    Args:
        column: of each head.
        left, right: shape (n_pairs, n_heads), probabilities.
    """
    rows = [at for at, pair in enumerate(some) if pair.act in column]
    acted = [some[at] for at in rows]
    columns = [column[pair.act] for pair in acted]
    found = left[rows, columns] >= _CALL, right[rows, columns] >= _CALL
    tongues = [(tell_language(pair.left), tell_language(pair.right)) for pair in some]
    foreign = tuple(np.array([two[side] not in {None, "en"} for two in tongues]) for side in (0, 1))
    return [
        _compare_shares("the act itself found", axis, acted, *found),
        _compare_shares("taken for another language", axis, some, *foreign),
    ]


def _compare_shares(
    what: str, axis: str, pairs: Sequence[Pair], left: NDArray[np.bool_], right: NDArray[np.bool_]
) -> dict[str, Any]:
    shift = find_shift(right.astype(float) - left, [pair.frame for pair in pairs])
    verdict: Verdict = (
        "fails" if shift.leaves(PROBABILITY) else "passes" if shift.lies_within(PROBABILITY) else "not enough"
    )
    by_variety = "; ".join(
        f"{name} {left[at].mean():.0%} to {right[at].mean():.0%}" for name, at in _by_variety(pairs) if len(at) > 1
    )
    return {
        "found_by": "encoder", "signal": "acts together", "set": "fair", "split": "report", "rows": len(pairs),
        "metric": f"share {what}, {axis}: {verdict}", "value": round(shift.mean, 4), "low": round(shift.low, 4),
        "high": round(shift.high, 4), "licence_class": "open", "axis": axis, "verdict": verdict,
        "left": round(float(left.mean()), 4), "right": round(float(right.mean()), 4), "note": by_variety,
    }  # fmt: skip


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(probability) - np.log1p(-probability)


def _by_variety(pairs: Sequence[Pair]) -> list[tuple[str, NDArray[np.intp]]]:
    names = np.array([pair.variety for pair in pairs])
    return [(str(name), np.flatnonzero(names == name)) for name in np.unique(names)]


def _find_farthest(pairs: Sequence[Pair], moved: NDArray[np.float64]) -> tuple[str, float]:
    """The variety whose mean shift is largest, and that shift."""
    means = [(name, float(moved[at].mean())) for name, at in _by_variety(pairs)]
    return max(means, key=lambda pair: abs(pair[1]))


def _tell(shift: Shift) -> str:
    return f"{shift.mean:+.2f} ({shift.low:+.2f} to {shift.high:+.2f})"


def lay_out(rows: Iterable[Mapping[str, Any]]) -> str:
    """JSON with one row a line, so that a change shows where it is."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def tabulate(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line for each signal, a cell for each axis, with the shift in SD."""
    cell: Callable[[Mapping[str, Any]], str] = lambda row: f"{_MARKS[row['verdict']]} {row['sd']:+.2f}"  # noqa: E731
    lines = ["| signal | " + " | ".join(AXES) + " |", "|---" * (len(AXES) + 1) + "|"]
    for signal, its in groupby((row for row in rows if row["signal"] in CATALOGUE), key=lambda row: row["signal"]):
        cells = {row["axis"]: cell(row) for row in its}
        lines.append(f"| {signal} | " + " | ".join(cells[axis] for axis in AXES) + " |")
    return "\n".join(lines) + "\n"


_MARKS: Final = {"passes": "passes", "fails": "**fails**", "not enough": "?"}


def main() -> None:
    """Check one half of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="show the half for choosing, write nothing")
    half: Half = "choose" if parser.parse_args().choose else "report"
    rows = check_pairs([pair for pair in read_pairs() if half_of(pair.frame) == half], load_encoder())
    if half == "report":
        CHECKS.write_text(lay_out(rows), encoding="utf-8")
    sys.stdout.write(tabulate(rows))
    for row in rows:
        if row["signal"] not in CATALOGUE:
            sys.stdout.write(f"{row['metric']}: {row['left']:.3f} to {row['right']:.3f}; {row['note']}\n")


if __name__ == "__main__":
    main()
