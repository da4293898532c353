"""The due-time grammar side by side with the date libraries, on the phrases of the tests.

    python bench/due.py

Needs dateparser, recurrent and parsedatetime beside troth; one that is not installed is left out and named.
The phrases and the plain sentences were written for troth, so the table favours it; it is scored twice: exactly
(both ends of the interval and the rule), and by the measure that the libraries get, which asks only for a moment
within the expected interval, widened to whole days. Phrases without a firm time (vague, conditional) are left out,
and so are the German ones. A date found in a plain sentence is false, whatever it is.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from troth.promises import Calendar, due

TESTS = Path(__file__).parents[1] / "tests"
BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = Calendar(zone="Europe/Berlin")
SAID = datetime(2026, 3, 11, 10)  # noqa: DTZ001  # the speaker's own clock: the libraries take it so
GERMAN = {
    "ich", "wir", "sie", "das", "der", "die", "vielen", "guten", "seit", "vor", "übermorgen", "sobald", "bis", "mitte",
    "freitagvormittag", "gestern", "schönes", "einen", "ein", "letzten", "am", "innerhalb",
}  # fmt: skip

Finder = Callable[[str, datetime], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    said: datetime
    rule: str
    lo: datetime
    hi: datetime
    text: str


def is_english(text: str) -> bool:
    words = text.lower().split()
    return words[0] not in GERMAN and "Wochen" not in text and "der Regel" not in text


def read_phrases() -> list[Phrase]:
    found: list[Phrase] = []
    for line in (TESTS / "test_due_phrases.tsv").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        said, rule, interval, text = line.split("\t")[:4]
        if interval in {"-", "~"} or not is_english(text):
            continue
        first, _, last = interval.partition("..")
        hi = datetime.fromisoformat(last or first)
        hi = hi if "T" in (last or first) else hi.replace(hour=23, minute=59, second=59)
        moment = datetime.fromisoformat(said) if said else SAID
        lo = max(datetime.fromisoformat(first), moment)
        found.append(Phrase(said=moment, rule=rule, lo=lo, hi=hi, text=text))
    return found


def read_plain() -> list[str]:
    lines = (TESTS / "test_due_plain.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if is_english(line)]


def find_with_troth(text: str, said: datetime) -> datetime | None:
    found = due(text, said.replace(tzinfo=BERLIN), calendar=CALENDAR)
    if found is None or found.latest is None:
        return None
    return found.latest.astimezone(BERLIN).replace(tzinfo=None)


def is_exact(phrase: Phrase) -> bool:
    found = due(phrase.text, phrase.said.replace(tzinfo=BERLIN), calendar=CALENDAR)
    if found is None or found.earliest is None or found.latest is None:
        return False
    ends = (phrase.lo.replace(tzinfo=BERLIN).astimezone(UTC), phrase.hi.replace(tzinfo=BERLIN).astimezone(UTC))
    return (found.earliest, found.latest) == ends and found.rule == phrase.rule


def with_dateparser(module: Any) -> Finder:
    search = importlib.import_module(f"{module.__name__}.search")

    def find(text: str, said: datetime) -> datetime | None:
        settings = {"RELATIVE_BASE": said, "PREFER_DATES_FROM": "future", "DATE_ORDER": "DMY"}
        hits = search.search_dates(text, languages=["en"], settings=settings)
        return hits[0][1].replace(tzinfo=None) if hits else None

    return find


def with_recurrent(module: Any) -> Finder:
    def find(text: str, said: datetime) -> datetime | None:
        try:
            found = module.RecurringEvent(now_date=said).parse(text)
        except TypeError:  # it compares two dates that it did not find
            return None
        return found if isinstance(found, datetime) else None

    return find


def with_parsedatetime(module: Any) -> Finder:
    reader = module.Calendar()

    def find(text: str, said: datetime) -> datetime | None:
        hits = reader.nlp(text, sourceTime=said)
        return hits[0][0] if hits else None

    return find


LIBRARIES: dict[str, Callable[[Any], Finder]] = {
    "dateparser": with_dateparser,
    "recurrent": with_recurrent,
    "parsedatetime": with_parsedatetime,
}


def is_right(phrase: Phrase, moment: datetime | None) -> bool:
    """Whether the moment falls on a day of the expected interval."""
    return moment is not None and phrase.lo.date() <= moment.date() <= phrase.hi.date()


def score(name: str, find: Finder, phrases: list[Phrase], plain: list[str]) -> str:
    begin = time.perf_counter()
    right = sum(is_right(phrase, find(phrase.text, phrase.said)) for phrase in phrases)
    false = sum(find(text, SAID) is not None for text in plain)
    each = (time.perf_counter() - begin) / (len(phrases) + len(plain))
    return f"{name:<16}{right:>5} of {len(phrases):<6}{false:>5} of {len(plain):<6}{each * 1e6:>9.0f}"


def main() -> None:
    phrases, plain = read_phrases(), read_plain()
    print(f"{'':<16}{'day right':>12}  {'false dates':>13}{'µs a sentence':>15}")
    print(score("troth", find_with_troth, phrases, plain))
    print(f"{'  interval, rule':<16}{sum(map(is_exact, phrases)):>5} of {len(phrases)}")
    for name, adapt in LIBRARIES.items():
        try:
            module = importlib.import_module(name)
        except ImportError:
            print(f"{name:<16} not installed")
            continue
        print(score(name, adapt(module), phrases, plain))


if __name__ == "__main__":
    main()
