"""The close of an earlier day: worked out beside the requests, once for each view."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from troth.review import Close, day_bounds
from troth.web.narrow import close_own

if TYPE_CHECKING:
    from troth.library import Book
    from troth.web.keeper import Keeper
    from troth.web.view import View

_PATIENCE_S: Final = 0.3  # most days of a small book are closed by then, and nobody sees a page that waits
_KEPT: Final = 40  # closes of one view, the ones last asked for


def find_close(keeper: Keeper, view: View, person: str | None, day: dt.date) -> Close | None:
    """The close of a day as this visitor may see it; None while it is being worked out.

    Args:
        view: what the visitor may see, of `person` alone or, with None, of the whole book.
        day: on or before the view's own.

    Raises: what working it out raised, which is then tried anew when asked again.
    """
    if day == view.day and view.close is not None:
        return view.close
    coming = view.closes.get(day)
    if coming is None:
        for old in list(view.closes)[: -_KEPT + 1]:
            _forget(view, old)
        coming = view.closes[day] = _begin(keeper, view, person, day)
    with suppress(TimeoutError, CancelledError):
        coming.exception(timeout=_PATIENCE_S)
    if not coming.done():
        return None
    if coming.cancelled() or coming.exception() is not None:
        _forget(view, day)
    return None if coming.cancelled() else coming.result()


def _forget(view: View, day: dt.date) -> None:
    coming = view.closes.pop(day, None)
    if coming is not None:
        coming.cancel()  # where nobody began it yet


def _begin(keeper: Keeper, view: View, person: str | None, day: dt.date) -> Future[Close]:
    if person is None:
        return keeper.ask_later(lambda book: book.review(day, keep=False))
    return keeper.ask_later(lambda book: _close_own(book, view, day))


def _close_own(book: Book, view: View, day: dt.date) -> Close:
    """The close from one person's conversations alone."""
    return close_own(view, book.stock(day_bounds(day, view.zone)[1]), day)
