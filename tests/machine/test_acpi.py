"""ACPI tables: what the machine was given, as the command `acpi` and the log show it."""

import re
import struct

import pytest

from images import ISO

STARTS = {
    "q35": {"cpus": 4}, "pc": {"cpus": 4, "machine": "pc"}, "q35-bios": {"cpus": 4, "iso": ISO},
    "q35-uefi": {"cpus": 4, "iso": ISO, "firmware": "uefi"},
    # This firmware brings all processors into system management mode in turn: with four, for minutes.
    "q35-uefi32": {"cpus": 2, "iso": ISO, "firmware": "uefi32"},
}
HEADING = "table  address            bytes  rev   OEM    OEM's table"
ROW = re.compile(r"(\S{4})   (0x[0-9a-f]{12}) {2,}(\d+) +(\d+) {3}\S+ +\S+")


def tables(machine):
    """Signatures in the order of the list, and (address, length) by signature."""
    heading, *lines = machine.command("acpi")
    assert heading == HEADING
    rows = [ROW.fullmatch(line) for line in lines]
    assert all(rows), lines
    return [row[1] for row in rows], {row[1]: (int(row[2], 16), int(row[3])) for row in rows}


def checksum_fixed(table):
    table = bytearray(table)
    table[9] = 0
    table[9] = -sum(table) % 256
    return bytes(table)


def header(signature, length, revision=1):
    return struct.pack("<4sIBB6s8sIII", signature.encode(), length, revision, 0, b"KEELSN", b"TEST", 1, 0, 0)


def with_table(folder, name, table):
    """QEMU's arguments for one more table: it is given without its header, and the header apart."""
    file = folder / f"{name}.bin"
    file.write_bytes(checksum_fixed(table))
    return ["-acpitable", f"file={file}"]


@pytest.mark.parametrize("name", STARTS)
def test_list_and_processors(start, name):
    """Catches a table that isn't found under a firmware, and one whose place or length is told wrong:
    the bytes are read from outside. Then a processor that is lost or counted twice."""
    cpus = STARTS[name]["cpus"]
    machine = start(**STARTS[name])
    said = machine.wait_prompt()
    assert f"acpi: {cpus} processors, 1 I/O APIC" in said
    order, found = tables(machine)
    assert order[0] == ("XSDT" if "uefi" in name else "RSDT") and order[-1] == "DSDT"
    assert {"FACP", "APIC", "HPET", "DSDT"} <= set(found)
    assert ("MCFG" in found) == (name != "pc")
    for signature, (address, length) in found.items():
        bytes_there = machine.memory(address, length)
        assert bytes_there[:4].decode() == signature
        assert struct.unpack_from("<I", bytes_there, 4)[0] == length and sum(bytes_there) % 256 == 0
    processors = [line for line in machine.command("acpi MADT") if "processor: " in line]
    assert processors == [f"  processor: APIC id {i}, uid {i}, enabled" for i in range(cpus)]


@pytest.mark.parametrize("cpus", [1, 3, 8])
def test_processors_as_many_as_given(start, cpus):
    machine = start(cpus=cpus, machine="pc")
    machine.wait_prompt()
    lines = machine.command("acpi APIC")
    assert sum("processor: " in line for line in lines) == cpus
    assert "  ISA line: 0, GSI 2, as its bus has it" in lines
    assert "  ISA line: 9, GSI 9, level, high" in lines


def test_places_for_more_processors(start):
    """Catches a place that is taken for a processor."""
    machine = start(extra=["-smp", "2,maxcpus=6"])
    said = machine.wait_prompt()
    assert "acpi: 2 processors, 4 not enabled, 1 I/O APIC" in said
    lines = machine.command("acpi MADT")
    assert sum("processor: " in line and line.endswith(", enabled") for line in lines) == 2
    assert sum("processor: " in line and line.endswith(", not enabled") for line in lines) == 4


def test_nodes(start):
    """Catches memory or processors that are put into another node than QEMU was told."""
    nodes = []
    for node, cpus in enumerate(["0", "1-2"]):
        nodes += ["-object", f"memory-backend-ram,id=m{node},size=256M",
                  "-numa", f"node,nodeid={node},memdev=m{node},cpus={cpus}"]
    machine = start(cpus=3, extra=nodes)
    said = machine.wait_prompt()
    assert "acpi: 3 ranges of memory in nodes, 511 MiB" in said
    lines = machine.command("acpi SRAT")
    for cpu, node in enumerate([0, 1, 1]):
        assert f"  processor: node {node}, APIC id {cpu}, enabled" in lines
    assert "  memory: node 1, at 0x10000000, bytes 0x10000000, enabled" in lines


