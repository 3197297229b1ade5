"""The command `hardware`: every row, against what the machine was given."""

import re

import pytest

import memory_map
from images import ISO, build_id
from machine import PROMPT
from memory_map import GIB

SUBJECTS = ["Keelson", "processor", "addresses", "hypervisor", "virtualization", "nested paging",
            "local APIC", "clock", "timers", "ACPI", "firmware", "loader", "serial ports", "screen",
            "keyboard", "memory"]
LABEL = 16
COLUMNS_MAX, ROWS_MAX = 79, 24
CAN = "Keelson runs here, and this machine can run guests."
NO_NESTED_PAGING = "Keelson runs here, but guests can't: the processor has no nested paging."
HIDDEN = "Keelson runs here; for guests the hypervisor must offer AMD-V or VT-x."
NEITHER = "Keelson runs here, but guests can't: neither AMD-V nor VT-x."


def parse(lines):
    """The rows by subject, and the verdict. All fit on a screen of 80 x 25, as plain text."""
    assert len(lines) < ROWS_MAX, "the prompt wants a row too"
    for line in lines:
        assert 0 < len(line) <= COLUMNS_MAX and line.isascii() and line.isprintable(), line
    *rows, verdict = lines
    assert [row[:LABEL].rstrip() for row in rows] == SUBJECTS
    assert all(len(row) > LABEL and row[LABEL] != " " for row in rows), rows
    return {row[:LABEL].rstrip(): row[LABEL:] for row in rows} | {"verdict": verdict}


def hardware(start, **arguments):
    machine = start(**arguments)
    machine.wait_prompt()
    return parse(machine.command("hardware"))


@pytest.mark.parametrize("line", ["hardware x", "hardware 1 2"])
def test_wrong_arguments(pvh, line):
    assert [text.rstrip() for text in pvh.command(line)] == ["usage: hardware"]


def test_version(start):
    assert hardware(start)["Keelson"] == f"0.1.0, build {build_id()[:12]}"


@pytest.mark.parametrize("cpu, virtualization, nested_paging, verdict", [
    ("max,+svm,+npt", "AMD-V, revision 0x1, 16 ASIDs", "yes", CAN),
    ("max,+svm,-npt", "AMD-V, revision 0x1, 16 ASIDs", "no", NO_NESTED_PAGING),
    ("EPYC,-svm", "neither AMD-V nor VT-x", "no", HIDDEN),
    ("EPYC,-svm,-hypervisor", "neither AMD-V nor VT-x", "no", NEITHER),
    ("EPYC,-hypervisor", "AMD-V, revision 0x1, 16 ASIDs", "yes", CAN),
    ("max,-svm", "neither AMD-V nor VT-x", "no", HIDDEN),
    ("Skylake-Client", "neither AMD-V nor VT-x", "no", HIDDEN),
])
def test_virtualization(start, cpu, virtualization, nested_paging, verdict):
    """Catches a feature that is claimed or missed, and a verdict that doesn't follow from it."""
    rows = hardware(start, cpu=cpu)
    assert rows["virtualization"] == virtualization
    assert rows["nested paging"] == nested_paging
    assert rows["verdict"] == verdict
    assert rows["hypervisor"] == (
        "none" if "-hypervisor" in cpu else "QEMU without acceleration")


@pytest.mark.parametrize("cpu, name, addresses", [
    ("EPYC,phys-bits=44", "AMD EPYC Processor", "44 bits physical, 48 bits virtual"),
    ("Skylake-Client,phys-bits=39", "Intel Core Processor (Skylake)",
     "39 bits physical, 48 bits virtual"),
    ("max,phys-bits=42", "QEMU TCG CPU version 2.5+", "42 bits physical, 57 bits virtual"),
    ("max,model-id=" + "x" * 48, "x" * 47, "40 bits physical, 57 bits virtual"),
    ("max,model-id=  padded  ", "padded", "40 bits physical, 57 bits virtual"),
    ("max,-svm,model-id=", "AuthenticAMD", "36 bits physical, 48 bits virtual"),
], ids=["EPYC", "Skylake", "max", "long", "padded", "nameless"])
def test_processor(start, cpu, name, addresses):
    """Catches a name that takes the row beyond the screen, and widths in each other's place."""
    rows = hardware(start, cpu=cpu)
    assert rows["processor"].startswith(name)
    assert rows["addresses"] == addresses


@pytest.mark.parametrize("cpu, mode", [("max", "xAPIC"), ("max,-apic", "off, or none")])
def test_apic(start, cpu, mode):
    """QEMU's own processors have no x2APIC; Bochs's have (test_bochs.py)."""
    assert hardware(start, cpu=cpu)["local APIC"] == mode


@pytest.mark.parametrize("machine_type, timers", [
    ("q35", "HPET, PM timer, PIT"), ("q35,hpet=off", "PM timer, PIT"),
    ("q35,pit=off", "HPET, PM timer"), ("q35,hpet=off,pit=off", "PM timer"),
    ("pc", "HPET, PM timer, PIT"), ("pc,acpi=off", "PIT"), ("microvm,pit=off", "none"),
])
def test_timers(start, machine_type, timers):
    """Catches a timer that is claimed or missed. Without ACPI nobody says that there is an HPET."""
    assert hardware(start, machine=machine_type)["timers"] == timers


def test_clock(start):
    """Catches a figure other than that of the command `cpu`."""
    machine = start()
    machine.wait_prompt()
    clock = re.search(r"clock: ([\d.]+ MHz, .*)", "\n".join(machine.command("cpu")))[1]
    rows = parse(machine.command("hardware"))
    assert rows["clock"] == f"TSC {clock}, not invariant"


