"""The public names as a user writes them; checked by pyright, never run."""

from __future__ import annotations

import datetime as dt
from typing import assert_type

import pyarrow as pa

import troth
from troth.promises import Due
from troth.review import Close, DraftCheck


def use(book: troth.Book) -> None:
    assert_type(book.review("2026-11-20", circle="customer"), Close)
    assert_type(book.relationships(), pa.Table)
    assert_type(book.trust("acme").path(), pa.Table)
    assert_type(book.check("By Friday.", to="acme"), DraftCheck)


def call() -> None:
    assert_type(troth.open("firm.duckdb"), troth.Book)
    assert_type(troth.read("mail.mbox", us="firm.com"), troth.Book)
    assert_type(troth.review("mail.mbox", us=["anna@firm.com"], day=dt.date(2026, 11, 20)), Close)
    assert_type(troth.check("We will have it fixed by Friday."), DraftCheck)
    assert_type(troth.score([{"text": "Thank you."}]), pa.Table)
    assert_type(troth.follow(troth.score([])), pa.Table)
    assert_type(troth.due("by Friday", dt.datetime.now(dt.UTC), zone="Europe/Berlin"), Due | None)
