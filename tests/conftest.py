"""What several test files share."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis_settings

import troth
import troth.api
from troth.sample import SAMPLE_ME, SAMPLE_ZONE, read_sample, sample_people, write_sample
from troth.settings import Settings

if TYPE_CHECKING:
    from served import Door

    from troth.web.app import Serving

# No test judges time: how long one example takes says more of what else the machine does.
hypothesis_settings.register_profile("troth", deadline=None)
hypothesis_settings.load_profile("troth")


@pytest.fixture(scope="session")
def sample_mbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample firm's mailbox as a file."""
    return write_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def sample_book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[troth.Book]:
    """The sample firm with every export, as `--sample` reads it, understood once for all tests; nobody writes to it."""
    with troth.open(settings=Settings(us=(SAMPLE_ME,), zone=SAMPLE_ZONE, people=sample_people())) as book:
        read_sample(book, tmp_path_factory.mktemp("whole"))
        book.understand()
        yield book


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data beside the repository; tests that need it say when they skip."""
    folder = Path(os.environ.get("TROTH_SHARED", Path(__file__).parents[1] / "../shared"))
    if not folder.is_dir():
        pytest.skip("needs the public data in ../shared, which is not here")
    return folder


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file, made by the first worker that needs it for all of them; to be copied, not opened."""
    from served import write_sample_book  # noqa: PLC0415 - loads what tests of pages alone need

    folder = tmp_path_factory.getbasetemp()
    path = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "sample.duckdb"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = tmp_path_factory.mktemp("book") / "sample.duckdb"
            write_sample_book(made)
            made.rename(path)
    return path


@pytest.fixture
def sample_at_hand(
    sample_file: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands with `--sample` get a copy of the sample as a file, and need not read and understand it again.

    That a command reads it is proved by `test_cli`, what comes of reading it by `test_sample_book`.
    """

    def open_copy(path: Path | str | None = None, *, settings: Settings | None = None, **how: Any) -> troth.Book:
        if path is None and settings is not None and settings.us == (SAMPLE_ME,):
            path = shutil.copy(sample_file, tmp_path_factory.mktemp("at_hand") / "sample.duckdb")
        return open_book(path, settings=settings, **how)

    open_book = troth.api.open
    monkeypatch.setattr("troth.api.open", open_copy)
    monkeypatch.setattr("troth.cli.options._read_sample", lambda _: None)


@pytest.fixture(scope="session")
def serving(sample_file: Path) -> Iterator[Serving]:
    """The sample served; nobody writes to it. A test that writes takes `served.serve_copy`."""
    from served import serve_copy  # noqa: PLC0415 - loads what tests of pages alone need

    with serve_copy(sample_file) as served:
        yield served


@pytest.fixture
def door(serving: Serving) -> Iterator[Door]:
    """The sample served, with a client that is signed in to it."""
    from served import enter  # noqa: PLC0415 - loads what tests of pages alone need

    with enter(serving) as entered:
        yield entered
