"""Where somebody else's text begins: quoted lines, "On ... wrote:", header blocks, forwarded mail.

Looks at lines with their white space already stripped. Every look-ahead and look-back is bounded, so the whole is
linear in the number of lines.
"""

from __future__ import annotations

import re
from typing import Final

from troth.text._phrases import (
    FORWARDED,
    HEADERS,
    NOT_AN_ATTRIBUTION,
    OPENERS,
    ORIGINAL,
    WEEKDAYS,
    WROTE,
)

_LONGEST_LINE: Final = 400  # an attribution or a header label is never longer
_BLOCK_LINES: Final = 40  # a header block with a long list of recipients
_VERB: Final = re.compile("|".join(rf"(?<!\w){re.escape(verb)}(?!\w)" for verb in WROTE))
_VERB_LAST: Final = re.compile("(?:" + "|".join(re.escape(verb) for verb in WROTE) + r")\s?:$")
# A clock time, a year, or a date in figures: without one of them a line is taken for prose.
_WHEN: Final = re.compile(r"[0-9]{1,2}[:.h][0-9]{2}|(?:19|20)[0-9]{2}|[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}")
_BARE_ADDRESS: Final = re.compile(r"[0-9]{4}[/-][0-9]{1,2}[/-][0-9]{1,2} .{1,100}<[^<> ]{1,100}@[^<> ]{1,100}>:?")
_CLOCK: Final = r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4},? [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: ?[ap]\.?m\.?)?"
_LOTUS_DATE: Final = re.compile(_CLOCK, re.IGNORECASE)
_LOTUS_LINE: Final = re.compile(rf"(?:from: )?[^:]{{2,120}} on {_CLOCK}", re.IGNORECASE)
_LOTUS_CLOCK: Final = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})? [AP]M")
_TWO_MARKS: Final = re.compile(r"(?:>|&gt;) (?:>|&gt;)(?= |$)")
_SENTENCE_ENDS: Final = re.compile(r"[.!?]\s")
_FIRST_MARK: Final = re.compile(r"[.?!:;,)\"”]\s{1,8}(>|&gt;)")
_WORD: Final = re.compile(r"(?<!\S)\S")
_SEPARATOR: Final = frozenset("-_=* ")

Cut = tuple[int, str]  # first line that is not the sender's own, and what it begins: "quote" or "forward"


def is_marked(line: str) -> bool:
    """Whether the line carries the mark of a quote."""
    return line[:1] == ">" or line.startswith("&gt;")


