"""A whole review from mailbox to close: wall time and peak memory, and how both grow with the mailbox.

    python bench/review.py            # 1,000 and 10,000 messages
    python bench/review.py 1000 10000 50000

The mailbox is the sample firm's, over and over, with a different number in every sentence, so that no sentence is
scored twice; each size runs in a process of its own.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import troth
from troth.sample import SAMPLE_ME, sample_mailbox
from troth.settings import Settings


def write_mailbox(path: Path, messages: int) -> None:
    mails = sample_mailbox().split(b"\nFrom ")
    with path.open("wb") as file:
        for number in range(messages):
            mail = mails[number % len(mails)].removeprefix(b"From ")
            copy = number // len(mails)
            mail = re.sub(rb"(Message-ID|In-Reply-To|References):([^<]*)<", rb"\1:\2<%d." % copy, mail)
            head, _, body = mail.partition(b"\n\n")
            body = re.sub(rb"\b(the|a|and|to)\b", rb"\1 %d" % number, body)
            file.write(b"From " + head + b"\n\n" + body + b"\n\n")


def review(path: str) -> None:
    began = time.perf_counter()
    with troth.open(settings=Settings(us=(SAMPLE_ME,))) as book:
        report = book.read(path)
        read_s = time.perf_counter() - began
        sentences = book.understand().sentences.num_rows
        understood_s = time.perf_counter() - began
        book.review()
    whole_s = time.perf_counter() - began
    status = Path("/proc/self/status").read_text("ascii")
    peak_mb = int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024
    print(report.turns, sentences, read_s, understood_s - read_s, whole_s - understood_s, whole_s, peak_mb)


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [1_000, 10_000]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / f"{size}.mbox"
            write_mailbox(path, size)
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(path)], capture_output=True, text=True, check=True
            )
            rows.append([float(value) for value in done.stdout.split()])
    print(f"{'messages':>9} {'sentences':>9} {'read s':>7} {'score s':>8} {'close s':>8} {'all s':>7} {'peak MB':>8}")
    for turns, sentences, read_s, score_s, close_s, whole_s, peak_mb in rows:
        print(
            f"{turns:9.0f} {sentences:9.0f} {read_s:7.1f} {score_s:8.1f} {close_s:8.1f} {whole_s:7.1f} {peak_mb:8.0f}"
        )
    for before, after in itertools.pairwise(rows):
        print(
            f"{after[0] / before[0]:.1f} times the messages: "
            f"{after[5] / before[5]:.1f} times the time, {after[6] / before[6]:.1f} times the memory"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        review(sys.argv[2])
    else:
        main()
