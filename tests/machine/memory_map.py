"""What the command `memory` shows, as numbers."""

import re
from collections import namedtuple

MIB = 2 ** 20
GIB = 2 ** 30

Range = namedtuple("Range", "start end kind")


def read(machine):
    """The ranges of the map. Checks that they are sorted and that the total is their sum."""
    lines = machine.command("memory")
    ranges = []
    for line in lines[:-1]:
        match = re.fullmatch(r" *([0-9a-f]+)\.\.([0-9a-f]+) +[\d.]+ \S+  (\w[\w ]*)", line)
        assert match, f"not a range: {line!r}"
        ranges.append(Range(int(match[1], 16), int(match[2], 16), match[3]))
    assert ranges, "no range at all"
    for one, other in zip(ranges, ranges[1:]):
        assert one.start < one.end <= other.start, f"{one} and {other} overlap or aren't sorted"
    total = re.fullmatch(r"([\d.]+) (\w+) usable; (\d+) ranges in all", lines[-1])
    assert total, f"not a total: {lines[-1]!r}"
    assert int(total[3]) == len(ranges)
    unit = {"KiB": 2 ** 10, "MiB": MIB, "GiB": GIB, "TiB": 2 ** 40}[total[2]]
    assert abs(float(total[1]) * unit - usable(ranges)) <= unit, "the total isn't the ranges' sum"
    return ranges


def usable(ranges):
    return sum(one.end - one.start for one in ranges if one.kind == "usable")


def kind_at(ranges, address):
    for one in ranges:
        if one.start <= address < one.end:
            return one.kind
    return None
