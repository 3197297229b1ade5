"""Page rights, seen from outside: no page is both writable and executable, and what must not be
mapped isn't."""

import pytest

import paging
from images import ISO, KERNEL_BASE, config, disc, highest_kernel, symbols, symbol_size

PAGE = 4096
CANONICAL_HOLE = 1 << 47
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
    guards = set(guard_pages())
    for part, writable, executable in [("text", False, True), ("rodata", False, False),
                                       ("data", True, False), ("symbols", False, False)]:
        for address in range(names[f"kernel_{part}_start"], names[f"kernel_{part}_end"], PAGE):
            page = paging.at(found, address)
            if address in guards:
                continue
            assert page, f"{part}: {address:x} isn't mapped"
            assert (page.writable, page.executable) == (writable, executable), f"{part}: {page}"
            physical = page.physical + address - page.start
            assert physical == address - KERNEL_BASE + slide, f"{part}: {address:x} at {physical:x}"


def guard_pages():
    """The lowest page of each stack."""
    distance = symbol_size("boot_stack") // STACKS
    return [symbols()["boot_stack"] + i * distance for i in range(STACKS)]


def assert_guard_pages(found):
    """Exactly the guards are absent from the stacks: a missing page elsewhere would be a fault in
    waiting."""
    start = symbols()["boot_stack"]
    pages = range(start, start + symbol_size("boot_stack"), PAGE)
    assert [page for page in pages if not paging.at(found, page)] == guard_pages()


def assert_direct_map(found):
    """Physical memory is reached where the direct map says."""
    base = 0xffff800000000000
    for physical in (PAGE, 0x100000, 0x1000000):
        page = paging.at(found, base + physical)
        assert page and page.physical + base + physical - page.start == physical


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
    assert_direct_map(found)


def test_monitor_agrees(pvh):
    """Catches a `peek` that reads past the tables' word: guards and page 0 can't be read from
    inside either."""
    for address in [0, *guard_pages()]:
        assert "can't be read" in pvh.command(f"peek {address:#x}")[-1]
    for guard in guard_pages():
        assert "can't be read" not in pvh.command(f"peek {guard + PAGE:#x}")[-1]
