"""Transactions of callers far away: each runs in a thread of its own, which holds the store until the end is said.

A store lets one thread at a time into a transaction. So the thread stays inside while requests come one by one, and
rolls back by itself when none came for a while: a caller that was killed holds up nobody for long.
"""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from troth.errors import BookError

if TYPE_CHECKING:
    from troth.book import Store

T = TypeVar("T")
_IDLE_S: Final = 60.0


class _RolledBack(Exception):
    """Said within a transaction, so that the store takes back what was written."""


@dataclass(slots=True)
class _Step:
    act: Callable[[], Any] | None  # None: commit
    answer: Future[Any] = field(default_factory=Future[Any])


class Transactions:
    """The transactions under way over one store.

    Args:
        store: the book.
        idle_s: seconds without a step after which a transaction is rolled back.
    """

    def __init__(self, store: Store, *, idle_s: float = _IDLE_S) -> None:
        self._store, self._idle_s = store, idle_s
        self._steps: dict[str, queue.Queue[_Step]] = {}
        self._notes: dict[str, list[Collection[str] | None]] = {}
        self._lock = threading.Lock()

    def begin(self) -> str:
        """Start one, as soon as no other is under way; its name."""
        name, steps, begun = secrets.token_urlsafe(16), queue.Queue[_Step](), Future[None]()
        threading.Thread(target=self._run, args=(name, steps, begun), name="troth-transaction", daemon=True).start()
        begun.result()
        return name

    def do(self, name: str, act: Callable[[], T]) -> T:
        """Do something within a transaction.

        Raises: what `act` raises, the transaction then goes on; BookError when there is no such transaction (any more).
        """
        return self._step(name, act)

    def note(self, name: str, added: Collection[str] | None) -> None:
        """Note of what is written in a transaction: turns that came, or None for anything else."""
        with self._lock:
            if name in self._steps:
                self._notes.setdefault(name, []).append(added)

    def commit(self, name: str) -> Sequence[Collection[str] | None]:
        """Keep what was written; what was noted of it."""
        with self._lock:
            notes = self._notes.get(name, [])
        self._step(name, None)
        return notes

    def roll_back(self, name: str) -> None:
        """Take back what was written."""
        try:
            self._step(name, _give_up)
        except _RolledBack:
            return

    def close(self) -> None:
        """Roll back all that are under way."""
        with self._lock:
            names = list(self._steps)
        for name in names:
            self.roll_back(name)

    def _step(self, name: str, act: Callable[[], Any] | None) -> Any:
        with self._lock:
            steps = self._steps.get(name)
            if steps is None:
                raise BookError("the transaction was given up, since nothing was heard of it. Do it again")
            step = _Step(act)
            steps.put(step)
        return step.answer.result()

    def _run(self, name: str, steps: queue.Queue[_Step], begun: Future[None]) -> None:
        last: _Step | None = None
        try:
            with self._store.transaction():
                with self._lock:
                    self._steps[name] = steps
                begun.set_result(None)
                last = self._serve(steps)
        except _RolledBack as gone:
            self._end(name, steps, gone)
            return
        except Exception as error:  # noqa: BLE001 - it is the caller's, and goes there
            if not begun.done():
                begun.set_exception(error)
            self._end(name, steps, error, last)
            return
        self._end(name, steps, None, last)

    def _serve(self, steps: queue.Queue[_Step]) -> _Step:
        """Do the steps until one says commit; that one is answered once the commit went through."""
        while True:
            try:
                step = steps.get(timeout=self._idle_s)
            except queue.Empty as silent:
                raise _RolledBack from silent
            if step.act is None:
                return step
            try:
                step.answer.set_result(step.act())
            except _RolledBack:
                step.answer.set_result(None)
                raise
            except Exception as error:  # noqa: BLE001 - it is the caller's, and goes there
                step.answer.set_exception(error)

    def _end(
        self, name: str, steps: queue.Queue[_Step], error: BaseException | None, last: _Step | None = None
    ) -> None:
        with self._lock:
            self._steps.pop(name, None)
            self._notes.pop(name, None)
        if last is not None:
            last.answer.set_result(None) if error is None else last.answer.set_exception(error)
        while not steps.empty():
            steps.get().answer.set_exception(BookError("the transaction is over"))


def _give_up() -> None:
    raise _RolledBack
