"""The figures that are promised, against their targets: instructions, the same on every machine."""

import sys

import pytest
from machine import ROOT

sys.path.insert(0, str(ROOT / "tests" / "bench"))
import bench  # noqa: E402


def test_kernel_figures():
    """Catches a change that makes a promised figure false, and a figure that isn't taken any more."""
    assert_met(bench.TARGETS, bench.kernel_figures(memory="2G"))


def test_figures_of_two_processors():
    """Catches a call that has become slow, or an interrupt that is lost and made up for later."""
    assert_met(bench.PAIR_TARGETS, bench.kernel_figures("processors.*", cpus=2))


def assert_met(targets, figures):
    found = {name: int(value) for name, value, _ in figures}
    missed = {name: (found.get(name), target) for name, target in targets.items()
              if found.get(name, target + 1) > target}
    assert not missed, f"figure and target: {missed}"


@pytest.mark.parametrize("cpus, target", [(1, 4_000_000), (4, 6_000_000)])
def test_the_prompt_comes_soon(monkeypatch, cpus, target):
    """Catches a start that waits actively, or does for every processor what is enough once."""
    monkeypatch.chdir(ROOT)
    assert bench.entry_to_prompt(cpus=cpus) <= target


def test_the_prompt_waits_for_little(monkeypatch):
    """Catches a wait for hardware, however few instructions it takes."""
    monkeypatch.chdir(ROOT)
    assert bench.time_to_prompt() <= 8_000_000


def test_memory_costs_little_time(monkeypatch):
    """Catches metadata or tables that are set up page by page, or block by block."""
    monkeypatch.chdir(ROOT)
    little, much = bench.costs_by_memory()
    assert much <= little * 3 // 2, (little, much)
