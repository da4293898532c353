"""Long jobs beside the requests: each is leased to one worker, done once, and gone on with after a stop or a crash.

What a job is stands in the table `jobs`; how far it is, in the memory of the worker alone. A worker that dies leaves a
lease that ends, and the next one takes the job up again: what jobs do is written batch by batch, and doing a batch
again changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyarrow as pa

from troth.errors import BookError, InputError, TrothError
from troth.plain import clean_line
from troth.schema import JOBS
from troth.told import Told, pack, unpack
from troth.web.sessions import make_secret

if TYPE_CHECKING:
    from troth.book import Store

T = TypeVar("T")
_LEASE: Final = dt.timedelta(seconds=60)
_LOOK_S: Final = 20.0  # how often it is looked whether a lease has ended
_MOST_TRIES: Final = 3
_KEPT: Final = dt.timedelta(days=30)  # jobs that are over
_LONGEST: Final = 500  # characters of a problem
_WAIT_S: Final = 0.2
OVER: Final = ("done", "failed")
UNFINISHED: Final = ("waiting", "running")


class Stopped(TrothError):
    """Somebody stopped the job, or the page is being closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as it stands.

    Attributes:
        job_id, kind, asked, by, state, made_at, ended_at, told, problem: as in JOBS.
        stage: what is being done, while it runs.
        done, whole: how far that is; 0 of 0 where nobody can say.
        is_stopping: whether it was told to stop, and has not yet.
    """

    job_id: str
    kind: str
    asked: Mapping[str, Any]
    by: str
    state: str
    made_at: dt.datetime
    ended_at: dt.datetime | None
    told: Mapping[str, Any]
    problem: str | None
    stage: str = ""
    done: int = 0
    whole: int = 0
    is_stopping: bool = False

    @property
    def said(self) -> Told | None:
        """The problem, with its parts where they were kept."""
        kept = self.told.get("problem", self.problem)
        return None if kept is None else unpack(kept)


@dataclass(slots=True)
class Course:
    """How far a running job is, which it says itself; and the word to stop, which it hears when it says so."""

    job_id: str = ""
    stage: str = ""
    done: int = 0
    whole: int = 0
    halt: threading.Event = field(default_factory=threading.Event)

    def begin(self, stage: str) -> Callable[[int, int], None]:
        """Say what is done now; what comes back is called with how much of it is done, and of how much.

        Raises: Stopped, also when what comes back is called.
        """
        self.stage, self.done, self.whole = stage, 0, 0
        self._heed()
        return self._go_on

    def wait(self, coming: Future[None]) -> None:
        """Wait for something.

        Raises: Stopped; what it raises.
        """
        while not coming.done():
            self._heed()
            try:
                coming.result(timeout=_WAIT_S)
            except TimeoutError:
                continue
        coming.result()

    def wait_for(self, coming: Future[T]) -> T:
        """The same for what comes to something: what that is."""
        while True:
            self._heed()
            try:
                return coming.result(timeout=_WAIT_S)
            except TimeoutError:
                if coming.done():
                    raise

    def _go_on(self, done: int, whole: int) -> None:
        self.done, self.whole = done, whole
        self._heed()

    def _heed(self) -> None:
        if self.halt.is_set():
            raise Stopped("stopped")


Run = Callable[[Mapping[str, Any], Course], Mapping[str, Any]]
"""Does a job with what was asked; what came of it, as JSON."""


def name_job(kind: str, key: str) -> str:
    """The id of the job of this kind and key."""
    return hashlib.sha256(f"{kind}\0{key}".encode()).hexdigest()[:24]


def enqueue(store: Store, kind: str, key: str, asked: Mapping[str, Any], *, by: str, now: dt.datetime) -> str:
    """Ask for a job, once for each key; its id."""
    job_id = name_job(kind, key)
    row = {
        "job_id": job_id, "kind": kind, "asked": json.dumps(dict(asked)), "by": by, "state": "waiting", "made_at": now,
        "tries": 0,
    }  # fmt: skip
    with store.transaction():
        if not store.table("jobs", columns=["job_id"], where={"job_id": job_id}).num_rows:
            _write(store, row)
            _prune(store, now)
    return job_id


def take(store: Store, worker: str, *, now: dt.datetime, lease: dt.timedelta = _LEASE) -> dict[str, Any] | None:
    """Take the job that waited longest, or one whose lease has ended; None where there is none.

    One that was begun several times and never ended is given up instead: it may be what ends the process.
    """
    with store.transaction():
        rows = store.table("jobs", where={"state": list(UNFINISHED)}).sort_by(
            [("made_at", "ascending"), ("job_id", "ascending")]
        )
        for place in range(rows.num_rows):
            row = rows.slice(place, 1).to_pylist()[0]
            if row["state"] == "running" and row["lease_until"] > now:
                continue
            if row["tries"] >= _MOST_TRIES:
                problem = f"it was begun {_MOST_TRIES} times, and each time troth ended before it did"
                _write(store, row | _end("failed", now=now, problem=problem))
                continue
            row |= {"state": "running", "worker": worker, "lease_until": now + lease, "tries": row["tries"] + 1}
            _write(store, row)
            return row
    return None


def keep_lease(store: Store, job_id: str, worker: str, *, now: dt.datetime, lease: dt.timedelta = _LEASE) -> bool:
    """Say that a job still runs; False where it is not this worker's any more."""
    return _change(store, job_id, worker, {"lease_until": now + lease})


