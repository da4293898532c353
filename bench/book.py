"""The book against plain sqlite3: 200,000 turns written, written again, and overwritten.

Run: python bench/book.py [TURNS]. Each contender works in a process of its own, one after the other, on the same
turns in the same batches, and commits once a batch. sqlite3 gets what a careful user would write: a primary key,
WAL, `executemany` with `ON CONFLICT DO UPDATE ... WHERE ... IS NOT`, lists as JSON.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from troth.book import open_store
from troth.schema import TURNS

BATCH = 20_000
WORDS = "we will have the report ready by friday and send it to you as soon as the numbers are checked ".split()


def batches(turns: int, version: str) -> Iterator[pa.Table]:
    """TURNS tables with bodies of about 600 characters; `version` is in every third body."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, turns, BATCH):
        rows = range(first, min(first + BATCH, turns))
        bodies = [" ".join(WORDS[(n * 7 + k) % len(WORDS)] for k in range(120)) for n in rows]
        yield pa.Table.from_pylist(
            [
                {
                    "turn_id": f"<{n * 7919 % 1_000_003}.{n}@mail.firm.com>",
                    "conversation_id": f"c{n // 5}",
                    "position": n,
                    "sent_at": start + timedelta(seconds=n),
                    "speaker": f"person{n % 500}@firm.com",
                    "recipients": [f"person{n % 77}@client.com", "team@firm.com"],
                    "references": [f"<{n - 1}@mail.firm.com>"] if n % 5 else [],
                    "channel": "mail",
                    "subject": f"report {n // 5}",
                    "body": f"{body} {version if n % 3 == 0 else ''}",
                    "automatic": False,
                    "source": "mail.mbox",
                }
                for n, body in zip(rows, bodies, strict=True)
            ],
            schema=TURNS,
        )


def write_book(path: Path) -> tuple[Callable[[pa.Table], int], Callable[[], int]]:
    store = open_store(path)

    def count() -> int:
        rows = store.table("turns", columns=["turn_id"]).num_rows
        store.close()
        return rows

    return lambda table: store.upsert("turns", table), count


def write_sqlite(path: Path) -> tuple[Callable[[pa.Table], int], Callable[[], int]]:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    names = [f'"{name}"' for name in TURNS.names]
    connection.execute(f"CREATE TABLE turns ({', '.join(names)}, PRIMARY KEY (turn_id)) WITHOUT ROWID")
    setting = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    differs = " OR ".join(f"turns.{name} IS NOT excluded.{name}" for name in names[1:])
    statement = (
        f"INSERT INTO turns VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (turn_id) DO UPDATE SET {setting} WHERE {differs}"
    )

    def plain(value: object) -> object:
        if isinstance(value, list):
            return json.dumps(value)
        return value.isoformat() if isinstance(value, datetime) else value

    def write(table: pa.Table) -> int:
        before = connection.total_changes
        columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
        with connection:
            connection.executemany(statement, zip(*columns, strict=True))
        return connection.total_changes - before

    def count() -> int:
        rows = connection.execute("SELECT count(*) FROM turns").fetchone()[0]
        connection.close()
        return int(rows)

    return write, count


def run(contender: str, turns: int) -> None:
    """Write, write again, overwrite; print seconds, rows written and peak memory as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book"
        write, count = {"book": write_book, "sqlite3": write_sqlite}[contender](path)
        report: dict[str, float] = {}
        for phase, version in (("first", "a"), ("again", "a"), ("overwrite", "b")):
            seconds, written = 0.0, 0
            for table in batches(turns, version):
                begun = time.perf_counter()
                written += write(table)
                seconds += time.perf_counter() - begun
            report |= {f"{phase}_s": seconds, f"{phase}_rows": written}
        report["rows"] = count()
        report["megabytes"] = sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20
        report["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(report))


def compare(turns: int) -> None:
    """Run both and print them side by side."""
    reports = {}
    for contender in ("book", "sqlite3"):
        command = [sys.executable, __file__, str(turns), contender]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        reports[contender] = json.loads(done.stdout)
    ours, theirs = reports["book"], reports["sqlite3"]
    print(f"{turns:,} turns in batches of {BATCH:,}, one commit a batch")
    print(f"{'':24}{'book':>14}{'sqlite3':>14}{'book/sqlite3':>14}")
    for phase in ("first", "again", "overwrite"):
        a, b = turns / ours[f"{phase}_s"], turns / theirs[f"{phase}_s"]
        print(f"{phase + ', turns/s':24}{a:>14,.0f}{b:>14,.0f}{a / b:>14.2f}")
        print(f"{phase + ', rows changed':24}{ours[f'{phase}_rows']:>14,}{theirs[f'{phase}_rows']:>14,}")
    for what, unit in (("megabytes", "MB on disk"), ("peak_mb", "MB of memory at most")):
        print(f"{unit:24}{ours[what]:>14,.0f}{theirs[what]:>14,.0f}{ours[what] / theirs[what]:>14.2f}")
    assert ours["rows"] == theirs["rows"] == turns


if __name__ == "__main__":
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    if len(sys.argv) > 2:
        run(sys.argv[2], amount)
    else:
        compare(amount)
