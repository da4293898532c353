"""A body cut into the sender's own words and all that is not: quotes, signatures, notices, forwarded mail."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Final

from troth.text._quotes import (
    cut_flat,
    find_attribution,
    find_cut,
    find_plain_attribution,
    is_marked,
    with_separator,
)
from troth.text._tails import find_disclaimers, find_signature, is_list_footer

_BLANKS: Final = " \t\r\n\f\v\ufeff\xa0\u200b\u200e\u200f"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one body, in code points: `body[start:end]`."""

    kind: str  # own, quote, signature, disclaimer, forward
    start: int
    end: int


def find_parts(body: str) -> list[Part]:
    """Cut a body into parts that cover it whole, in order; only parts of kind "own" are the sender's words.

    Raises: nothing. Cost: linear in the body; each line is looked at a bounded number of times.
    """
    if not body:
        return []
    raw = body.splitlines(keepends=True)
    if len(raw) == 1:
        cuts = [0, *cut_flat(body.rstrip(_BLANKS)), len(body)]
        raw = [body[start:end] for start, end in pairwise(cuts) if start < end]
    lines = [line.strip(_BLANKS) for line in raw]
    kinds = ["own"] * len(lines)
    end = _mark_others(lines, kinds)
    _mark_tails(lines, kinds, end)
    return _join(kinds, lines, raw)


def _mark_others(lines: list[str], kinds: list[str]) -> int:
    """Mark what others wrote; return the line from which on nothing is own."""
    at, count = 0, len(lines)
    while at < count:
        line = lines[at]
        if not line:
            at += 1
            continue
        if is_marked(line) and not _is_escaped_from(lines, at):
            if _marks_only_blanks(lines, at):
                return _fill(kinds, at, "quote")
            kinds[at] = "quote"
            at += 1
            if _is_wrapped_tail(lines, at):
                kinds[at] = "quote"
                at += 1
            continue
        cut = _introduced_quote(lines, kinds, at) or find_cut(lines, at)
        if cut:
            return _fill(kinds, with_separator(lines, cut[0]), cut[1])
        at += 1
    return count


def _is_escaped_from(lines: list[str], at: int) -> bool:
    """An mbox file writes ">From" where a line of the body begins with "From"; alone it is no quote."""
    if not lines[at].startswith(">From "):
        return False
    return not any(is_marked(line) for line in (*lines[max(0, at - 1) : at], *lines[at + 1 : at + 2]))


def _fill(kinds: list[str], first: int, kind: str) -> int:
    kinds[first:] = [kind] * (len(kinds) - first)
    return first


def _introduced_quote(lines: list[str], kinds: list[str], at: int) -> tuple[int, str] | None:
    """Handle "On ... wrote:" ending at this line: marked quotes follow, or all the rest is quoted."""
    colon = lines[at][-1] == ":"
    if not colon and lines[at][-1] != ">":
        return None
    marked = _marks_follow(lines, at)
    first = find_attribution(lines, at) if colon else -1
    if first < 0 and marked:
        first = find_plain_attribution(lines, at)
    if first < 0:
        return None
    if marked:
        kinds[first : at + 1] = ["quote"] * (at + 1 - first)
        return None
    return first, "quote"


def _marks_follow(lines: list[str], at: int) -> bool:
    """Whether a marked quote begins below; a shortening such as "[...]" may stand between."""
    seen = 0
    for line in lines[at + 1 : at + 12]:
        if is_marked(line):
            return True
        if line:
            seen += 1
            if seen > 2 or line[0] != "[":
                return False
    return False


def _marks_only_blanks(lines: list[str], at: int) -> bool:
    """Some programs mark the attribution and the blank lines of a quote, and lose the mark of every line of text."""
    bare = lines[at].lstrip("> ")
    if not bare.endswith(":") or find_attribution([bare], 0) < 0:
        return False
    blanks = 0
    for below in range(at + 1, len(lines)):
        line = lines[below]
        if is_marked(line):
            if line.strip("> "):
                return False  # the usual end, a line or two below: so asking at each attribution stays linear
            blanks += 1
    return blanks >= 2


def _is_wrapped_tail(lines: list[str], at: int) -> bool:
    """A long marked line that a program broke: its last words stand unmarked before the next marked line."""
    if not 0 < at < len(lines) - 1 or not lines[at] or is_marked(lines[at]) or not is_marked(lines[at + 1]):
        return False
    above = lines[at - 1]
    return len(above) >= 62 and above[-1] not in ".?!:;" and lines[at][0].islower() and len(lines[at]) <= 40


def _mark_tails(lines: list[str], kinds: list[str], end: int) -> None:
    at = 0
    while at < end:
        if kinds[at] != "own":
            at += 1
            continue
        stop = at
        while stop < end and kinds[stop] == "own":
            stop += 1
        _mark_tail(lines, kinds, at, stop)
        at = stop


def _mark_tail(lines: list[str], kinds: list[str], first: int, end: int) -> None:
    begin, stop = first, end
    for start, until in find_disclaimers(lines, first, end):
        kinds[start:until] = ["disclaimer"] * (until - start)
        if until == end:
            stop = start
        else:
            begin = until
    between_quotes = end < len(lines) and is_marked(lines[end])
    cut = find_signature(lines, begin, stop, names=not between_quotes)
    footer = next((at for at in range(cut, stop) if lines[at].startswith("________")), stop)
    if not is_list_footer(lines, footer, stop):
        footer = stop
    kinds[cut:footer] = ["signature"] * (footer - cut)
    kinds[footer:stop] = ["disclaimer"] * (stop - footer)


def _join(kinds: list[str], lines: list[str], raw: list[str]) -> list[Part]:
    """Blank lines go with what stands above them, so that a part does not begin with one."""
    for at in range(1, len(lines)):
        if not lines[at]:
            kinds[at] = kinds[at - 1]
    parts: list[Part] = []
    ends = list(accumulate(map(len, raw)))
    start = 0
    for kind, group in groupby(range(len(kinds)), key=kinds.__getitem__):
        end = ends[max(group)]
        parts.append(Part(kind, start, end))
        start = end
    return parts
