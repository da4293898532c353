"""`troth serve` as a process: killed in the midst of an import, stopped, started twice; what it says and leaves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import troth
from troth.cli.serve import _listen  # pyright: ignore[reportPrivateUsage]
from troth.settings import Settings

_COPIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running `troth serve`, and a browser that came in."""

    process: subprocess.Popen[str]
    client: httpx.Client

    def page(self, path: str = "/bring") -> str:
        return self.client.get(path, follow_redirects=True).text

    def end(self, number: signal.Signals) -> tuple[int, str, float]:
        """Send a signal; the exit code, what was said, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said, time.monotonic() - began


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "troth.cli", "serve", "--book", str(folder / "b.duckdb"), "--no-browser", *more]


@contextmanager
def serve(folder: Path) -> Generator[Served]:
    process = subprocess.Popen(command(folder, "--port", "0"), stderr=subprocess.PIPE, text=True, cwd=folder)
    try:
        assert process.stderr is not None
        address = ""
        while "/in?token=" not in address:
            address = process.stderr.readline()
            assert address or process.poll() is None
        with httpx.Client(base_url=address.partition("/in?")[0], timeout=60) as client:
            client.get(address.strip(), follow_redirects=True)
            yield Served(process=process, client=client)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(served: Served, words: str, *, is_there: bool = True) -> None:
    until = time.monotonic() + 120
    while (words in served.page()) is not is_there:
        assert time.monotonic() < until, f"{words!r}: {is_there} did not come to be"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def mails(sample_mbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mails") / "mail.mbox"
    content = sample_mbox.read_bytes()
    path.write_bytes(b"".join(content.replace(b"Message-ID: <", b"Message-ID: <%d." % n) for n in range(_COPIES)))
    return path


def test_an_import_survives_kill_and_stop_and_the_page_leaves_nothing_behind(mails: Path, tmp_path: Path) -> None:
    """Kill -9 while signals are found; the next start goes on, and so does the one after a stop."""
    with serve(tmp_path) as served:
        found = re.search(r'"X-Form-Token":"(\w+)"', served.page("/welcome"))
        assert found is not None
        form = {"form_token": found[1], "once": "once-once-once-once", "us": "anna@brimholt.example"}
        with mails.open("rb") as file:
            assert served.client.post("/bring", data=form, files={"files": file}).status_code == 303
        wait_until(served, "Finding signals")
        served.process.kill()
        served.process.wait()
    assert (tmp_path / ".b.duckdb.inbox").is_dir()
    with serve(tmp_path) as served:
        assert "Reading mail.mbox" in served.page()
        again = subprocess.run(command(tmp_path), capture_output=True, text=True, timeout=60, check=False)
        assert again.returncode == 0
        assert f"{str(served.client.base_url).rstrip('/')}/in?token=" in again.stderr
        code, said, took_s = served.end(signal.SIGTERM)
        assert code == 143
        assert "A job was under way." in said
        assert said.rstrip().endswith("The page is closed.")
        assert "Traceback" not in said
        assert took_s < 10  # 3 s on a machine that does nothing else
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.duckdb.inbox", "b.duckdb"]
    with serve(tmp_path) as served:
        wait_until(served, "Reading mail.mbox")
        wait_until(served, 'hx-trigger="every 1s"', is_there=False)
        assert ">done<" in served.page()
        code, said, _ = served.end(signal.SIGINT)
        assert code == 130
        assert said.rstrip().endswith("The page is closed.")
        assert "under way" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["b.duckdb"]
    with troth.open(tmp_path / "b.duckdb", settings=Settings()) as book:
        ids = book.turns()["turn_id"].to_pylist()
        assert len(ids) == len(set(ids)) == _COPIES * 253
        assert set(book.store.table("sentences")["turn_id"].to_pylist()) <= set(ids)
        assert book.store.table("jobs")["state"].to_pylist() == ["done"]


def test_the_end_of_a_page_does_not_wait_until_its_head_is_confirmed() -> None:
    """asyncio sends each part at once on sockets that say that they are TCP, and on no others."""
    with _listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run(
            command(tmp_path, "--port", port), capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
    assert done.returncode == 2
    assert f"127.0.0.1, port {port}, cannot be taken" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