def test_names_and_numbers(start, tmp_path):
    """Catches a name that stands for nothing, and the second of two that can't be had."""
    ssdts = []
    for letter in (b"A", b"B"):
        ssdts += with_table(tmp_path, letter.decode(), header("SSDT", 40) + b"\xa3\xa3\xa3" + letter)
    machine = start(extra=ssdts)
    machine.wait_prompt()
    for name in ("FADT", "FACP", "fadt"):
        lines = machine.command(f"acpi {name}")
        assert lines[0].startswith("FACP") and "  PM timer                   0x608" in lines
    assert "  registers                  memory 0xfed00000, 0 bits" in machine.command("acpi HPET")
    assert "  configuration space: segment 0, from bus 0, to bus 255, bus 0 at 0xb0000000" in machine.command("acpi MCFG")
    for number, letter in (("", "A"), (" 1", "A"), (" 2", "B")):
        head, *dump = machine.command(f"acpi SSDT{number}")
        assert head.startswith("SSDT") and dump[-1] == f"0000000000000020: 0000 0000 a3a3 a3{ord(letter):02x}" + \
            " " * 22 + f".......{letter}"
    for wrong in ("SSDT 3", "SSDT 0", "XXXX", "TOOLONG", "SS"):
        assert machine.command(f"acpi {wrong}") == ["there is no such table; `acpi` lists them"]
    assert machine.command("acpi SSDT 1 2")[0].startswith("usage: acpi")


def test_completion(pvh):
    pvh.type("acpi MA\t\r")
    assert pvh.wait_prompt().split("\n")[0].rstrip() == "acpi MADT"


def uart_tables():
    """An SPCR for a 16550 in memory with registers of 32 bits [SPCR], and a DBG2 for COM2 [DBG2]."""
    spcr = bytearray(header("SPCR", 80, 2) + bytes(44))
    spcr[40:52] = struct.pack("<BBBBQ", 0, 32, 0, 3, 0xfe030000)
    dbg2 = bytearray(header("DBG2", 44 + 36, 0) + struct.pack("<II", 44, 1) + bytes(36))
    dbg2[45:48] = struct.pack("<HB", 36, 1)
    dbg2[56:60] = struct.pack("<HH", 0x8000, 0)
    dbg2[62:64] = struct.pack("<H", 22)
    dbg2[66:78] = struct.pack("<BBBBQ", 1, 8, 0, 1, 0x2f8)
    return bytes(spcr), bytes(dbg2)


def test_serial_ports(start, tmp_path):
    spcr, dbg2 = uart_tables()
    machine = start(extra=with_table(tmp_path, "spcr", spcr) + with_table(tmp_path, "dbg2", dbg2))
    said = machine.wait_prompt()
    assert "acpi: UART for a console at memory 0xfe030000, stride 4" in said
    assert "acpi: UART for debuggers at port 0x2f8, stride 1" in said
    assert "  registers                  memory 0xfe030000, 32 bits" in machine.command("acpi SPCR")
    assert "  port of type 0x8000, subtype 0x0: port 0x2f8, 8 bits" in machine.command("acpi DBG2")


def test_hostile_tables(start, tmp_path):
    """Catches a table that is believed, hangs the start, or brings the terminal out of order. QEMU puts
    checksum and length right, so what is inside is hostile: entries of no length, and names of
    control characters."""
    madt = header("APIC", 60) + struct.pack("<II", 0xfee00000, 1) + bytes(16)
    srat = header("SRAT", 60, 3) + bytes(12) + bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    name = header("\x1b[2J", 40) + b"\0\0\0\0"
    machine = start(extra=[word for number, table in enumerate([srat, name, madt])
                           for word in with_table(tmp_path, str(number), table)])
    said = machine.wait_prompt()
    assert "acpi: SRAT: the list breaks at offset 48 of 60" in said
    assert "acpi: 1 processor, 1 I/O APIC" in said, "QEMU's own MADT comes first"
    lines = machine.command("acpi")
    assert any(line.startswith("?[2J ") for line in lines), lines
    assert "  the list breaks at offset 44" in machine.command("acpi MADT 2")
    assert "  the list breaks at offset 48" in machine.command("acpi SRAT")


@pytest.mark.parametrize("name", ["pc", "microvm"])
def test_without_acpi(start, name):
    """Catches a kernel that needs ACPI: one processor and the PIC are enough."""
    machine = start(cpus=1, machine=f"{name},acpi=off")
    said = machine.wait_prompt()
    if name == "pc":
        assert "acpi: none" in said
        assert machine.command("acpi") == ["there are no ACPI tables that can be used"]
    assert machine.command("acpi MADT") == ["there is no such table; `acpi` lists them"]
    assert machine.command("version")
