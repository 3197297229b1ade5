"""Commands that look at memory, ports and the stack, against what QEMU says of the same."""

import re

import pytest

from images import KERNEL_BASE, build_id, symbols
from machine import SUCCESS

COLUMNS_MAX = 79
KERNEL_LINK = 0x200000


def answers(machine):
    return machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]


# --- hexdump ----------------------------------------------------------------------------------


def dump(address, data):
    """What hexdump has to show: the form is xxd's, with 16 digits of address."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at:at + 16]
        pairs = " ".join(row[i:i + 2].hex() for i in range(0, len(row), 2))
        text = "".join(chr(byte) if 32 <= byte <= 126 else "." for byte in row)
        lines.append(f"{address + at:016x}: {pairs:39}  {text}")
    return lines


@pytest.mark.parametrize("length, size", [("", 128), (" 1", 1), (" 16", 16), (" 0x11", 17), (" 1K", 1024)])
def test_hexdump(pvh, length, size):
    """Catches bytes in another order, a last line that shows more than was asked for, and a size
    that is taken for a number of lines."""
    address = symbols()["kernel_text_start"]
    data = pvh.memory(address - KERNEL_BASE, size)
    assert pvh.command(f"hexdump kernel_text_start{length}") == dump(address, data)
    assert pvh.command(f"hexdump {address:#x}{length}") == dump(address, data)
    physical = address - KERNEL_BASE
    assert pvh.command(f"hexdump phys:{physical:#x}{length}") == dump(physical, data)


def test_hexdump_of_a_symbol_with_offset(pvh):
    address = symbols()["kernel_version"] + 2
    assert pvh.command("hexdump kernel_version+2 3") == dump(address, b"1.0")


def test_hexdump_is_no_wider_than_a_screen(pvh):
    lines = pvh.command("hexdump kernel_text_start 4K", seconds=40)
    assert len(lines) == 256 and {len(line) for line in lines} == {75}


def test_hexdump_over_the_end(pvh):
    """Catches a line that is shown as if all of it had been read, and one that is lost because its
    end can't be."""
    guard = symbols()["boot_stack_above"]  # a guard page, and below it the end of a stack
    data = pvh.memory(guard - 5 - KERNEL_BASE, 5)
    end = f"{guard:016x}: can't be read"
    assert pvh.command(f"hexdump {guard - 5:#x}") == dump(guard - 5, data) + [end]
    assert pvh.command(f"hexdump {guard:#x} 1M") == [end]
    assert pvh.command("hexdump phys:0xfffffffff8 9")[-1] == "0000010000000000: can't be read"
    assert pvh.command("hexdump 0xffffffffffffffff 2") == ["ffffffffffffffff: can't be read"]
    assert answers(pvh)


def test_physical_memory_outside_of_the_direct_map(pvh):
    """Catches devices that can't be reached, and what is mapped for a moment and stays."""
    version = int(pvh.command("peek -4 phys:0xfee00030")[0].split()[1], 16)
    assert version & 0xff in range(0x10, 0x16), "the local APIC's version [SDM3 11.4.8]"
    data = pvh.memory(0xb8000, 160)
    assert pvh.command("hexdump phys:0xb8000 160") == dump(0xb8000, data)
    assert pvh.command("poke -2 phys:0xb8f9e 0x2f21") == []
    assert pvh.memory(0xb8f9e, 2) == b"\x21\x2f"
    assert pvh.command("peek -2 phys:0xb8f9e") == ["00000000000b8f9e: 2f21"]
    border = pvh.command("hexdump phys:0x9fff0 32")  # from memory into the display
    assert border == dump(0x9fff0, pvh.memory(0x9fff0, 32))
    assert "can't be written" in pvh.command("poke -1 phys:0xffff0 0")[-1], "the BIOS"
    assert "can't be written" in pvh.command(f"poke phys:{KERNEL_LINK:#x} 0")[-1], "text's alias"


