"""Kill -9 while a mailbox is read: the book opens, reading again completes, nothing is missing or doubled."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import troth
from troth.settings import Settings

_KILLS = 50
_COPIES = 8


def read_in_child(mailbox: str, book: str) -> None:
    with troth.open(book, settings=Settings()) as opened:
        opened.read(mailbox)


def test_fifty_kills_lose_and_double_nothing(sample_mbox: Path, tmp_path: Path):
    """Each kill comes at a random moment of one reading; the same book is used until a reading gets through."""
    mailbox = tmp_path / "mail.mbox"
    chance = random.Random(random.getrandbits(32))  # pytest-randomly seeds the module and prints the seed
    mails = sample_mbox.read_bytes()
    with mailbox.open("wb") as file:
        for number in range(_COPIES):
            file.write(mails.replace(b"Message-ID: <", b"Message-ID: <%d." % number))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["troth.api", "troth.book.duckdb", "troth.sources"])
    kills, whole = 0, 2.0
    while kills < _KILLS:
        book = tmp_path / f"book-{kills}.duckdb"
        while kills < _KILLS:
            child = context.Process(target=read_in_child, args=(str(mailbox), str(book)))
            began = time.monotonic()
            child.start()
            child.join(chance.uniform(0, whole))
            if child.exitcode is not None:
                assert child.exitcode == 0
                whole = time.monotonic() - began
                break
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            child.join()
            kills += 1
        with troth.open(book, settings=Settings()) as opened:
            opened.read(mailbox)
            ids = opened.turns()["turn_id"].to_pylist()
            assert len(ids) == len(set(ids)) == _COPIES * 253
            assert opened.read(mailbox).added == 0
