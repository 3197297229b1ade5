"""What loaders do differently: the image at another address, modules, unusable information."""

import re

import pytest

import memory_map
from debugger import Stub
from images import KERNEL_BASE, config, disc, highest_kernel, source_lines, symbols
from machine import FAILURE
from panic_screen import PanicScreen

MULTIBOOT2_MAGIC = 0x36d76289
MODULES = """
  module2 /boot/grub/grub.cfg first name=value "two words"
  module2 /boot/keelson.elf
  module2 /boot/grub/grub.cfg third
"""


def boot_lines(machine):
    return "\n".join(machine.command("boot"))


def kernel_place(machine):
    """First and last physical address of the image, and its slide."""
    match = re.search(r"kernel: +0x([0-9a-f]+) to 0x([0-9a-f]+), slide 0x([0-9a-f]+)",
                      boot_lines(machine))
    assert match, "`boot` doesn't say where the kernel is"
    return tuple(int(text, 16) for text in match.groups())


@pytest.mark.parametrize("firmware", ["bios", "uefi", "uefi32"])
def test_moved(start, firmware):
    """The header asks for the highest address. Catches an absolute physical address anywhere: in
    the stub, in the first page tables, in what is reserved, in what the panic screen says."""
    machine = start(iso=disc(config("exit=qemu"), highest_kernel()), firmware=firmware)
    machine.wait_prompt()
    first, end, slide = kernel_place(machine)
    names = symbols()
    assert slide != 0 and slide % 0x200000 == 0
    assert first == names["kernel_image_start"] - KERNEL_BASE + slide
    assert end == names["kernel_image_end"] - KERNEL_BASE + slide
    ranges = memory_map.read(machine)
    assert memory_map.kind_at(ranges, first) == memory_map.kind_at(ranges, end - 1) == "kernel"
    assert memory_map.kind_at(ranges, 0x200000) == "usable", "the link address is still reserved"

    content = machine.memory(names["kernel_version"] - KERNEL_BASE + slide, 5)
    assert content == b"0.1.0"[:5] or content.split(b".")[0].isdigit()
    shown = machine.command(f"peek -1 phys:{names['kernel_version'] - KERNEL_BASE + slide:#x} 5")
    assert bytes.fromhex(shown[0].split(":")[1]) == content

    machine.type("crash divide\r")
    screen = PanicScreen(machine.rest())
    assert machine.process.returncode == FAILURE
    assert screen.place()[0] == "crash_divide"
    assert screen.field("slide") == slide
    function, file, line = screen.source()[0]
    assert (function, file) == ("crash_divide", "arch/x86_64/crash.c")
    assert "divl" in source_lines(file)[line - 1]


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_modules(start, firmware):
    """Catches modules that are lost, whose arguments are cut or mixed up, or whose memory would be
    handed out."""
    machine = start(iso=disc(config(commands=MODULES)), firmware=firmware)
    machine.wait_prompt()
    modules = re.findall(r"module (\d+): 0x([0-9a-f]+) to 0x([0-9a-f]+): (.*)", boot_lines(machine))
    assert [int(module[0]) for module in modules] == [0, 1, 2]
    assert [module[3] for module in modules] == ['first name=value "two words"', "", "third"]
    places = [(int(module[1], 16), int(module[2], 16)) for module in modules]
    ranges = memory_map.read(machine)
    for start_, end in places:
        assert start_ % 4096 == 0, "modules on page boundaries were asked for"
        assert memory_map.kind_at(ranges, start_) == memory_map.kind_at(ranges, end - 1) == "module"
    assert places[0][1] - places[0][0] == len(config(commands=MODULES)), "the end is exclusive"
    assert machine.memory(places[1][0], 4) == b"\x7fELF"
    assert machine.memory(places[2][0], 11) == b"set timeout"


def test_modules_by_pvh(start, tmp_path):
    """As above, by QEMU's -initrd."""
    module = tmp_path / "module"
    module.write_bytes(b"x" * 5000)
    machine = start(extra=["-initrd", str(module)])
    machine.wait_prompt()
    found = re.findall(r"module 0: 0x([0-9a-f]+) to 0x([0-9a-f]+)", boot_lines(machine))
    assert len(found) == 1
    begin, end = int(found[0][0], 16), int(found[0][1], 16)
    assert end - begin == 5000
    assert memory_map.kind_at(memory_map.read(machine), begin) == "module"


def start_with(start, magic, information):
    """A machine whose entry stub finds these values in EAX and EBX."""
    with Stub() as stub:
        machine = start(extra=stub.arguments)
        said = stub.run(machine, f"hbreak *{symbols()['multiboot2_entry'] - KERNEL_BASE:#x}",
                        "continue", f"set $eax = {magic:#x}", f"set $ebx = {information:#x}")
    assert "Breakpoint 1" in said, said
    return machine


# 0x1000003 isn't aligned, 0x1000000 holds zeros, 0xb8000 the firmware's text, and at the end of
# the address space and in the firmware's ROM nothing of sense begins.
@pytest.mark.parametrize("magic", ["multiboot2", "pvh"])
@pytest.mark.parametrize("information", [0, 0x1000003, 0x1000000, 0xb8000, 0xfffffff8, 0xfffffffc])
def test_unusable_information(start, magic, information):
    """The magic is right and what it promises isn't there. Catches a reader that follows any
    pointer: the prompt comes all the same, with an error in the log."""
    if magic == "pvh":
        with Stub() as stub:
            machine = start(extra=stub.arguments)
            said = stub.run(machine, f"hbreak *{symbols()['pvh_entry'] - KERNEL_BASE:#x}",
                            "continue", f"set $ebx = {information:#x}")
        assert "Breakpoint 1" in said, said
    else:
        machine = start_with(start, MULTIBOOT2_MAGIC, information)
    machine.wait_prompt()
    errors = machine.command("log error")
    assert any("boot:" in line for line in errors), errors
    assert machine.command("version")
    assert "usable; " in machine.command("memory")[-1]
