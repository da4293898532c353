"""How promises and questions grow with the book, and what the sample's key says of states.

    python bench/settling.py [TURNS ...]        # 5,000, 50,000 and 500,000
    python bench/settling.py --giant 50000      # all turns in one relationship
    python bench/settling.py --sample           # the states of the sample beside its key

Growth runs without the encoder, whose time is `bench/encoder.py`'s: turns of three sentences in relationships of
log-normal size (median 20 turns), conversations of about six turns, one turn in four promising, and evidence that comes
days later, half of it in another conversation.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import troth
from troth.promises import Calendar, find_promises, settle_promises
from troth.questions import find_questions
from troth.sample import SAMPLE_DAY, SAMPLE_ME, read_key, write_sample
from troth.schema import FINDINGS, PROMISES, SENTENCES, TURNS

START = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
THINGS = (
    "drawing contract report pump invoice sample licence tank roof filter motor sensor lease quote ledger valve cable "
    "agenda window cooler dryer chart survey permit badge server router panel gasket bearing"
).split()  # fmt: skip
PLACES = "Ghent Leeds Turin Bergen Riga Porto Graz Lyon Cork Bremen".split()
LINES = (
    "I'll send you the {0} for {1} by Friday.",
    "We will repair the {0} in {1} by Wednesday.",
    "Here is the {0} for {1}.",
    "The {0} in {1} was repaired today.",
    "Thank you for the {0} for {1}.",
    "Where is the {0} for {1}?",
    "The {0} in {1} is green.",
    "We met the inspector in {1} and spoke about the {0}.",
)


def make_book(turns: int, *, giant: bool, seed: int = 1) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    relationship = 0
    while len(rows) < turns:
        size = turns if giant else max(2, int(rng.lognormal(3.0, 1.0)))
        minutes = np.cumsum(rng.exponential(600.0, size)).round()
        lines = rng.integers(0, len(LINES), (size, 3))
        things, places = rng.integers(0, len(THINGS), (size, 3)), rng.integers(0, len(PLACES), (size, 3))
        for number in range(min(size, turns - len(rows))):
            turn_id, ours = f"t{len(rows)}", bool(rng.integers(0, 2))
            texts = [
                LINES[line].format(THINGS[thing], PLACES[place])
                for line, thing, place in zip(lines[number], things[number], places[number], strict=True)
            ]
            rows.append({
                "turn_id": turn_id, "conversation_id": f"c{relationship}-{number // 6}", "position": len(rows),
                "sent_at": START + dt.timedelta(minutes=float(minutes[number])), "channel": "mail",
                "speaker": "anna@firm.com" if ours else f"bob@acme{relationship}.com", "body": " ".join(texts),
                "automatic": False, "source": "bench", "side": "us" if ours else "them", "circle": "customer",
                "relationship": f"acme{relationship}.com",
            })  # fmt: skip
            start = 0
            for place, text in enumerate(texts):
                end = start + len(text)
                sentences.append({"turn_id": turn_id, "sentence": place, "start": start, "end": end, "text": text})
                start = end + 1
        relationship += 1
    return pa.Table.from_pylist(rows, TURNS), pa.Table.from_pylist(sentences, SENTENCES)


def show_growth(sizes: list[int], *, giant: bool) -> None:
    """Processor time of both lists of a whole book, and the most memory that each step holds beside the tables."""
    calendar, nothing = Calendar(), FINDINGS.empty_table()
    print(f"{'turns':>9}{'list':>11}{'rows':>9}{'cpu s':>8}{'µs a turn':>11}{'MB':>7}")
    for size in sizes:
        turns, sentences = make_book(size, giant=giant)
        now = pc.max(turns["sent_at"]).as_py() + dt.timedelta(days=1)
        promises = PROMISES.empty_table()
        for name in ("found", "settled", "questions"):
            before_mb = start_peak()
            begin = time.process_time()
            if name == "found":
                rows = promises = find_promises(turns, sentences, nothing, calendar=calendar)
            elif name == "settled":
                rows = settle_promises(promises, turns, sentences, nothing, now=now, calendar=calendar)
            else:
                rows = find_questions(turns, sentences, nothing, now=now)
            spent = time.process_time() - begin
            print(
                f"{size:>9,}{name:>11}{rows.num_rows:>9,}{spent:>8.1f}{spent / size * 1e6:>11.0f}"
                f"{read_peak() - before_mb:>7.0f}",
                flush=True,
            )


def start_peak() -> float:
    """Forget the highest memory of this process so far (Linux), and return what it holds now, MB."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return read_peak()


def read_peak() -> float:
    """The most memory held since `start_peak`, MB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def show_sample() -> None:
    """Found promises of the key by its state and the machine's; one row of PROMISES may stand for two of the key."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_sample(Path(folder))
        with troth.open(Path(folder) / "book.duckdb") as book:
            book.read(path, us=SAMPLE_ME)
            known = book.understand()
    evening = dt.datetime.combine(SAMPLE_DAY, dt.time(22, 59, 59), dt.UTC)
    calendar = Calendar(zone="Europe/Copenhagen")
    tables = (known.turns, known.sentences, known.findings)
    rows = settle_promises(
        find_promises(*tables, calendar=calendar), *tables, now=evening, calendar=calendar
    ).to_pylist()
    key = read_key()
    labels = {message_id.strip("<>"): label for label, message_id in key.message_ids.items()}
    states, proofs = Counter[tuple[str, str]](), Counter[str]()
    for promise in key.promises:
        words = " ".join(promise.words.split())
        match = next(
            (row for row in rows if labels[row["turn_id"].strip("<>")] == promise.mail and words in row["text"]), None
        )
        states[promise.state, match["state"] if match else "not found"] += 1
        if match is not None and promise.evidence is not None:
            proof = match["evidence_turn_id"]
            shown = labels.get(proof.strip("<>")) if proof else None
            proofs["the mail of the key" if shown == promise.evidence else "another" if proof else "none"] += 1
    for (wanted, said), count in sorted(states.items()):
        print(f"{wanted:>10} in the key, {said:<10} {count:>3}")
    accused = sum(count for (_, said), count in states.items() if said == "suspected")
    wrongly = sum(count for (wanted, said), count in states.items() if said == "suspected" and wanted != "broken")
    print(f"evidence, of {proofs.total()} found for which the key names a mail: {dict(sorted(proofs.items()))}")
    print(f"suspected {accused}, {wrongly} of them not broken in the key")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("turns", nargs="*", type=int)
    parser.add_argument("--giant", action="store_true")
    parser.add_argument("--sample", action="store_true")
    given = parser.parse_args()
    if given.sample:
        show_sample()
    else:
        show_growth(given.turns or [5_000, 50_000, 500_000], giant=given.giant)


if __name__ == "__main__":
    main()
