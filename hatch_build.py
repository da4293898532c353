"""Compiles troth's kernels when a wheel, editable or not, is built.

One C file, the system's compiler, no Python headers: so one wheel per platform serves every Python version. Where no
compiler is found the wheel is pure and the NumPy reference runs (``troth.trust.kernel_name()`` says which).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "src/troth/trust/_kernel.c"
# No fused multiply-add: every machine gives the same bits. Wider instructions are chosen when the library is loaded.
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-shared", "-ffp-contract=off")


class KernelHook(BuildHookInterface[Any]):
    """Builds ``_kernel.so`` (``.dylib`` on macOS) beside its source and puts it into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, then tell the wheel what it holds and which platform it is for."""
        if self.target_name != "wheel":
            return
        source = Path(self.root, SOURCE)
        library = source.with_suffix(".dylib" if sys.platform == "darwin" else ".so")
        problem = compile_kernel(source, library)
        if problem is not None:
            library.unlink(missing_ok=True)  # an older build must not pass for this one
            self.app.display_warning(f"troth: kernels not compiled ({problem}); the slow NumPy reference will run.")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"
        if version != "editable":
            build_data["force_include"][str(library)] = f"troth/trust/{library.name}"


def compile_kernel(source: Path, library: Path) -> str | None:
    """Compile one C file to a shared library, all or nothing.

    Returns: None, or why it could not be done.
    """
    compiler = find_compiler()
    if compiler is None:
        return "no C compiler found"
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        fresh = Path(folder, library.name)
        command = [*compiler, *FLAGS, "-o", str(fresh), str(source), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own command
        if done.returncode != 0:
            return f"{compiler[0]} failed: {done.stderr.strip()[-500:]}"
        fresh.replace(library)  # a running process keeps the file it has open
    return None


def find_compiler() -> list[str] | None:
    """The compiler named by CC, else the first that is installed."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        command = shlex.split(name) if name else []
        if command and shutil.which(command[0]):
            return command
    return None


def platform_tag() -> str:
    """The platform part of the wheel's tag, for the machine that compiles."""
    if sys.platform == "darwin":
        from packaging.tags import sys_tags  # noqa: PLC0415  # comes with hatchling; only macOS needs its version rules

        return next(iter(sys_tags())).platform
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
