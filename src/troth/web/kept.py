"""What is worked out when somebody asks, once, and kept while it is in use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """A bounded number of things by name; the one unused for longest makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, name: Hashable, make: Callable[[], T]) -> T:
        """The thing of this name. Whoever asks for the same meanwhile waits for it; nobody waits for another.

        Raises: what `make` raises; it is then tried anew when asked again.
        """
        with self._lock:
            coming = self._kept.get(name)
            is_mine = coming is None
            if coming is None:
                coming = self._kept[name] = Future()
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
        if is_mine:
            try:
                coming.set_result(make())
            except BaseException as error:
                with self._lock:
                    self._kept.pop(name, None)
                coming.set_exception(error)
                raise
        return coming.result()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)
