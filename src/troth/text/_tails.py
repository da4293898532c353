"""What stands below the sender's words and is not said to the reader: signatures, contact blocks, notices, footers."""

from __future__ import annotations

import re
from typing import Final

from troth.text._phrases import (
    CLOSINGS,
    DISCLAIMER_HEADINGS,
    DISCLAIMER_ROOTS,
    DISCLAIMER_THEMES,
    DISCLAIMERS,
    GREETINGS,
    LIST_FOOTERS,
    NOT_NAMES,
    SENT_FROM,
    THANKS,
)

_TAIL_LINES: Final = 40  # a signature is looked for among the last lines only
_BLOCK_LINES: Final = 14
_CONTACT_WIDTH: Final = 90
_PARTICLES: Final = frozenset("von van de der den del della di da dos du la le af av zu ten ter y e und".split())
_CONTACT: Final = re.compile(
    r"(?:[0-9][ ()./-]{0,3}){6}|@|www\.|https?:|\||•|\bext\b|\bx[0-9]{4,5}\b"
    r"|\b(?:tel|tél|phone|telephone|telefon|fax|mobile|mobil|cell|direct|office|voice|tlf|gsm)\b\.? ?[:(]",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"[_=-]{8,}|[_=*~-]{20,}")
_DASHES: Final = ("--", "—", "–", "--­", "- -")


def find_disclaimers(lines: list[str], first: int, end: int) -> list[tuple[int, int]]:
    """Spans of lines within [first, end) that are legal notices, banners or list footers."""
    spans: list[tuple[int, int]] = []
    low = "\n".join(lines[first:end]).lower()
    if not any(root in low for root in DISCLAIMER_ROOTS):
        return spans
    own_above = False
    at = first
    heading = -1
    while at < end:
        if not lines[at]:
            at += 1
            continue
        stop = at
        while stop < end and lines[stop]:
            stop += 1
        paragraph = " ".join(lines[at:stop]).lower()
        if paragraph.strip("*_-: ") in DISCLAIMER_HEADINGS:
            heading = at
        elif _is_disclaimer(paragraph):
            start = heading if heading >= 0 else _disclaimer_start(lines, at, stop)
            if own_above or start > at:
                spans.append((start, end))  # below the words all that follows a notice is one
                return spans
            spans.append((at, stop))
        else:
            own_above = own_above or bool(paragraph.strip("-_=* "))
            heading = -1
        at = stop
    return spans


def _is_disclaimer(paragraph: str) -> bool:
    if any(phrase in paragraph for phrase in DISCLAIMERS):
        return True
    return len(paragraph) >= 80 and sum(any(word in paragraph for word in theme) for theme in DISCLAIMER_THEMES) >= 3


def _disclaimer_start(lines: list[str], at: int, stop: int) -> int:
    """Within one paragraph the notice may follow own lines directly: begin at its first telling line."""
    if stop - at == 1:
        return at
    whole = _is_disclaimer(" ".join(lines[at + 1 : stop]).lower())
    first_tells = any(any(word in lines[at].lower() for word in theme) for theme in DISCLAIMER_THEMES)
    if first_tells or not whole or any(phrase in lines[at].lower() for phrase in DISCLAIMERS):
        return at
    for line in range(at, stop):
        low = lines[line].lower()
        if _RULE.fullmatch(lines[line]) or any(root in low for root in DISCLAIMER_ROOTS):
            return line
    return at


def find_signature(lines: list[str], first: int, end: int, *, names: bool) -> int:
    """First line of the signature that ends the own lines [first, end); `end` when there is none.

    `names`: whether a bare name may end the lines; not so between two quoted passages.
    """
    if not any(lines[first:end]):
        return end
    cut = _marked_signature(lines, first, end)
    body_end = cut
    while body_end > first and not lines[body_end - 1]:
        body_end -= 1
    closing = _closed_signature(lines, first, body_end)
    if closing < body_end:
        return closing
    if names:
        named = _named_signature(lines, first, body_end)
        if named < body_end:
            above = named
            while above > first and not lines[above - 1]:
                above -= 1
            # Many sign "Ann" and let the program add "Ann Moe, Acme" below.
            signed = _named_signature(lines, first, above)
            return signed if signed < above else named
    return cut


def _marked_signature(lines: list[str], first: int, end: int) -> int:
    """A signature that says so: "-- ", a ruled line above contact data, "Sent from my iPhone"."""
    for at in range(max(first, end - _TAIL_LINES), end):
        line = lines[at]
        if not line:
            continue
        if line in _DASHES:
            return at
        if line[0] in "_-=*~" and _RULE.fullmatch(line) and _rules_off_a_footer(lines, at, end, first):
            return at
        if len(line) <= 80 and _is_sent_from(line) and sum(map(bool, lines[at:end])) <= 6:
            return at
    return end


