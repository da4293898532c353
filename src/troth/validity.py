"""How well each signal was found to work: every check that was made, and what that comes to in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from troth.encoder import card
from troth.fairness import AXES, load_verdicts
from troth.signals import CATALOGUE, HELD, SHOWN

COLUMNS: Final = (
    "signal", "found_by", "set", "split", "rows", "metric", "value", "low", "high", "length_baseline",
    "tfidf_baseline", "published", "agreement", "licence_class", "note", "rivals", "published_source",
    "recipe", "base", "seeds", "goal", "reached",
)  # fmt: skip
"""Of `list_validity`. Low and high are a 95 % interval; baselines are the same metric by length alone and by TF-IDF.

`recipe` is "open" for what is in this package, and "research" for what a user may build from sets whose licence forbids
shipping, with the `base` model and the `seeds` behind the figure; both stand one after the other. `goal` is what was
aimed at, `reached` whether the figure gets there.
"""

GRADES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "well": "found well",
        "part": "found in part",
        "hardly": "hardly found",
        "unknown": "too few examples to say",
        "unchecked": "not checked",
        "not yet": "not found yet",
    }
)
"""What the checks of a signal come to. The borders are conventions."""

_WELL, _PART = 0.5, 0.3
_RECIPES: Final = "recipes.json"
_OWN: Final = frozenset({"own", "rule_cases", "touchpoint_pairs"})
"""Sets written for this project by a language model: what was checked on them alone is never called found well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """One signal, and what its checks come to.

    Attributes:
        grade: of GRADES.
        main: the check that the grade rests on; None where there is none.
        hits: share of the sentences with it that are found, on the same set.
        alarms: share of the others that are taken for it, on the same set.
        miscalibrated: mean distance of stated probabilities from what came true, on the same set.
        checks: all rows of `list_validity` but those of fairness; `fair` those, by axis.
        reason: why it is not found yet.
    """

    signal: str
    question: str
    facets: tuple[str, ...]
    grade: str
    main: Mapping[str, Any] | None
    hits: float | None
    alarms: float | None
    miscalibrated: float | None
    checks: tuple[Mapping[str, Any], ...]
    fair: Mapping[str, Mapping[str, Any]]
    reason: str | None

    @property
    def comparable(self) -> tuple[str, ...]:
        """Axes on which it was shown to read the same act alike."""
        return tuple(axis for axis, row in self.fair.items() if row["verdict"] == "passes")


def list_validity() -> list[dict[str, Any]]:
    """One row for each signal and check; a signal that was never checked, or is not found yet, says so.

    Where a goal was set, the figure of the recipe that ships and that of the research recipe stand side by side.
    """
    beside = _recipe_checks()
    rows: list[dict[str, Any]] = []
    told: set[tuple[Any, ...]] = set()
    for row in _list_shipped():
        pair = beside.get(_key(row))
        if pair is None:
            rows.append(row)
        else:
            told.add(_key(row))
            aims = {name: pair[0][name] for name in ("recipe", "goal")}
            rows += [{**row, **aims, "reached": _is_reached(row, pair[0])}, *pair[1:]]
    return rows + [row for key, pair in beside.items() if key not in told for row in pair]


def _list_shipped() -> list[dict[str, Any]]:
    """The same of what is in this package alone."""
    shipped = card()
    found = set(shipped.signals)
    by_stage = _stage_checks()
    told = {check["signal"] for check in by_stage}
    rows: list[dict[str, Any]] = []
    for signal in CATALOGUE.values():
        checks = [dict(check) for check in shipped.checks if check["signal"] == signal.name]
        if signal.found_by == "encoder" and signal.name not in found:
            reason = shipped.not_yet.get(signal.name, "no head is shipped")
            rows.append({"signal": signal.name, "found_by": "not yet", "metric": reason, "note": reason})
        elif checks:
            rows += [{"found_by": signal.found_by, **check} for check in checks]
        elif signal.name not in told:
            rows.append({"signal": signal.name, "found_by": signal.found_by, "metric": "not checked yet"})
    together = [dict(check) for check in shipped.checks if check["signal"] not in CATALOGUE]
    return rows + [{"found_by": "encoder", **check} for check in together] + by_stage


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("signal", "set", "split", "metric"))


