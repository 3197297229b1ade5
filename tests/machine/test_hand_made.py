"""Multiboot2 information that no loader of ours would write, fed to the real kernel.

GDB stops a machine at its entry, puts a block of information into memory, and lets the kernel start
on it. The host tests feed the parser many more; here the whole start has to get to its prompt.
"""

import re
import struct

import acpi_tables
import pytest

from debugger import Stub
from images import KERNEL_BASE, symbols

INFORMATION = 0x10000
MAGIC = 0x36d76289
USABLE, RESERVED = 1, 2


def tag(kind, payload, size=None):
    header = struct.pack("<II", kind, len(payload) + 8 if size is None else size)
    return header + payload + bytes(-len(payload) % 8)


def memory_map(*ranges, entry_size=24):
    entries = b"".join(struct.pack("<QQII", start, size, kind, 0).ljust(entry_size, b"\0")
                       for start, size, kind in ranges)
    return tag(6, struct.pack("<II", entry_size, 0) + entries)


def block(*tags, end=True, total=None):
    body = b"".join(tags) + (tag(0, b"") if end else b"")
    return struct.pack("<II", len(body) + 8 if total is None else total, 0) + body


RAM = memory_map((0, 0x9f000, USABLE), (0x100000, 511 << 20, USABLE))


def start_on(start, tmp_path, information, address=INFORMATION, more=None, **arguments):
    """more: other memory, by its addresses."""
    loads = []
    for at, content in {address: information, **(more or {})}.items():
        file = tmp_path / f"memory-{at:x}"
        file.write_bytes(content)
        loads.append(f"restore {file} binary {at:#x}")
    known = symbols()
    with Stub() as stub:
        machine = start(extra=stub.arguments, append="this is not for the kernel",
                        **arguments)
        stub.run(machine, f"hbreak *{known['pvh_entry'] - KERNEL_BASE:#x}", "continue",
                 *loads, f"set $eax = {MAGIC:#x}",
                 f"set $ebx = {address:#x}",
                 f"set $rip = {known['multiboot2_entry'] - KERNEL_BASE:#x}", "delete")
    return machine, machine.wait_prompt()


def test_memory_map_alone(start, tmp_path):
    """A loader that answers no other request."""
    machine, said = start_on(start, tmp_path, block(RAM))
    assert "warn boot" not in said and "error" not in said, said
    memory = "\n".join(machine.command("memory"))
    assert "511 MiB usable" in memory or "510 MiB usable" in memory, memory
    boot = "\n".join(machine.command("boot"))
    assert "by Multiboot2" in boot and "screen:   none" in boot, boot
    assert f"information: {INFORMATION:#x} to" in boot, boot


def test_map_in_any_order(start, tmp_path):
    """Reserved wins over usable whatever comes first; half pages are nobody's."""
    information = block(memory_map(
        (0x4000000, 0x100000, RESERVED), (0x100000, 511 << 20, USABLE), (0, 0x9f3ff, USABLE),
        (0x8000800, 0x800, RESERVED), (0x6000000, 0x10, 77), entry_size=40))
    machine, _ = start_on(start, tmp_path, information)
    lines = [line.split() for line in machine.command("memory")]
    kinds = {line[0]: line[-1] for line in lines if ".." in line[0]}
    assert kinds["000004000000..000004100000"] == "reserved"
    assert kinds["000008000000..000008001000"] == "reserved"
    assert kinds["000006000000..000006001000"] == "reserved"
    assert not any(name.endswith("0009f3ff") for name in kinds)


MODULE = tag(3, struct.pack("<II", 0x800000, 0x801000) + b"m\0")
INVERTED = tag(3, struct.pack("<II", 0x900000, 0x800000) + b"m\0")
SCREEN = tag(8, struct.pack("<QIIIBBH", 0xfd000000, 1, 1024, 768, 32, 1, 0) + bytes(6))

