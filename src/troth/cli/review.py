"""troth review"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.options import (
    BookOption,
    Format,
    FormatOption,
    Language,
    MeOption,
    SampleOption,
    SettingsOption,
    ZoneOption,
    choose_settings,
    open_book,
    read_sources,
    stoppable,
)
from troth.errors import InputError

if TYPE_CHECKING:
    from troth.library import Book
    from troth.review import Close


@stoppable
def review(
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Exports to close a day of, in a throw-away book. None: your book.")
    ] = None,
    me: MeOption = None,
    day: Annotated[str | None, typer.Option(help="The day, as 2026-11-20. Default: the last with a turn.")] = None,
    since: Annotated[str | None, typer.Option(help="Close every day with a turn from this one on.")] = None,
    circle: Annotated[str | None, typer.Option(help="Only customer, colleague or friend.")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the close as one HTML page.")] = None,
    language: Annotated[Language, typer.Option(help="What that page is written in.")] = Language.en,
    sample: SampleOption = False,
    book: BookOption = None,
    zone: ZoneOption = None,
    settings: SettingsOption = None,
    shape: FormatOption = Format.table,
) -> None:
    """The day's close: six checkpoints per circle, the sentences that say so, what is open, one thing to do.

    Example: troth review mail.mbox --me anna@firm.com --html close.html
    """
    from troth.cli.talk import say

    if sources and (book or sample):
        raise InputError("name either exports to review, or --book, or --sample: one of the three.")
    if day and since:
        raise InputError("name either --day or --since.")
    if sample and me:
        raise InputError("the sample firm has a 'me' of its own: leave out --me, or name a mailbox.")
    chosen = choose_settings(settings, zone=zone, me=me)
    with open_book(book, chosen, sample=sample, fresh=bool(sources)) as opened:
        if sources:
            read_sources(opened, sources, me=me)
        if opened.grounds:
            say(f"Taking you for {opened.whose}: {opened.grounds}. Say --me to change that.")
        closes = list(_close(opened, day, since, circle))
        if html is not None:
            _write_page(html, closes[-1], opened, language)
        _print(closes, shape)


def _close(opened: Book, day: str | None, since: str | None, circle: str | None) -> Iterator[Close]:
    from troth.cli.talk import show_progress

    with show_progress("finding signals", unit="turns") as progress:
        opened.understand(progress=progress)
    if since is None:
        with show_progress("closing days", unit="days") as progress:
            close = opened.review(day, circle=circle, progress=progress)
        yield close
        return
    days = opened.days(since)
    if not days:
        raise InputError(f"there is no turn on or after {since}.")
    with show_progress("closing days", unit="days") as progress:
        for number, each in enumerate(days):
            yield opened.review(each, circle=circle)
            progress(number + 1, len(days))


def _write_page(path: Path, close: Close, opened: Book, language: Language) -> None:
    from troth.cli.output import name_makers, write_page
    from troth.review.html import render_close

    page = render_close(close, whose=opened.whose, made_with=name_makers(), language=language.value)
    write_page(path, page)


def _print(closes: list[Close], shape: Format) -> None:
    from troth.cli.output import write_rows
    from troth.cli.show_close import draw_close

    if shape is Format.table:
        for close in closes:
            draw_close(close)
        return
    rows = [row for close in closes for row in list_close(close)]
    write_rows(rows, shape, columns=_COLUMNS)


_COLUMNS = (
    "day", "kind", "circle", "checkpoint", "percentile", "low", "high", "reliability", "readings", "relationship",
    "side", "state", "due_latest", "asked_at", "text", "act", "why", "best", "worst", "turn_id",
)  # fmt: skip


def list_close(close: Close) -> Iterator[dict[str, Any]]:
    """The close as flat rows: checkpoints, promises, questions, who asks for trust, warnings, the one thing to do."""
    for circle in close.circles:
        for point in circle.checkpoints:
            gauge = point.gauge
            yield {
                "day": close.day,
                "kind": "checkpoint",
                "circle": circle.circle,
                "checkpoint": point.name,
                "percentile": gauge.percentile if gauge else None,
                "low": gauge.low if gauge else None,
                "high": gauge.high if gauge else None,
                "reliability": gauge.reliability if gauge else None,
                "readings": gauge.readings if gauge else 0,
                "best": point.best.text if point.best else None,
                "worst": point.worst.text if point.worst else None,
            }
    for promise in close.promises:
        names = ("circle", "relationship", "side", "state", "due_latest", "text", "act", "turn_id")
        yield _row(close.day, "promise", promise, names)
    for question in close.questions:
        row = _row(close.day, "question", question, ("circle", "relationship", "state", "asked_at", "text", "turn_id"))
        yield row | {"why": question["kind"]}
    for asking in close.asking:
        yield {"day": close.day, "kind": "asking", "circle": asking.circle, "text": asking.text}
    for gap in close.gaps:
        yield {"day": close.day, "kind": "warning", "relationship": gap["relationship"], "text": gap["text"]}
    todo = close.tomorrow
    yield {
        "day": close.day,
        "kind": "tomorrow",
        "relationship": todo.relationship,
        "text": todo.text,
        "why": todo.quote,
        "turn_id": todo.turn_id,
    }


def _row(day: dt.date, kind: str, source: Any, columns: tuple[str, ...]) -> dict[str, Any]:
    return {"day": day, "kind": kind} | {column: source[column] for column in columns}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(review)
