"""The figures that are promised, against their targets: instructions, the same on every machine."""

import sys

from machine import ROOT

sys.path.insert(0, str(ROOT / "tests" / "bench"))
import bench  # noqa: E402


def test_kernel_figures():
    """Catches a change that makes a promised figure false, and a figure that isn't taken any more."""
    found = {name: int(value) for name, value, _ in bench.kernel_figures(memory="2G")}
    missed = {name: (found.get(name), target) for name, target in bench.TARGETS.items()
              if found.get(name, target + 1) > target}
    assert not missed, f"figure and target: {missed}"


def test_memory_costs_little_time(monkeypatch):
    """Catches metadata or tables that are set up page by page, or block by block."""
    monkeypatch.chdir(ROOT)
    little, much = bench.costs_by_memory()
    assert much <= little * 3 // 2, (little, much)