def cut_flat(line: str) -> list[int]:
    """Where to cut a body that lost its line breaks: before "On ... wrote:" and before the first mark of the quote.

    Only where two marks stand side by side, as a quoted blank line leaves them: "Settings > Users" is no quote. The
    first mark behind the end of a sentence or a colon begins the quote.

    Returns: offsets into the line, rising; none where nothing is quoted.
    """
    if _TWO_MARKS.search(line) is None or is_marked(line):
        return []
    first = _FIRST_MARK.search(line)
    if first is None:
        return []
    start = first.start(1)
    base = max(0, start - _LONGEST_LINE // 2)
    above = line[base:start].rstrip()
    if not above.endswith(":"):
        return [start]
    opens = -1
    for found in reversed(list(_WORD.finditer(above))):
        at = found.start()
        if opens >= 0 and _SENTENCE_ENDS.search(above, at, opens):
            break
        if _opens(above[at:]) and find_attribution([above[at:]], 0) == 0:
            opens = at
    return [base + opens, start] if opens >= 0 else [start]


def find_attribution(lines: list[str], end: int) -> int:
    """First line of the "On ... wrote:" that ends at line `end`, or -1.

    The sentence may be broken over four lines; the nearest line that can open one is taken.
    """
    joined = ""
    for first in range(end, max(-1, end - 4), -1):
        line = lines[first]
        if not line or is_marked(line) or len(joined) + len(line) > _LONGEST_LINE:
            return -1
        joined = f"{line} {joined}".strip().lower()
        if not _opens(line):
            continue
        if _WHEN.search(joined) and _VERB.search(joined) and not joined.endswith(NOT_AN_ATTRIBUTION):
            return first
    return -1


def _opens(line: str) -> bool:
    word = line.lstrip("-*_ ").split(None, 1)[0] if line.strip("-*_ ") else ""
    if word[:1].isdigit():
        return True
    word = word.rstrip(".,").lower()
    return word in OPENERS or word in WEEKDAYS


def find_plain_attribution(lines: list[str], end: int) -> int:
    """First line of what introduces the marked quote below line `end` in any language, or -1."""
    line = lines[end]
    if len(line) > _LONGEST_LINE:
        return -1
    low = line.lower()
    if _BARE_ADDRESS.fullmatch(line) or (_VERB_LAST.search(low) and len(line) <= 120):
        return end
    if line[-1:] == ":" and "@" in line and (_WHEN.search(line) or ">" in line):
        wrapped = (
            ">" in line and "<" not in line and end > 0 and "<" in lines[end - 1] and not is_marked(lines[end - 1])
        )
        return end - 1 if wrapped else end
    return -1


def find_cut(lines: list[str], at: int) -> Cut | None:
    """Whether all from line `at` on is an older or forwarded mail; where that begins and what it is."""
    line = lines[at]
    # Lotus Notes breaks its heading after the date, so the next line is looked at too.
    if line[0] in "-_*=" and (kind := _heading(line) or _heading(" ".join(lines[at : at + 2]))):
        return at, kind
    if len(line) > _LONGEST_LINE:
        return None
    if line[-1] == ":" and line.lower().startswith(FORWARDED):
        return at, "forward"
    if ":" in line[:28] and _is_header_block(lines, at):
        return _with_lotus_head(lines, at), "quote"
    return _lotus_cut(lines, at) if line[-1].isdigit() or line[-1] in "mM." else None


def _heading(line: str) -> str:
    inner = line.strip("-_*= ")
    if not inner or len(inner) > 160 or line[:2].strip("-_*=") or line[-1] not in "-_*=":
        return ""
    low = inner.lower()
    if low.startswith(ORIGINAL):
        return "quote"
    return "forward" if low.startswith(FORWARDED) else ""


def header_kind(line: str) -> str:
    """What a header line names (from, sent, to, cc, subject), or ""."""
    colon = line.find(":", 0, 28)
    return HEADERS.get(line[:colon].strip("*_ \t\xa0").lower(), "") if colon > 0 else ""


def _is_header_block(lines: list[str], at: int) -> bool:
    if not header_kind(lines[at]):
        return False
    kinds: set[str] = set()
    blanks, address = 0, False
    for line in lines[at : at + _BLOCK_LINES]:
        if not line:
            blanks += 1
            if blanks > 1:
                break
            continue
        kind = header_kind(line)
        if kind:
            kinds.add(kind)
            blanks = 0
        elif blanks:
            break
        address = address or "@" in line or "mailto:" in line
    # Three labels, and one that a travel plan (From: London, To: Paris, Date: 5 May) would not have.
    if len(kinds) >= 3:
        return "subject" in kinds or address
    return kinds == {"from", "sent"} and address


def _with_lotus_head(lines: list[str], at: int) -> int:
    """Step back over the name and date that Lotus Notes prints above "To:", if they are there."""
    first = at
    found = False
    for above in range(at - 1, max(-1, at - 9), -1):
        line = lines[above]
        low = line.lower()
        if not line:
            continue
        if _LOTUS_DATE.search(line) and len(line) <= 160:
            found, first = True, above
            while first and lines[first - 1] and above - first < 2 and _LOTUS_DATE.fullmatch(line):
                first -= 1  # the name, and a line "Sent by: ..." below it
            break
        if not low.startswith(("sent by", "please respond to", "to:", "cc:")) and "@" not in line:
            break
    return first if found else at


def _lotus_cut(lines: list[str], at: int) -> Cut | None:
    line = lines[at]
    if len(line) > 160:
        return None
    if line[-1].isdigit() and at + 1 < len(lines) and _LOTUS_CLOCK.fullmatch(lines[at + 1]):
        line = f"{line} {lines[at + 1]}"
    if _LOTUS_LINE.fullmatch(line) and ("@" in line or "/" in line.split(" on ")[0] or line.startswith("From:")):
        return at, "quote"
    if _LOTUS_DATE.fullmatch(line) and at >= 2 and lines[at - 1] and not lines[at - 2] and len(lines[at - 1]) <= 60:
        return at - 1, "quote"
    return None


def with_separator(lines: list[str], at: int) -> int:
    """Step back over blank lines and a ruled line that stand directly above a cut."""
    above = at - 1
    while above >= 0 and not lines[above] and at - above < 4:
        above -= 1
    rule = lines[above] if above >= 0 else ""
    return above if len(rule) >= 5 and _SEPARATOR.issuperset(rule) else at
