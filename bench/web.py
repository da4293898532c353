"""Pages and API of a big served book: how long each takes, and whether anything is lost when 50 read and 5 write.

    python -m bench.web big.duckdb --pages        # one visitor: the median, 95th percentile and size of every page
    python -m bench.web big.duckdb --settle --pages   # the same once nothing of the start is worked out any more
    python -m bench.web big.duckdb --load 120     # seconds of 50 readers and 5 writers
    python -m bench.web big.duckdb --add 20       # turns one by one: seconds until the view shows each

Make the book with `python -m bench.bigbook`. The server is a process of its own on a real port; times are from the
first byte of the request to the last of the answer, as a caller beside it sees them. A bare FastAPI page on the same
machine, asked in the same way in the same run, says how much of that is not ours.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.bigbook import settings_of

from troth.book.remote import Address, card_of, find_server

_PAGES = (
    "/", "/relationships", "/relationships?sort=held", "/relationships?q=k11", "/promises", "/questions", "/check",
    "/touchpoints", "/surveys", "/worth", "/validity", "/settings", "/api/v1/relationships", "/api/v1/promises",
    "/api/v1/questions", "/api/v1/turns",
)  # fmt: skip
_BARE = """
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
import uvicorn
app = FastAPI()
@app.get("/")
def page() -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>bare</title><h1>Hello</h1>")
uvicorn.run(app, host="127.0.0.1", port={port}, log_level="error")
"""
_READERS, _WRITERS = 50, 5


@contextmanager
def serve(book: Path) -> Generator[tuple[Address, int]]:
    """The book served by a process of its own, and that process; waits for the first view."""
    log = book.with_suffix(".log").open("w", encoding="utf-8")
    command = [sys.executable, "-m", "troth.cli", "serve", "--book", str(book), "--no-browser", "--port", "0"]
    command += ["--settings", str(settings_of(book))]
    server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        began = time.monotonic()
        while (address := find_server(book)) is None or not _answers(address):
            if server.poll() is not None:
                raise SystemExit(f"the server ended: {book.with_suffix('.log').read_text()}")
            time.sleep(0.5)
        print(f"first view after {time.monotonic() - began:.0f} s; the server holds {_memory_gb(server.pid):.1f} GB")
        yield address, server.pid
        print(f"at the end the server holds {_memory_gb(server.pid):.1f} GB")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        card_of(book).unlink(missing_ok=True)


@contextmanager
def serve_bare() -> Generator[Address]:
    """One page of FastAPI with nothing behind it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", _BARE.format(port=port)])
    address = Address(url=f"http://127.0.0.1:{port}", token="")
    try:
        while not _answers(address):
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@dataclass(slots=True)
class Visitor:
    """A caller with one kept connection."""

    address: Address
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.address.url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes, float]:
        """Status, content and seconds of one request."""
        headers = {"Authorization": f"Bearer {self.address.token}"} if self.address.token else {}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        began = time.perf_counter()
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, body=content, headers=headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read(), time.perf_counter() - began
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.connection.close()  # an idle connection that the server hung up on
                if attempt == 2:
                    raise
        raise AssertionError


def find_pages(visitor: Visitor) -> list[str]:
    """Pages of some relationships, promises and conversations beside the fixed ones."""
    names = [row["relationship"] for row in json.loads(visitor.ask("GET", "/api/v1/relationships")[1])["items"]]
    chosen = [*names[:3], *names[-3:]]
    pages = [f"/relationships/{quote(name, safe='')}" for name in chosen]
    talks = re.findall(r'href="(/relationships/[^"]+/conversations/[^"#]+)', visitor.ask("GET", pages[-1])[1].decode())
    promises = re.findall(r'href="(/promises/[^"?#]+)"', visitor.ask("GET", "/promises")[1].decode())
    return [*_PAGES, *pages, *talks[:2], *promises[:2]]


def measure_pages(address: Address, *, times: int) -> None:
    """One visitor, every page so many times."""
    visitor = Visitor(address)
    print(f"{'page':64s} {'status':>6s} {'kB':>7s} {'first ms':>9s} {'p50 ms':>8s} {'p95 ms':>8s}")
    for page in find_pages(visitor):
        status, content, first = visitor.ask("GET", page)
        taken = sorted(visitor.ask("GET", page)[2] for _ in range(times))
        print(
            f"{page[:64]:64s} {status:6d} {len(content) / 1000:7.1f} {first * 1000:9.1f} "
            f"{statistics.median(taken) * 1000:8.1f} {taken[int(len(taken) * 0.95)] * 1000:8.1f}",
            flush=True,
        )


def settle(process: int, *, most_s: float = 3600.0) -> None:
    """Wait until the server does nothing of its own any more: under a tenth of a core for twenty seconds."""
    began = time.monotonic()
    while time.monotonic() - began < most_s:
        before = _spent_s(process)
        time.sleep(20.0)
        if _spent_s(process) - before < 2.0:
            print(f"at rest after {time.monotonic() - began:.0f} s; the server holds {_memory_gb(process):.1f} GB")
            return
    raise SystemExit(f"the server is still at work after {most_s:.0f} s")


