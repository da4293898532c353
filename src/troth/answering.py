"""Surveys among exports: which files that no reader of turns takes hold answers to questions of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from troth.forgotten import Forgotten
from troth.sources import Rejected
from troth.surveys import RejectedAnswer, SurveyReading, tell_survey

_LOOK: Final = 1 << 18  # bytes of a file, in which the headings stand
_FOREIGN: Final = (
    "is a survey ({tool}) that asks no question of ours. `troth survey make` writes the questions for it; "
    "`troth survey read` says what is missing"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """What one survey export gave."""

    source: str
    reading: SurveyReading
    added: int  # answers that were not in the book
    changed: int  # were in it with another value; the later version won


def screen_answers(reading: SurveyReading, forgotten: Forgotten | None) -> SurveyReading:
    """A survey without the answers of those who were forgotten, which are among its rejected instead."""
    if forgotten is None:
        return reading
    kept = forgotten.screen_beside("answers", reading.answers)
    gone = reading.answers.num_rows - kept.num_rows
    again = [RejectedAnswer(position="an answer", reason="of a person who was forgotten")] * gone
    return replace(reading, answers=kept, rejected=(*reading.rejected, *again))


def part_surveys(place: Path, left_out: Sequence[Rejected]) -> tuple[tuple[Path, ...], tuple[Rejected, ...]]:
    """Of what was left out at a place: the surveys that hold answers, and the rest with what can be said of it.

    Args:
        place: a folder, or the file itself.
        left_out: as `look_through` names them, by their place in it.
    """
    surveys: list[Path] = []
    rest: list[Rejected] = []
    for each in left_out:
        path = place if place.is_file() else place / each.position
        tool, is_ours = _tell(path) or (None, False)
        if is_ours:
            surveys.append(path)
        else:
            rest.append(each if tool is None else Rejected(position=each.position, reason=_FOREIGN.format(tool=tool)))
    return tuple(surveys), tuple(rest)


def _tell(path: Path) -> tuple[str, bool] | None:
    if not path.is_file() or path.is_symlink():
        return None
    try:
        with path.open("rb") as file:
            return tell_survey(file.read(_LOOK))
    except OSError:
        return None  # which the listing says already