def is_list_footer(lines: list[str], at: int, end: int) -> bool:
    """Whether the lines from `at` on speak of a mailing list."""
    following = " ".join(lines[at : min(end, at + 6)]).lower()
    return any(phrase in following for phrase in LIST_FOOTERS)


def _rules_off_a_footer(lines: list[str], at: int, end: int, first: int) -> bool:
    if is_list_footer(lines, at, end):
        return True
    following = [line for line in lines[at + 1 : end] if line]
    above = next((lines[i] for i in range(at - 1, first - 1, -1) if lines[i]), "")
    if above and closing_kind(above):
        return True
    return 0 < len(following) <= 10 and any(_CONTACT.search(line) for line in following[:6])


def _is_sent_from(line: str) -> bool:
    low = line.lower().lstrip("([*_ ")
    return low.startswith(SENT_FROM) and line[-1] not in ".?!:" and len(low.split()) <= 9


def closing_kind(line: str) -> str:
    """ "form" for a closing formula, "thanks" for a thanks that closes, "" for anything else."""
    if len(line) > 60:
        return ""
    low = line.lower().strip(" ,.!;:-–—*_~\t")
    if low in CLOSINGS:
        return "form"
    if low.startswith(THANKS) and len(low.split()) <= 6 and _starts_as_thanks(low):
        return "thanks"
    words = low.split()
    if 2 <= len(words) <= 7:
        for count in range(min(5, len(words) - 1), 0, -1):
            head = " ".join(words[:count]).rstrip(",.!")
            if head in CLOSINGS:
                rest = line.strip(" *_").split()[count:]
                comma = line.strip(" *_").split()[count - 1][-1] in ",.!"
                named = all(word[:1].isupper() or word.lower() in _PARTICLES for word in rest)
                return "form" if named and (comma or count > 1 or len(rest) <= 2) else ""
    return ""


def _starts_as_thanks(low: str) -> bool:
    return any(low == word or (low.startswith(word) and not low[len(word)].isalnum()) for word in THANKS)


def _closed_signature(lines: list[str], first: int, end: int) -> int:
    """A closing formula or a thanks, and nothing but short lines below it."""
    seen = 0
    for at in range(end - 1, max(first, end - _TAIL_LINES) - 1, -1):
        line = lines[at]
        if not line:
            continue
        kind = closing_kind(line)
        if kind == "form":
            return at
        if kind == "thanks" and seen:
            below = next((i for i in range(at + 1, end) if lines[i]), end)
            return below if is_name(lines[below]) or _CONTACT.search(lines[below]) or _RULE.match(lines[below]) else end
        seen += 1
        if seen > _BLOCK_LINES or len(line) > _CONTACT_WIDTH or _is_prose(line):
            return end
    return end


def _is_prose(line: str) -> bool:
    return line[-1] in ".?!…" and len(line.split()) >= 4 and not _CONTACT.search(line)


def is_name(line: str) -> bool:
    """Whether a line can be the name somebody signs with."""
    if len(line) > 42 or line[-1] in "?!:;":
        return False
    bare = line.strip(" ,.*_")
    dashed = bare[:1] in "-–—~/"
    bare = bare.lstrip("-–—~/ ")
    words = bare.split()
    if not 1 <= len(words) <= 4 or words[0].lower().strip(",.") in NOT_NAMES | GREETINGS:
        return False
    if not all(char.isalpha() or char in " .'’-()" for char in bare):
        return False
    if dashed and line.strip(" *_")[1:2].isalpha():
        return True
    if line[-1] in ".," and len(words) == 1 and len(bare) > 2:
        return False
    return words[0][0].isupper() and all(word[:1].isupper() or word.lower() in _PARTICLES for word in words)


def _named_signature(lines: list[str], first: int, end: int) -> int:
    """A name after the last words: alone, above a contact block, or above up to three short lines (firm, role)."""
    best = end
    contact = False
    seen = 0
    for at in range(end - 1, max(first, end - _BLOCK_LINES - 4), -1):
        line = lines[at]
        if not line:
            continue
        alone = at == end - 1
        above = lines[at - 1]
        parted = not above or bool(closing_kind(above)) or (alone and at - first >= 2 and above[-1] in ".!?")
        short_block = not above and seen <= 3 and len(line.split()) >= 2 and not _is_list_above(lines, first, at)
        if is_name(line) and (parted or line[0] in "-–—/~") and (alone or contact or short_block):
            best = at
            if parted:
                break
        seen += 1
        if _CONTACT.search(line):
            contact = True
        elif (
            len(line) > 60 or _is_prose(line) or line[-1] in "?!,:" or not (line[0].isupper() or line[0] in "\"'“„«([")
        ):
            break
    return best if any(lines[first:best]) else end


def _is_list_above(lines: list[str], first: int, at: int) -> bool:
    """Whether the words above announce a list, so that names below them are what is said."""
    return next((lines[i] for i in range(at - 1, first - 1, -1) if lines[i]), ":")[-1] == ":"
