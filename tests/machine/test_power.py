"""Switching off and starting again, really."""

import pytest

from images import ISO
from machine import SUCCESS

STARTS = {
    "q35": {}, "pc": {"machine": "pc"},
    "q35-bios": {"iso": ISO}, "pc-bios": {"iso": ISO, "machine": "pc"},
    "q35-uefi": {"iso": ISO, "firmware": "uefi"},
    "pc-uefi": {"iso": ISO, "firmware": "uefi", "machine": "pc"},
    "q35-uefi32": {"iso": ISO, "firmware": "uefi32"},
}


@pytest.mark.parametrize("name", STARTS)
def test_reboot_and_poweroff(start, name):
    """Catches a reboot that ends in nothing: the firmware must lead to the prompt again. Then
    catches S5 with the wrong type or port, and tables that aren't found under a firmware: QEMU's
    event tells a shutdown that the guest asked for from its other ways to end."""
    machine = start(reboots=True, **STARTS[name])
    machine.wait_prompt()
    machine.type("reboot\r")
    assert "boot: Keelson" in machine.wait_prompt()
    machine.monitor.execute("query-status")
    machine.type("poweroff\r")
    said = machine.rest()
    assert machine.process.returncode == 0
    assert "ACPI" in said and "can't" not in said
    assert machine.shutdown_reason() == "guest-shutdown"


def test_poweroff_where_there_is_no_way(start):
    """Catches silence, a hang or a panic on a machine without ACPI."""
    machine = start(machine="pc,acpi=off")
    machine.wait_prompt()
    said = machine.command("poweroff")
    assert len(said) == 1 and "can't be switched off" in said[0], said
    assert machine.command("version")


@pytest.mark.parametrize("missing", ["i8042=off", "acpi=off"])
def test_reboot_without(start, missing):
    """Catches a reboot that knows a single way."""
    machine = start(machine=f"pc,{missing}", reboots=True)
    machine.wait_prompt()
    machine.type("reboot\r")
    assert "boot: Keelson" in machine.wait_prompt()


def test_exit_of_the_emulator(start):
    """exit=qemu makes a success of `poweroff`."""
    machine = start(append="exit=qemu")
    machine.wait_prompt()
    machine.type("poweroff\r")
    assert machine.wait_exit() == SUCCESS


def test_no_exit_port_unasked(start):
    """Catches a write to a port that belongs to somebody else on another machine."""
    machine = start()
    machine.wait_prompt()
    machine.type("poweroff\r")
    assert machine.wait_exit() == 0


def test_reset_from_outside(start):
    """QEMU's reset button, in the middle of a command: catches what a second start finds changed,
    such as counters that aren't zero or devices left in a mode."""
    machine = start(reboots=True)
    machine.wait_prompt()
    machine.type("peek -1 kernel_text_start 4096\r")
    machine.wait(" d6 50 52 e8")
    machine.monitor.execute("system_reset")
    machine.wait("boot: Keelson")
    machine.wait_prompt()
    assert machine.command("version")
