"""Finding and settling questions: wall time, peak memory, and how both grow with the book.

    python bench/questions.py              # 5,000, 50,000 and 500,000 turns
    python bench/questions.py 5000 50000

The turns are made up: conversations of six turns, a third of them with a question, over one relationship for each
thousand turns; every third question is answered at once, every third one turn later beside another answer, and every
third not at all. The findings that the encoder would make are given, so that only the questions are measured. Each
size runs in a process of its own.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from troth.questions import find_questions
from troth.schema import FINDINGS, SENTENCES, TURNS, conform

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
    else:
        main()
