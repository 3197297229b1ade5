"""Machines that can't run the kernel get one line by name, on serial and screen, and stop."""

import re
import subprocess
import time

import pytest

from debugger import Stub
from images import ISO, KERNEL, KERNEL_BASE, symbols, tool

LONG_MODE = "long mode"
PROCESSORS = [("pentium3", LONG_MODE), ("qemu32", LONG_MODE), ("coreduo", LONG_MODE),
              ("max,-lm", LONG_MODE), ("max,-nx", "NX"), ("max,-pae", "PAE"), ("486", "PAE")]
RED = 0x4f


def refusal(machine, seconds=60):
    """The line that the serial port gets. The machine then halts, with no more to say."""
    machine.wait("Keelson: ", seconds)
    line = machine.wait("\r\n")
    machine.wait_until("it halts", lambda: "HLT=1" in machine.monitor.human("info registers"))
    time.sleep(0.2)
    assert machine.is_running(), "a refusal must stay readable, not reset the machine"
    assert "HLT=1" in machine.monitor.human("info registers")
    return "Keelson: " + line


def assert_only_line(machine, line):
    """Nothing stands on the serial port behind the line: the machine's own reset would show."""
    machine.monitor.execute("quit")
    assert machine.rest() == "", line


def assert_on_text_screen(machine, line):
    rows = machine.screen_text()
    assert rows[0] == line, f"the screen's first row is {rows[0]!r}"
    assert not any(rows[1:]), "the firmware's text was left on the screen"
    assert set(machine.memory(0xb8000, 4000)[1::2]) == {RED}


@pytest.mark.parametrize("cpu, reason", PROCESSORS)
def test_processor(start, cpu, reason):
    """Catches a start that goes on into a triple fault where the processor lacks something."""
    machine = start(cpu=cpu)
    line = refusal(machine)
    assert reason in line and "processor" in line, line
    others = {"long mode", "NX", "PAE", "CPUID"} - {reason}
    assert not any(f"no {other}" in line for other in others), f"{line} names the wrong thing"
    assert_on_text_screen(machine, line)
    assert_only_line(machine, line)


@pytest.mark.parametrize("firmware, cpu", [("bios", "max,-lm"), ("bios", "max,-nx"),
                                           ("uefi32", "max,-lm")])
def test_processor_from_disc(start, firmware, cpu):
    """As above, by way of GRUB."""
    machine = start(iso=ISO, firmware=firmware, cpu=cpu)
    line = refusal(machine)
    assert ("NX" if "nx" in cpu else LONG_MODE) in line


def test_processor_from_disc_on_screen(start):
    """Catches a message that only a serial port gets: GRUB has set a graphics mode, in which text
    memory isn't shown. The screen must not be empty."""
    machine = start(iso=ISO, cpu="max,-lm")
    refusal(machine)
    dump = machine.log.with_suffix(".ppm")
    machine.monitor.execute("screendump", filename=str(dump))
    pixels = dump.read_bytes().split(b"\n255\n", 1)[1]
    colors = len(set(zip(pixels[::3], pixels[1::3], pixels[2::3])))
    assert colors > 1, "nothing is on the screen"


def start_at(start, address, *commands):
    """A machine that GDB has stopped at a physical address, and changed there."""
    with Stub() as stub:
        machine = start(extra=stub.arguments)
        said = stub.run(machine, f"hbreak *{address:#x}", "continue", *commands)
    assert re.search(rf"Breakpoint 1, .*{address:#x}|Breakpoint 1, {address:#018x}", said), said
    return machine


@pytest.mark.parametrize("magic", [0, 0x2badb002, 0x36d76288, 0xffffffff])
def test_wrong_magic(start, magic):
    """Catches a start that takes any register's content for a loader's information."""
    entry = symbols()["multiboot2_entry"] - KERNEL_BASE
    machine = start_at(start, entry, f"set $eax = {magic:#x}")
    line = refusal(machine)
    assert "magic" in line, line
    assert_on_text_screen(machine, line)
    assert_only_line(machine, line)


def instruction(function, text):
    """Linked physical address of the first instruction with this text in a function."""
    listing = subprocess.run([tool("objdump"), "-d", "-M", "i386", KERNEL], capture_output=True,
                             text=True, check=True).stdout
    body = re.search(rf"^[0-9a-f]+ <{function}>:\n((?:.+\n)*)", listing, re.M)
    assert body, f"{function} isn't in the listing"
    match = re.search(rf"^ *([0-9a-f]+):\t.*\t{text}", body[1], re.M)
    assert match, f"{function} holds no {text}:\n{body[1][:2000]}"
    return int(match[1], 16) - KERNEL_BASE


def test_no_cpuid(start):
    """No model of QEMU lacks CPUID: the comparison after the ID flag was flipped is made to find
    both values alike, as on a processor where the flag can't be changed."""
    machine = start_at(start, instruction("check_processor", "cmp +%eax,%ecx"), "set $ecx = $eax")
    line = refusal(machine)
    assert "CPUID" in line, line
    assert_on_text_screen(machine, line)
