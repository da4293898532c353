"""The open book while it is served: one writer at a time, and a finished view for readers, who never wait.

After a change a new view is made in the background, and takes the place of the old one in one step. A view is made
from a book of its own over the same store, so that what is long (reading signals in new turns, settling promises)
holds up nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

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
        self._is_stale = False  # whether the book at hand knows less than the store
        self._coming: Future[None] | None = None
        self._asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-asked")
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="troth-view")
        self._soon: threading.Timer | None = None
        self._listeners: list[Callable[[View], None]] = []

    def view(self) -> View:
        """The latest finished view; the first one is waited for."""
        if self._view is None:
            self.renew().result()
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

    def change(self, act: Callable[[Book], T], *, fresh: bool = False, patience_s: float = _PATIENCE_S) -> T:
        """Do something to the book, alone, and have a new view made; wait for that so long and no longer.

        `fresh`: from a book that knows nothing yet, see `renew`.

        Raises: what `act` raises; the view is then as it was.
        """
        with self._writing:
            answer = act(self._book)
            self._changes += 1
        self.renew(fresh=fresh, wait_s=patience_s)
        return answer

    def ask(self, question: Callable[[Book], T]) -> T:
        """Ask the book what no view holds, such as the close of an earlier day. May be slow; changes nothing."""
        with self._writing:
            return question(self._book)

    def ask_later(self, question: Callable[[Book], T]) -> Future[T]:
        """`ask` where nobody waits: questions are answered one after another, beside the requests."""
        return self._asker.submit(self.ask, question)

    def work_later(self, work: Callable[[], T]) -> Future[T]:
        """The same for what needs no book, and so holds up no change."""
        return self._asker.submit(work)

    def renew(self, *, fresh: bool = True, wait_s: float = 0.0, progress: Progress | None = None) -> Future[None]:
        """Have a new view made, once for all that was changed until it begins.

        Args:
            fresh: from a book that knows nothing yet, as is right after turns or settings changed; else from the
                book at hand, which was told of the change.
            wait_s: seconds to wait for it.
            progress: called while signals are found in new turns.
        """
        with self._state:
            self._wanted += 1
            self._is_stale |= fresh
            self._coming = self._maker.submit(self._make, self._wanted, progress)
            coming = self._coming
        if wait_s > 0:
            with suppress(TimeoutError):  # the page says that newer figures are on their way
                coming.result(timeout=wait_s)
        return coming

    def renew_soon(self, *, after_s: float = _SOON_S) -> None:
        """Have a new view made when nothing was written for a moment: what comes in many pieces is one change."""
        with self._state:
            if self._soon is not None:
                self._soon.cancel()
            self._soon = threading.Timer(after_s, self.renew)
            self._soon.daemon = True
            self._soon.start()

    def listen(self, hear: Callable[[View], None]) -> None:
        """Have `hear` called with each new view, in the thread that makes it."""
        self._listeners.append(hear)

    def close(self) -> None:
        """Stop making views and hand the book back."""
        if self._soon is not None:
            self._soon.cancel()
        self._asker.shutdown(wait=True, cancel_futures=True)
        self._maker.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    def _make(self, wanted: int, progress: Progress | None) -> None:
        if self._shown >= wanted:
            return
        with self._state:
            begun, fresh, self._is_stale = self._wanted, self._is_stale, False
        if fresh:
            try:
                view = self._make_fresh(progress)
            except BaseException:
                self._is_stale = True
                raise
        else:
            with self._writing:
                view = make_view(self._book, self.settings)
        self._view, self._shown = view, begun
        for hear in self._listeners:
            hear(view)

    def _make_fresh(self, progress: Progress | None) -> View:
        """A view from a new book, which takes the place of the one at hand."""
        with self._writing:
            thread_anew(self.store)  # turns that came one by one
            known = self._changes
        book = self._open_book(self.store, self.settings)
        book.understand(progress=progress)
        view = make_view(book, self.settings)
        with self._writing:
            self._book = book
            self._is_stale |= self._changes != known  # of what was changed meanwhile the new book may know nothing
        return view
