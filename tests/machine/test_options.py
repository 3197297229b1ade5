"""Kernel options: each does what it says, and no command line does harm."""

import pexpect
import pytest

import memory_map
from images import build_id, config, disc
from machine import SUCCESS
from memory_map import MIB

LINE_CONTROL, DIVISOR = 0x3fb, 0x3f8  # COM1's
COMMAND_LINE_MAX = 2047


def boots(start, options):
    """A machine at its prompt, which answers; and what was said before."""
    machine = start(append=options)
    before = machine.wait_prompt()
    assert machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]
    return machine, before


RUN_FORMS = ['run="version; cpuid 0"', "run='version; cpuid 0'", '"run=version; cpuid 0"']


@pytest.mark.parametrize("loader, options", [
    *[("pvh", form) for form in RUN_FORMS], *[("bios", form) for form in RUN_FORMS],
    ("uefi", RUN_FORMS[0])])
def test_run(start, loader, options):
    """Catches a quote that only one loader's form of it closes: GRUB moves it around the word."""
    arguments = {"append": options} if loader == "pvh" else {"iso": disc(config(options))}
    if loader == "uefi":
        arguments["firmware"] = "uefi"
    before = start(**arguments).wait_prompt()
    assert f"\nKeelson 0.1.0, build {build_id()}\n" in before
    assert "eax 0000" in before.split(build_id())[1], "the second command wasn't run"
    assert "option:" not in before


def test_run_with_quotes_inside(start):
    """Catches a split at every `;`, quoted or not."""
    _, before = boots(start, """run="help 'a;b'; version" """)
    assert "a;b: no such command\n" in before
    assert build_id() in before


def test_run_goes_on_after_an_error(start):
    """Catches a wrong first command that takes the prompt along."""
    _, before = boots(start, 'run="nonsense; peek 0; version"')
    assert "nonsense: no such command" in before and "can't be read" in before
    assert build_id() in before


def log_levels(text):
    return {line.split("] c0 ")[1].split()[0] for line in text.splitlines() if "] c0 " in line}


def test_loglevel(start):
    """Catches an option that is applied too late for the lines from before, or loses them."""
    _, before = boots(start, "loglevel=error nonsense")
    assert log_levels(before) == set()
    machine, before = boots(start, "loglevel=warn nonsense")
    assert log_levels(before) == {"warn"}
    assert "info" in log_levels("\n".join(machine.command("log"))), "the log keeps every level"
    _, before = boots(start, "loglevel=debug nonsense")
    assert {"info", "warn"} <= log_levels(before)


def test_console(start):
    """Catches a console that talks although it wasn't named."""
    boots(start, "console=serial")
    boots(start, "console=screen,serial")
    machine = start(append='console=screen run="poweroff" exit=qemu')
    assert machine.rest() == ""
    assert machine.process.returncode == SUCCESS


def second_port(machine):
    """Turns to the second port, and checks that the first one is silent."""
    first, machine.serial = machine.serial, machine.second
    before = machine.wait_prompt()
    assert machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]
    assert first.expect.expect(["(?i)keelson", pexpect.TIMEOUT], timeout=0.3) == 1
    return before


@pytest.mark.parametrize("place", ["com2", "0x2f8", "0x2f8,9600", "com2,keep"])
def test_second_serial_port(start, place):
    """Catches an address or a speed read wrongly: the other port must stay silent."""
    machine = start(append=f"serial={place}", serial2=True)
    assert "0x2f8" in second_port(machine)


def divisor(machine):
    """What COM1's speed is divided by; the line control register lends access to it."""
    monitor = machine.monitor
    monitor.execute("stop")
    control = int(monitor.human(f"i /b {LINE_CONTROL:#x}").split("=")[1], 16)
    monitor.human(f"o /b {LINE_CONTROL:#x} {control | 0x80:#x}")
    parts = [int(monitor.human(f"i /b {DIVISOR + i:#x}").split("=")[1], 16) for i in (0, 1)]
    monitor.human(f"o /b {LINE_CONTROL:#x} {control:#x}")
    monitor.execute("cont")
    return parts[0] | parts[1] << 8, control


@pytest.mark.parametrize("options, expected", [("", 1), ("serial=com1,9600", 12),
                                               ("serial=0x3f8,50", 2304), ("serial=com1,keep", 3)])
