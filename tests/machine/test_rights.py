"""Page rights, seen from outside: no page is both writable and executable, and what must not be
mapped isn't."""

import pytest

import memory_map
import paging
from images import ISO, KERNEL_BASE, config, disc, highest_kernel, symbols, symbol_size

PAGE, MIB = 4096, 1 << 20
LARGE, HUGE = 1 << 21, 1 << 30
CANONICAL_HOLE = 1 << 47
DIRECT_MAP, RANGES = 0xffff800000000000, 0xffffc00000000000
OURS = {"usable", "ACPI tables", "firmware", "boot information", "module", "kernel"}
STACKS = 4  # the boot stack, and those for double faults, NMIs and machine checks


def starts():
    """Arguments of a start by its name; discs are made only where they are asked for."""
    return {
        "pvh": dict,
        "bios": lambda: {"iso": ISO},
        "uefi": lambda: {"iso": ISO, "firmware": "uefi"},
        "uefi32": lambda: {"iso": ISO, "firmware": "uefi32"},
        "moved": lambda: {"iso": disc(config(), highest_kernel())},
    }


def assert_no_page_is_both(found):
    both = [one for one in found if one.writable and one.executable]
    assert not both, f"writable and executable: {both[:3]}"


def assert_only_text_is_executable(found):
    names = symbols()
    start, end = names["kernel_text_start"], names["kernel_text_end"]
    executable = [one for one in found if one.executable]
    outside = [one for one in executable if one.start < start or one.start + one.size > end]
    assert not outside, f"executable, and not the kernel's text: {outside[:3]}"
    assert sum(one.size for one in executable) == end - start, "a part of the text is missing"


def assert_low_half_is_empty(found):
    low = [one for one in found if one.start < CANONICAL_HOLE]
    assert not low, f"below the canonical hole: {low[:3]}"
    assert not any(one.user for one in found), "there is no user mode, and there are user pages"


def assert_sections(found, slide):
    """Each part of the image has the rights of its kind, and lies where the loader has put it."""
    names = symbols()
    absent = set(guard_pages()) | set(boot_tables())
    for part, writable, executable in [("text", False, True), ("rodata", False, False),
                                       ("data", True, False), ("symbols", False, False)]:
        for address in range(names[f"kernel_{part}_start"], names[f"kernel_{part}_end"], PAGE):
            page = paging.at(found, address)
            if address in absent:
                assert not page, f"{part}: {address:x} is mapped"
                continue
            assert page, f"{part}: {address:x} isn't mapped"
            assert (page.writable, page.executable) == (writable, executable), f"{part}: {page}"
            physical = page.physical + address - page.start
            assert physical == address - KERNEL_BASE + slide, f"{part}: {address:x} at {physical:x}"


def guard_pages():
    """The lowest page of each stack, and the page above them all."""
    distance = symbol_size("boot_stack") // STACKS
    return [symbols()["boot_stack"] + i * distance for i in range(STACKS)] + \
        [symbols()["boot_stack_above"]]


def boot_tables():
    """Nobody needs these any more."""
    names = symbols()
    return range(names["kernel_boot_tables_start"], names["kernel_boot_tables_end"], PAGE)


def assert_guard_pages(found):
    """Exactly the guards are absent from the stacks: a missing page elsewhere would be a fault in
    waiting."""
    start, end = symbols()["boot_stack"], symbols()["boot_stack_above"] + PAGE
    pages = range(start, end, PAGE)
    assert [page for page in pages if not paging.at(found, page)] == guard_pages()


def constant_memory(slide):
    """Where the image's text, constants and symbols lie."""
    names = symbols()
    return [(names[start] - KERNEL_BASE + slide, names[end] - KERNEL_BASE + slide)
            for start, end in [("kernel_text_start", "kernel_rodata_end"),
                               ("kernel_symbols_start", "kernel_symbols_end")]]


def assert_no_writable_alias(found, slide):
    for start, end in constant_memory(slide):
        for one in found:
            if one.physical < end and one.physical + one.size > start:
                assert not one.writable, f"a writable alias of the image: {one}"


def in_direct_map(found):
    return [one for one in found if DIRECT_MAP <= one.start < RANGES]


def merged(ranges):
    """(start, end) of sorted ranges; those that touch are one."""
    joined = []
    for start, end in ranges:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def assert_direct_map(found, machine):
    """Physical memory is reached where the direct map says, and what isn't memory isn't."""
    pages = in_direct_map(found)
    assert all(one.physical == one.start - DIRECT_MAP for one in pages)
    for physical in (PAGE, 0x100000, 0x1000000):
        assert paging.at(pages, DIRECT_MAP + physical), f"{physical:x} isn't mapped"
    for physical in (0xa0000, 0xb8000, 0xbf000, 0xfec00000, 0xfee00000):
        assert not paging.at(pages, DIRECT_MAP + physical), f"{physical:x} is mapped"
    rom = [one for one in pages if 0xc0000 <= one.physical < MIB]
    assert sum(one.size for one in rom) == 0x40000 and not any(one.writable for one in rom)
    ours = [(one.start, one.end) for one in memory_map.read(machine)
            if one.kind in OURS and one.start >= MIB]
    mapped = [(one.physical, one.physical + one.size) for one in pages if one.physical >= MIB]
    assert merged(mapped) == merged(ours), "the direct map has holes, or maps what isn't memory"


@pytest.mark.parametrize("name", starts())
def test_rights(start, name):
    """Catches tables that are right under one loader only: whose rights come from the loader, from
    the link address instead of the load address, or from an upper level that allows too much."""
    machine = start(**starts()[name]())
    machine.wait_prompt()
    slide = int("\n".join(machine.command("boot")).split("slide ")[1].split()[0], 16)
    assert (slide != 0) == (name == "moved")
    found = paging.mappings(machine)
    walked = {(one.start, one.physical, bool(one.own & paging.WRITE),
               bool(one.own & paging.NO_EXECUTE)) for one in found}
    assert walked == paging.tlb(machine), "the walk and QEMU's `info tlb` differ"
    assert_no_page_is_both(found)
    assert_only_text_is_executable(found)
    assert_low_half_is_empty(found)
    assert_sections(found, slide)
    assert_guard_pages(found)
    assert_no_writable_alias(found, slide)
    assert_direct_map(found, machine)


def test_monitor_agrees(pvh):
    """Catches a `peek` that reads past the tables' word: guards and page 0 can't be read from
    inside either."""
    for address in [0, *guard_pages()]:
        assert "can't be read" in pvh.command(f"peek {address:#x}")[-1]
    for guard in guard_pages():
        assert "can't be read" not in pvh.command(f"peek {guard + PAGE:#x}")[-1]


@pytest.mark.parametrize("cpu, largest", [("max", HUGE), ("max,-pdpe1gb", LARGE)])
def test_memory_is_mapped_by_large_pages(start, cpu, largest):
    """Catches a processor that is believed to have 1 GiB pages, and memory that is mapped by more
    entries than it takes: every page is as large as its place allows."""
    machine = start(cpu=cpu, memory="6G")
    machine.wait_prompt()
    found = paging.mappings(machine)
    assert {(one.start, one.physical) for one in found} == {one[:2] for one in paging.tlb(machine)}
    pages = in_direct_map(found)
    assert max(one.size for one in pages) == largest
    assert_direct_map(found, machine)
    for start_, end in merged([(one.physical, one.physical + one.size) for one in pages
                               if one.writable and one.physical >= 4 << 30]):
        inside = [one for one in pages if start_ <= one.physical < end]
        assert {one.size for one in inside} == {largest}, "whole GiBs of memory, and nothing else"
