"""The kernel that the build hook compiles."""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from troth.trust import DEFAULT_MODEL, _engine, kernel_name
from troth.trust._arrays import Evidence, Stack, Trace
from troth.trust.model import dynamics

HOOK = Path(__file__).parents[1] / "hatch_build.py"
SOURCE = Path(_engine.__file__).with_name("_kernel.c")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling", reason="hatchling is only there where wheels are built")
    if not HOOK.exists():
        pytest.skip("no source tree here, so no build hook")
    spec = importlib.util.spec_from_file_location("hatch_build", HOOK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def some_evidence(n: int = 400) -> Evidence:
    rng = np.random.default_rng(3)
    lo = rng.standard_normal(n)
    hi = np.where(rng.random(n) < 0.5, lo, np.where(rng.random(n) < 0.5, np.inf, lo + 0.4))
    return Evidence(
        gauge="SHOWN", names=None, start=np.array([0, n // 2, n]), facet=rng.integers(0, 10, n).astype(np.int32),
        at=np.tile(np.sort(rng.integers(0, 10**14, n // 2)), 2), lo=lo, hi=hi, v=rng.uniform(0.2, 2, n),
        slope=np.ones(n), alpha=np.full(n, 0.02), beta=np.full(n, 0.9),
        slow_only=(rng.random(n) < 0.1).astype(np.uint8), row=np.arange(n),
        segments=("",), segment=np.zeros(2, dtype=np.int64),
    )  # fmt: skip


def run() -> list[np.ndarray]:
    evidence, dyn = some_evidence(), dynamics(DEFAULT_MODEL, "SHOWN")
    n, stack = len(evidence.at), Stack.fresh(evidence, dyn)
    trace = Trace.blank(n, n, dyn.facets, keep_cov=True, keep_record=True)
    _engine.forward(evidence, dyn, stack, np.arange(n), trace)
    _engine.smooth(evidence, dyn, np.arange(n), trace)
    return [stack.mean, stack.cov, stack.loglik, trace.record, trace.mean, trace.var]


@pytest.mark.skipif(kernel_name() == "numpy", reason="no compiled kernel here: build the package with a C compiler")
def test_wide_and_narrow_instructions_give_the_same_bits(hook, tmp_path, monkeypatch):
    """A build without the clones for newer processors agrees bit for bit, so states travel between machines."""
    installed = run()
    narrow = tmp_path / "narrow.so"
    command = [*hook.find_compiler(), *hook.FLAGS, "-DFOR_EACH_CPU=", "-o", str(narrow), str(SOURCE), "-lm"]
    subprocess.run(command, check=True)
    library = _engine.declare(ctypes.CDLL(str(narrow)))
    monkeypatch.setattr(_engine, "_library", lambda: library)
    for a, b in zip(installed, run(), strict=True):
        assert_array_equal(a, b)


def test_a_compiler_that_fails_is_reported_and_leaves_no_library(hook, tmp_path):
    broken = tmp_path / "broken.c"
    broken.write_text("not C at all")
    assert "failed" in hook.compile_kernel(broken, tmp_path / "broken.so")
    assert sorted(tmp_path.iterdir()) == [broken]


def test_no_compiler_is_reported(hook, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler --flag")
    assert hook.compile_kernel(SOURCE, tmp_path / "k.so") == "no C compiler found"


def test_the_tag_names_the_platform_and_no_python(hook):
    assert hook.platform_tag().split("_")[0] in {"linux", "macosx"}
