"""What a statement is about: its own content words, the things it names by number, and the thread it stands in."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

import re2

from troth.touch.amounts import NUMBERED
from troth.words import content_stems, stem

_WEAK: Final = frozenset(
    stem(word)
    for word in """
    cost costs price prices pricing offer offers quote quotation total sum fee fees rate amount amounts pay paid payable
    payment charge charged bill billed net gross tax vat include included includes including excluding attach attached
    enclosed enclose find see list listed come comes run runs contain contains hold holds cover covers give gives
    calculate calculated calculation stand stands according system line page number dear hello sir madam please
    euro euros dollar dollars pound pounds franc francs eur usd gbp chf sheet figure send sent get reach date
    day days week weeks month months year years hour hours monday tuesday wednesday thursday friday saturday sunday
    january february march april june july august september october november december today tomorrow
    morning afternoon evening noon next last end start latest earliest each every one once off per part free extra
    separately option optional addition everything carrier says say told know here there way place
    kostet kosten preis angebot betrag zahlen monat jahr tag woche montag dienstag mittwoch donnerstag freitag
    enthalten berechnen inklusive januar februar märz mai juni juli oktober dezember
    refresh refreshed valid validity
    question hello regarding update info information reply answer news
    will ready put put bring take make comes go goes
    """.split()
) | {"pric", "cost"}
"""Words that tell of an amount, a time or a mail and not of a thing."""

_CONTRAST: Final = frozenset(
    stem(word)
    for word in """
    basic premium standard express small large big single double first second third last final initial additional
    annual yearly monthly weekly quarterly new old used north south east west
    lunch dinner breakfast deposit instalment installment advance beginner advanced without used spare
    """.split()
)
"""Words that make another thing of the same thing: a statement that has one is not about what one without it is."""

_NUMBERED: Final = re2.compile(
    r"(?:^|[^\w])(\p{L}+)\s(?:no\.?\s|nr\.?\s|number\s|#)?"
    r"(\d{1,4}(?:-\d{1,6})?|[A-Z]|[A-Z]{1,3}-?\d{1,6}|\d{5,9})(?:[^\w.,:%]|[.,;:](?:\s|$)|$)"
)
_CODE: Final = re2.compile(r"\b(\d{4}-\d{2,6}|[A-Z]{2,5}-?\d{2,6})\b")
_WITHOUT: Final = re2.compile(r"(?i)\b(without|ohne)\b")
_YEAR: Final = re2.compile(r"\b((?:19|20)\d\d)\b")
Names = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one statement is about."""

    own: frozenset[str]  # stems of the words around it
    thread: frozenset[str]  # stems of the line its mail or ticket carries as subject
    names: Names  # what is named by a number or letter: ("offer", "2291"), ("room", "3"), ("year", "2026")


def read_subject(words: str, thread: frozenset[str], *, sentence: str, without: Set[str] = frozenset()) -> Subject:
    """The subject of a statement made in `words`, which stand in `sentence`; `without` are stems that are not part."""
    stems = content_stems(words)
    if _WITHOUT.search(words):
        stems |= {"without"}
    own = _keep_strong(stems) - without
    return Subject(own=own, thread=thread, names=read_names(sentence))


def read_thread(line: str | None) -> frozenset[str]:
    """The stems of a subject line."""
    return _keep_strong(content_stems(line or ""))


def _keep_strong(stems: Set[str]) -> frozenset[str]:
    """Stems that tell of a thing; "fits" becomes "fit", which the common stemmer leaves for its shortness."""
    strong = (one for one in stems if one not in _WEAK and not one[0].isdigit())
    return frozenset(one[:-1] if len(one) == 4 and one.endswith("s") and one[2] != "s" else one for one in strong)


def read_names(sentence: str) -> Names:
    """What a sentence names by number or letter.

    >>> sorted(read_names("Our offer 2291 is for room 3 and the year 2026."))
    [('offer', '2291'), ('room', '3'), ('year', '2026')]
    """
    found = {
        (stem(word.lower()), number)
        for word, number in (match.groups() for match in _NUMBERED.finditer(sentence))
        if word.lower() in NUMBERED
    }
    found |= {("code", match.group(1)) for match in _CODE.finditer(sentence)}
    found |= {("year", match.group(1)) for match in _YEAR.finditer(_CODE.sub(" ", sentence))}
    return frozenset(found)


def is_about_the_same(one: Subject, other: Subject, *, in_one_thread: bool, must_say: bool = False) -> bool:
    """Whether two statements speak of one thing, as far as their words tell; in doubt they do not.

    Args:
        one, other: subjects.
        in_one_thread: they stand in one conversation.
        must_say: both must name the thing themselves; their threads are not enough.
    """
    if _differ_by_name(one.names, other.names):
        return False
    if (one.own & _CONTRAST) != (other.own & _CONTRAST) and not _explained(one, other):
        return False
    first, second = one.own, other.own
    if first and second:
        small, large = sorted((first, second), key=len)
        if small <= large and 3 * len(small) >= len(large):
            return True
        shared = len(small & large)
        return not must_say and shared >= 2 and 2 * shared >= len(first | second) and in_one_thread
    return not must_say and _is_in_thread(one, other, in_one_thread=in_one_thread)


def _is_in_thread(one: Subject, other: Subject, *, in_one_thread: bool) -> bool:
    """Whether a statement that names nothing is about what its thread is about, as the other is."""
    if one.own or other.own:
        said, thread = (one.own, other.thread) if one.own else (other.own, one.thread)
        return said <= thread
    shared = one.thread & other.thread
    return in_one_thread or (bool(shared) and 2 * len(shared) >= min(len(one.thread), len(other.thread)))


def _explained(one: Subject, other: Subject) -> bool:
    """Whether every word of contrast that one side lacks stands in its thread."""
    return (one.own - other.own) & _CONTRAST <= other.thread and (other.own - one.own) & _CONTRAST <= one.thread


def _differ_by_name(one: Names, other: Names) -> bool:
    """Whether both name a thing of one sort, and no thing of that sort in common."""
    mine, theirs = _by_sort(one), _by_sort(other)
    return any(not mine[sort] & theirs[sort] for sort in mine.keys() & theirs.keys())


def _by_sort(names: Names) -> dict[str, set[str]]:
    sorts: dict[str, set[str]] = {}
    for sort, number in names:
        sorts.setdefault(sort, set()).add(number)
    return sorts
