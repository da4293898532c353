"""The open book while it is served: one writer at a time, and a finished view for readers, who never wait.

After a change a new view is made in the background, and takes the place of the old one in one step. It is made from a
book of its own over the same store, so that what is long (reading signals in new turns, settling promises) holds up
nobody: after turns came from a twin of the book at hand, which takes them in; after anything that bears on all of the
book from one that knows nothing yet.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from troth.aside import give_back
from troth.errors import BookError
from troth.intake import thread_anew
from troth.web.view import View, make_view

if TYPE_CHECKING:
    from troth.book import Store
    from troth.library import Book
    from troth.pipeline import Progress
    from troth.settings import Settings

T = TypeVar("T")
_SOON_S: Final = 2.0
_PATIENCE_S: Final = 2.0  # that a visitor who changed something waits to see it on the page
_END_S: Final = 1.0  # that what is being worked out may take at the end
_KEEP_S: Final = 600.0  # between two times that what was mended is laid beside the book: that costs what all of it does


class Keeper:
    """Serves views of a book and lets one change at a time in.

    Args:
        store, settings: the book's.
        open_book: makes a Book over a store; `troth.library.Book`.
    """

    def __init__(self, store: Store, settings: Settings, *, open_book: Callable[[Store, Settings], Book]) -> None:
        self.store, self.settings = store, settings
        self._open_book = open_book
        self._book = open_book(store, settings)
        self._writing = threading.RLock()
        self._state = threading.Lock()
        self._view: View | None = None
        self._wanted = 0  # how often something changed
        self._shown = -1  # how often it had when the view was begun
        self._changes = 0  # how often `change` changed it
        self._is_stale = False  # whether the book at hand knows less than the store, and nobody can say what
        self._added: set[str] = set()  # turns that were written and that it does not know yet
        self._coming_soon: set[str] | None = set()  # the same for `renew_soon`; None: anything may be
        self._kept_at = -_KEEP_S
        self._sealed: tuple[dt.date, ...] = ()  # as of which days those that are over were sealed
        self._coming: Future[None] | None = None
        self._asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-asked")
        self._sealer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-seal")
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-view")
        self._soon: threading.Timer | None = None
        self._listeners: list[Callable[[View], None]] = []
        self._end = threading.Event()
        self._begun: set[Future[Any]] = set()  # what is asked or worked out beside the requests

    def open_book(self) -> Book:
        """A book of one's own over the same store, for what is long; see `renew` for how its changes are seen."""
        return self._open_book(self.store, self.settings)

    def view(self, *, patience_s: float | None = None) -> View:
        """The latest finished view; the first one is waited for, so long at most.

        Raises: BookError where it is not there by then.
        """
        if self._view is None:
            try:
                self._first().result(timeout=patience_s)
            except TimeoutError:
                raise BookError("the first figures are being worked out. Load the page again in a moment") from None
        if self._view is None:
            raise RuntimeError("a view was made and is not there")
        return self._view

    @property
    def is_ready(self) -> bool:
        """Whether there is a view to show."""
        return self._view is not None

    @property
    def is_behind(self) -> bool:
        """Whether something changed that the view does not show yet."""
        return self._shown < self._wanted

    def change(
        self,
        act: Callable[[Book], T],
        *,
        fresh: bool = False,
        added: Collection[str] = (),
        patience_s: float = _PATIENCE_S,
    ) -> T:
        """Do something to the book, alone, and have a new view made; wait for that so long and no longer.

        `fresh`, `added`: see `renew`.

        Raises: what `act` raises; the view is then as it was.
        """
        with self._writing:
            answer = act(self._book)
            self._changes += not added
        self.renew(fresh=fresh, added=added, wait_s=patience_s)
        return answer

    def ask(self, question: Callable[[Book], T]) -> T:
        """Ask the book what no view holds, such as the close of an earlier day. May be slow; changes nothing."""
        with self._writing:
            return question(self._book)

    def ask_later(self, question: Callable[[Book], T]) -> Future[T]:
        """`ask` where nobody waits: a twin of the book answers, one question after another, and no change waits."""
        return self._keep(self._asker.submit(lambda: question(self._twin())))

    def _twin(self) -> Book:
        with self._writing:
            return self._book.twin()

    def work_later(self, work: Callable[[], T]) -> Future[T]:
        """The same for what needs no book, and so holds up no change."""
        return self._keep(self._asker.submit(work))

    def renew(
        self,
        *,
        fresh: bool = True,
        added: Collection[str] = (),
        wait_s: float = 0.0,
        progress: Progress | None = None,
    ) -> Future[None]:
        """Have a new view made, once for all that was changed until it begins.

        Args:
            fresh: from a book that knows nothing yet, as is right after settings changed; else from the book at hand,
                which was told of the change.
            added: turns that were written, of which the book at hand was not told; where there are any, `fresh` is
                not looked at.
            wait_s: seconds to wait for it.
            progress: called while signals are found in new turns.
        """
        with self._state:
            self._wanted += 1
            self._is_stale |= fresh and not added
            self._added.update(added)
            self._coming = self._keep(self._maker.submit(self._make, self._wanted, progress))
            coming = self._coming
        if wait_s > 0:
            with suppress(TimeoutError):  # the page says that newer figures are on their way
                coming.result(timeout=wait_s)
        return coming

    def renew_soon(self, *, added: Collection[str] | None = None, after_s: float = _SOON_S) -> None:
        """Have a new view made when nothing was written for a moment: what comes in many pieces is one change.

        `added`: turns, where only such were written; None: anything may have been.
        """
        with self._state:
            soon = self._coming_soon
            self._coming_soon = None if soon is None or added is None else soon | set(added)
            if self._soon is not None:
                self._soon.cancel()
            self._soon = threading.Timer(after_s, self._renew_now)
            self._soon.daemon = True
            self._soon.start()

    def _renew_now(self) -> None:
        with self._state:
            added, self._coming_soon = self._coming_soon, set()
        self.renew(fresh=added is None, added=added or ())

    def listen(self, hear: Callable[[View], None]) -> None:
        """Have `hear` called with each new view, in the thread that makes it."""
        self._listeners.append(hear)

    def close(self) -> None:
        """Stop making views and hand the book back. What cannot be stopped midway is left to find it closed."""
        self._end.set()
        if self._soon is not None:
            self._soon.cancel()
        self._asker.shutdown(wait=False, cancel_futures=True)
        self._sealer.shutdown(wait=False, cancel_futures=True)
        self._maker.shutdown(wait=False, cancel_futures=True)
        wait(list(self._begun), timeout=_END_S)
        if self._view is not None and not self.is_behind:
            self._book.keep_mended()()
        self.store.close()

    def _first(self) -> Future[None]:
        """The first view, begun once however many ask for it."""
        coming = self._coming
        return self.renew() if coming is None or coming.done() else coming

    def _keep(self, coming: Future[T]) -> Future[T]:
        """Know of what runs until it is done."""
        self._begun.add(coming)
        coming.add_done_callback(self._let_go)
        return coming

    def _let_go(self, done: Future[Any]) -> None:
        self._begun.discard(done)
        give_back()  # what was worked out on the way

    def _heed(self, progress: Progress | None) -> Progress:
        """Progress that ends the work where the book is to be closed."""

        def go_on(done: int, whole: int) -> None:
            if self._end.is_set():
                raise BookError("the book is being closed")
            if progress is not None:
                progress(done, whole)

        return go_on

    def _make(self, wanted: int, progress: Progress | None) -> None:
        if self._shown >= wanted:
            return
        with self._state:
            begun, fresh, self._is_stale = self._wanted, self._is_stale or self._view is None, False
            added, self._added = self._added, set()
        try:
            if fresh:
                view = self._make_fresh(progress)
            elif added:
                view = self._make_with(added, progress)
            else:
                with self._writing:
                    view = make_view(self._book, self.settings, last=self._view)
        except BaseException:
            with self._state:
                self._is_stale |= fresh
                self._added |= added
            raise
        self._view, self._shown = view, begun
        for hear in self._listeners:
            hear(view)
        if view.close is not None:
            self._keep(self._sealer.submit(self._seal_days, view))
        if not self.is_behind and time.monotonic() - self._kept_at >= _KEEP_S:
            with self._writing:
                keep = self._book.keep_mended()
            self._kept_at = time.monotonic()
            self._keep(self._sealer.submit(keep))

    def _seal_days(self, view: View) -> None:
        """Close the days that are over and score what was forecast of them, and have the view tell it.

        Once a day, and again where somebody wrote on a later one of those that are over.
        """
        today = dt.datetime.now(ZoneInfo(view.zone)).date()
        over = [day for day in view.days if day < today]
        days = (today, view.days[-1], *over[-1:])
        if self._view is not view or self._end.is_set() or days == self._sealed:
            return
        close = self._twin().review(progress=self._heed(None))
        self._sealed = days
        with self._state:
            if self._view is view:
                self._view = view.having(close)

    def _make_with(self, added: Collection[str], progress: Progress | None) -> View:
        """A view from the book at hand with these turns.

        A twin takes them in, so that nobody waits; where something was changed meanwhile that the twin knows nothing
        of, the book at hand takes them in once more, and the signals in them are found by then.
        """
        with self._writing:
            added = {*added, *thread_anew(self.store)}
            known, twin = self._changes, self._book.twin()
        if twin.take_in(added, progress=self._heed(progress)):
            view = make_view(twin, self.settings, last=self._view)
            with self._writing:
                if self._changes == known:
                    self._book = twin
                    return view
                if self._book.take_in(added):
                    return make_view(self._book, self.settings, last=self._view)
        return self._make_fresh(progress)

    def _make_fresh(self, progress: Progress | None) -> View:
        """A view from a new book, which takes the place of the one at hand."""
        with self._writing:
            thread_anew(self.store)  # turns that came one by one
            known = self._changes
        book = self._open_book(self.store, self.settings)
        book.understand(progress=self._heed(progress))
        view = make_view(book, self.settings)
        with self._writing:
            self._book = book
            self._is_stale |= self._changes != known  # of what was changed meanwhile the new book may know nothing
        return view