def _is_reached(shipped: Mapping[str, Any], aimed: Mapping[str, Any]) -> bool | None:
    """Whether the figure on the card reaches the goal: itself, or its interval where "clearly above" was the goal."""
    if aimed["goal"] is None:
        return None
    return bool(shipped["low" if aimed["clearly"] else "value"] >= aimed["goal"])


@cache
def _recipe_checks() -> Mapping[tuple[Any, ...], list[dict[str, Any]]]:
    """The rows of both recipes for each goal, the open one first, by signal, set, split and metric.

    Written by the report of `training/research`: figures only.
    """
    path = files("troth").joinpath(f"checks/{_RECIPES}")
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in json.loads(path.read_text("utf-8")) if path.is_file() else []:
        by = "encoder" if row["recipe"] == "open" else "research recipe"
        found.setdefault(_key(row), []).append({"found_by": by, **row})
    return found


@cache
def sum_up() -> Mapping[str, Validity]:
    """Every signal of the catalogue with what its checks come to, by name."""
    rows = [_fill(row) for row in _list_shipped()]
    shipped = card()
    verdicts = load_verdicts()
    made: dict[str, Validity] = {}
    for signal in CATALOGUE.values():
        mine = [row for row in rows if row["signal"] == signal.name]
        checks = [row for row in mine if row["set"] not in {None, "fair"}]
        is_found = signal.found_by != "not yet" and (signal.found_by != "encoder" or signal.name in shipped.signals)
        main = _choose_main(checks, is_graded=signal.kind == "graded") if is_found else None
        beside = {row["metric"]: row for row in checks if main is not None and row["set"] == main["set"]}
        alarms = _value(beside, "specificity")
        codes = [SHOWN[signal.shown]] if signal.shown else []
        made[signal.name] = Validity(
            signal=signal.name,
            question=signal.question,
            facets=(*codes, *([HELD[signal.held]] if signal.held else [])),
            grade=_grade(main, checks, is_found=is_found),
            main=main,
            hits=_value(beside, "sensitivity"),
            alarms=None if alarms is None else 1.0 - alarms,
            miscalibrated=_value(beside, "calibration error"),
            checks=tuple(checks),
            fair={
                axis: row
                for axis in AXES
                for row in mine
                if row["set"] == "fair" and row["axis"] == axis and signal.name in verdicts
            },
            reason=None if is_found else shipped.not_yet.get(signal.name),
        )
    return made


def checks_together() -> list[dict[str, Any]]:
    """Checks of whole stages and of acts together, which belong to no signal of the catalogue alone."""
    return [_fill(row) for row in _list_shipped() if row["signal"] not in CATALOGUE]


def _fill(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with every column; what it does not state is None."""
    return dict.fromkeys(COLUMNS) | dict(row)


def _choose_main(checks: Sequence[Mapping[str, Any]], *, is_graded: bool) -> Mapping[str, Any] | None:
    """The check that says most of everyday use: for what is graded the weakest correlation; else F1 at the cut that is
    shipped, on the first set that others wrote, or on our own."""
    wanted = [row for row in checks if row["metric"] == ("Pearson r" if is_graded else "F1") and row["split"] == "test"]
    if is_graded:
        return min(wanted, key=lambda row: row["value"], default=None)
    return next((row for row in wanted if row["set"] not in _OWN), next(iter(wanted), None))


def _grade(main: Mapping[str, Any] | None, checks: Sequence[Mapping[str, Any]], *, is_found: bool) -> str:
    if not is_found:
        return "not yet"
    if main is None:
        return "unknown" if checks else "unchecked"
    if main["low"] >= _WELL and main["set"] not in _OWN:
        return "well"
    return "part" if main["value"] >= _PART else "hardly"


def _value(rows: Mapping[str, Mapping[str, Any]], metric: str) -> float | None:
    return rows[metric]["value"] if metric in rows else None


@cache
def _stage_checks() -> list[dict[str, Any]]:
    """What was measured of whole stages, rules and encoder together: one file each, written by `bench/`."""
    folder = files("troth").joinpath("checks")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json")) if folder.is_dir() else []
    names = [name for name in names if name != _RECIPES]
    return [row for name in names for row in json.loads(folder.joinpath(name).read_text("utf-8"))]