@pytest.mark.parametrize("arguments, acpi", [
    ({"machine": "q35"}, r"RSDP revision 0, \d tables"),
    ({"machine": "pc,acpi=off"}, "none"),
    ({"machine": "microvm,acpi=on"}, r"RSDP revision 2, \d tables, hardware-reduced"),
    ({"iso": ISO, "firmware": "uefi"}, r"RSDP revision 2, \d tables"),
], ids=["q35", "none", "reduced", "uefi"])
def test_acpi(start, arguments, acpi):
    """Catches a number of tables other than the log's, and a reduced machine that isn't told."""
    machine = start(**arguments)
    machine.wait_prompt()
    row = parse(machine.command("hardware"))["ACPI"]
    assert re.fullmatch(acpi, row), row
    logged = [line for line in machine.command("log info") if "acpi: revision" in line]
    assert bool(logged) == (row != "none")
    if logged:
        assert re.search(r"(\d+) tables", logged[0])[1] == re.search(r"(\d+) tables", row)[1]


@pytest.mark.parametrize("arguments, firmware, loader", [
    ({}, "BIOS, or not said", "no name, by PVH"),
    ({"iso": ISO}, "BIOS, or not said", r"GRUB 2\.\S+, by Multiboot2"),
    ({"iso": ISO, "firmware": "uefi"}, "UEFI, 64 bits", r"GRUB 2\.\S+, by Multiboot2"),
    ({"iso": ISO, "firmware": "uefi32"}, "UEFI, 32 bits", r"GRUB 2\.\S+, by Multiboot2"),
], ids=["pvh", "bios", "uefi", "uefi32"])
def test_firmware(start, arguments, firmware, loader):
    rows = hardware(start, **arguments)
    assert rows["firmware"] == firmware
    assert re.fullmatch(loader, rows["loader"]), rows["loader"]
    assert "PIT" in rows["timers"], "the firmware may leave it as it is after a reset"


# --- Serial ports -----------------------------------------------------------------------------


def uart(port, index):
    return ["-device", f"isa-serial,iobase={port:#x},index={index},irq=5,chardev=null",
            "-chardev", "null,id=null"]


@pytest.mark.parametrize("arguments, ports", [
    ({}, "COM1 (console)"),
    ({"serial2": True}, "COM1 (console), COM2"),
    ({"extra": uart(0x3e8, 2)}, "COM1 (console), COM3"),
    ({"extra": uart(0x2e8, 3), "serial2": True}, "COM1 (console), COM2, COM4"),
], ids=["one", "two", "COM3", "COM4"])
def test_serial_ports(start, arguments, ports):
    """Catches an empty port that is taken for a UART, and one that is overlooked."""
    assert hardware(start, **arguments)["serial ports"] == ports


@pytest.mark.parametrize("append, extra, ports", [
    ("serial=com2", [], "COM2 (console)"),
    ("serial=com2", uart(0x3e8, 2), "COM2 (console), COM3"),
], ids=["COM2", "COM2, COM3"])
def test_console_at_another_port(start, append, extra, ports):
    """Catches COM1 that is taken for the console although nothing is there."""
    machine = start(serial=False, serial2=True, append=append, extra=extra)
    expect = machine.second.expect
    expect.expect_exact("\r\n" + PROMPT)
    machine.second.send("hardware\r")
    expect.expect_exact("\r\n" + PROMPT)
    lines = expect.before.replace("\r\n", "\n").split("\n")
    assert parse(lines[1:])["serial ports"] == ports


def test_console_stays_as_it_is(pvh):
    """Catches a look at the ports that changes the one in use: its registers, from outside."""
    registers = [pvh.command(f"port {port:#x}") for port in (0x3f9, 0x3fb, 0x3fc, 0x3ff)]
    for _ in range(3):
        parse(pvh.command("hardware"))
    assert [pvh.command(f"port {port:#x}") for port in (0x3f9, 0x3fb, 0x3fc, 0x3ff)] == registers


# --- Screen, keyboard, memory -----------------------------------------------------------------


@pytest.mark.parametrize("arguments", [{}, {"iso": ISO}, {"iso": ISO, "firmware": "uefi"}],
                         ids=["pvh", "bios", "uefi"])
def test_no_screen(start, arguments):
    assert hardware(start, extra=["-vga", "none"], **arguments)["screen"] == "none"


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_screen(start, firmware):
    """Catches a framebuffer that the loader has set and nobody mentions."""
    assert hardware(start, iso=ISO, firmware=firmware)["screen"] != "none"


def test_no_keyboard(start):
    assert hardware(start, machine="q35,i8042=off")["keyboard"] == "none"


@pytest.mark.parametrize("memory", ["32M", "512M", "6G"])
def test_memory(start, memory):
    """Catches a highest address that is a device's, or that of the memory below the hole."""
    machine = start(memory=memory)
    machine.wait_prompt()
    ranges = [one for one in memory_map.read(machine) if one.kind == "usable"]
    row = parse(machine.command("hardware"))["memory"]
    match = re.fullmatch(r"([\d.]+ \w+) usable, the highest byte at 0x([0-9a-f]+)", row)
    assert int(match[2], 16) == ranges[-1].end - 1
    assert f"{match[1]} usable" in machine.command("memory")[-1]
    if memory == "6G":
        assert ranges[-1].end == 8 * GIB
