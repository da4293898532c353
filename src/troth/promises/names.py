"""Short names of promises for people to type, as git has them for commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from troth.errors import InputError
from troth.plain import clean_line

_PREFIX: Final = "p-"
_LEAST: Final = 4  # characters; more where two promises begin alike
_LISTED: Final = 5


def shorten_ids(ids: Iterable[str]) -> dict[str, str]:
    """Each id to the shortest beginning that no other shares, at least four characters long.

    >>> shorten_ids(["p-3fa91c", "p-3fa92d", "p-77b0aa"])
    {'p-3fa91c': '3fa91', 'p-3fa92d': '3fa92', 'p-77b0aa': '77b0'}
    """
    bare = sorted({one.removeprefix(_PREFIX): one for one in ids}.items())
    needed = [_LEAST] * len(bare)
    for place, ((one, _), (other, _)) in enumerate(pairwise(bare)):
        alike = _count_alike(one, other) + 1
        needed[place], needed[place + 1] = max(needed[place], alike), max(needed[place + 1], alike)
    return {whole: short[:length] for (short, whole), length in zip(bare, needed, strict=True)}


def _count_alike(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def find_id(typed: str, words: Mapping[str, str]) -> str:
    """The promise meant by what was typed: a whole id, or a beginning that only one has.

    Args:
        typed: with or without the "p-".
        words: each promise's id to its sentence.

    Raises: InputError naming the candidates when there is none or more than one.
    """
    wanted = typed.strip().casefold().removeprefix(_PREFIX)
    meant = [one for one in words if one.removeprefix(_PREFIX).casefold() == wanted]
    if not meant and wanted:
        meant = sorted(one for one in words if one.removeprefix(_PREFIX).casefold().startswith(wanted))
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise InputError(f"there is no promise {clean_line(typed)!r}. The first column of troth promises names them.")
    short = shorten_ids(words)
    listed = ", ".join(f"{short[one]} ({_quote(words[one])})" for one in meant[:_LISTED])
    more = f" and {len(meant) - _LISTED} more" if len(meant) > _LISTED else ""
    raise InputError(f"{clean_line(typed)!r} could be {listed}{more}. Write more of it.")


def _quote(text: str) -> str:
    plain = clean_line(text)
    return "“" + (plain if len(plain) <= 40 else plain[:39] + "…") + "”"
