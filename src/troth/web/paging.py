"""One page of a long list, found by the key of the row before it, never by counting through the rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.web.roll import PAGE, Sheet

Places = NDArray[np.int64]


def cut_page(found: Places, *, key: Callable[[int], Any], after: Any, mark: Callable[[int], str]) -> Sheet:
    """The page behind a key.

    Args:
        found: rows that are wanted, in order.
        key: of the row at a place; rises along `found`.
        after: the key of the row before the page; None for the first page. It need not be in `found` any more.
        mark: what the page behind a row is asked with.

    Cost: a look at some twenty rows, however many there are.
    """
    start = 0 if after is None else bisect_right(found, after, key=lambda place: key(int(place)))
    places: list[int] = found[start : start + PAGE].tolist()
    end = start + len(places)
    earlier = start - PAGE - 1
    return Sheet(
        places=places,
        first=start + 1,
        total=len(found),
        after=mark(places[-1]) if places and end < len(found) else None,
        before=None if start == 0 else mark(int(found[earlier])) if earlier >= 0 else "",
    )
