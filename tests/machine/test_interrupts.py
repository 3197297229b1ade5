"""Interrupts: which controllers the lines come through, what `interrupts` says of them, and input
that is taken while a command computes."""

import fcntl
import re
import struct
import termios
import time

import pexpect
import pytest

COLUMNS_MAX = 79
IOAPIC, PIC = "I/O APIC 0", "8259"
ROW = re.compile(r"  (0x[0-9a-f]{2}) +(\d+) +(\d+|\*)  (.*)")


def rows(lines):
    """What `interrupts` shows: from what is said of a vector to its number and count."""
    assert all(len(line) <= COLUMNS_MAX for line in lines), lines
    return {match.group(4): (int(match.group(1), 16), int(match.group(2)))
            for match in map(ROW.fullmatch, lines) if match}


def serial_row(machine, line=4, chip=IOAPIC):
    return rows(machine.command("interrupts"))[f"line {line}, edge, high, {chip}: serial"]


@pytest.mark.parametrize("machine_type, chip", [
    ("q35", IOAPIC), ("pc", IOAPIC), ("q35,pic=off", IOAPIC), ("q35,pit=off,hpet=off", IOAPIC),
    ("pc,acpi=off", PIC)])
def test_controllers(start, machine_type, chip):
    """Catches a machine on which no interrupt arrives, and one that only polls all the same."""
    machine = start(machine=machine_type)
    assert "polled" not in machine.wait_prompt()
    vector, before = serial_row(machine, chip=chip)
    assert (vector == 0x24) if chip == PIC else (0x30 <= vector <= 0xef)
    assert before > 0
    machine.command("echo " + "x" * 60)
    time.sleep(1.5)  # as long as a missing interrupt is waited for
    assert machine.command("echo still here") == ["still here"]
    assert serial_row(machine, chip=chip)[1] > before


def test_second_port(start):
    machine = start(append="serial=com2", serial2=True)
    machine.serial, machine.second = machine.second, machine.serial
    machine.wait_prompt()
    assert serial_row(machine, line=3)[1] > 0


@pytest.mark.parametrize("arguments", [{"append": "safe"}, {"cpu": "max,-apic"}])
def test_everything_is_polled(start, arguments):
    machine = start(**arguments)
    machine.wait_prompt()
    said = machine.command("interrupts")
    assert said[-1] == "no interrupt controller is in use; devices are polled"
    assert not rows(said)
    machine.type("".join(f"echo line {i}\r" for i in range(100)))
    for i in range(100):
        assert machine.wait_prompt() == f"echo line {i}\nline {i}"


def test_without_serial_port(start):
    """Catches a keyboard that waits for an interrupt in vain."""
    machine = start(serial=False)
    machine.wait_until("a prompt", lambda: "keelson>" in machine.screen_text())
    for key in ("i", "n", "t", "e", "r", "r", "u", "p", "t", "s", "ret"):
        machine.monitor.human(f"sendkey {key}")
        time.sleep(0.15)
    machine.wait_until("the keyboard's line", lambda: any(
        "line 1, edge, high, I/O APIC 0: keyboard" in row for row in machine.screen_text()))
    assert not any(": serial" in row for row in machine.screen_text())


def test_typing_while_it_computes(start):
    """Catches input that is left to the UART's 16 characters until a command is through: what QEMU
    can't get rid of stays in the pipe."""
    machine = start(memory="2G")
    machine.wait_prompt()
    machine.type("ktest page.every_block_can_be_had\r")
    machine.wait("\r\n")
    machine.type("".join(f"echo line {i}\r" for i in range(200)))
    machine.wait_until("all of it is taken", lambda: not waiting_input(machine))
    said = machine.serial.expect.expect([" ok\r\n", pexpect.TIMEOUT], timeout=0)
    assert said == 1, "the command was through before it could be looked at"
    machine.wait_prompt(60)
    for i in range(200):
        assert machine.wait_prompt() == f"echo line {i}\nline {i}"


def waiting_input(machine):
    """Bytes that QEMU hasn't taken from the serial port's other side."""
    return struct.unpack("i", fcntl.ioctl(machine.serial.keyboard, termios.FIONREAD, b"\0" * 4))[0]
