"""Bringing in: the first page that a new user sees, later uploads, and the jobs that take them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from troth.errors import InputError
from troth.people import read_us
from troth.plain import clean_line
from troth.told import Told
from troth.web.access import Need
from troth.web.jobs import UNFINISHED, Job
from troth.web.meant import find_meant
from troth.web.receiving import Form as Received
from troth.web.receiving import receive
from troth.web.sessions import is_form_token, make_secret
from troth.web.visit import Bring, BringFiles, Manage, Refused, StoreWide, Visit

router = APIRouter()
_SHOWN: Final = 20  # jobs that are over
_NAMED: Final = 3  # files of a job
_MOST_NAMES: Final = 50
_LONGEST_NAME: Final = 254
_LIST: Final = "/bring"
_FIRST: Final = "/welcome"
Once = Annotated[str, Form(min_length=16, max_length=64)]
"""What a form carries so that sending it twice is one job."""


@router.get("/welcome")
def show_welcome(visit: Bring) -> Response:
    """Who you are, drop a file, watch, and the first close."""
    jobs = visit.serving.worker.jobs()
    return visit.show("welcome.html", part="progress", back=_FIRST, **_describe(visit, jobs))


@router.get("/bring")
def show_bring(visit: Bring) -> Response:
    """Later exports, and every job with what came of it."""
    jobs = visit.serving.worker.jobs()
    return visit.show("bring.html", part="progress", back=_LIST, **_describe(visit, jobs))


@router.post("/bring")
async def bring(visit: BringFiles) -> Response:
    """Take files in, and have them read beside the requests."""
    name = await run_in_threadpool(visit.serving.inbox.make)
    folder = visit.serving.inbox.folder(name)
    is_taken = False
    try:
        form = await receive(visit.request, folder, most=visit.keeper.settings.largest_upload, check=_checked(visit))
        is_taken = await run_in_threadpool(_take_in, visit, form, name)
    finally:
        if not is_taken:
            await run_in_threadpool(visit.serving.inbox.drop, name)
    return visit.go(_FIRST if form.fields.get("back") == _FIRST else _LIST)


@router.post("/bring/us")
def say_who(
    visit: Manage, us: Annotated[str, Form(max_length=10_000)], back: Annotated[str, Form()] = _LIST
) -> Response:
    """Say which addresses and domains are ours; the book is placed anew."""
    stated = _read_names(us)
    if not stated:
        raise InputError("name at least one address or domain of yours.")
    if visit.keeper.settings.us:
        raise InputError("who you are stands in troth.toml or was said by --me. Change it there.")
    visit.keeper.change(lambda book: book.store.set_setting("us", stated), fresh=True)
    return visit.go(_FIRST if back == _FIRST else _LIST)


@router.post("/bring/understand")
def work_out_anew(visit: Bring, once: Once) -> Response:
    """Find signals in turns that have none, and make the pages anew."""
    visit.serving.worker.add("understand", once, {}, by=visit.who.name)
    return visit.go(_LIST)


@router.post("/bring/learn")
def learn(visit: Manage, once: Once) -> Response:
    """Learn the constants of the trust filter from this book."""
    visit.serving.worker.add("learn", once, {}, by=visit.who.name)
    return visit.go(_LIST)


@router.post("/bring/leave")
def leave(visit: StoreWide, once: Once) -> Response:
    """Write the whole book into one zip, to be fetched here."""
    visit.serving.worker.add("leave", once, {"folder": visit.serving.inbox.make()}, by=visit.who.name)
    return visit.go(_LIST)


@router.get("/bring/jobs/{job}/file")
def fetch(visit: StoreWide, job: str) -> Response:
    """The zip that a job wrote."""
    found = visit.serving.worker.find(job)
    path = None if found is None or "file" not in found.told else (
        visit.serving.inbox.folder(found.asked["folder"]) / found.told["file"]
    )  # fmt: skip
    if path is None or not path.is_file():
        raise Refused(404, "this file is not there any more. Have it written again")
    return FileResponse(path, media_type="application/zip", filename=path.name)


@router.post("/bring/jobs/{job}/stop")
def stop(visit: Bring, job: str, back: Annotated[str, Form()] = _LIST) -> Response:
    """Stop a job; what it did so far stays."""
    visit.serving.worker.stop(job)
    return visit.go(_FIRST if back == _FIRST else _LIST)


@router.post("/bring/jobs/{job}/on")
def go_on(visit: Bring, job: str) -> Response:
    """Go on with a job that was stopped."""
    visit.serving.worker.go_on(job)
    return visit.go(_LIST)


@router.post("/bring/jobs/{job}/drop")
def drop(visit: Bring, job: str) -> Response:
    """Throw away a job that does not run, with the files it was to read."""
    visit.serving.worker.drop(job)
    return visit.go(_LIST)


def _describe(visit: Visit, jobs: Sequence[Job]) -> dict[str, Any]:
    """What both pages show."""
    view = visit.keeper.view() if visit.keeper.is_ready else None
    working = [job for job in jobs if job.state in UNFINISHED]
    return {
        "working": working[::-1],
        "over": [job for job in jobs if job.state not in UNFINISHED][:_SHOWN],
        "last": next((job for job in jobs if job.kind in {"read", "survey"} and not working), None),
        "view": view,
        "is_new": view is not None and view.is_empty,
        "is_own": visit.who.person is not None,
        "close": None if view is None or visit.who.person is not None else view.close,
        "guessed": view is not None and not view.is_empty and bool(view.grounds),
        "stated": visit.keeper.settings.us,
        "once": make_secret,
        "files": _name_files,
        "may_say": visit.who.may(Need.manage) and not visit.keeper.settings.us,
        "may_leave": visit.who.may(Need.store),
        "may_manage": visit.who.may(Need.manage),
        "most": visit.keeper.settings.largest_upload,
        "is_there": lambda job: (visit.serving.inbox.folder(job.asked["folder"]) / job.told["file"]).is_file(),
    }


def _name_files(job: Job) -> tuple[str, int]:
    """The files of a job as they are named in one line, and how many more there are."""
    names = [clean_line(each["shown"]) for each in job.asked.get("files", [])]
    return ", ".join(names[:_NAMED]), max(len(names) - _NAMED, 0)


def _checked(visit: Visit) -> Callable[[Mapping[str, str]], None]:
    """Looks at the fields of an upload before any of its files is taken in."""

    def check(fields: Mapping[str, str]) -> None:
        given = visit.request.headers.get("x-form-token") or fields.get("form_token", "")
        if visit.session is not None and not is_form_token(given, visit.session):
            raise Refused(403, "this form is too old, or came from another site. Load the page anew and send it again")
        _read_names(fields.get("us", ""))

    return check


def _take_in(visit: Visit, form: Received, folder: str) -> bool:
    """Ask for what was sent to be read; whether it is, by a job that did not have it yet.

    Raises: InputError where nothing was sent, or the answers are to be of nobody who is known.
    """
    if not form.files:
        raise InputError("no file was chosen.")
    if not any(each.size for each in form.files):
        raise InputError("there is nothing in this file.")
    files = [{"path": each.path, "shown": each.shown, "size": each.size} for each in form.files]
    about = form.fields.get("relationship", "").strip()
    us = [] if visit.keeper.settings.us or not visit.who.may(Need.manage) else _read_names(form.fields.get("us", ""))
    asked: dict[str, Any] = {"folder": folder, "files": files, "us": us}
    if about:
        meant, like = find_meant(visit.view, about)
        if meant is None:
            names = Told(" It could be {names}.", names=tuple(like)) if like else ""
            raise InputError(Told("there is no single relationship {about!r}.{names}", about=about, names=names))
        asked["relationship"] = meant
    worker = visit.serving.worker
    job_id = worker.add(
        "survey" if about else "read", form.fields.get("once") or make_secret(), asked, by=visit.who.name
    )
    job = worker.find(job_id)
    return job is not None and job.asked.get("folder") == folder


def _read_names(given: str) -> list[str]:
    """Addresses and domains, one a line or with commas between them.

    Raises: InputError where one is neither.
    """
    names = list(dict.fromkeys(part for line in given.splitlines() for part in line.replace(",", " ").split()))
    if len(names) > _MOST_NAMES or any(len(name) > _LONGEST_NAME for name in names):
        raise InputError(Told("name at most {most} addresses or domains.", most=_MOST_NAMES))
    if names:
        read_us(names)
    return names
