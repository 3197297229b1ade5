"""Memory as the machine has it: every size from 32 MiB to 1000 GiB, what comes back after boot, and
what the command `memory` shows of it."""

import re

import pytest

import memory_map
from images import ISO, config, disc
from memory_map import GIB, MIB

PAGE = 4096


def big(size):
    """Arguments for a machine with so much memory that the host has less: what isn't touched costs
    nothing."""
    return {"memory": size, "machine": "q35,memory-backend=ram", "cpu": "max,phys-bits=42",
            "extra": ["-object", f"memory-backend-ram,id=ram,size={size},reserve=off"]}


SIZES = {
    "32M": {"memory": "32M"}, "64M": {"memory": "64M"}, "3G": {"memory": "3G"},
    "6G": {"memory": "6G"}, "256G": big("256G"), "512G": big("512G"), "1000G": big("1000G"),
    "2M-pages": {"memory": "6G", "cpu": "max,-pdpe1gb"},
    "bios": {"iso": ISO}, "bios-32M": {"iso": ISO, "memory": "32M"},
    "uefi": {"iso": ISO, "firmware": "uefi"},
    "uefi-512G": {"iso": ISO, "firmware": "uefi", **big("512G")},
}


def pages(machine):
    """What `memory pages` says, as numbers."""
    text = "\n".join(machine.command("memory pages"))
    match = re.search(r"(\d+) pages, .*; (\d+) free", text)
    assert match, text
    return {"total": int(match[1]), "free": int(match[2]),
            "blocks": int(re.search(r"(\d+) blocks of 2 MiB free", text)[1]),
            "gigs": int(re.search(r"among them (\d+) of 1 GiB", text)[1])}


def assert_sound(machine):
    assert machine.command("memory check", seconds=60) == [
        "pages          ok", "objects        ok", "address space  ok"]


@pytest.mark.parametrize("name", SIZES)
def test_size(start, name):
    """Catches memory that is lost or counted twice, metadata that doesn't reach to the top, and a
    direct map that leaves the top out."""
    arguments = SIZES[name]
    machine = start(**arguments)
    machine.wait_prompt()
    ranges = memory_map.read(machine)
    found = pages(machine)
    assert found["total"] == memory_map.usable(ranges) // PAGE
    usable = memory_map.usable(ranges)
    kernel = sum(one.end - one.start for one in ranges if one.kind == "kernel")
    assert usable - found["free"] * PAGE + kernel < 2 * MIB + usable // 10000, "more than needed"
    whole = sum(max(0, one.end // GIB - -(-one.start // GIB)) for one in ranges
                if one.kind == "usable")
    assert max(0, whole - 2) <= found["gigs"] <= whole, "GiBs that nobody uses are broken"
    assert machine.command("ktest memory.highest_page", seconds=60)[-1] == \
        "1 passed, 0 failed, 0 skipped"
    assert_sound(machine)


def test_low_memory_is_kept_for_devices(start):
    """Catches ordinary pages from below 4 GiB where there is memory above."""
    machine = start(memory="6G")
    machine.wait_prompt()
    assert machine.command("ktest vspace.memory_above*", seconds=60)[-1] == \
        "1 passed, 0 failed, 0 skipped"


def test_boot_memory_comes_back(start):
    """Catches the loader's information and the first page tables staying reserved for ever."""
    machine = start(iso=ISO)
    machine.wait_prompt()
    assert not [one for one in memory_map.read(machine) if one.kind == "boot information"]
    log = "\n".join(machine.command("log"))
    assert re.search(r"memory: .*, [1-9][\d.]* \w+ from the boot", log), log


def test_module_is_given_back(start):
    """Catches a module's memory that stays lost, or goes back twice."""
    machine = start(iso=disc(config("", "module2 /boot/keelson.elf one\nmodule2 /boot/keelson.elf two")))
    machine.wait_prompt()
    before = pages(machine)
    listed = [line for line in machine.command("boot") if "module" in line]
    first, last = (int(word, 16) for word in re.findall(r"0x[0-9a-f]+", listed[0]))
    size = -(-last // PAGE) - first // PAGE
    assert machine.command("module free 0") == []
    after = pages(machine)
    assert after["total"] - before["total"] == after["free"] - before["free"] == size
    listed = [line for line in machine.command("boot") if "module" in line]
    assert len(listed) == 1 and listed[0].endswith("two")
    assert machine.command("module free 0") == []
    assert machine.command("module free 0") == ["there is no module 0: `boot` lists them"]
    assert pages(machine)["total"] == before["total"] + 2 * size
    assert_sound(machine)


# --- What is shown ---


def test_map_of_an_address(pvh):
    lines = pvh.command("memory map kmain")
    assert lines[0].startswith("image: text: ")
    assert re.fullmatch(r"physical 0x[0-9a-f]+, in a page of 4 KiB: read, execute, cached", lines[1])
    assert pvh.command("memory map boot_info")[1].endswith("read, write, cached")
    assert pvh.command("memory map 0") == ["nobody's", "nothing is mapped there"]
    assert pvh.command("memory map boot_stack") == ["a guard of the boot stack",
                                                    "nothing is mapped there"]
    lines = pvh.command("memory map 0xffff800000800000")
    assert lines[0].startswith("direct map: ") and "physical 0x800000, in a page of 2 MiB" in lines[1]


def test_walk(pvh):
    lines = pvh.command("memory walk kmain")
    assert [line.split("[")[0].strip() for line in lines] == ["PML4", "PDPT", "PD", "PT"]
    assert "write" not in lines[-1] and "no-execute" not in lines[-1] and "global" in lines[-1]
    assert pvh.command("memory walk 0")[-1].endswith("not present")
    assert pvh.command("memory walk 0x800000000000") == ["no address: bits 63 to 47 differ"]
    assert "no-execute" in pvh.command("memory walk boot_info")[-1]


def test_ranges(pvh):
    lines = pvh.command("memory ranges")
    starts = [int(line.split("..")[0], 16) for line in lines]
    assert starts == sorted(starts)
    names = [line.split("  ")[-1] for line in lines]
    assert names[0] == "direct map, 0x0" and names[-1].startswith("image: symbols, 0x")
    assert any(name.startswith("ACPI, 0x") for name in names)
    assert len(names) > 5, "nobody has a range"


def test_slabs(pvh):
    lines = pvh.command("memory slabs")
    assert lines[0].split() == ["cache", "size", "in", "use", "cached", "room", "pages"]
    assert lines[-1].endswith("in all; 0 failed")
    assert all(len(line.encode("latin-1").decode()) < 80 for line in lines)


@pytest.mark.parametrize("line", ["pages x", "slabs x", "check x", "leaks x", "ranges x", "walk",
                                  "walk 0 0", "map 0 0"])
def test_wrong_words(pvh, line):
    assert pvh.command(f"memory {line}")[0].startswith("usage: memory")


def test_leaks_need_the_debug_build(pvh):
    assert pvh.command("memory leaks") == [
        "only a debug build (make DEBUG=1) knows who has allocated what"]
