"""Options that several commands share, and the one way from them to a book."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from troth.library import Book, ReadReport
    from troth.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

_STOPPED = 130


class Format(StrEnum):
    """Shape of what is printed."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


class Language(StrEnum):
    """Language of what is written for somebody to read."""

    en = "en"
    de = "de"


BookOption = Annotated[
    Path | None,
    typer.Option("--book", help="File of the book; made if absent. Default: a file in your data folder."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="Shape of what is printed.")]
SampleOption = Annotated[bool, typer.Option("--sample", help="Use the built-in sample firm, not a book.")]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="A troth.toml; the one in the current folder if not given.")
]
MeOption = Annotated[
    list[str] | None,
    typer.Option("--me", help="Your address, or your firm's domain; may be given several times. Guessed if absent."),
]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="Time zone whose midnight closes the books. Default: this machine's.")
]


def stoppable(command: Callable[P, R]) -> Callable[P, R]:
    """Ctrl-C leaves with 130 and a line that says what is left behind: a sound book."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            sys.stderr.write("\ntroth: stopped. What was read is kept; run the same command to go on.\n")
            raise typer.Exit(_STOPPED) from None

    return run


def default_book() -> Path:
    """Where the book lies when nobody says."""
    from platformdirs import user_data_path

    return user_data_path("troth", appauthor=False) / "book.duckdb"


def choose_settings(path: Path | None, *, zone: str | None = None, me: Sequence[str] | None = None) -> Settings:
    """Settings from the file, with the options laid over them and this machine's time zone where none is stated."""
    from troth.settings import load_settings

    settings = load_settings(path)
    if zone is None and "zone" not in settings.model_fields_set:
        zone = local_zone()
    return settings.having(zone=zone, us=tuple(me) if me else None)


def local_zone() -> str:
    """The IANA name of this machine's time zone; UTC where it does not say."""
    from zoneinfo import available_timezones

    link = Path("/etc/localtime")
    named = [os.environ.get("TZ", ""), str(link.resolve()).partition("zoneinfo/")[2] if link.exists() else ""]
    known = available_timezones()
    return next((name for name in named if name in known), "UTC")


@contextmanager
def open_book(book: Path | None, settings: Settings, *, sample: bool = False, fresh: bool = False) -> Generator[Book]:
    """Open the book named, or the default one; `sample` or `fresh` gives a throw-away one in memory."""
    from troth.api import open as open_any

    if sample or fresh:
        with open_any(settings=settings.having(**_sample_settings()) if sample else settings) as opened:
            if sample:
                _read_sample(opened)
            yield opened
        return
    with open_any(book or default_book(), settings=settings) as opened:
        yield opened


def read_sources(opened: Book, sources: Sequence[Path], *, me: Sequence[str] | None = None) -> list[ReadReport]:
    """Read exports with a progress bar, and the answers of surveys among them; say on standard error what they gave."""
    from troth.cli.talk import show_progress

    reports: list[ReadReport] = []
    for source in sources:
        with show_progress(f"reading {source.name}", unit="bytes") as progress:
            reports.append(opened.read(source, us=me or None, progress=progress))
        tell_read(reports[-1])
    return reports


def tell_read(report: ReadReport) -> None:
    """Say what was read and what was left out, and what the surveys gave that lay beside it."""
    from troth.cli.survey import report_survey
    from troth.cli.talk import report_read, say
    from troth.sources import Rejected

    report_read(report)
    for answered in report.answered:
        if isinstance(answered, Rejected):
            say(answered.reason)
        else:
            report_survey(answered)


def _sample_settings() -> dict[str, object]:
    from troth.sample import SAMPLE_ME, SAMPLE_ZONE, sample_people

    stated = {"customers": (), "colleagues": (), "friends": (), "accounts": {}, "people": sample_people()}
    return {"us": (SAMPLE_ME,), "zone": SAMPLE_ZONE, **stated}


def _read_sample(opened: Book) -> None:
    from troth.sample import read_sample

    with tempfile.TemporaryDirectory(prefix="troth-sample-") as folder:
        read_sample(opened, Path(folder))
