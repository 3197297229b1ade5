"""Processors: however many there are and however they are arranged, all of them come up and work,
and each fault on each of them has its screen."""

import re

import pytest

from images import ISO, symbols
from panic_screen import PanicScreen

ROW = re.compile(r" *(\d+) +(\d+) +(\S+) +(\w+) +(\d+)  (.*)")


def processors(machine):
    """What `cpus` shows: APIC id, node, state, interrupts and place of each."""
    rows = [ROW.match(line) for line in machine.command("cpus", 120)]
    return {int(row[1]): (int(row[2]), row[3], row[4], int(row[5]), row[6]) for row in rows if row}


def assert_all_work(machine, said, count):
    assert f"smp: {count} of {count} processors online" in said, said
    assert " warn " not in said and " error " not in said, said
    found = processors(machine)
    assert list(found) == list(range(count))
    states = {number: row[2] for number, row in found.items()}
    assert states.pop(0) == "here" and set(states.values()) <= {"idle", "busy"}, states
    assert len({row[0] for row in found.values()}) == count  # APIC ids
    assert len({row[4] for row in found.values()}) == count  # places
    return found


@pytest.mark.parametrize("count", [1, 2, 4, 16, 64, 255])
def test_count(start, count):
    """Catches a table that is too short, a stack that two have in common, and a wait that is too
    short for many that one host runs by turns."""
    machine = start(cpus=count)
    assert_all_work(machine, machine.wait_prompt(300), count)
    assert all(line.endswith("ok") for line in machine.command("memory check", 120))


@pytest.mark.parametrize("firmware, count", [("bios", 4), ("uefi", 4), ("uefi32", 2)])
def test_firmware(start, firmware, count):
    """Processors that firmware has had at work before; the last one's takes a minute for two."""
    machine = start(iso=ISO, firmware=firmware, cpus=count)
    assert_all_work(machine, machine.wait_prompt(300), count)


def test_moved_image(start):
    """Processors find an image that isn't where it was linked."""
    from images import config, disc, highest_kernel  # pylint: disable=import-outside-toplevel
    machine = start(iso=disc(config(), highest_kernel()), cpus=4)
    assert_all_work(machine, machine.wait_prompt(), 4)
    assert not any("slide 0x0" in line for line in machine.command("boot"))


@pytest.mark.parametrize("arrangement, apic_ids", [
    ("6,sockets=1,cores=3,threads=2", [0, 1, 2, 3, 4, 5]),
    ("12,sockets=2,cores=3,threads=2", [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]),
    ("12,sockets=1,dies=2,cores=3,threads=2", [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13]),
    ("9,sockets=3,cores=3,threads=1", [0, 1, 2, 4, 5, 6, 8, 9, 10]),
    ("5,sockets=5", [0, 1, 2, 3, 4]),
])
def test_arrangement(start, arrangement, apic_ids):
    """Catches an index that is taken for an APIC id, and places that are counted without gaps."""
    machine = start(cpus=arrangement)
    found = assert_all_work(machine, machine.wait_prompt(), len(apic_ids))
    assert [row[0] for row in found.values()] == apic_ids


def test_disabled(start):
    """What may be plugged in later isn't started, and isn't missed."""
    machine = start(cpus="2,maxcpus=4")
    said = machine.wait_prompt()
    assert "doesn't answer" not in said, said
    assert machine.command("cpus")[-1] == "2 more are disabled by the firmware"


def test_nodes(start):
    machine = start(cpus=4, memory="256M", extra=[
        "-object", "memory-backend-ram,id=a,size=128M", "-object", "memory-backend-ram,id=b,size=128M",
        "-numa", "node,nodeid=0,memdev=a,cpus=0-1", "-numa", "node,nodeid=1,memdev=b,cpus=2-3"])
    found = assert_all_work(machine, machine.wait_prompt(), 4)
    assert [row[1] for row in found.values()] == ["0", "0", "1", "1"]


@pytest.mark.parametrize("model", ["qemu64", "core2duo", "Nehalem", "Haswell", "Skylake-Server",
                                   "phenom", "EPYC", "EPYC-Milan", "max"])
def test_model(start, model):
    machine = start(cpu=model, cpus=2)
    said = machine.wait_prompt()
    assert "smp: 2 of 2 processors online" in said, said
    assert "APIC id 1: package" in "\n".join(machine.command("cpu 1"))


# --- Options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, count", [("maxcpus=1", 1), ("maxcpus=3", 3), ("maxcpus=99", 4),
                                            ("x2apic=off", 4), ("x2apic=on", 4)])
def test_options(start, options, count):
    machine = start(cpus=4, append=options)
    said = machine.wait_prompt()
    assert f"smp: {count} of 4 processors online" in said, said
    assert len(processors(machine)) == count
    more = machine.command("cpus")[-1]
    assert (more == f"{4 - count} more were not started") == (count < 4), more


