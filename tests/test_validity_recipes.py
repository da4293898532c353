"""What ships and what one may build stand side by side, with their goals, whether reached or not."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import groupby

from troth.encoder import card
from troth.validity import COLUMNS, list_validity, sum_up

ROWS = json.loads(files("troth").joinpath("checks/recipes.json").read_text("utf-8"))


def key_of(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row.get(name) for name in ("signal", "set", "split", "metric"))


def test_every_goal_has_a_row_of_each_recipe_and_the_open_one_comes_first() -> None:
    aimed = [row for row in list_validity() if row.get("recipe")]
    assert len(aimed) == len(ROWS) > 40
    for key, together in groupby(aimed, key=key_of):
        recipes = [row["recipe"] for row in together]
        assert recipes == ["open", "research"] * (len(recipes) // 2), key


def test_whether_a_goal_was_reached_follows_from_the_figures() -> None:
    """By another road than the report's: from the rows as they are told."""
    for row in list_validity():
        if row.get("goal") is None or row.get("value") is None:
            assert row.get("reached") is None
        elif row["reached"]:
            assert row["low"] <= row["value"] <= row["high"]
            assert row["value"] >= row["goal"]
            assert row["rows"] > 0
        else:
            assert row["low"] <= row["goal"]
    missed = [row for row in ROWS if row["reached"] is False]
    assert missed  # what was not reached is told in the same table


def test_a_figure_of_both_tables_is_one_figure() -> None:
    told = {key_of(dict(check)): check["value"] for check in card().checks}
    both = [row for row in ROWS if row["recipe"] == "open" and row["value"] is not None and key_of(row) in told]
    assert len(both) >= 4
    assert all(abs(row["value"] - told[key_of(row)]) < 0.0015 for row in both)


def test_what_is_built_elsewhere_changes_no_grade_of_what_ships() -> None:
    assert {"recipe", "goal", "reached", "seeds", "base"} <= set(COLUMNS)
    assert all(check.get("recipe") is None for one in sum_up().values() for check in one.checks)
    assert all(isinstance(value, str | int | float | bool | None) for row in ROWS for value in row.values())
