"""Which relationship somebody means who typed a name or a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from troth.web.view import View

_CHOICES: Final = 8


def find_meant(view: View, wanted: str) -> tuple[str | None, Sequence[str]]:
    """The relationship that is meant; else None, and those that could be."""
    if not wanted:
        return None, ()
    if wanted in view.by_name:
        return wanted, ()
    part = wanted.casefold()
    like = [name for name in view.by_name if part in name.casefold()]
    exact = [name for name in like if name.casefold() == part]
    return (exact or like)[0] if len(exact) == 1 or len(like) == 1 else None, like[:_CHOICES]