@pytest.mark.parametrize("options", ["maxcpus=0", "maxcpus=x", "x2apic=maybe"])
def test_bad_options(start, options):
    machine = start(cpus=2, append=options)
    said = machine.wait_prompt()
    assert "warn option" in said and "2 of 2 processors online" in said, said


@pytest.mark.parametrize("machine_type", ["q35", "pc", "pc,acpi=off", "q35,pit=off,hpet=off,i8042=off,pic=off"])
def test_safe(start, machine_type):
    """Catches an interrupt, or a wait for one, where there are to be none."""
    machine = start(machine=machine_type, cpus=4, append="safe")
    said = machine.wait_prompt()
    assert "processors online" not in said and "I/O APIC 0:" not in said, said
    assert list(processors(machine)) == [0]
    assert [row[3] for row in processors(machine).values()] == [0]  # interrupts
    assert machine.command("sleep 0.2") in ([], [""])
    machine.type("echo typed ")
    machine.type("slowly\r")
    assert "typed slowly" in machine.wait("typed slowly\r\nkeelson> ") + "typed slowly"


def test_without_acpi(start):
    """One processor, and lines by way of the 8259: keys still come by interrupt."""
    machine = start(machine="pc,acpi=off", cpus=4)
    said = machine.wait_prompt()
    assert "lines come through the 8259" in said, said
    assert "smp: 1 of 1 processors online" in said, said
    assert machine.command("echo here") == ["here"]
    assert re.search(r" [1-9]\d* +0  line 4, edge, high, 8259: serial", "\n".join(machine.command("interrupts")))


def test_without_apic(start):
    machine = start(cpu="qemu64,-apic", cpus=1)
    said = machine.wait_prompt()
    assert "lapic: this processor has none" in said, said
    assert machine.command("echo here") == ["here"]


# --- Faults on any processor ----------------------------------------------------------------------

KINDS = {
    "read": "#PF page fault", "divide": "#DE divide error", "opcode": "#UD invalid opcode",
    "double": "#DF double fault", "nmi": "non-maskable interrupt", "canary": "stack",
    "overflow": "stack overflow: the processor stack has run into its guard page",
    "machine-check": "#MC machine check", "panic": "asked for",
}


def stopped(said):
    """Of each line about other processors: their numbers, and the function they were in."""
    for numbers, place in re.findall(r"^CPU ([\d,-]+): [0-9a-f]{16} (\w+)", said, re.M):
        ends = [part.split("-") for part in numbers.split(",")]
        yield [cpu for end in ends for cpu in range(int(end[0]), int(end[-1]) + 1)], place


@pytest.mark.parametrize("kind", KINDS)
def test_fault_elsewhere(start, kind):
    """Catches a processor without stacks or tables of its own, and a panic that leaves others
    running or hides where they were."""
    machine = start(cpus=4, append="panic=halt")
    machine.wait_prompt()
    machine.type(f"crash {kind} cpu=2\r")
    said = machine.wait("Halted.")
    screen = PanicScreen(said)
    assert KINDS[kind] in screen.reason, said
    assert ", CPU 2, up " in said, said
    assert said.count("KEELSON PANIC") == 1, said
    assert sorted(sum((cpus for cpus, _ in stopped(said)), [])) == [0, 1, 3], said


def test_panic_among_many(start):
    """Those that stand at the same place share one line; a few may be at work as it happens."""
    machine = start(cpus=64, append="panic=halt")
    machine.wait_prompt(120)
    machine.type("crash read cpu=63\r")
    said = machine.wait("Halted.", 60)
    idle = [cpus for cpus, place in stopped(said) if place == "arch_wait_for_interrupt"]
    assert len(idle) == 1 and 50 <= len(idle[0]) <= 62, said


def test_two_panics_at_once(start):
    """Catches screens that are written by two processors at the same time."""
    machine = start(cpus=4, append="panic=halt")
    machine.wait_prompt()
    machine.type("crash hang cpu=1; crash read cpu=2; crash read cpu=3\r")
    said = machine.wait("Halted.", 60)
    assert said.count("KEELSON PANIC") == 1, said
    assert re.search(r"^CPU .*crash_hang", said, re.M), said


def test_stopped_processors_stay_so(start):
    """Catches a halted processor that an interrupt wakes."""
    machine = start(cpus=2, append="panic=halt")
    machine.wait_prompt()
    machine.type("crash panic\r")
    machine.wait("Halted.")
    halt = symbols()["arch_halt"]
    for _ in range(3):
        text = machine.monitor.human("info registers -a")
        for rip in re.findall(r"RIP=([0-9a-f]{16})", text):
            assert halt <= int(rip, 16) < halt + 16, text