@pytest.mark.parametrize("line", [
    "hexdump", "hexdump kmain 1 2", "hexdump nonsense", "hexdump kmain 0", "hexdump kmain 1025K",
    "hexdump kmain 1x", "hexdump kmain -1", "hexdump kmain 16E", "hexdump kmain 0x10000000000000000",
    "hexdump phys:", "hexdump phys:kmain", "hexdump phys:0xfffffffffffffff8",
    "port", "port x", "port 1 2 3", "port 0x10000", "port -2 0xffff", "port -4 0xfffd", "port -8 0x80",
    "port 0x80 256", "port -2 0x80 0x10000", "port -4 0x80 0x100000000", "port 0x80 x",
    "port 0xffffffffffffffff",
    "backtrace x", "backtrace 0", "backtrace 0x8000000000000000", "backtrace kernel_version",
    "backtrace 1 2"])
def test_wrong_arguments(pvh, line):
    """Catches arguments that are ignored or taken for others: one clear line, nothing done."""
    said = pvh.command(line)
    assert len(said) == 1 and 0 < len(said[0]) <= COLUMNS_MAX, said
    assert answers(pvh)


# --- port -------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine_type, host_bridge", [("q35", 0x29c08086), ("pc", 0x12378086)])
def test_port(start, machine_type, host_bridge):
    """Catches an access of another size: the PCI host bridge's number, whole and in parts."""
    machine = start(machine=machine_type)
    machine.wait_prompt()
    assert machine.command("port -4 0xcf8 0x80000000") == []
    assert machine.command("port -4 0xcf8") == ["port 0x0cf8 = 0x80000000"]
    assert machine.command("port -4 0xcfc") == [f"port 0x0cfc = {host_bridge:#010x}"]
    for offset in (0, 2):
        part = host_bridge >> 8 * offset & 0xffff
        assert machine.command(f"port -2 {0xcfc + offset:#x}") == [
            f"port {0xcfc + offset:#06x} = {part:#06x}"]
    for offset in range(4):
        part = host_bridge >> 8 * offset & 0xff
        assert machine.command(f"port {0xcfc + offset:#x}") == [
            f"port {0xcfc + offset:#06x} = {part:#04x}"]
    assert machine.command("port -1 0xffff") == ["port 0xffff = 0xff"], "the last one"


def test_port_write(pvh):
    """Catches a write that isn't done: this one ends QEMU."""
    pvh.type("port 0xf4 0x10\r")
    assert pvh.wait_exit() == SUCCESS


# --- backtrace --------------------------------------------------------------------------------


def function_of(address):
    return max((place, name) for name, place in symbols().items() if place <= address)[1]


def assert_calls(lines):
    """Every address is in the function that is named with it; the last is where threads begin."""
    names = []
    for number, line in enumerate(lines):
        match = re.fullmatch(r" *(\d+)  ([0-9a-f]{16})  (\w+)\+0x([0-9a-f]+)", line)
        assert match and int(match[1]) == number, line
        assert symbols()[match[3]] + int(match[4], 16) == int(match[2], 16), line
        assert function_of(int(match[2], 16)) == function_of(symbols()[match[3]]), line
        names.append(match[3])
    assert names[-1] == "thread_begin", names
    return names


def test_backtrace(pvh):
    """Catches a walk that misses callers or goes on behind the first of them."""
    names = assert_calls(pvh.command("backtrace"))
    assert "run_job" in names and len(names) == len(set(names)) >= 3


def test_backtrace_from_a_frame_pointer(pvh):
    """Catches a frame that is skipped: those of a job that runs on while the command looks."""
    def word(address):
        return int.from_bytes(pvh.virtual_memory(address, 8), "little")

    pvh.command("spin 3 &")
    pvh.assert_silent(0.2)
    frame = pvh.register("RBP")
    while function_of(word(frame + 8) - 1) != "thread_begin":  # within the call
        assert frame < word(frame), "the frames don't lead to thread_begin"
        frame = word(frame)
    assert assert_calls(pvh.command(f"backtrace {frame:#x}")) == ["thread_begin"]
    pvh.wait("has ended")