def test_speed(start, options, expected):
    """GRUB has set 38400 baud. Catches a speed that is inherited unasked, computed wrongly, or set
    although it is to be kept."""
    grub_port = "  serial --unit=0 --speed=38400\n  terminal_output --append serial"
    machine = start(iso=disc(config(options, grub_port)))
    machine.wait_prompt()
    assert divisor(machine) == (expected, 3), "divisor, and 8N1 in the line control register"


@pytest.mark.parametrize("place", [
    "mmio32:0x1000000", "mmio:0x1000000", "mmio32:0xfffffffff000", "mmio:0xfed00000", "0x2f8",
    "0x80"])
def test_serial_port_that_never_gets_ready(start, place):
    """Catches a wait without an end for something that isn't a serial port: ordinary memory, a
    timer's registers, an address beyond the processor's reach, an empty port."""
    machine = start(append=f'serial={place} run="log; poweroff" exit=qemu')
    machine.rest(30)
    assert machine.process.returncode == SUCCESS


def test_mem(start):
    """Catches a limit that is ignored, applied to the wrong end, or frees what was reserved."""
    machine, _ = boots(start, "mem=64M")
    ranges = memory_map.read(machine)
    assert 60 * MIB < memory_map.usable(ranges) <= 64 * MIB
    assert all(one.end <= 64 * MIB for one in ranges if one.kind == "usable")
    assert memory_map.kind_at(ranges, 0x200000) == "kernel"


@pytest.mark.parametrize("size", ["0", "1", "1M", "3M", "100T"])
def test_mem_at_its_ends(start, size):
    """Catches a start that needs memory it was told not to use."""
    boots(start, f"mem={size}")


def test_unknown_option(start):
    """Catches a misspelt option that nobody hears about: in the log, by name."""
    machine, before = boots(start, "loglevle=debug foo exit=qemu")
    assert "loglevle" in before and "foo" in before
    assert sum("unknown" in line for line in machine.command("log warn")) == 2


@pytest.mark.parametrize("option", [
    "loglevel=loud", "serial=com3", "serial=0x", "serial=mmio:", "serial=0xffff", "serial=com1,0",
    "serial=com1,115201", "serial=com1,", "mem=", "mem=12Q", "mem=99999999999999999999",
    "panic=never", "exit=bochs", "noreboot=1", "run=", "serial"])
def test_wrong_value(start, option):
    """Catches a value that is taken for another one: the option stays as it was, and the log names
    it."""
    machine, _ = boots(start, option)
    warnings = machine.command("log warn")
    assert any(option.split("=")[0] in line and "no sense" in line for line in warnings), warnings


@pytest.mark.parametrize("junk", [
    "=", "==", "=x", '"', "'", "a\"b'c", "\\", "\\\\\\", "%s%n%d%p", "\t\t a \t", "run=;;;;",
    'run="', "run=\"'", "run='\"; version; '", "\xff\xfe\x80", "a=b=c", "x " * 200, "-", "--help",
    "console=" + "serial," * 40, 'run="' + "version;" * 60 + '"'])
def test_junk(start, junk):
    """Catches a parser that a command line of no sense leads astray."""
    boots(start, junk)


def long_line():
    """As many characters as the kernel promises to keep, with a meaning at either end."""
    start, end = "loglevel=debug ", ' run="cpuid 0"'
    return start + "x" * (COMMAND_LINE_MAX - len(start) - len(end)) + end


@pytest.mark.parametrize("loader", ["pvh", "grub"])
def test_long_command_line(start, loader):
    """Catches a buffer that is too short: what stands at the end counts, and all of it is shown,
    with a line's end behind it."""
    line = long_line()
    arguments = {"append": line} if loader == "pvh" else {"iso": disc(config(line))}
    machine = start(**arguments)
    assert "eax 0000" in machine.wait_prompt()
    lines = machine.command("boot")
    shown = next(text for text in lines if text.startswith("  command line: "))
    assert len(shown.removeprefix("  command line: ")) == COMMAND_LINE_MAX
    assert any(text.startswith("  information: ") for text in lines)
    assert machine.command("options")[-1].endswith(line[-5:] if loader == "pvh" else '"')


def test_command_line_that_is_too_long(start):
    """Catches an overrun, and a cut that nobody hears about."""
    machine = start(iso=disc(config("x" * 3000)))
    machine.wait_prompt()
    assert any("cut" in line for line in machine.command("log warn"))
    assert machine.command("version")
