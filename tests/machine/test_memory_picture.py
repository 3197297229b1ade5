"""The command `memory map`: a picture, against the table of the same."""

import re

import pytest

import memory_map
from images import ISO
from memory_map import GIB

BLOCKS = {" ": 0, "░": 1, "▒": 2, "▓": 3, "█": 4}
SLICES = 48
COLUMNS_MAX = 79


def read_picture(machine):
    """The end of memory, and the bars by kind, as numbers from 0 to 4."""
    lines = [line.encode("latin-1").decode("utf-8") for line in machine.command("memory map")]
    assert all(len(line) <= COLUMNS_MAX for line in lines), lines
    scale = re.fullmatch(r" +\|0 +0x([0-9a-f]+)\|", lines[0])
    bars = {}
    for line in lines[1:]:
        match = re.fullmatch(r"(\w[\w ]*?) +([\d.]+ \w+) \|(.*)\|", line)
        if not match:
            break
        assert len(match[3]) == SLICES and line.index("|") == lines[0].index("|")
        bars[match[1]] = [BLOCKS[block] for block in match[3]]
    assert len(lines) - len(bars) in (2, 3), lines
    return int(scale[1], 16), bars, lines


def expected_bar(ranges, kind, end):
    shares = []
    for slice_number in range(SLICES):
        low, high = (end * number // SLICES for number in (slice_number, slice_number + 1))
        there = sum(max(0, min(one.end, high) - max(one.start, low))
                    for one in ranges if one.kind == kind)
        shares.append(0 if there == 0 else 4 if there == high - low else
                      1 + (3 * there >= high - low) + (3 * there >= 2 * (high - low)))
    return shares


@pytest.mark.parametrize("arguments", [
    {}, {"memory": "32M"}, {"memory": "6G"}, {"iso": ISO}, {"iso": ISO, "firmware": "uefi"},
    {"memory": "256G", "machine": "q35,memory-backend=ram", "cpu": "max,phys-bits=42",
     "extra": ["-object", "memory-backend-ram,id=ram,size=256G,reserve=off"]},
], ids=["pvh", "32M", "6G", "bios", "uefi", "256G"])
def test_memory_map(start, arguments):
    """Catches a picture that says something else than the table, or is wider than a screen."""
    machine = start(**arguments)
    machine.wait_prompt()
    ranges = memory_map.read(machine)
    end, bars, lines = read_picture(machine)
    assert end == max(one.end for one in ranges if one.kind not in ("reserved", "screen"))
    below = {one.kind for one in ranges if one.start < end}
    assert set(bars) == below
    for kind, bar in bars.items():
        assert bar == expected_bar(ranges, kind, end), kind
    assert any(line.startswith("Above: ") for line in lines), "the firmware lies above memory"


def test_memory_map_shows_the_hole(start):
    """Catches a picture that ends at 4 GiB, or that draws memory where there is none: a q35 with
    6 GiB has 2 of them below the hole, and the end at 8."""
    machine = start(memory="6G")
    machine.wait_prompt()
    end, bars, _ = read_picture(machine)
    assert end == 8 * GIB
    assert set(bars["usable"][13:24]) == {0} and set(bars["usable"][24:]) == {4}


@pytest.mark.parametrize("line", ["memory nonsense", "memory MAP", "memory ma"])
def test_wrong_word(pvh, line):
    assert pvh.command(line)[0].startswith("usage: memory [map|")
