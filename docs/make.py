"""Make the pages that come from the code: docs/commands.md and docs/validity.md. `make docs`"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from troth.cli import app
from troth.validity import list_validity

HERE = Path(__file__).parent
HEADINGS = (
    "signal", "found by", "data", "rows", "metric", "value", "95 %", "length", "TF-IDF", "published", "people",
    "others", "recipe", "goal", "reached",
)  # fmt: skip
"""Of the table of validity."""


def make_commands() -> str:
    """The command reference, from --help."""
    group: Any = get_command(app)
    with group.make_context("troth", ["review"], resilient_parsing=True) as context:
        sections = list(_describe(group, context))
    return "\n".join(["# Every command\n\nMade from `troth --help` by `make docs`.\n", *sections])


def _describe(group: Any, context: Any) -> Iterator[str]:
    """A section for every command of a group; one that is a group itself is followed by its own."""
    for name, command in group.commands.items():
        arguments = list(command.commands)[:1] if hasattr(command, "commands") else []
        with command.make_context(name, arguments, parent=context, resilient_parsing=True, terminal_width=100) as inner:
            yield f"## {inner.command_path}\n\n```\n{command.get_help(inner).strip()}\n```\n"
            if arguments:
                yield from _describe(command, inner)


def make_validity() -> str:
    """How well each signal works, from the model card."""
    lines = [
        "# How well each signal works",
        "",
        "Made from the model card by `make docs`; the same as `troth validity`. Intervals are 95 % by bootstrap over",
        "conversations or authors. *Length* is what the length of the text alone reaches, *TF-IDF* a linear model on",
        "words and characters, both trained on the same rows. The labels of test rows were never looked at for tuning.",
        "*Others* is what a user would take instead reaches on the same rows: for promises the head alone, a keyword",
        "rule, the package follow-through; `python bench/promises.py` measures them.",
        "",
        "Where a *goal* was set, the figure of what is in this package (*open*) and that of a recipe that also learns",
        "from sets whose licence forbids shipping (*research*, `training/README.md`; with its base model and seeds)",
        "stand one after the other, and *reached* says whether they got there.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
    ]
    for row in list_validity():
        data = f"{row['set']} {row['split']}" if row.get("set") else ""
        interval = f"{row['low']:.2f}–{row['high']:.2f}" if row.get("low") is not None else ""
        cells = [
            row["signal"], row["found_by"], data, row.get("rows"), row.get("metric"), row.get("value"), interval,
            row.get("length_baseline"), row.get("tfidf_baseline"), row.get("published"), row.get("agreement"),
            row.get("rivals"), _recipe(row), row.get("goal"), {True: "yes", False: "no"}.get(row.get("reached"), ""),
        ]  # fmt: skip
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _recipe(row: dict[str, Any]) -> str:
    """Which recipe, and of a built one the base model and the seeds."""
    behind = [str(row[name]) for name in ("base", "seeds") if row.get(name) and row.get("recipe") == "research"]
    return f"{row['recipe']} ({', seeds '.join(behind)})" if behind else row.get("recipe") or ""


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value).replace("|", "/")


PAGES = {"commands.md": make_commands, "validity.md": make_validity}


if __name__ == "__main__":
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), "utf-8")
        sys.stdout.write(f"{name} written\n")
