"""Which signals may be used to compare people: those shown to read the same act alike, whoever writes it.

What was checked lies in `checks/fairness.json`, made by `training/fairness.py`; MEASUREMENT.md section 8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from troth.signals import CATALOGUE

AXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dialect": "a dialect of English",
        "nonnative": "English as a second language",
        "names": "the names in it",
        "effusive": "many warm words against few",
    }
)
"""What was varied while the act stayed the same: name to what it is in plain words."""


TOGETHER: Final = "acts together"
"""What stands in place of a signal where the acts were checked in one, since each alone has too few pairs."""


def load_verdicts() -> Mapping[str, Mapping[str, str]]:
    """Signal to axis to "passes", "fails" or "not enough"; `TOGETHER` says whether acts are found alike at all."""
    rows = json.loads(files("troth").joinpath("checks/fairness.json").read_text("utf-8"))
    verdicts: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["signal"] in CATALOGUE or "act itself" in row["metric"]:
            verdicts.setdefault(row["signal"], {})[row["axis"]] = row["verdict"]
    return verdicts


def list_comparable(*axes: str) -> tuple[str, ...]:
    """Signals that passed on each of these axes, all four if none is named: fit to compare people who differ in them.

    No act is fit on an axis where acts together are found less often on one side. Of what is not fit it is known that
    it reads some people otherwise, or it is not known that it does not; in both cases a difference between two people
    may be one of how they write. Neither says anything about one person over time.
    """
    asked = axes or tuple(AXES)
    verdicts = load_verdicts()
    missed = [axis for axis in asked if verdicts[TOGETHER][axis] == "fails"]
    return tuple(
        signal
        for signal, by_axis in verdicts.items()
        if signal != TOGETHER
        and all(by_axis[axis] == "passes" for axis in asked)
        and not (missed and CATALOGUE[signal].kind == "binary")
    )


def count_unfit() -> tuple[int, int]:
    """How many signals are not fit to compare people who differ in any of AXES, and how many were checked."""
    checked = len(load_verdicts()) - 1
    return checked - len(list_comparable()), checked


def warn_of_comparing() -> str:
    """One line for a view that shows several people or groups side by side."""
    unfit, checked = count_unfit()
    return (
        f"Read a row against its own past, not against another row: {unfit} of {checked} "
        "signals are not shown to read everybody's way of writing alike (troth validity)."
    )
