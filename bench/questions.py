"""Finding and settling questions: wall time, peak memory, and how both grow with the book.

    python bench/questions.py              # 5,000, 50,000 and 500,000 turns
    python bench/questions.py 5000 50000
    python bench/questions.py --pairs      # right answers on written threads, with intervals

The turns are made up: conversations of six turns, a third of them with a question, over one relationship for each
thousand turns; every third question is answered at once, every third one turn later beside another answer, and every
third not at all. The findings that the encoder would make are given, so that only the questions are measured. Each
size runs in a process of its own.

The threads are `tests/test_questions_pairs.tsv`; the intervals are 95 %, by bootstrap over threads.
"""

from __future__ import annotations

import itertools
import re
import runpy
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from troth.encoder import find_signals, load_encoder
from troth.questions import find_questions
from troth.questions.asked import KINDS
from troth.schema import FINDINGS, SENTENCES, TURNS, conform
from troth.text import split_sentences

BEGIN = datetime(2024, 1, 1, 8, tzinfo=UTC)
ASKED = (
    "When will the {n} drawings for hall {n} be ready?",
    "Can we rely on the delivery of order {n}?",
    "Who decided to change position {n} of the offer?",
    "Please send us the protocol of test {n}.",
)
PLAIN = ("The pump of line {n} runs well.", "We were in hall {n} on Tuesday.", "Thank you for the visit on day {n}.")
ANSWERS = (
    "The {n} drawings for hall {n} will be ready on Friday.",
    "Yes, the delivery of order {n} leaves on Monday.",
    "Our Ms Lund decided to change position {n}.",
    "The protocol of test {n} is attached.",
)


def make_book(size: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    turns: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = []
    for number in range(size):
        thread, place = divmod(number, 6)
        side = "them" if place % 2 == 0 else "us"
        asks = side == "them" and place < 4
        kind = thread % 4
        first = ASKED[(kind + place) % 4] if asks else PLAIN[number % 3]
        if side == "us" and thread % 3 < 2 and place == 1 + 2 * (thread % 3):
            first = ANSWERS[kind]
        if place == 5:
            first = "Our price for this is {n} euro."
        texts = [first.format(n=thread), PLAIN[thread % 3].format(n=number)]
        turns.append({
            "turn_id": f"t{number}", "conversation_id": f"c{thread}", "position": number,
            "parent_id": f"t{number - 1}" if place else None,
            "sent_at": BEGIN + timedelta(minutes=number), "speaker": f"{side}{thread % 7}@{side}{thread // 170}.com",
            "channel": "mail", "body": " ".join(texts), "automatic": False, "source": "bench", "side": side,
            "circle": "customer", "relationship": f"them{thread // 170}.com",
        })  # fmt: skip
        start = 0
        for place_in, text in enumerate(texts):
            span = {"turn_id": f"t{number}", "sentence": place_in, "start": start, "end": start + len(text)}
            sentences.append({**span, "text": text, "language": "en"})
            if asks and place_in == 0:
                findings.append({**span, "signal": "question", "probability": 0.9})
            start += len(text) + 1
    return (
        conform(pa.Table.from_pylist(turns, TURNS), TURNS),
        conform(pa.Table.from_pylist(sentences, SENTENCES), SENTENCES),
        conform(pa.Table.from_pylist(findings, FINDINGS), FINDINGS),
    )


def measure(size: int) -> None:
    tables = make_book(size)
    began, used = time.perf_counter(), time.process_time()
    found = find_questions(*tables, now=BEGIN + timedelta(minutes=size))
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - used
    status = Path("/proc/self/status").read_text("ascii")
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    print(size, found.num_rows, wall_s, cpu_s, int(peak.group(1)) / 1024 if peak else 0)


def judge_pairs(part: str) -> dict[str, list[tuple[str, bool]]]:
    """For each measure the thread of each question and whether it is right there."""
    tests = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "test_questions_pairs.py"))
    pairs = tests["read_part"](part)
    turns = tests["list_turns"](pairs)
    sentences = split_sentences(turns)
    findings = find_signals(sentences, load_encoder())
    rows = find_questions(turns, sentences, findings, now=tests["START"] + timedelta(days=2)).to_pylist()
    marked: dict[tuple[str, int], tuple[float, str]] = {}
    for row in findings.to_pylist():
        if row["signal"] in KINDS and row["probability"] >= 0.5:
            key = (row["turn_id"], row["start"])
            marked[key] = max(marked.get(key, (0.0, "direct")), (row["probability"], KINDS[row["signal"]]))
    judged: dict[str, list[tuple[str, bool]]] = {
        name: [] for name in ("found", "kind", "kind, encoder alone", "state", "state, any reply answers")
    }
    for case in pairs.cases:
        if case.kind == "-":
            continue
        row = tests["_row_of"](case, rows)
        said = pairs.threads[case.thread]
        asked = next(number for number, (_, text) in enumerate(said) if case.question in text)
        later = "answered" if any(side == "us" for side, _ in said[asked + 1 :]) else "open"
        alone = marked.get((row["turn_id"], row["start"]), (0.0, ""))[1] if row else ""
        for name, right in (
            ("found", row is not None),
            ("kind", row is not None and row["kind"] == case.kind),
            ("kind, encoder alone", alone == case.kind),
            ("state", row is not None and row["state"] == case.state),
            ("state, any reply answers", later == case.state),
        ):
            judged[name].append((case.thread, right))
    return judged


def show_pairs() -> None:
    """Shares with intervals by bootstrap over threads, and how much more is right than by the simpler rule."""
    for part in ("dev", "held"):
        judged = judge_pairs(part)
        print(f"{part}: {len(judged['found'])} questions")
        for name, rights in judged.items():
            low, high = resample(rights)
            print(f"  {name}: {sum(right for _, right in rights)} ({low:.2f} to {high:.2f})")
        for ours, theirs in (("kind", "kind, encoder alone"), ("state", "state, any reply answers")):
            gain = [
                (thread, float(mine) - float(other))
                for (thread, mine), (_, other) in zip(judged[ours], judged[theirs], strict=True)
            ]
            low, high = resample(gain)
            print(f"  {ours}, more than {theirs.split(', ')[1]}: {low:+.2f} to {high:+.2f}")


def resample(values: list[tuple[str, Any]], *, draws: int = 2000, seed: int = 1) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; whole threads are drawn."""
    threads: dict[str, list[float]] = {}
    for thread, value in values:
        threads.setdefault(thread, []).append(float(value))
    sums = np.array([[sum(own), len(own)] for own in threads.values()])
    drawn = sums[np.random.default_rng(seed).integers(0, len(sums), (draws, len(sums)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [5_000, 50_000, 500_000]
    rows: list[list[float]] = []
    print(f"{'turns':>9} {'questions':>9} {'wall s':>7} {'cpu s':>7} {'peak MB':>8}")
    for size in sizes:
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(size)], capture_output=True, text=True, check=True
        )
        rows.append([float(value) for value in done.stdout.split()])
        turns, found, wall_s, cpu_s, peak_mb = rows[-1]
        print(f"{turns:9.0f} {found:9.0f} {wall_s:7.1f} {cpu_s:7.1f} {peak_mb:8.0f}", flush=True)
    for before, after in itertools.pairwise(rows):
        print(f"{after[0] / before[0]:.1f} times the turns: {after[3] / before[3]:.1f} times the processor time")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(int(sys.argv[2]))
    elif sys.argv[1:] == ["--pairs"]:
        show_pairs()
    else:
        main()
