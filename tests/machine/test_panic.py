"""The panic screen for every kind of crash, and what follows it."""

import re
from collections import namedtuple

import pytest

from debugger import Stub
from images import KERNEL, build_id, source_lines, symbols
from machine import FAILURE, PROMPT
from panic_screen import PanicScreen

FILES = ("monitor/cmd_crash.c", "arch/x86_64/crash.c")
UNMAPPED, NON_CANONICAL = 0x0000400000000000, 0x8000000000000000
PF = "#PF page fault"

# reason: the screen's first line; says: further text; source: the source line that addr2line finds
# for the crash (behind INT n stands the next line: RIP is past it); fault: whether a trap frame is
# shown; bottom: whether frames lead down to thread_begin (not where the crash has destroyed them, or has
# more frames than fit).
Kind = namedtuple("Kind", "reason source says fault bottom", defaults=((), True, True))

KINDS = {
    "assert": Kind(r"monitor/cmd_crash\.c:\d+: assertion failed: frames == 2", r"ASSERT\(frames",
                   fault=False),
    "breakpoint": Kind("#BP breakpoint", "int3"),
    "canary": Kind(r"stack canary overwritten in crash_canary\+0x[0-9a-f]+", "}", fault=False,
                   bottom=False),
    "circle": Kind(r"mutex mutexes\+0x28: threads job/1 and circle wait for each other",
                   r"mutex_lock\(&mutexes\[1\]\)", fault=False, bottom=False),
    "debug": Kind("#DB debug exception", r"int \$1|}"),
    "divide": Kind("#DE divide error", "divl"),
    "double": Kind("#DF double fault", "ud2"),
    "execute": Kind(PF, r"code\)\(\)", ["execution of", "not allowed"]),
    "machine-check": Kind("#MC machine check", r"int \$18|}"),
    "mutex": Kind(r"mutex mutexes\+0x0: thread job/1 has it, and takes it again",
                  r"mutex_lock\(&mutexes\[0\]\)", fault=False, bottom=False),
    "nmi": Kind("non-maskable interrupt", r"int \$2|}"),
    "null": Kind(PF, "null = 1", ["write of 0000000000000000: nothing is mapped"]),
    "opcode": Kind("#UD invalid opcode", "ud2"),
    "overflow": Kind("stack overflow: the job/1 stack .*guard page", "depth", bottom=False),
    "panic": Kind("asked for", r'panic\("asked for"\)', fault=False),
    "protection": Kind("#GP general protection", "non_canonical"),
    "read": Kind(PF, "unmapped", [f"read of {UNMAPPED:016x}: nothing is mapped"]),
    # QEMU 7.2 raises #GP where a processor raises #SS; the test on Bochs is strict.
    "stack-segment": Kind("#SS stack fault|#GP general protection", r"movq \(%%rbp\)",
                          bottom=False),
    "write": Kind(PF, "kernel_text_start", ["write of", "not allowed"]),
}


def function_of(kind):
    return "recurse" if kind == "overflow" else "crash_" + kind.replace("-", "_")


def crash(machine, kind):
    """Types the command and returns the screen, once QEMU has ended by exit=qemu."""
    machine.wait_prompt()
    machine.type(f"crash {kind}\r")
    text = machine.rest()
    assert machine.process.returncode == FAILURE, text
    return PanicScreen(text)


def test_every_kind_is_known(pvh):
    """Catches a kind of crash that no expectation stands for."""
    words = pvh.command("crash")[0].split()
    assert words[0] == "kinds:"
    assert set(words[1:]) == set(KINDS) | {"nested", "hang", "deadlock"}


@pytest.mark.parametrize("kind", KINDS)
def test_screen(start, kind):
    """Catches a wrong reason, a lost register, a backtrace that doesn't lead to the cause, and a
    screen of which a photograph would lack a part."""
    expected = KINDS[kind]
    screen = crash(start(append="exit=qemu"), kind)
    assert re.fullmatch(expected.reason, screen.reason), screen.reason
    for text in expected.says:
        assert text in screen.text
    screen.assert_fits()
    head = rf"Keelson \d+\.\d+\.\d+\S*, build {build_id()[:12]}, CPU 0, up \d+\.\d{{6}} s"
    assert re.fullmatch(head, screen.lines[1]), screen.lines[1]
    for name in ("cr0", "cr2", "cr3", "cr4", "efer"):
        screen.field(name)
    assert screen.field("cr0") >> 31 and screen.field("efer") & 1 << 10, "not a long mode's state"
    assert screen.field("cr4") & 1 << 5
    if expected.fault:
        screen.assert_registers()
    assert (screen.place() is not None) == expected.fault


