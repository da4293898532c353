"""What people call: `open` a book, `read` exports into it, `review` a day, `check` a draft, `score` turns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from troth.book import open_store
from troth.encoder import Encoder, find_signals, load_encoder
from troth.intake import take_turns
from troth.library import Book
from troth.pipeline import check_text
from troth.review import Close, DraftCheck
from troth.schema import PROMISES, QUESTIONS, empty
from troth.settings import Settings, load_settings
from troth.text import split_sentences


def open(path: str | Path | None = None, *, settings: Settings | Path | None = None) -> Book:  # noqa: A001 - troth.open
    """Open a book, made if absent; without a path, a throw-away one in memory.

    Args:
        path: a file for DuckDB.
        settings: settings, or the path of a troth.toml; the one in the current folder if not given.

    Raises: BookBusy, BookDamaged, SettingsError.
    """
    stated = settings if isinstance(settings, Settings) else load_settings(settings)
    return Book(open_store(path), stated)


def read(source: str | Path, *, us: str | Iterable[str] | None = None, settings: Settings | None = None) -> Book:
    """Take an export into a throw-away book in memory and give that book."""
    book = open(settings=settings)
    try:
        book.read(source, us=us)
    except BaseException:
        book.close()
        raise
    return book


def review(
    source: str | Path | object,
    *,
    us: str | Iterable[str] | None = None,
    day: str | dt.date | None = None,
    circle: str | None = None,
    settings: Settings | None = None,
) -> Close:
    """Close a day of an export, or of turns in memory, without keeping a book."""
    if isinstance(source, (str, Path)):
        with read(source, us=us, settings=settings) as book:
            return book.review(day, circle=circle)
    stated = (settings or load_settings()).having(us=(us,) if isinstance(us, str) else us)
    with open(settings=stated) as book:
        book.add(source)
        return book.review(day, circle=circle)


def check(text: str, *, to: str | None = None, book: Book | None = None, now: dt.datetime | None = None) -> DraftCheck:
    """Check a draft before it is sent; with a book, against what the relationship `to` left open."""
    if book is not None:
        return book.check(text, to=to, now=now)
    moment = now or dt.datetime.now(dt.UTC)
    settings = load_settings()
    calendar = settings.calendar()
    return check_text(
        text, load_encoder(), calendar=calendar, now=moment, questions=empty(QUESTIONS), pledged=empty(PROMISES)
    )


def score(turns: object, *, encoder: Encoder | None = None) -> pa.Table:
    """Find the signals in turns: any frame that speaks Arrow, or a list of mappings, to FINDINGS. Needs no book.

    A turn needs a `text` or `body`; `turn_id` is numbered where it is absent.

    >>> from troth import score
    >>> found = score([{"text": "Thank you so much for your help with the invoice!"}])
    >>> "gratitude" in found["signal"].to_pylist()
    True
    """
    return find_signals(split_sentences(take_turns(turns)), encoder or load_encoder())