BROKEN = {  # what the log must say of it
    "nothing": (block(), "no usable memory"),
    "no-end": (block(RAM, end=False), "without an end tag"),
    "tag-of-no-size": (block(RAM, tag(1, b"x", size=0)), "breaks the list"),
    "tag-beyond-the-end": (block(RAM, tag(1, b"x", size=0x7fffffff)), "breaks the list"),
    "short-module": (block(RAM, tag(3, b"1234")), "too short"),
    "inverted-module": (block(RAM, INVERTED), "inverted"),
    "forty-modules": (block(RAM, *[MODULE] * 40), "more than 32 modules"),
    "impossible-screen": (block(RAM, SCREEN), "framebuffer that can't be used"),
    "two-command-lines": (block(RAM, tag(1, b"a\0"), tag(1, b"b\0")), "comes twice"),
    "no-total-size": (block(RAM, total=4), "unusable: MALFORMED"),
    "enormous-total-size": (block(RAM, total=0xffffffff), "unusable: MALFORMED"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(start, tmp_path, name):
    """Whatever is wrong is said in the log, and the prompt comes all the same."""
    information, complaint = BROKEN[name]
    machine, said = start_on(start, tmp_path, information)
    assert complaint in said, said
    assert machine.command("version")[0].startswith("Keelson ")


def test_misaligned(start, tmp_path):
    _, said = start_on(start, tmp_path, block(RAM), address=INFORMATION + 4)
    assert "unusable: MALFORMED" in said, said


def test_module_over_the_kernel(start, tmp_path):
    """A loader that reports a module where the kernel is: the kernel's pages stay the kernel's."""
    machine, _ = start_on(start, tmp_path, block(
        RAM, tag(3, struct.pack("<II", 0x200000, 0x210000) + b"over\0")))
    memory = machine.command("memory")
    kernel = next(line for line in memory if line.rstrip().endswith("kernel"))
    assert kernel.split("..")[0].strip() == "000000200000", memory


TABLES = 0x20000


def start_with_tables(start, tmp_path, *tables, options="", **arguments):
    """A start whose firmware has these tables, and no others."""
    tags = [RAM, tag(15, acpi_tables.rsdp(TABLES)), tag(1, options.encode() + b"\0")]
    return start_on(start, tmp_path, block(*tags), more={TABLES: acpi_tables.laid_out(TABLES, *tables)},
                    **arguments)


def online(machine):
    """CPU and APIC id of those that the command shows, and how they are."""
    rows = [re.match(r" *(\d+) +(\d+) +\S+ +(\w+)", line) for line in machine.command("cpus")]
    return {int(row[1]): (int(row[2]), row[3]) for row in rows if row}


def test_phantom_processors(start, tmp_path):
    """Catches a start that waits for ever for a processor which only the firmware sees, or that
    takes the memory away from one that comes late; and one that starts what is disabled, or twice."""
    entries = [acpi_tables.lapic(n, n) for n in range(3)]
    entries += [acpi_tables.lapic(3, 17), acpi_tables.lapic(4, 3, enabled=False), acpi_tables.lapic(5, 1),
                acpi_tables.x2apic(6, 2), acpi_tables.lapic(7, 255), acpi_tables.x2apic(8, 300)]
    machine, said = start_with_tables(
        start, tmp_path, acpi_tables.madt(*entries, acpi_tables.io_apic(), acpi_tables.timer_override()), cpus=4)
    assert "CPU 3 (APIC id 17) doesn't answer" in said, said
    assert "APIC id 300 can't be reached" in said, said
    assert re.search(r"smp: 3 of \d processors online", said), said
    assert online(machine) == {0: (0, "here"), 1: (1, "idle"), 2: (2, "idle"), 3: (17, "absent")}
    assert "more are disabled by the firmware" in "\n".join(machine.command("cpus"))
    assert all(line.endswith("ok") for line in machine.command("memory check"))


def test_processors_of_the_wide_kind(start, tmp_path):
    """Catches a MADT that is read for entries of type 0 alone."""
    entries = [acpi_tables.x2apic(n, n) for n in range(4)]
    machine, said = start_with_tables(start, tmp_path, acpi_tables.madt(*entries, acpi_tables.io_apic()), cpus=4)
    assert "smp: 4 of 4 processors online" in said, said
    assert len(online(machine)) == 4


@pytest.mark.parametrize("entries", [
    b"", b"\0\0" * 40, struct.pack("<BBBBI", 0, 255, 1, 1, 1), acpi_tables.lapic(1, 1)[:5],
    acpi_tables.io_apic(address=0) + acpi_tables.lapic(0, 0),
    acpi_tables.io_apic(address=0x1000) + acpi_tables.lapic(0, 0),
], ids=["empty", "no-length", "too-long", "cut", "io-apic-nowhere", "io-apic-in-memory"])
def test_broken_madt(start, tmp_path, entries):
    """Whatever it says, the prompt comes, and keys arrive."""
    machine, _ = start_with_tables(start, tmp_path, acpi_tables.madt(entries), cpus=2)
    assert machine.command("echo it works") == ["it works"]
