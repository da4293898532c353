"""What the pages say is true: made pages are fresh, code blocks run, commands exist."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import troth
from troth.cli import app
from troth.settings import load_settings

ROOT = Path(__file__).parents[1]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if page.exists()]
# The built wheel is also tested with no repository around it.
pytestmark = pytest.mark.repository


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("name", ["commands.md", "validity.md"])
def test_a_page_made_from_the_code_is_fresh(name: str):
    """`make docs` brings it up to date."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        make = importlib.import_module("make")
    finally:
        sys.path.pop(0)
    assert (ROOT / "docs" / name).read_text("utf-8") == make.PAGES[name]()


PYTHON = list(dict.fromkeys(code for page in PAGES for code in blocks(page, "python")))
SHELL = list(
    dict.fromkeys(
        line
        for page in PAGES
        if page.name != "README.md"
        for block in blocks(page, "sh")
        for line in block.splitlines()
    )
)


@pytest.mark.parametrize("code", PYTHON)
def test_python_in_the_pages_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "a page", "exec"), {"__name__": "__main__"})  # the pages are ours


@pytest.mark.usefixtures("sample_at_hand")
@pytest.mark.parametrize("line", SHELL)
def test_shell_in_the_pages_runs(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every ```sh block of docs/ uses the sample and needs no file of the reader's."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)
    if words[0] == "troth" and not set("|><&;*").intersection(line):  # the same without a new interpreter
        told = CliRunner().invoke(app, words[1:])
        assert told.exit_code == 0, told.output
        assert told.stdout.strip()
        return
    command = line.replace("troth ", f"{shlex.quote(sys.executable)} -m troth.cli ")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_toml_in_the_pages_is_a_settings_file(tmp_path: Path):
    found = [block for page in PAGES for block in blocks(page, "toml")]
    assert found
    for block in found:
        path = tmp_path / "troth.toml"
        path.write_text(block, "utf-8")
        load_settings(path)


def test_every_link_between_the_pages_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_examples_in_docstrings_run():
    names = {module.name for module in pkgutil.walk_packages(troth.__path__, "troth.")}
    if importlib.util.find_spec("inspect_ai") is None:
        names.remove("troth.inspecting")  # it is for those who have that framework
    for name in sorted(names):
        spec = importlib.util.find_spec(name)
        if name.endswith("__main__") or spec is None or not str(spec.origin).endswith(".py"):
            continue  # the compiled kernel is a library for ctypes and no module
        failures, _ = doctest.testmod(importlib.import_module(name))
        assert failures == 0, name