@pytest.mark.parametrize("kind", KINDS)
def test_backtrace(start, kind):
    """Catches a walk that loses the function at fault, the command that called it, or the end."""
    screen = crash(start(append="exit=qemu"), kind)
    names = [name.split(".")[0] for name in screen.names()]
    assert function_of(kind) in names, screen.text
    if not KINDS[kind].bottom:
        return
    below = names[names.index(function_of(kind)) + 1:]
    callers = ["command_run_crash", "command_line_run", "run_job", "thread_begin"]
    if kind == "double" and below == callers[1:]:
        return  # without a stack of its own, its caller's address was on the one that is gone
    assert below == callers, screen.text


@pytest.mark.parametrize("kind", KINDS)
def test_addr2line(start, kind):
    """Runs the printed line: catches addresses that belong to the next statement or function, and
    symbols that differ from the debug information's."""
    screen = crash(start(append="exit=qemu"), kind)
    found = screen.source()
    place = next(((file, line) for name, file, line in found if name == function_of(kind)), None)
    assert place, f"addr2line doesn't name {function_of(kind)}: {found}"
    assert place[0] in FILES
    text = source_lines(place[0])[place[1] - 1]
    assert re.search(KINDS[kind].source, text), f"{place} is {text!r}"
    if KINDS[kind].bottom:
        assert ("thread_begin", "kernel/thread.c") in [(name, file) for name, file, _ in found]


@pytest.mark.parametrize("kind, address, error", [
    ("read", UNMAPPED, 0), ("null", 0, 2), ("write", "kernel_text_start", 3),
    ("execute", None, 0x11)])
def test_page_fault(start, kind, address, error):
    """Catches an error code read wrongly, a stale CR2, and a walk of another address' tables."""
    screen = crash(start(append="exit=qemu"), kind)
    address = symbols()[address] if isinstance(address, str) else address
    address = screen.field("rip") if address is None else address
    assert screen.field("cr2") == address
    assert f"(error {error:#x})" in screen.text
    walk = re.search(rf"^walk {address:016x}:(.*\n?.*)", screen.text, re.M)
    assert walk, screen.text
    entries = re.findall(r"(PML4|PDPT|PD|PT)\[(\d+)\] ([0-9a-f]+)( not present)?", walk[1])
    indices = [address >> shift & 511 for shift in (39, 30, 21, 12)]
    assert [int(entry[1]) for entry in entries] == indices[:len(entries)]
    absent = entries[-1][3] != ""
    assert absent == (error & 1 == 0), "the walk's end contradicts the error code"
    last = int(entries[-1][2], 16)
    assert last & 1 == (not absent)
    if kind == "write":
        assert not last & 2, "the page is writable"
    if kind == "execute":
        assert last >> 63, "the page is executable"


def test_registers_are_those_of_the_fault(start):
    """Catches registers shown in each other's place: the machine is stopped at the fault, and what
    QEMU tells is compared."""
    machine = start(append="panic=halt")
    machine.wait_prompt()
    machine.type("crash read\r")
    screen = PanicScreen(machine.wait("Halted."))
    assert screen.field("rax") == UNMAPPED, "crash_read loads the address there"
    assert screen.field("cr3") == machine.register("CR3")
    assert screen.field("cr4") == machine.register("CR4")
    assert screen.field("cr0") == machine.register("CR0")
    assert screen.field("efer") == machine.register("EFER")
    assert screen.field("rip") == symbols()["crash_read"] + screen.place()[1]
    top = screen.field("rsp") | 0x3fff  # a thread's stack has 16 KiB
    assert screen.field("rsp") >> 44 == 0xffffc and screen.field("rsp") <= screen.field("rbp")
    assert screen.field("rbp") < top + 0x4000


def test_nested(start):
    """Catches a panic inside a panic that goes round and round, or is seen on no console because
    one of them is broken."""
    screen = crash(start(append="exit=qemu"), "nested")
    assert screen.reason == "asked for, with a broken console"
    assert screen.lines[1] == "While showing this on serial: #PF page fault"
    assert screen.names()[0] == "crash_nested"


def test_deadlock(start):
    """Catches a processor that waits for a lock for ever, and a panic that blames the wrong one."""
    screen = crash(start(append="exit=qemu"), "deadlock")
    assert re.fullmatch(r"lock lock\S*\+0x0: CPU 0 waits for itself", screen.reason), screen.reason
    assert "crash_deadlock" in screen.names()


def test_deadlock_in_the_debug_build(start):
    """It isn't waited for, and both places are named."""
    kernel = KERNEL.parent / "debug" / "keelson.elf"
    if not kernel.is_file():
        pytest.skip("`make test-kernel` builds the debug build")
    machine = start(kernel=kernel, append="exit=qemu")
    machine.wait_prompt()
    machine.type("crash deadlock\r")
    reason = re.search(r"^KEELSON PANIC: (.*)$", machine.rest(5), re.M)[1]
    assert re.fullmatch(r"lock lock\S* taken at crash_deadlock\+0x[0-9a-f]+, and again", reason)


