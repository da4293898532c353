"""A sentence of ours that keeps what it is made of, so that a page can tell it in another language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Self, cast

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}
"""What a reader may choose from, each by its own name."""


class Told(str):
    """A sentence in English, with its pattern and the parts that fill it.

    A part may be such a sentence itself, or a tuple of things that are listed with commas. Strangers' words and figures
    are parts as they are; a format after a colon holds for figures and days, as in "{share:.0%}". A part that is empty
    tells two meanings of a word apart, as in "About{a_sum}".

    >>> Told("{n:,d} of {what}", n=1200, what=Told("deals"))
    '1,200 of deals'
    """

    pattern: str
    parts: Mapping[str, object]

    def __new__(cls, pattern: str, /, **parts: object) -> Self:
        """Fill the {parts} in; without any, the pattern is the sentence as it stands."""
        plain = {name: join(part, str) if isinstance(part, tuple) else part for name, part in parts.items()}
        self = super().__new__(cls, pattern.format(**plain) if parts else pattern)
        self.pattern, self.parts = pattern, parts
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """What makes the same sentence anew, in another process."""
        return (self.pattern,), dict(self.parts)


def pack(text: str) -> object:
    """A sentence as JSON can keep it, with its parts where it has any."""
    if not isinstance(text, Told):
        return str(text)
    return {"pattern": text.pattern, "parts": {name: _pack_part(part) for name, part in text.parts.items()}}


def unpack(kept: Any) -> Told:
    """The sentence that `pack` made this of."""
    if isinstance(kept, str):
        return Told(kept)
    parts = {name: unpack(part) if isinstance(part, dict) else part for name, part in kept["parts"].items()}
    return Told(kept["pattern"], **parts)


def _pack_part(part: object) -> object:
    if isinstance(part, tuple):
        return join(part, str)
    if isinstance(part, str):
        return pack(part)
    return part if isinstance(part, (int, float)) else str(part)


def join(parts: object, say: Callable[[object], str]) -> str:
    """Things listed with commas."""
    return ", ".join(map(say, cast("tuple[object, ...]", parts)))


def as_told(text: str) -> Told:
    """A sentence that keeps its parts where it does, else as it stands."""
    return text if isinstance(text, Told) else Told(text)
