"""The command line in this process: seconds less than a process of its own, and the same words and exit codes."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

from troth.cli import main

TERMINAL = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "140"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind, named as by subprocess."""

    returncode: int
    stdout: str
    stderr: str


def run(
    *arguments: str | Path,
    typed: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str | None] | None = None,
) -> Done:
    """`troth` with these arguments, from this folder; an environment variable that is None is not there."""
    out, talk = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, chdir(folder or Path.cwd()):
        for name, value in {**TERMINAL, **(environment or {})}.items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        patch.setattr(sys, "argv", ["troth", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode()), "utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", talk)
        with pytest.raises(SystemExit) as left:
            main()
    return Done(returncode=_code(left.value.code), stdout=_written(out), stderr=_written(talk))


def _code(code: str | int | None) -> int:
    assert not isinstance(code, str), code
    return code or 0


def _written(to: io.TextIOWrapper) -> str:
    to.flush()
    data = to.buffer
    assert isinstance(data, io.BytesIO)
    return data.getvalue().decode()
