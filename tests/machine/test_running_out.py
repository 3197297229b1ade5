"""Running out of memory is an ordinary error: each allocation of a start, and of every command, is
made to fail, one after the other."""

import re

import pytest

from images import config, disc
from test_memory import assert_sound, pages

WORKERS = 4
AT_MOST = 200

# Those that end the machine, that run for minutes, that would run themselves, or that leave no line
# to wait for.
NOT_TRIED = {"reboot", "poweroff", "crash", "ktest", "bench", "repeat", "failpoint", "clear", "top", "spin",
             "gdb"}


def is_hit(machine, which):
    """Whether the failure has come. Sets none again."""
    said = "\n".join(machine.command("failpoint"))  # it may come before what the log says of it
    left = dict(re.findall(r"(page|slab)=(\d+)", said))
    machine.command(f"failpoint {which}=0")
    return left[which] == "0"


# Views and commands that look at what a start has left, or that map something.
LOOKS = ["memory pages", "memory slabs", "memory ranges", "memory map kmain", "memory walk kmain",
         "memory leaks", "hexdump phys:0xfd000000 64", "peek -4 phys:0xfee00030", "screen"]


def starts(medium, options):
    """Arguments of a start without a loader, or of one by GRUB, which sets a framebuffer."""
    return {"append": options} if medium == "pvh" else {"iso": disc(config(options))}


@pytest.mark.parametrize("worker", range(WORKERS))
@pytest.mark.parametrize("which, medium", [("page", "pvh"), ("page", "iso"), ("slab", "pvh")])
def test_start(start, which, medium, worker):
    """Catches a start that ends in a panic, or in damaged metadata, for want of one page; and
    commands that don't expect what it has left. (No start allocates objects as yet: of those only
    the first is tried.)"""
    for nth in range(1 + worker, AT_MOST, WORKERS):
        machine = start(**starts(medium, f"failpoint={which}={nth}"))
        said = machine.wait_prompt()
        assert "KEELSON PANIC" not in said
        hit = is_hit(machine, which)
        for line in LOOKS:
            machine.command(line)
        assert_sound(machine)
        machine.close()
        if not hit:
            assert which == "slab" or nth > 5, "a start that allocates nothing"
            return
    pytest.fail(f"a start makes more than {AT_MOST} allocations")


def examples(machine):
    """Each command's example, by its own help."""
    words = [line for line in machine.command("help") if line.startswith("  ")]
    names = [line[at:].split()[0] for line in words for at in (2, 42) if line[at:].strip()]
    assert len(names) > 20, names
    found = {}
    for name in names:
        text = "\n".join(machine.command(f"help {name}"))
        found[name] = re.search(r"example: (.*)", text)[1]
    return {name: line for name, line in found.items() if name not in NOT_TRIED}


def fail_each(machine, which, line, at_most=AT_MOST):
    """Makes each allocation of a command fail, until one run makes fewer. Returns how many failed."""
    for nth in range(1, at_most + 1):
        machine.command(f"failpoint {which}={nth}")
        machine.command(line, seconds=60)
        if not is_hit(machine, which):
            return nth - 1
    assert at_most < AT_MOST, f"{line!r} never ends to allocate"
    return at_most


@pytest.mark.parametrize("which", ["page", "slab"])
def test_commands(start, which):
    """Catches a command that panics, loses pages or leaves things half done when memory runs out."""
    machine = start(append="more=off")
    machine.wait_prompt()
    lines = examples(machine)
    lines |= {line: line for line in LOOKS}
    for name, line in lines.items():
        hits = fail_each(machine, which, line)
        before = pages(machine)["free"]  # what it may keep for good, it has now
        fail_each(machine, which, line)
        assert pages(machine)["free"] == before, f"{name} loses memory; {hits} failures"
    assert_sound(machine)


@pytest.mark.parametrize("which", ["page", "slab"])
def test_allocators(start, which):
    """Catches an allocator that panics or damages itself when its own allocations fail: the self-tests
    of memory are what allocates most. Whether they pass then is nobody's question."""
    machine = start()
    machine.wait_prompt()
    names = [line.split()[1] for line in machine.command("ktest slab.*; ktest vspace.*", seconds=120)
             if line.startswith("ktest ")]
    names = [name for name in names if "random" not in name]
    hits = sum(fail_each(machine, which, f"ktest {name}", at_most=12) for name in names)
    assert hits > 20, f"{hits} allocations of {names}"
    assert_sound(machine)
