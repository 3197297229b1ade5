"""The page tables in use, read from outside.

QEMU's `info tlb` shows only the last level's own bits, and `info mem` no execute right at all: the
rights in force are those that every level allows [SDM3 5.6.1]. So the tables are walked here, in
the machine's physical memory, and `info tlb` checks the walk."""

import re
import struct
from collections import namedtuple

PRESENT, WRITE, USER, LARGE, NO_EXECUTE = 1, 2, 4, 128, 1 << 63
ADDRESS = (1 << 52) - 4096
LEVELS = [(39, 0), (30, 2 ** 30), (21, 2 ** 21), (12, 4096)]  # shift, size of a page of this level
CR0_WP, CR4_LA57, EFER_NXE = 1 << 16, 1 << 12, 1 << 11

# own: the last level's own bits, as `info tlb` shows them; rights: those in force.
Mapping = namedtuple("Mapping", "start size physical own writable executable user")


def canonical(address):
    return address | 0xffff << 48 if address >> 47 & 1 else address


def mappings(machine):
    """Everything that is mapped, in order. The machine is stopped for the moment."""
    machine.monitor.execute("stop")
    try:
        assert machine.register("CR0") & CR0_WP, "without CR0.WP the kernel writes where it likes"
        assert machine.register("EFER") & EFER_NXE, "without EFER.NXE everything is executable"
        assert not machine.register("CR4") & CR4_LA57, "five levels are not read here"
        return list(_walk(machine, machine.register("CR3") & ADDRESS, 0, 0, ~0))
    finally:
        machine.monitor.execute("cont")


def _walk(machine, table, level, base, above):
    """above: W and U that all upper levels allow, and NX inverted, so that AND joins all three."""
    shift, size = LEVELS[level]
    for index, entry in enumerate(struct.unpack("<512Q", machine.memory(table, 4096))):
        if not entry & PRESENT:
            continue
        start = canonical(base | index << shift)
        allowed = above & (entry ^ NO_EXECUTE)
        if level == 3 or (size and entry & LARGE):
            physical = entry & ADDRESS & ~(size - 1)
            yield Mapping(start, size, physical, entry, bool(allowed & WRITE),
                          bool(allowed & NO_EXECUTE), bool(allowed & USER))
        else:
            yield from _walk(machine, entry & ADDRESS, level + 1, start, allowed)


def tlb(machine):
    """What `info tlb` shows: start, physical address, writable, NX set; flags are XGPDACTUW."""
    found = set()
    for line in machine.monitor.human("info tlb").splitlines():
        match = re.fullmatch(r"([0-9a-f]+): ([0-9a-f]+) ([X-])([G-])([P-])([D-])([A-])([C-])([T-])"
                             r"([U-])([W-])", line.strip())
        assert match, f"not understood: {line!r}"
        found.add((int(match[1], 16), int(match[2], 16), match[11] == "W", match[3] == "X"))
    return found


def at(found, address):
    """The mapping that holds an address, or None."""
    return next((one for one in found if one.start <= address < one.start + one.size), None)
