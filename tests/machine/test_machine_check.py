"""Machine checks and NMIs, as QEMU's monitor provokes them."""

import pytest

from machine import FAILURE
from panic_screen import PanicScreen

# The status' upper bits: valid, lost one before, uncorrected, enabled, MISC and ADDR valid, context
# corrupt, signalled, action required.
VAL, OVER, UC, EN, MISCV, ADDRV, PCC, S, AR = (1 << bit for bit in range(63, 54, -1))
RIPV, MCIP = 1, 4
INTEL, AMD = "Skylake-Server", "EPYC"


def inject(machine, cpu, bank, status, global_status=RIPV | MCIP, address=0, misc=0, broadcast=""):
    said = machine.monitor.human(f"mce {broadcast} {cpu} {bank} {status:#x} {global_status:#x} "
                                 f"{address:#x} {misc:#x}")
    assert not said.strip(), said


def test_banks_are_counted(start):
    """Catches banks that nobody looks at: QEMU's processors have ten."""
    machine = start(cpu=INTEL)
    assert "mce: 10 banks, with recovery\n" in machine.wait_prompt()


@pytest.mark.parametrize("cpu", [INTEL, AMD, "max"])
def test_corrected(start, cpu):
    """Catches a corrected error that stops the machine, or that nobody is told of."""
    machine = start(cpu=cpu)
    machine.wait_prompt()
    inject(machine, 0, 7, VAL | EN | MISCV | ADDRV | 0x95, 0, 0x12345000, 0x86)
    machine.assert_silent(0.5)
    line, counts = machine.command("mce")
    assert line.endswith("warn mce: CPU 0 bank 7: corrected: memory, read, channel 5, "
                         "status 0x9c00000000000095, address 0x12345000, misc 0x86")
    assert "1 corrected errors, 0 others" in counts
    assert len(machine.command("mce")) == 1, "it is told again"


def panicked(machine):
    screen = PanicScreen(machine.rest())
    assert machine.process.returncode == FAILURE
    screen.assert_fits()
    screen.assert_registers()
    return screen


@pytest.mark.parametrize("model", [INTEL, AMD])
def test_fatal(start, model):
    """Catches a screen that doesn't say which bank, what and where."""
    machine = start(cpu=model, append="exit=qemu")
    machine.wait_prompt()
    machine.assert_silent(0.3)  # it has drawn what follows the prompt
    inject(machine, 0, 4, VAL | UC | EN | MISCV | ADDRV | PCC | 0x135, RIPV | MCIP, 0xabcd1000, 0x86)
    screen = panicked(machine)
    assert screen.reason == "machine check, bank 4: L1 data cache, data read"
    assert "MCG status 5: code could go on; 1 bank with errors" in screen.lines
    assert ("bank 4 be00000000000135 UC EN MISCV ADDRV PCC, address abcd1000, misc 86"
            in screen.lines)
    assert screen.names()[-1] == "idle_run", screen.text


def test_nowhere_to_go_on(start):
    """Catches code that goes on although the address to go on at is lost."""
    machine = start(cpu=INTEL, append="exit=qemu")
    machine.wait_prompt()
    inject(machine, 0, 2, VAL | UC | EN | S | 0xcf, MCIP)
    assert "MCG status 4: code can't go on; 1 bank with errors" in panicked(machine).lines


def test_on_another_processor(start):
    """Catches banks that only the boot processor has looked at, and a screen that names it."""
    machine = start(cpu=INTEL, cpus=3, append="exit=qemu")
    machine.wait_prompt()
    inject(machine, 2, 1, VAL | UC | EN | S | AR | ADDRV | 0x150, RIPV | MCIP, 0x7000)
    screen = panicked(machine)
    assert screen.reason == "machine check, bank 1: L0 code cache, code read"
    assert ", CPU 2, up " in screen.lines[1]


def test_to_be_lived_with(start):
    """Catches a panic where nothing that is needed is lost: the scrubber has found it. All others
    get the exception too, with nothing of note in their banks."""
    machine = start(cpu=INTEL, cpus=3)
    machine.wait_prompt()
    inject(machine, 1, 9, VAL | UC | EN | MISCV | ADDRV | S | 0xcf, RIPV | MCIP, 0x5000, 0x8c, "-b")
    machine.wait("mce: CPU 1 bank 9: deferred: memory, scrubbing, status 0xbd000000000000cf, "
                 "address 0x5000, misc 0x8c")
    machine.type("\r")
    machine.wait_prompt()
    inject(machine, 1, 9, VAL | UC | EN | S | 0xcf)  # the bank is free again
    machine.wait("mce: CPU 1 bank 9: deferred: memory, scrubbing, status 0xb1000000000000cf")
    machine.type("\r")
    machine.wait_prompt()


def test_from_before_the_start(start):
    """Catches errors that have survived a reset and that nobody reads, on any processor: often they
    say why it came."""
    machine = start(cpu=INTEL, cpus=2, reboots=True)
    machine.wait_prompt()
    inject(machine, 0, 3, VAL | ADDRV | 0x135, 0, 0x9000)
    inject(machine, 1, 4, VAL | ADDRV | 0x135, 0, 0xa000)
    machine.type("reboot\r")
    said = machine.wait_prompt()
    for place, address in (("CPU 0 bank 3", 0x9000), ("CPU 1 bank 4", 0xa000)):
        assert (f"warn mce: {place}: from before the start, corrected: L1 data cache, data read, "
                f"status 0x8400000000000135, address {address:#x}, misc 0x0\n") in said
    assert len(machine.command("mce")) == 1, "it isn't cleared"


def test_int_18_is_no_machine_check(start):
    """Catches banks that are read, and believed, where no machine check is."""
    machine = start(append="exit=qemu")
    machine.wait_prompt()
    machine.type("crash machine-check\r")
    screen = panicked(machine)
    assert screen.reason == "#MC machine check"
    assert "an exception without a machine check: no bank was read" in screen.lines


def test_nmi_without_a_reason(start):
    """Catches a screen that leaves open whether anybody has looked for one."""
    machine = start(append="exit=qemu")
    machine.wait_prompt()
    machine.monitor.human("nmi")
    screen = panicked(machine)
    assert screen.reason == "non-maskable interrupt"
    assert "no reason found: a dump button, or hardware that says no more" in screen.lines
