"""To the prompt: on every firmware, from every medium, on small, large, old and bare machines."""

import re

import pytest

import memory_map
from images import ISO, build_id, config, disc, symbols
from machine import SUCCESS
from memory_map import GIB, MIB


def assert_answers(machine):
    """The prompt stands at the start of a line, and a typed command is answered."""
    before = machine.wait_prompt()
    assert "PANIC" not in before
    assert machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]


def assert_memory(machine, size, lost=8 * MIB):
    """Most of the machine's memory is usable, and no more than it has."""
    ranges = memory_map.read(machine)
    total = memory_map.usable(ranges)
    assert size - lost <= total <= size, f"{total / MIB:.1f} of {size / MIB:.0f} MiB are usable"
    assert memory_map.kind_at(ranges, 0) != "usable", "page 0 would be handed out"
    assert memory_map.kind_at(ranges, 0xa0000) != "usable", "the VGA window would be handed out"
    assert memory_map.kind_at(ranges, 0xffff0000) != "usable", "the firmware would be handed out"
    assert any(one.kind == "kernel" for one in ranges), "the kernel's own memory isn't reserved"
    return ranges


@pytest.mark.parametrize("machine_type", ["q35", "pc"])
@pytest.mark.parametrize("medium", ["cdrom", "disk", "ahci", "nvme", "virtio", "usb", "usb2"])
def test_bios(start, medium, machine_type):
    """Catches a disc that isn't hybrid, and a start that works from one medium only."""
    machine = start(iso=ISO, medium=medium, machine=machine_type)
    assert_answers(machine)
    assert "firmware: BIOS" in "\n".join(machine.command("boot"))


@pytest.mark.parametrize("firmware, medium, machine_type", [
    ("uefi", "cdrom", "q35"), ("uefi", "usb", "q35"), ("uefi", "usb2", "q35"),
    ("uefi", "nvme", "q35"), ("uefi", "virtio", "q35"), ("uefi", "cdrom", "pc"),
    ("uefi", "disk", "pc"),
    ("uefi32", "cdrom", "q35"), ("uefi32", "usb", "q35"),
])
def test_uefi(start, firmware, medium, machine_type):
    """Catches a missing EFI loader on the disc, and an entry that fails under one of the widths.
    The firmware keeps tens of megabytes for itself."""
    machine = start(iso=ISO, firmware=firmware, medium=medium, machine=machine_type)
    assert_answers(machine)
    bits = 32 if firmware == "uefi32" else 64
    assert f"firmware: UEFI, {bits} bits" in "\n".join(machine.command("boot"))
    assert_memory(machine, 512 * MIB, lost=64 * MIB)


@pytest.mark.parametrize("machine_type", ["q35", "pc"])
def test_pvh(start, machine_type):
    """Catches an ELF without a usable PVH note."""
    machine = start(machine=machine_type)
    assert_answers(machine)
    assert "by PVH" in "\n".join(machine.command("boot"))


@pytest.mark.parametrize("loader", ["pvh", "grub"])
@pytest.mark.parametrize("memory, size", [("32M", 32 * MIB), ("64M", 64 * MIB), ("3G", 3 * GIB),
                                          ("6G", 6 * GIB), ("8G", 8 * GIB)])
def test_memory(start, loader, memory, size):
    """Catches sizes cut at 32 bits, and a start that needs more memory than a small machine has.
    A q35 with more than 2.75 GiB has only 2 GiB below the hole."""
    arguments = {"iso": ISO} if loader == "grub" else {}
    machine = start(memory=memory, **arguments)
    assert_answers(machine)
    ranges = assert_memory(machine, size)
    above = memory_map.usable([one for one in ranges if one.start >= 4 * GIB])
    assert above == (size - 2 * GIB if size > 2.75 * GIB else 0)


@pytest.mark.parametrize("loader", ["pvh", "grub"])
def test_memory_huge(start, loader):
    """Catches a map, a direct map or a sum that ends long before a server's memory does."""
    arguments = {"iso": ISO} if loader == "grub" else {}
    machine = start(
        memory="256G", machine="q35,memory-backend=ram", cpu="max,phys-bits=42",
        extra=["-object", "memory-backend-ram,id=ram,size=256G,reserve=off"], **arguments)
    assert_answers(machine)
    ranges = assert_memory(machine, 256 * GIB, lost=16 * MIB)  # 9 MiB of it describe pages
    assert max(one.end for one in ranges if one.kind == "usable") > 256 * GIB


@pytest.mark.parametrize("cpu", ["qemu64", "core2duo", "Nehalem", "SandyBridge", "Haswell", "EPYC",
                                 "Opteron_G5", "max"])
def test_processor(start, cpu):
    """Catches an instruction or a register that older processors don't have."""
    machine = start(cpu=cpu)
    assert_answers(machine)
    vendor = "AuthenticAMD" if cpu in ("qemu64", "EPYC", "Opteron_G5", "max") else "GenuineIntel"
    assert re.search(rf"^ *{vendor}, family ", "\n".join(machine.command("cpu")), re.M)


def test_several_processors(start):
    """Catches a start that the other processors disturb."""
    assert_answers(start(cpus=4))


def test_without_serial_port(start):
    """Catches a wait for a port that isn't there: the commands of run= are carried out all the
    same, and end QEMU."""
    machine = start(serial=False, append='run="version; poweroff" exit=qemu')
    assert machine.wait_exit() == SUCCESS


def test_without_serial_port_idle(start):
    """Catches a machine that resets or stops where no console is: it waits for a key."""
    machine = start(serial=False)
    waiting = ("idle_run", "arch_watch", "arch_wait_for_interrupt")
    machine.wait_until("the kernel waits for a key",
                       lambda: function_at(machine.register("RIP")) in waiting)
    assert "running" in machine.monitor.human("info status")


def function_at(address):
    """Name of the last symbol that isn't above the address."""
    below = [(place, name) for name, place in symbols().items() if place <= address]
    return max(below)[1] if below else None


def test_without_serial_port_from_disc(start):
    """As above, with GRUB: its serial terminal must not be needed either."""
    machine = start(serial=False, iso=disc(config('run="poweroff" exit=qemu')))
    assert machine.wait_exit(90) == SUCCESS


@pytest.mark.parametrize("arguments", [{}, {"iso": ISO}, {"iso": ISO, "firmware": "uefi"}],
                         ids=["pvh", "bios", "uefi"])
def test_without_screen(start, arguments):
    """Catches a loader's header that demands a framebuffer."""
    machine = start(extra=["-vga", "none"], **arguments)
    assert_answers(machine)
    assert re.search(r"^ *screen: +none$", "\n".join(machine.command("boot")), re.M)


@pytest.mark.parametrize("loader", ["pvh", "grub"])
@pytest.mark.parametrize("missing", ["i8042=off", "pit=off", "hpet=off", "pic=off",
                                     "i8042=off,pit=off,hpet=off"])
def test_without_legacy_devices(start, missing, loader):
    """Catches a wait without an end for a device that firmware has gated off."""
    arguments = {"iso": ISO} if loader == "grub" else {}
    machine = start(machine=f"q35,{missing}", **arguments)
    assert_answers(machine)