def finish(
    store: Store, job_id: str, worker: str, state: str, *, now: dt.datetime, told: Mapping[str, Any] | None = None,
    problem: str | None = None,
) -> bool:  # fmt: skip
    """Say how a job ended; False, and nothing is said, where it is not this worker's any more."""
    ended = _end(state, now=now, problem=problem) | {"told": None if told is None else json.dumps(dict(told))}
    return _change(store, job_id, worker, ended)


def put_back(store: Store, job_id: str, worker: str) -> bool:
    """Let a job wait that was begun in vain, without counting that."""
    with store.transaction():
        rows = store.table("jobs", columns=["tries"], where={"job_id": job_id}).to_pylist()
        tries = max(rows[0]["tries"] - 1, 0) if rows else 0
        return _change(store, job_id, worker, {"state": "waiting", "worker": None, "lease_until": None, "tries": tries})


def forget_asked(store: Store, job_id: str) -> None:
    """Forget what a job was asked to be done with."""
    with store.transaction():
        for row in store.table("jobs", where={"job_id": job_id}).to_pylist():
            _write(store, row | {"asked": "{}"})


def end_leases(store: Store) -> None:
    """End every lease. Right where this process has just taken the book: those who held one are gone."""
    with store.transaction():
        for row in store.table("jobs", where={"state": "running"}).to_pylist():
            _write(store, row | {"state": "waiting", "worker": None, "lease_until": None})


def _end(state: str, *, now: dt.datetime, problem: str | None) -> dict[str, Any]:
    return {"state": state, "worker": None, "lease_until": None, "ended_at": now, "problem": problem}


def _change(store: Store, job_id: str, worker: str, changes: Mapping[str, Any]) -> bool:
    with store.transaction():
        rows = store.table("jobs", where={"job_id": job_id, "worker": worker, "state": "running"}).to_pylist()
        if rows:
            _write(store, rows[0] | dict(changes))
        return bool(rows)


def _write(store: Store, row: Mapping[str, Any]) -> None:
    store.upsert("jobs", pa.Table.from_pylist([dict(row)], schema=JOBS))


def _prune(store: Store, now: dt.datetime) -> None:
    old = store.table("jobs", columns=["job_id"], where={"state": list(OVER)}, until=now - _KEPT)["job_id"].to_pylist()
    if old:
        store.replace("jobs", JOBS.empty_table(), keys_column="job_id", keys=old)


