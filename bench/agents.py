"""Does what an AI agent said against what it did tell solved runs from unsolved ones?

    python bench/agents.py

Needs ../shared/data (or TROTH_SHARED): 200 runs of an airline's agent, 84 solved. A run is the worse, the more of its
sentences say what no call did and the more calls nobody was told of. The measure was not fixed before it met the
outcome: a first version that read claims more laxly gave AUC .36, and was tightened on the sentences it got wrong after
that figure had been seen. Intervals are 95 % by bootstrap over the 50 tasks, whose four runs belong together.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from troth.encoder import find_signals, load_encoder
from troth.promises.agents import check_agent
from troth.schema import TURNS, conform
from troth.sources import read_source
from troth.text import split_sentences

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("TROTH_SHARED", ROOT / "../shared")) / "data/interactions/ai_agent_airline"


def read_lines(name: str) -> list[dict[str, object]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_turns() -> pa.Table:
    rows = [
        {
            "turn_id": row["message_id"], "conversation_id": row["conversation_id"], "parent_id": row["parent_id"],
            "position": number, "speaker": row["sender"], "channel": "chat", "body": row["text"], "automatic": False,
            "source": "airline", "side": "us" if row["sender_side"] == "company" else "them",
        }
        for number, row in enumerate(read_lines("messages.jsonl"))
    ]  # fmt: skip
    return conform(rows, TURNS)


def read_calls() -> pa.Table:
    reading = read_source(DATA / "outcomes.jsonl")
    return pa.concat_tables([reading.take_calls() for _ in reading])


def area(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    above, below = scores[truth][:, None], scores[~truth][None, :]
    return float((above > below).mean() + 0.5 * (above == below).mean())


def interval(scores: NDArray[np.float64], truth: NDArray[np.bool_], tasks: NDArray[np.int64]) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    members = [np.flatnonzero(tasks == task) for task in np.unique(tasks)]
    draws = []
    for _ in range(2000):
        rows = np.concatenate([members[at] for at in rng.integers(0, len(members), len(members))])
        if 0 < truth[rows].sum() < len(rows):
            draws.append(area(scores[rows], truth[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    turns = read_turns()
    runs = read_lines("outcomes.jsonl")
    sentences = split_sentences(turns)
    checks = check_agent(turns, sentences, read_calls())
    counts = Counter(zip(checks["conversation_id"].to_pylist(), checks["verdict"].to_pylist(), strict=True))
    names = [str(run["conversation_id"]) for run in runs]
    solved = np.array([bool(run["solved"]) for run in runs])
    tasks = np.array([int(str(run["task_id"])) for run in runs])

    def count(verdict: str) -> NDArray[np.float64]:
        return np.array([counts[name, verdict] for name in names], float)

    said_not_done, not_said, done = (
        count(verdict) for verdict in ("said and not done", "done and not said", "said and done")
    )
    length = Counter(turns["conversation_id"].to_pylist())
    last = {row["conversation_id"]: row["turn_id"] for row in turns.to_pylist() if row["side"] == "them"}
    findings = find_signals(sentences, load_encoder())
    thanks: dict[str, float] = {}
    for turn, signal, chance in zip(
        *(findings[name].to_pylist() for name in ("turn_id", "signal", "probability")), strict=True
    ):
        weight = {"gratitude": 1.0, "accepts": 0.5, "discourtesy": -1.0, "rejects": -0.5, "not_done": -0.5}.get(
            signal, 0.0
        )
        thanks[turn] = thanks.get(turn, 0.0) + weight * chance
    scores = {
        "said against done (fewer mismatches)": -(said_not_done + not_said),
        "  said and not done alone (fewer)": -said_not_done,
        "  done and not said alone (fewer)": -not_said,
        "  said and done alone (more)": done,
        "length in turns (shorter)": -np.array([length[name] for name in names], float),
        "customer's last turn, warmer": np.array([thanks.get(last[name], 0.0) for name in names]),
    }
    print(f"{len(runs)} runs, {solved.sum()} solved; {dict(Counter(checks['verdict'].to_pylist()))}")
    for name, values in scores.items():
        low, high = interval(values, solved, tasks)
        print(f"{name:<40} AUC {area(values, solved):.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
