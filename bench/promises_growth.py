"""How the finding of promises grows with the book: seconds and microseconds a turn.

    python bench/promises_growth.py [TURNS ...]        # 5,000, 50,000 and 500,000

Turns of two sentences that ask, agree, promise and chat in conversations of eight, with no encoder: the encoder's time
is `bench/encoder.py`'s.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from troth.promises import Calendar, find_promises
from troth.schema import FINDINGS, SENTENCES, TURNS

LINES = (
    "Could you send us drawing {} by Friday? The roof is wet.",
    "Sure, will do. Thanks for the photos of hall {}.",
    "We met the inspector about case {}. He was kind.",
    "I'll call you about order {} tomorrow morning. Have a nice day.",
    "I can bring sample {} on Monday. It is in the van.",
    "Yes please. Hall {} is open from seven.",
    "The invoice {} was paid. All good here.",
    "As soon as part {} arrives we will install it. Best regards.",
)
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def make_book(turns: int) -> tuple[pa.Table, pa.Table]:
    rows, sentences = [], []
    for number in range(turns):
        body = LINES[number % len(LINES)].format(number)
        first, mark, last = body.partition("? " if "?" in body else ". ")
        rows.append({
            "turn_id": f"t{number}", "conversation_id": f"c{number // len(LINES)}", "position": number,
            "sent_at": START + timedelta(minutes=number), "speaker": ("anna@firm.com", "bob@acme.com")[number % 2],
            "channel": "mail", "body": body, "automatic": False, "source": "bench", "side": ("us", "them")[number % 2],
        })  # fmt: skip
        cut = len(first) + 1
        sentences.append({"turn_id": f"t{number}", "sentence": 0, "start": 0, "end": cut, "text": first + mark[0]})
        sentences.append({
            "turn_id": f"t{number}", "sentence": 1, "start": cut + 1, "end": len(body), "text": last,
        })  # fmt: skip
    return pa.Table.from_pylist(rows, TURNS), pa.Table.from_pylist(sentences, SENTENCES)


def main() -> None:
    print(f"{'turns':>9}{'promises':>10}{'seconds':>9}{'µs a turn':>11}{'peak MB':>9}")
    for turns in [int(size) for size in sys.argv[1:]] or [5_000, 50_000, 500_000]:
        tables = make_book(turns)
        begin = time.process_time()
        found = find_promises(*tables, FINDINGS.empty_table(), calendar=Calendar()).num_rows
        spent = time.process_time() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{turns:>9,}{found:>10,}{spent:>9.1f}{spent / turns * 1e6:>11.0f}{peak:>9.0f}")


if __name__ == "__main__":
    main()