class Worker:
    """Does the jobs of a book, one after another, in a thread of its own.

    Args:
        store: the book.
        clock: the time.
        kinds: what each kind of job does.
        tidy: called with a job's id and what was asked, once it is over or thrown away.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], dt.datetime],
        kinds: Mapping[str, Run],
        *,
        tidy: Callable[[Mapping[str, Any], Mapping[str, Any]], None] = lambda _asked, _told: None,
        lease: dt.timedelta = _LEASE,
    ) -> None:
        self._store, self._clock, self._kinds, self._tidy, self._lease = store, clock, kinds, tidy, lease
        self.name = make_secret()[:12]
        self._course = Course()
        self._wake, self._is_over = threading.Event(), False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Go on with what an earlier process left unfinished."""
        end_leases(self._store)
        if self._store.table("jobs", columns=["job_id"], where={"state": "waiting"}).num_rows:
            self._start()

    def add(self, kind: str, key: str, asked: Mapping[str, Any], *, by: str) -> str:
        """Ask for a job, once for each key; its id."""
        if kind not in self._kinds:
            raise InputError(f"there is no job {kind!r}; there are {', '.join(self._kinds)}.")
        job_id = enqueue(self._store, kind, key, asked, by=by, now=self._clock())
        self._start()
        return job_id

    def add_anew(self, kind: str, key: str, asked: Mapping[str, Any], *, by: str) -> str:
        """Ask for a job, once at a time for each key: one that is over is asked for once more; its id."""
        job = self.find(name_job(kind, key))
        if job is not None and job.state not in UNFINISHED:
            self.drop(job.job_id)
        return self.add(kind, key, asked, by=by)

    def jobs(self, *, kind: str | None = None) -> list[Job]:
        """The jobs, or those of a kind, the latest first."""
        rows = self._store.table("jobs", where={} if kind is None else {"kind": kind})
        rows = rows.sort_by([("made_at", "descending"), ("job_id", "ascending")])
        return [self._read(row) for row in rows.to_pylist()]

    def find(self, job_id: str) -> Job | None:
        """One job; None where there is none."""
        rows = self._store.table("jobs", where={"job_id": job_id}).to_pylist()
        return self._read(rows[0]) if rows else None

    def stop(self, job_id: str) -> None:
        """Stop a job: now where it waits, and else when it next says how far it is."""
        with self._lock, self._store.transaction():
            if self._course.job_id == job_id:
                self._course.halt.set()
                return
            for row in self._store.table("jobs", where={"job_id": job_id, "state": "waiting"}).to_pylist():
                _write(self._store, row | _end("stopped", now=self._clock(), problem=None))

    def go_on(self, job_id: str) -> None:
        """Go on with a job that was stopped, or that failed while what it needs is still there."""
        with self._store.transaction():
            for row in self._store.table("jobs", where={"job_id": job_id, "state": "stopped"}).to_pylist():
                _write(self._store, row | {"state": "waiting", "tries": 0, "ended_at": None, "problem": None})
        self._start()

    def drop(self, job_id: str) -> None:
        """Throw away a job that does not run, with what it was to be done with."""
        job = self.find(job_id)
        if job is None or job.state == "running":
            return
        self._store.replace("jobs", JOBS.empty_table(), keys_column="job_id", keys=[job_id])
        self._tidy(job.asked, {})

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        return bool(self._store.table("jobs", columns=["job_id"], where={"state": list(UNFINISHED)}).num_rows)

    def close(self, *, patience_s: float = 1.0) -> None:
        """Stop working; a job under way goes on when the book is served again."""
        with self._lock:
            self._is_over = True
            self._course.halt.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=patience_s)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_over:
                self._thread = threading.Thread(target=self._work, name="troth-jobs", daemon=True)
                self._thread.start()
        self._wake.set()

    def _work(self) -> None:
        while not self._is_over:
            self._wake.clear()
            try:
                while not self._is_over and (row := self._take()) is not None:
                    self._do(row)
            except BookError:
                if self._is_over:
                    return  # the book was handed back
            if not self._is_over:
                self._wake.wait(_LOOK_S)

    def _take(self) -> dict[str, Any] | None:
        with self._lock, self._store.transaction():
            if self._is_over:
                return None
            row = take(self._store, self.name, now=self._clock(), lease=self._lease)
            self._course = Course(job_id="" if row is None else row["job_id"])
            return row

    def _do(self, row: Mapping[str, Any]) -> None:
        job_id, course, asked = row["job_id"], self._course, json.loads(row["asked"])
        is_done = threading.Event()
        beat = threading.Thread(target=self._beat, args=(job_id, is_done), name="troth-lease", daemon=True)
        beat.start()
        told: Mapping[str, Any] | None = None
        state, problem = "done", None
        try:
            told = self._kinds[row["kind"]](asked, course)
        except Stopped:
            state = "stopped"
        except TrothError as error:
            state, problem = "stopped" if isinstance(error, BookError) else "failed", _say(str(error))
            told = {"problem": pack(error.told)}
        except MemoryError:
            state, problem = "failed", "there was not enough memory for it"
        except Exception as error:  # noqa: BLE001 - the thread outlives a mistake of ours; the words of others do not
            mistake = Told("troth made a mistake ({kind})", kind=type(error).__name__)
            state, problem, told = "failed", str(mistake), {"problem": pack(mistake)}
        finally:
            is_done.set()
            with self._lock:
                self._course = Course()
        if state == "stopped" and self._is_over:
            put_back(self._store, job_id, self.name)
            return
        if finish(self._store, job_id, self.name, state, now=self._clock(), told=told, problem=problem) and (
            state in OVER
        ):
            self._tidy(asked, told or {})

    def _beat(self, job_id: str, is_done: threading.Event) -> None:
        """Keep the lease for as long as the job runs, also while it has nothing to say."""
        while not is_done.wait(self._lease.total_seconds() / 3):
            try:
                keep_lease(self._store, job_id, self.name, now=self._clock(), lease=self._lease)
            except BookError:
                return

    def _read(self, row: Mapping[str, Any]) -> Job:
        course = self._course
        runs = row["state"] == "running" and course.job_id == row["job_id"]
        return Job(
            job_id=row["job_id"], kind=row["kind"], asked=json.loads(row["asked"]), by=row["by"], state=row["state"],
            made_at=row["made_at"], ended_at=row["ended_at"], told=json.loads(row["told"] or "{}"),
            problem=row["problem"], stage=course.stage if runs else "", done=course.done if runs else 0,
            whole=course.whole if runs else 0, is_stopping=runs and course.halt.is_set(),
        )  # fmt: skip


def _say(problem: str) -> str:
    line = clean_line(problem)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
