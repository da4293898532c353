"""What long jobs do: read what was sent, find signals, take a survey, write the whole book out, learn."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from troth.desk import clock
from troth.errors import InputError, SourceError
from troth.forgetting import Meant, erase, erase_behind, write_anew
from troth.plain import clean_line
from troth.sources import Rejected
from troth.web.editions import bare_reading, read_once
from troth.web.freezing import freeze
from troth.web.jobs import Course, Run, forget_asked
from troth.web.team import keep, prepare

if TYPE_CHECKING:
    from troth.answering import SurveyReport
    from troth.book import Store
    from troth.intake import ReadReport
    from troth.library import Book
    from troth.trial.told import Reading, Trial
    from troth.web.inbox import Inbox
    from troth.web.keeper import Keeper

LEFT: Final = "troth-book.zip"
_REASONS: Final = 20  # that are told of one export
_EXPORTS: Final = 50  # that are told of one upload
_PLACE: Final = 200  # characters of where something stands


def make_kinds(keeper: Keeper, inbox: Inbox, *, forgot: Callable[[], None] = lambda: None) -> Mapping[str, Run]:
    """Every kind of job by its name; `forgot` is called when somebody was taken out of the book.

    Each works with a book of its own over the same store, so that pages go on showing the last view, and has a new
    one made at its end.
    """
    return {
        "read": lambda asked, course: _read(keeper, inbox, asked, course),
        "survey": lambda asked, course: _read_survey(keeper, inbox, asked, course),
        "understand": lambda _, course: _understand(keeper, course),
        "leave": lambda asked, course: _leave(keeper, inbox, asked, course),
        "learn": lambda _, course: _learn(keeper, course),
        "publish": lambda asked, course: _publish(keeper, asked, course),
        "trial": lambda asked, course: _start_trial(keeper, asked, course),
        "reading": lambda asked, course: _read_trial(keeper, asked, course),
        "forget": lambda asked, course: _forget(keeper, asked, course, forgot=forgot),
    }


def _read(keeper: Keeper, inbox: Inbox, asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
    source, names = _find(inbox, asked)
    book, before = keeper.open_book(), keeper.store.revisions()
    try:
        report = book.read(source, us=asked["us"] or None, progress=course.begin("reading"))
    except SourceError as error:
        if keeper.store.revisions() != before:
            _show_anew(keeper, book, course)  # what was read up to there is in the book
        raise _name(error, names) from error
    _show_anew(keeper, book, course)
    return _tell_read(report, source, names)


def _read_survey(keeper: Keeper, inbox: Inbox, asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
    source, names = _find(inbox, asked)
    course.begin("reading")
    book = keeper.open_book()
    try:
        report = book.read_survey(source, relationship=asked["relationship"])
    except SourceError as error:
        raise _name(error, names) from error
    _show_anew(keeper, book, course)
    return {"surveys": [_tell_survey(report, names)]}


def _understand(keeper: Keeper, course: Course) -> Mapping[str, Any]:
    _show_anew(keeper, keeper.open_book(), course)
    return {}


def _leave(keeper: Keeper, inbox: Inbox, asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
    """The whole book as one zip, which waits in the inbox to be fetched."""
    folder = inbox.folder(asked["folder"])
    written, packed = folder / "book", folder / LEFT
    shutil.rmtree(written, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    rows = keeper.open_book().leave(written, progress=course.begin("writing")).rows
    files = sorted(path for path in written.rglob("*") if path.is_file())
    go_on = course.begin("packing")
    with packed.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        packed.chmod(0o600)
        for number, path in enumerate(files, start=1):
            archive.write(path, path.relative_to(written))
            go_on(number, len(files))
    shutil.rmtree(written)
    return {"file": LEFT, "size": packed.stat().st_size, "tables": sum(1 for count in rows.values() if count)}


def _learn(keeper: Keeper, course: Course) -> Mapping[str, Any]:
    book = keeper.open_book()
    book.understand(progress=course.begin("finding"))
    tuning = book.learn(progress=course.begin("learning"))
    _show_anew(keeper, book, course)
    return {"kept": tuning.kept is not None}


def _forget(
    keeper: Keeper, asked: Mapping[str, Any], course: Course, *, forgot: Callable[[], None]
) -> Mapping[str, Any]:
    """Take somebody out of every table, and write the book anew once nobody works on what was there before.

    The names leave the job in the transaction that takes them out of the book. Taken up again after that, it only
    writes the book anew.
    """
    course.begin("forgetting")
    meant, gone = Meant(names=tuple(asked.get("names", ()))), dict[str, int]()
    if meant.names:
        gone, ids = keeper.change(lambda book: _erase(book.store, meant, course.job_id), fresh=True, patience_s=0)
        forgot()
        course.wait(keeper.renew(fresh=True))
        keeper.change(lambda book: erase_behind(book.store, meant, ids, now=clock()), fresh=True, patience_s=0)
    go_on = course.begin("rewriting")
    keeper.change(lambda book: write_anew(book.store, progress=go_on), fresh=True, patience_s=0)
    course.begin("showing")
    course.wait(keeper.renew(fresh=True))
    return {"gone": gone}


def _erase(store: Store, meant: Meant, job_id: str) -> tuple[dict[str, int], list[str]]:
    with store.transaction():
        erased = erase(store, meant, now=clock())
        forget_asked(store, job_id)
    return erased


def _publish(keeper: Keeper, asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
    """The figures of a period: worked out by a twin of the book, and kept in one short step."""
    course.begin("figures")
    period = asked["period"]
    prepared = course.wait_for(keeper.ask_later(lambda book: prepare(book, period, now=clock())))
    course.begin("showing")
    keeper.change(lambda book: keep(book, prepared, now=clock()), patience_s=0)
    course.wait(keeper.renew(fresh=False))
    return {}


def _start_trial(keeper: Keeper, asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
    """Draw the lot of a trial, beside the requests; it is written in one short step."""
    course.begin("drawing")

    def start(book: Book) -> Trial:
        return book.trials.start(
            asked["practice"], until=asked["until"] or None, circle=asked["circle"], outcome=asked["outcome"],
            by=asked["by"] or None,
        )  # fmt: skip

    try:
        trial = course.wait_for(keeper.ask_later(start))
    except InputError as error:
        if asked["is_whole"]:
            raise
        raise InputError("it cannot be started: too few accounts, or something cannot be as stated.") from error
    course.wait(keeper.renew(fresh=False))
    return {"trial": trial.trial_id}


def _read_trial(keeper: Keeper, asked: Mapping[str, Any], course: Course) -> Mapping[str, Any]:
    """What a trial came to, for whoever asked; for an analyst what it came to when it was first read."""
    course.begin("reading a trial")

    def read(book: Book) -> Reading:
        if asked["is_whole"]:
            return bare_reading(book.trials.read(asked["trial"], early=asked["early"]))
        return read_once(book, asked["trial"], now=clock())

    reading = course.wait_for(keeper.ask_later(read))
    course.wait(keeper.renew(fresh=False))
    return {"reading": freeze(reading)}


def _show_anew(keeper: Keeper, book: Book, course: Course) -> None:
    """Find signals where there are none yet, then have the pages show what is in the book."""
    book.understand(progress=course.begin("finding"))
    course.begin("showing")
    course.wait(keeper.renew(fresh=True))


def _find(inbox: Inbox, asked: Mapping[str, Any]) -> tuple[Path, Mapping[str, str]]:
    """What is to be read, and what its sender called each file.

    Raises: InputError where it is gone.
    """
    folder = inbox.folder(asked["folder"])
    names = {each["path"]: each["shown"] for each in asked["files"]}
    if not all((folder / path).is_file() for path in names):
        raise InputError("what was sent is not there any more. Send it again.")
    return (folder / next(iter(names)) if len(names) == 1 else folder), names


def _tell_read(report: ReadReport, source: Path, names: Mapping[str, str]) -> dict[str, Any]:
    parts = report.parts or (() if report.surveys and not report.turns and not report.beside else (report,))
    return {
        "added": report.added,
        "changed": report.changed,
        "turns": report.turns,
        "exports": [_tell_export(each, names) for each in parts[:_EXPORTS]],
        "more": max(len(parts) - _EXPORTS, 0),
        "unknown": _count_reasons(report.unknown, lambda position: _rename(position, names)),
        "surveys": [
            {"name": _rename(each.position, names), "problem": _line(_hide(each.reason, source, names))}
            if isinstance(each, Rejected) else _tell_survey(each, names)
            for each in report.answered
        ],
    }  # fmt: skip


def _tell_export(report: ReadReport, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": _rename(Path(report.source).name, names),
        "format": report.format,
        "turns": report.turns,
        "added": report.added,
        "changed": report.changed,
        "duplicates": report.duplicates,
        "beside": {name: report.beside_added.get(name, 0) for name in report.beside},
        "rejected": len(report.rejected) + report.unlisted,
        "reasons": _count_reasons(report.rejected, _line),
        "notes": [{"note": _line(note), "count": count} for note, count in Counter(report.notes).most_common(_REASONS)],
    }


def _tell_survey(report: SurveyReport, names: Mapping[str, str]) -> dict[str, Any]:
    return {"name": _rename(Path(report.source).name, names), "added": report.added, "changed": report.changed}


def _count_reasons(rejected: Sequence[Rejected], tell: Callable[[str], str]) -> list[dict[str, Any]]:
    """What was left out, by reason: how often, and where first."""
    first: dict[str, str] = {}
    for each in rejected:
        first.setdefault(each.reason, each.position)
    counted = Counter(each.reason for each in rejected).most_common(_REASONS)
    return [{"reason": _line(reason), "count": count, "first": tell(first[reason])} for reason, count in counted]


def _name(error: SourceError, names: Mapping[str, str]) -> InputError:
    """The same error, of the file as its sender called it."""
    return InputError(SourceError(_rename(Path(error.path).name, names), error.problem, error.advice).told)


def _rename(name: str, names: Mapping[str, str]) -> str:
    """A file as its sender called it; one within an archive or a folder by its own name."""
    return _line(names.get(name, name))


def _hide(problem: str, source: Path, names: Mapping[str, str]) -> str:
    """A problem that names a file by its place on disk, with the name that its sender gave it."""
    folder = source if source.is_dir() else source.parent
    for path, shown in names.items():
        problem = problem.replace(str(folder / path), shown)
    return problem.replace(f"{folder}/", "")


def _line(text: str) -> str:
    return clean_line(text)[:_PLACE]
