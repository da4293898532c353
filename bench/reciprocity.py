"""Reciprocity on made-up worlds with known truth, and on public conversations. Makes the tables of docs/reciprocity.md.

python bench/reciprocity.py worlds [RUNS]
python bench/reciprocity.py data [FOLDER OF PUBLIC DATA]
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from troth.begetting import say_answering
from troth.encoder import load_encoder
from troth.intake import take_turns
from troth.pipeline import understand_all
from troth.reciprocity.measure import MAIN_WIDTH, PLAIN, Answering, estimate, measure_both, pool
from troth.reciprocity.pairs import find_pairs
from troth.reciprocity.says import Says, gather_says
from troth.reciprocity.worlds import DRIFTING_PAIRS, UNLIKE_PAIRS, World, make_world

SEED = 20_261_122
WIDTHS: tuple[int | None, ...] = (4, 8, 16, None)
WORLDS: dict[str, World] = {
    "nobody answers; pairs differ": UNLIKE_PAIRS,
    "nobody answers; pairs also drift": DRIFTING_PAIRS,
    "only they are answered": replace(UNLIKE_PAIRS, to_us=np.log(2)),
    "we are answered, odds x 2": replace(UNLIKE_PAIRS, to_them=np.log(2)),
    "both are, odds x 2": replace(UNLIKE_PAIRS, to_them=np.log(2), to_us=np.log(2)),
    "both are, and pairs drift": replace(DRIFTING_PAIRS, to_them=np.log(2), to_us=np.log(2)),
    "odds x 2 on average, pairs unlike": replace(UNLIKE_PAIRS, to_them=np.log(2), unlike=0.5),
    "odds x 2, 20 relationships": replace(UNLIKE_PAIRS, relationships=20, to_them=np.log(2)),
    "nobody answers, 20 relationships": replace(UNLIKE_PAIRS, relationships=20),
}


def try_worlds(runs: int) -> None:
    """The ratio by every width, how often its interval holds the truth, and how often it leaves 1 out."""
    for name, world in WORLDS.items():
        rng = np.random.default_rng(SEED)
        pooled: list[float] = []
        made: dict[int | None, list[tuple[float, float, float]]] = {width: [] for width in WIDTHS}
        for _ in range(runs):
            pairs = find_pairs(make_world(world, rng), "us")
            pooled.append(np.log(pool(pairs)))
            for width in WIDTHS:
                made[width].append(estimate(pairs, width))
        print(f"{name}: truth {np.exp(world.to_them):.2f}, one pot {np.exp(np.mean(pooled)):.2f}")
        for width, rows in made.items():
            log, low, high = np.array(rows).T
            covers = ((low <= world.to_them) & (world.to_them <= high)).mean()
            print(
                f"   blocks of {width}: ratio {np.exp(log.mean()):.2f}, 95 % intervals cover {covers:.3f}, "
                f"leave 1 out {((low > 0) | (high < 0)).mean():.3f}"
            )


def try_speed() -> None:
    """Processor time of a whole measurement, both directions with 999 shuffles each, as relationships grow."""
    for relationships in (50, 500, 5000):
        says = make_world(replace(UNLIKE_PAIRS, relationships=relationships), np.random.default_rng(SEED))
        before = time.process_time()
        measure_both(says, np.random.default_rng(SEED))
        print(f"{len(says):,} says: {time.process_time() - before:.1f} s of processor time")


def read_lines(folder: Path, *parts: str) -> Iterator[dict[str, Any]]:
    for part in parts:
        path = next(path for path in (folder / f"{part}.jsonl", folder / f"{part}.jsonl.gz") if path.exists())
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            yield from map(json.loads, lines)


def read_diplomacy(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Nine training games and the development game. The country first in the alphabet is "us"."""
    for row in read_lines(folder, "train", "dev"):
        yield row["dialogue"], row["speaker"] < row["to"], row["text"]


def read_persuasion(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Dialogues of train, dev and the unlabelled ones that are none of test; who persuades is "us"."""
    for row in read_lines(folder, "train", "dev", "extra"):
        if row.get("split") == "test":
            continue
        for turn in row["turns"]:
            yield row["id"], turn["speaker"] == "persuader", turn["text"]


def read_annomi(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Sessions of train and dev; who counsels is "us"."""
    for row in read_lines(folder, "train", "dev"):
        yield str(row["meta"]["transcript"]), row["meta"]["speaker"] == "therapist", row["text"]


READERS = {"diplomacy": read_diplomacy, "persuasion_for_good": read_persuasion, "annomi": read_annomi}


def make_says(said: Iterable[tuple[str, bool, str]], *, progress: str) -> Says:
    """Dialogue, whether we speak, and text, in order, to says: a relationship is a dialogue."""
    rows = [
        {
            "turn_id": f"{number}", "conversation_id": home, "position": number, "speaker": "us" if ours else "them",
            "side": "us" if ours else "them", "circle": "customer", "relationship": home, "channel": "chat",
            "source": "public data", "body": text,
        }
        for number, (home, ours, text) in enumerate(said)
        if text.strip()
    ]  # fmt: skip
    turns = take_turns(rows)

    def tell(done: int, total: int) -> None:
        print(f"\r{progress}: {done} of {total} turns", end="", file=sys.stderr)

    known = understand_all(turns, load_encoder(), progress=tell)
    return gather_says(known.turns, known.sentences, known.findings)


def print_answering(one: Answering) -> None:
    print("  " + say_answering(one, "customer"))
    print(f"    {one.pairs} pairs in {one.relationships} dialogues; open first {one.opened}, answered {one.answered}")
    for ratio in one.ratios:
        print(
            f"    {PLAIN[ratio.check]:38} {ratio.ratio:5.2f} ({ratio.low:.2f} to {ratio.high:.2f}), p {ratio.p:.3f}, "
            f"{ratio.blocks} blocks"
        )


def try_data(folder: Path, names: Iterable[str]) -> None:
    """Every set whose structure has turns, never looking at a test split."""
    for name in names:
        says = make_says(READERS[name](folder / name), progress=name)
        print(f"\n{name}: {len(says):,} says, blocks of {MAIN_WIDTH}")
        for one in measure_both(says, np.random.default_rng(SEED)):
            print_answering(one)
        sys.stdout.flush()


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "worlds"
    if what == "worlds":
        try_worlds(int(sys.argv[2]) if len(sys.argv) > 2 else 200)
        try_speed()
    else:
        home = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared")) / "data"
        try_data(home, sys.argv[2:] or READERS)
