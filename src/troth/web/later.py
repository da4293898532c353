"""What takes longer than a page may: worked out beside the requests, once for each view."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from troth.web.view import View

T = TypeVar("T")
PAGE_S: Final = 0.3
"""How long a page waits: what is quick in a small book is there by then, and nobody sees that it was not."""
DOWNLOAD_S: Final = 30.0
"""How long a file to save is waited for: it cannot say that it is on its way."""
_KEPT: Final = 40  # of one view, those begun last


def find_later(view: View, name: Hashable, begin: Callable[[], Future[T]], *, patience_s: float = PAGE_S) -> T | None:
    """What `begin` works out, as of this view; None while it is on its way.

    Args:
        view: that it is kept with.
        name: what it is, such as ("touch map", customer).
        begin: starts it.
        patience_s: how long it is waited for; where it is on its way already, only by those who wait longer than
            pages do, since a page waits once for all that it shows.

    Raises: what working it out raised, which is then tried anew when asked again.
    """
    coming: Future[Any] | None = view.later.get(name)
    is_begun = coming is not None
    if coming is None:
        for old in list(view.later)[: -_KEPT + 1]:
            view.later.pop(old, None)
        coming = view.later[name] = begin()
    with suppress(TimeoutError):
        coming.exception(timeout=0.0 if is_begun and patience_s <= PAGE_S else patience_s)
    if not coming.done():
        return None
    if coming.cancelled() or coming.exception() is not None:
        view.later.pop(name, None)
    return coming.result()
