"""A served sample that tests of pages share, in process and in a real browser."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi.testclient import TestClient

from troth.api import open as open_book
from troth.mcp import Assistant
from troth.sample import SAMPLE_ME, SAMPLE_ZONE, read_sample, sample_people
from troth.settings import Settings
from troth.web.app import Serving, make_app
from troth.web.start import make_serving

ADDRESS = "http://127.0.0.1"
SETTINGS = Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE, people=sample_people())


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A served book and a signed-in client of it."""

    serving: Serving
    client: TestClient

    @property
    def form_token(self) -> str:
        """What a form of this client's session brings back."""
        found = re.search(r'"X-Form-Token":"(\w+)"', self.client.get("/").text)
        assert found is not None
        return found[1]


def write_sample_book(path: Path) -> None:
    """The whole sample as a book in a file, with all its signals found."""
    with open_book(path, settings=SETTINGS) as book:
        with tempfile.TemporaryDirectory() as folder:
            read_sample(book, Path(folder))
        book.review()  # finds all signals, and closes the days that are over


@contextmanager
def serve_copy(book: Path, settings: Settings = SETTINGS, *, secret: str | None = None) -> Generator[Serving]:
    """A copy of a book, served: what is written to it is seen by nobody else."""
    with tempfile.TemporaryDirectory() as folder:
        copied = shutil.copy(book, Path(folder) / "book.duckdb")
        with open_book(copied, settings=settings) as opened:
            serving = make_serving(opened.store, opened.settings, secret=secret)
            try:
                serving.keeper.view()
                yield serving
            finally:
                serving.close()


@contextmanager
def enter(serving: Serving) -> Generator[Door]:
    """A client that came in by a one-time address."""
    with TestClient(make_app(serving), base_url=ADDRESS) as client:
        assert client.get("/in", params={"token": serving.keys.make()}).status_code == 200
        yield Door(serving=serving, client=client)


@contextmanager
def listen(serving: Serving) -> Generator[str]:
    """The same on a real port, for browsers; its address."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(make_app(serving, beside=Assistant(serving)), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield f"{ADDRESS}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def links(page: str) -> Iterable[str]:
    """Every address that a page names."""
    return re.findall(r'(?:href|src|action|data-spec|hx-get|hx-post)="([^"]+)"', page)
