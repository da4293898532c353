"""troth: how much reason was given for trust, how much came back, and the sentences that say so.

>>> import troth
>>> sorted(troth.__all__)[:4]
['Book', 'check', 'due', 'errors']

Names are loaded when they are first used, so that `import troth` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from troth import errors
    from troth.api import check, open, read, review, score  # noqa: A004 - troth.open reads well
    from troth.library import Book
    from troth.promises import due
    from troth.settings import Settings
    from troth.trust import follow

__version__ = "0.1.0"

_HOMES = {
    "Book": "troth.library",
    "Settings": "troth.settings",
    "check": "troth.api",
    "due": "troth.promises",
    "follow": "troth.trust",
    "open": "troth.api",
    "read": "troth.api",
    "review": "troth.api",
    "score": "troth.api",
}

__all__ = ["Book", "Settings", "check", "due", "errors", "follow", "open", "read", "review", "score"]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("troth.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'troth' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