def measure_bare(*, seconds: float, readers: int) -> list[float]:
    """A bare page under so many readers."""
    with serve_bare() as address:
        taken: dict[str, list[float]] = defaultdict(list)
        _run(seconds, [_reader(address, ["/"], taken, [], seed) for seed in range(readers)])
        return sorted(itertools.chain.from_iterable(taken.values()))


def measure_load(address: Address, *, seconds: float) -> None:
    """Readers and writers at once; then every write is looked for."""
    pages, taken, wrong = find_pages(Visitor(address)), defaultdict[str, list[float]](list), list[str]()
    written: list[str] = []
    readers = [_reader(address, pages, taken, wrong, seed) for seed in range(_READERS)]
    writers = [_writer(address, number, taken, wrong, written) for number in range(_WRITERS)]
    _run(seconds, [*readers, *writers])
    reads = sorted(itertools.chain.from_iterable(each for page, each in taken.items() if page != "POST"))
    bare = measure_bare(seconds=min(seconds, 20), readers=_READERS)
    for name, each in (("reads", reads), ("writes", sorted(taken["POST"])), ("a bare page", bare)):
        print(f"{name:12s} {len(each):7d} requests  " + "  ".join(
            f"p{share * 100:.0f} {each[int(len(each) * share)] * 1000:7.1f} ms" for share in (0.5, 0.95, 0.99)
        ))  # fmt: skip
    print(f"the median page takes {reads[len(reads) // 2] / bare[len(bare) // 2]:.1f} times as long as a bare one")
    visitor = Visitor(address)
    lost = [name for name in written if visitor.ask("POST", "/api/v1/store/tables/turns",
                                                    {"columns": ["turn_id"], "where": {"turn_id": [name]}})[1].find(
        name.encode()) < 0]  # fmt: skip
    print(f"{len(wrong)} errors {sorted(set(wrong))[:5]}; {len(lost)} of {len(written)} acknowledged writes lost")


def measure_adding(address: Address, process: int, *, turns: int) -> None:
    """Single turns, the next one when the pages show the one before; wall clock, and processor time of the server."""
    visitor, waited, worked = Visitor(address), list[float](), list[float]()
    for count in range(turns):
        name, before, began = f"added-{os.getpid()}-{count}", _spent_s(process), time.monotonic()
        status, content, _ = visitor.ask("POST", "/api/v1/turns", [_make_turn(name, f"talk-{name}", count)])
        if status != 200:
            raise SystemExit(f"{status} POST {content[:200]!r}")
        while visitor.ask("GET", f"/api/v1/turns/{name}")[0] != 200:
            time.sleep(0.05)
        waited.append(time.monotonic() - began)
        time.sleep(1.0)  # for what goes on behind the view
        worked.append(_spent_s(process) - before)
    for label, each in (("shown after", sorted(waited)), ("processor time", sorted(worked))):
        print(f"{label:15s} p50 {statistics.median(each):6.2f} s  most {each[-1]:6.2f} s  of {turns}")


def _spent_s(process: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _make_turn(name: str, talk: str, count: int) -> dict[str, object]:
    return {"turn_id": name, "conversation_id": talk, "speaker": "bo@k1.maribelle.example",
            "recipients": ["anna@brimholt.example"], "body": f"Message {count}: when will it be ready?",
            "sent_at": "2026-11-20T09:00:00Z", "channel": "mail"}  # fmt: skip


def _reader(address: Address, pages: list[str], taken: dict[str, list[float]], wrong: list[str], seed: int) -> object:
    def read(until: float) -> None:
        visitor, choose = Visitor(address), random.Random(seed)
        while time.monotonic() < until:
            page = choose.choice(pages)
            status, _, seconds = visitor.ask("GET", page)
            taken[page].append(seconds)
            if status != 200:
                wrong.append(f"{status} {page}")

    return read


def _writer(
    address: Address, number: int, taken: dict[str, list[float]], wrong: list[str], written: list[str]
) -> object:
    def write(until: float) -> None:
        visitor = Visitor(address)
        for count in itertools.count():
            if time.monotonic() >= until:
                return
            name = f"bench-{os.getpid()}-{number}-{count}"
            turn = _make_turn(name, f"bench-{number}", count)
            status, content, seconds = visitor.ask("POST", "/api/v1/turns", [turn])
            taken["POST"].append(seconds)
            if status == 200:
                written.append(name)
            else:
                wrong.append(f"{status} POST {content[:200]!r}")

    return write


def _run(seconds: float, jobs: list[object]) -> None:
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=job, args=(until,)) for job in jobs]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _answers(address: Address) -> bool:
    try:
        return Visitor(address).ask("GET", "/")[0] == 200
    except OSError:
        return False


def _memory_gb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1e6  # type: ignore[index]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("book", type=Path)
    parser.add_argument("--settle", action="store_true", help="once before anything is measured")
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--load", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--add", type=int, default=0, metavar="TURNS")
    asked = parser.parse_args()
    with serve(asked.book) as (address, process):
        if asked.settle:
            measure_pages(address, times=1)  # the first visits begin work of their own
            settle(process)
        if asked.pages:
            measure_pages(address, times=asked.times)
        if asked.load:
            measure_load(address, seconds=asked.load)
        if asked.add:
            measure_adding(address, process, turns=asked.add)


if __name__ == "__main__":
    main()
