"""Imports point one way, in a line without rings, and the first steps load nothing heavy."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import troth

ROOT = Path(troth.__file__).parent

LEAVES = {
    *("schema", "errors", "signals", "lenses", "markup", "plain", "worktime", "words", "times", "told", "saying"),
    "aside",
}
STAGES = {
    *("people", "identity", "sources", "text", "encoder", "promises", "questions", "surveys", "readings", "trust"),
    *("review", "touch", "worth", "reciprocity", "influence"),
}
KNOWING_STAGES = LEAVES | STAGES | {"intake", "teaming", "settings"}
EVERYTHING = KNOWING_STAGES | {
    *(
        "pipeline",
        "trend",
        "charts",
        "overview",
        "relationship",
        "fairness",
        "validity",
        "foretold",
        "mapping",
        "touching",
        "desk",
        "keeping",
    ),
    *("worthing", "worthtold", "begetting", "swaying", "leaving", "watching", "deciding", "agents", "answering"),
    *("tuning", "proving", "proofpage", "sealing", "book", "library", "api", "sample", "roster", "persons", ""),
    *("trial", "trialoutcomes", "trialmeasuring", "trialsuggesting", "trying"),
    "worthreport",
    "cells",
    "inviting",
    *("mending", "adding", "carrying", "between"),
    *("forgetting", "forgotten"),
    "contesting",
    *("trial", "trialoutcomes", "trialmeasuring", "trialsuggesting", "trying"),
}

# What each room may import beside itself. A new room gets a line here, and its place in the order with it.
MAY: dict[str, set[str]] = {
    "told": set(),
    "errors": {"told"},
    "saying": {"told"},
    "aside": set(),
    "markup": set(),
    "plain": set(),
    "words": set(),
    "cells": {"plain"},
    "times": set(),
    "worktime": set(),
    "signals": {"errors"},
    "lenses": {"errors", "signals"},
    "fairness": {"signals"},
    "validity": {"signals", "encoder", "fairness"},
    "schema": {"errors"},
    **dict.fromkeys(STAGES, LEAVES),
    "sample": LEAVES,
    "book": LEAVES,  # it knows tables only
    "versions": LEAVES,
    "restoring": LEAVES | {"book", "people", "trust"},
    "mailboxes": LEAVES | {"book", "intake", "sources", "forgotten"},
    "watching": LEAVES | {"book", "intake", "sources"},
    "leaving": LEAVES | {"sources", "book", "restoring"},
    "answering": LEAVES | {"sources", "surveys", "forgotten"},
    "intake": LEAVES | {"book", "sources", "versions", "restoring", "answering", "forgotten"},
    "teaming": {"errors", "people", "told"},
    "settings": LEAVES | {"teaming", "people", "promises", "sources"},
    "persons": KNOWING_STAGES | {"book"},
    "roster": KNOWING_STAGES | {"book", "persons"},
    "trend": KNOWING_STAGES,
    "pipeline": KNOWING_STAGES | {"trend", "ruled"},
    "overview": KNOWING_STAGES | {"pipeline", "trend"},
    "foretold": KNOWING_STAGES,
    "mapping": KNOWING_STAGES,
    "ruled": KNOWING_STAGES | {"between"},
    "touchscene": KNOWING_STAGES | {"pipeline"},
    "touchjoins": KNOWING_STAGES | {"touchscene", "ruled"},
    "touching": KNOWING_STAGES | {"pipeline", "charts", "touchscene", "touchjoins"},
    "worthtold": KNOWING_STAGES | {"charts"},
    "worthcourse": KNOWING_STAGES | {"worthtold"},
    "worthbeside": KNOWING_STAGES | {"worthcourse"},
    "worthing": KNOWING_STAGES | {"charts", "worthtold", "worthcourse", "worthbeside"},
    "worthpages": KNOWING_STAGES | {"worthtold"},
    "worthreport": KNOWING_STAGES | {"charts", "worthtold", "worthpages"},
    "testing": KNOWING_STAGES,
    "begetting": KNOWING_STAGES | {"pipeline", "worthing", "charts"},
    "swaying": KNOWING_STAGES | {"pipeline", "worthing", "charts"},
    # Who was drawn for what is secret from the score: no stage may import the trials, and neither may the pipeline.
    "trial": LEAVES,
    "trialoutcomes": KNOWING_STAGES | {"trial"},
    "trialsuggesting": KNOWING_STAGES | {"trial", "worthing", "charts"},
    "explanation": KNOWING_STAGES,
    "charts": LEAVES,
    "relationship": KNOWING_STAGES | {"trend", "explanation", "charts"},
    "agents": KNOWING_STAGES,
    "deciding": KNOWING_STAGES | {"pipeline", "book"},
    "contesting": KNOWING_STAGES | {"pipeline", "book"},
    "asof": KNOWING_STAGES | {"pipeline"},
    "targets": KNOWING_STAGES | {"asof"},
    "sealing": {"schema", "trust"},
    "proving": KNOWING_STAGES | {"pipeline", "asof", "targets", "sealing", "book"},
    "proofpage": KNOWING_STAGES | {"proving"},
    "tuning": {"trust", "readings"},
    "keeping": {"pipeline", "book"},
    "between": KNOWING_STAGES,
    "carrying": KNOWING_STAGES | {"pipeline", "ruled"},
    "mending": KNOWING_STAGES | {"pipeline", "carrying"},
    "adding": KNOWING_STAGES | {"pipeline", "book", "persons"},
    "desk": KNOWING_STAGES
    | {"pipeline", "asof", "proving", "persons", "book", "keeping", "mending", "adding", "carrying"}
    | {"ruled", "trend", "overview", "deciding"},
    "trialmeasuring": KNOWING_STAGES | {"trial", "trialoutcomes", "pipeline"},
    "trying": KNOWING_STAGES
    | {"trial", "trialmeasuring", "trialsuggesting", "pipeline", "deciding", "relationship", "desk"},
    "forgotten": LEAVES | {"book", "sources"},
    "forgetting": LEAVES | {"book", "keeping", "roster", "sealing", "forgotten"},
    "inviting": LEAVES | {"book", "desk", "review", "surveys"},
    "library": KNOWING_STAGES
    | {"inviting"}
    | {"trying"}
    | {"contesting", "forgetting", "forgotten"}
    | {"desk", "keeping", "answering"}
    | {"pipeline", "trend", "overview", "foretold", "mapping", "relationship", "deciding", "tuning", "book"}
    | {"begetting", "swaying"}
    | {
        "worthing",
        "worthtold",
        "touching",
        "asof",
        "proving",
        "agents",
        "persons",
        "roster",
        "leaving",
        "mailboxes",
        "watching",
    },
    "api": KNOWING_STAGES | {"pipeline", "overview", "book", "library"},
    "": KNOWING_STAGES | {"pipeline", "overview", "book", "library", "api"},  # the package itself lifts their names
    # The rims know everything and are known by nobody but the command that starts them.
    "cli": EVERYTHING | {"web", "mcp"},
    "web": EVERYTHING,
    "inspecting": EVERYTHING,  # a scorer for another program
    "mcp": EVERYTHING | {"web"},  # its views
}


@dataclass(frozen=True, kw_only=True)
class Import:
    module: str  # who imports, for instance troth.trust.filter
    target: str  # the module that is imported
    line: int
    at_once: bool  # when the module is loaded, not inside a function or for the type checker alone

    @property
    def rooms(self) -> tuple[str, str]:
        return room(self.module), room(self.target)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("troth", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def imports() -> tuple[Import, ...]:
    return tuple(_imports())


def _imports() -> Iterator[Import]:
    for module, path in MODULES.items():
        yield from _imports_in(ast.parse(path.read_text(encoding="utf-8")), module, at_once=True)


def _imports_in(node: ast.AST, module: str, *, at_once: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module}:{child.lineno} imports relatively; write the whole name"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                target = whole if whole in MODULES else str(child.module)
                if target in MODULES:
                    yield Import(module=module, target=target, line=child.lineno, at_once=at_once)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                if alias.name in MODULES:
                    yield Import(module=module, target=alias.name, line=child.lineno, at_once=at_once)
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from _imports_in(child, module, at_once=at_once and not is_function and not for_types)


def test_every_room_has_a_place_in_the_order() -> None:
    assert {room(module) for module in MODULES} <= set(MAY), "give the new room a line in MAY"


def test_a_room_imports_only_what_lies_before_it() -> None:
    wrong = [
        f"{one.module}:{one.line} imports {one.target}"
        for one in imports()
        if one.rooms[0] != one.rooms[1] and one.rooms[1] not in MAY[one.rooms[0]]
    ]
    assert not wrong


def test_nobody_knows_the_command_line() -> None:
    assert not [one for one in imports() if room(one.target) == "cli" and room(one.module) != "cli"]


def test_the_order_of_the_rooms_is_a_line() -> None:
    TopologicalSorter(MAY).prepare()


def test_modules_import_each_other_without_a_ring() -> None:
    """A ring of imports means that no file of it can be read, or loaded, alone."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in imports():
        if one.at_once:
            graph[one.module].add(one.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("a ring: " + " -> ".join(reversed(error.args[1])))


def test_this_walk_sees_what_python_loads() -> None:
    """By another road: whatever a stage loads of troth, the walk had found."""
    code = "import sys, troth.trust; print(*sorted(m for m in sys.modules if m.split('.')[0] == 'troth'))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    walked, todo = set(), ["troth.trust"]
    while todo:
        module = todo.pop()
        walked.add(module)
        parents = {module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)}
        ahead = {one.target for one in imports() if one.module == module and one.at_once} | parents
        todo += ahead - walked
    assert loaded <= walked


HEAVY = ("numpy", "pyarrow", "duckdb", "_duckdb", "adbc_driver_manager", "openvino", "scipy", "pandas", "torch")
TELL = f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"


def test_importing_troth_loads_nothing_heavy() -> None:
    command = [sys.executable, "-c", f"import sys, troth; dir(troth); {TELL}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr.strip() == ""


HELP = f"""
import atexit, sys
atexit.register(lambda: {TELL})
sys.argv = ["troth", "--help"]
from troth.cli import main
main()
"""


def test_help_loads_nothing_heavy_and_answers_at_once() -> None:
    """Under 0.3 s of processor time, the best of three: the first run may still compile."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        assert "review" in done.stdout
        assert done.stderr.strip() == ""
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3