def test_overflow_is_no_reset(start):
    """Catches a stack overflow that ends in a triple fault: with -no-reboot QEMU would be gone."""
    machine = start(append="panic=halt")
    machine.wait_prompt()
    machine.type("crash overflow\r")
    assert "stack overflow" in machine.wait("Halted.")
    assert machine.is_running()


def panicked(machine, kind="opcode"):
    machine.wait_prompt()
    machine.type(f"crash {kind}\r")
    return machine.wait("addr2line")


def test_waits_for_a_key(start):
    """Catches a screen that nobody can read before the machine starts again, and a reboot that
    doesn't happen: it must lead to the prompt."""
    machine = start(reboots=True)
    panicked(machine)
    machine.wait("Press a key to reboot.")
    machine.assert_silent(1)
    machine.type(" ")
    assert "Keelson" in machine.wait_prompt()


def test_a_key_ends_without_reboot(start):
    """The same reset ends a QEMU that was told not to reboot."""
    machine = start()
    panicked(machine)
    machine.wait("Press a key to reboot.")
    machine.type("x")
    assert machine.wait_exit() == 0


@pytest.mark.parametrize("option", ["panic=halt", "noreboot"])
def test_halt(start, option):
    """Catches an option that is ignored: no key may reboot the machine."""
    machine = start(append=option)
    panicked(machine)
    machine.wait("Halted.")
    machine.type("x\r \x03")
    machine.assert_silent(1)
    assert machine.is_running()
    assert "HLT=1" in machine.monitor.human("info registers")


def test_reboot_at_once(start):
    """Catches an unattended machine that stands still at its panic screen."""
    machine = start(append="panic=reboot", reboots=True)
    panicked(machine)
    text = machine.wait(PROMPT)
    assert "Press a key" not in text


def test_nmi_from_outside(start):
    """Catches a machine whose NMI button does nothing: it is the way to see where one hangs."""
    machine = start(append="exit=qemu")
    machine.wait_prompt()
    machine.assert_silent(0.2)  # it has drawn what follows the prompt
    machine.monitor.execute("inject-nmi")
    screen = PanicScreen(machine.rest())
    assert machine.process.returncode == FAILURE
    assert screen.reason == "non-maskable interrupt"
    assert screen.names()[-1] == "idle_run", screen.text
    screen.assert_fits()


def test_nmi_during_output(start):
    """Catches a panic that waits for what it has interrupted."""
    machine = start(append="exit=qemu")
    machine.wait_prompt()
    machine.type("peek -1 kernel_text_start 4096; " * 5 + "\r")
    machine.wait(" d6 50 52 e8 ")
    machine.monitor.execute("inject-nmi")
    screen = PanicScreen(machine.rest())
    assert machine.process.returncode == FAILURE
    assert screen.reason == "non-maskable interrupt"


def test_before_the_consoles(start):
    """Catches a panic that nobody sees because it comes before the consoles have been started: GDB
    sends the kernel into the void while it looks for its clock."""
    with Stub() as stub:
        machine = start(extra=stub.arguments, append="exit=qemu")
        stub.run(machine, f"hbreak *{symbols()['clock_init']:#x}", "continue",
                 "set $rip = 0x0000400000000000", "delete")
    said = machine.rest()
    assert "KEELSON PANIC: #PF page fault" in said, said
    assert "execution of 0000400000000000" in said and "clock_init" not in said.split("rip")[0]
    assert "info boot: Keelson" in said, "the log from before belongs to it"
    assert machine.wait_exit() == FAILURE


@pytest.mark.parametrize("driver", ["screen", "uart16550", "i8042"])
def test_inside_a_console_driver(start, driver):
    """Catches a panic that nobody sees because it comes from one of those who would show it: the
    others do."""
    with Stub() as stub:
        machine = start(extra=stub.arguments, append="panic=halt")
        stub.run(machine, f"hbreak *{symbols()['driver_start_' + driver]:#x}", "continue",
                 "set $rip = 0x0000400000000000", "delete", "detach")
        if driver == "uart16550":
            machine.wait_until("the panic on the screen", lambda: any(
                "KEELSON PANIC: #PF page fault" in row for row in machine.screen_text()))
        else:
            assert "KEELSON PANIC: #PF page fault" in machine.wait("Halted.")


def test_line_feed_is_no_answer(start):
    """Catches a screen that the LF of the line's own CR LF, or what was typed ahead, wipes out."""
    machine = start()
    machine.wait_prompt()
    machine.type("crash divide\r\nhelp\r\n")
    machine.wait("Press a key to reboot.")
    machine.assert_silent(1)
    assert machine.is_running()
    machine.type("x")
    machine.wait_exit()
