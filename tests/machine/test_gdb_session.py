"""GDB itself on the kernel's own stub, and what it knows of the kernel there, on QEMU's stub and on a
dump."""

import re
import subprocess

import pexpect
import pytest

from debugger import Stub
from images import KERNEL, symbols
from machine import ROOT
from remote import Throttle

SCRIPT = ROOT / "tools" / "gdb" / "keelson.gdb"
SECONDS = 60


def gdb(*commands, target=None, core=None):
    """In batch mode; what it says."""
    words = ["gdb", "-q", "-nx", "-batch", "-x", SCRIPT, "-ex", f"file {KERNEL}"]
    for text in ([f"target remote {target}"] if target else []) + ([f"core-file {core}"] if core else []) + \
            list(commands):
        words += ["-ex", text]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=SECONDS)
    return done.stdout


@pytest.fixture
def attached(start):
    """Runs GDB in batch mode on a machine at its prompt."""
    def run(*commands, cpus=1, append=""):
        machine = start(cpus=cpus, append=f"gdb=com2 {append}", line="com2")
        machine.wait_prompt()
        return machine, gdb(*commands, target=machine.line)
    return run


@pytest.mark.parametrize("cpus", [1, 4])
def test_batch(attached, cpus):
    """Catches whatever GDB can't make sense of: registers, threads, backtraces, steps, breakpoints."""
    machine, said = attached(
        "info threads", "info registers rip eflags cr0 cr3 gs_base", "bt", "thread apply 1 bt 2",
        "break timer_run_due", "continue", "bt 3", "stepi", "nexti", "next", "info breakpoints",
        "finish", "delete", "hbreak command_run_version", "print kernel_slide", "x/2i $pc",
        "print *(int *)0x1234", "detach", cpus=cpus)
    for cpu in range(cpus):
        assert re.search(rf"Thread {cpu + 1} \(CPU {cpu}, [\w/]+\)", said), said
    assert re.search(r"Thread 65\d+ \(work/0, blocked\)", said), said
    assert re.search(r"cr0 .*\[ PE MP ET NE WP PG \]", said), said
    assert "hit Breakpoint 1, timer_run_due ()" in said and "interrupt_dispatch" in said, said
    assert " in tick (" in said and "Hardware assisted breakpoint 2" in said, said
    assert "Cannot access memory at address 0x1234" in said, said
    assert "detached" in said and "warning" not in said.lower() and "packet" not in said, said
    assert "Keelson" in machine.command("version")[0]


def test_a_sleeping_thread(attached):
    """Catches backtraces that don't begin where a thread has gone to sleep."""
    _, said = attached("python gdb.execute('thread ' + next(line.split()[0] for line in "
                       "gdb.execute('info threads', to_string=True).splitlines() if '(log,' in line))",
                       "bt", "info registers rax rbx")
    assert re.search(r"thread_park .*\n.*show_on_and_on", said), said
    assert "rax            <unavailable>" in said, said


@pytest.mark.parametrize("cpus", [1, 4])
def test_interactively(start, cpus):
    """Catches what only shows when somebody types: Ctrl-C, watchpoints, commands, another session."""
    machine = start(cpus=cpus, append="gdb=com2", line="com2")
    machine.wait_prompt()
    with open(machine.log.with_suffix(".gdb"), "w", encoding="utf-8") as log:
        session = pexpect.spawn("gdb", ["-q", "-nx", "-x", str(SCRIPT), str(KERNEL)], cwd=ROOT, timeout=30,
                                encoding="utf-8", logfile=log, dimensions=(50, 200))

        def type_line(line, answer):
            session.expect_exact("(gdb) ")
            session.sendline(line)
            session.expect(answer)
        type_line("set style enabled off", "off")
        type_line(f"target remote {machine.line}", r"arch_wait_for_interrupt|main|idle")
        type_line("monitor version", "Keelson 0")
        type_line("monitor threads", r"\blog\b")
        type_line("watch boot_percpu.heartbeat", "Hardware watchpoint 1")
        type_line("continue", r"New value = \d+")
        type_line("delete", "delete")
        type_line("continue", "Continuing")
        machine.type("echo on\r")
        machine.wait_prompt()
        session.sendintr()
        session.expect("received signal SIGINT")
        type_line("break command_run_version", r"Breakpoint 2")
        type_line("continue", "Continuing")
        machine.type("version\r")
        session.expect("hit Breakpoint 2, command_run_version")
        type_line("up", "command")
        type_line("print argc", r"= 1")
        type_line("delete", "delete")
        type_line("detach", "detached")
        machine.wait_prompt()
        type_line("quit", pexpect.EOF)
    assert "Keelson" in machine.command("version")[0]


def test_what_the_stub_claims(attached):
    """Catches packets that are claimed and answered otherwise than GDB expects."""
    _, said = attached("set debug remote 1", "info threads", "break timer_run_due", "continue", "stepi", "step",
                       "delete", "watch boot_percpu.heartbeat", "continue", "monitor version",
                       "x/64bx kernel_text_start", "set var $rax = $rax", "detach")
    answers = re.findall(r"Sending packet: \$(.*?)#..*?Packet received: ([^\n]*)", said, re.S)
    assert len(answers) > 20, said
    for asked, answer in answers:
        known = asked.startswith(("m", "g", "p", "P", "H", "vCont", "Z", "z", "qC", "D", "T", "?", "qRcmd", "qfT", "qsT",
                                  "qThreadExtra"))
        assert not (known and answer == ""), (asked, answer)
        assert not re.match(r"E[0-9a-f]{2}$", answer), (asked, answer)
    assert "Ignoring" not in said and "rror in packet" not in said, said


def test_through_a_panic(attached):
    """Catches a GDB that loses the kernel when it panics, or isn't shown why."""
    machine, said = attached("tbreak crash_panic", "continue&", append='panic=halt')
    del said
    session = subprocess.Popen(["gdb", "-q", "-nx", "-batch", "-x", SCRIPT, "-ex", f"file {KERNEL}",
                                "-ex", f"target remote {machine.line}", "-ex", "continue", "-ex", "bt 4",
                                "-ex", "k-log 2", "-ex", "info threads"], cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    machine.command("sleep 2")
    machine.type("crash read\r")
    said = session.communicate(timeout=SECONDS)[0]
    assert "received signal SIGABRT" in said, said
    assert re.search(r"#0 .*crash_read", said) and "crash_on" in said, said
    assert "smp: 1 of 1 processors online" in said, said


def test_a_slow_line(start):
    """Catches time-outs, GDB's or the stub's, at 115200 baud."""
    machine = start(cpus=2, append="gdb=com2", line="com2")
    machine.wait_prompt()
    slow = machine.line.with_name("slow")
    with Throttle(machine.line, slow, 11520):
        said = gdb("bt", "k-log 3", "break timer_run_due", "continue", "bt 2", "delete", "detach", target=slow)
    assert "hit Breakpoint 1, timer_run_due" in said and "detached" in said, said
    assert "imeout" not in said and "Ignoring" not in said, said


def test_wire_of_steps(start):
    """What a step costs on the line, beyond memory that GDB reads. Fewer than that can't be had: see
    docs/debugging.md."""
    machine = start(append="gdb=com2", line="com2")
    machine.wait_prompt()
    steps = 1000
    machine.type("sleep 2; memory check\r")
    said = gdb("hbreak vspace_check", "continue", "delete", "set debug remote 1", f"stepi {steps}", "detach",
               target=machine.line)
    said = said[said.index("vCont;s"):]
    used = memory = 0
    for line in re.findall(r"(Sending packet: \$.*|Packet received: .*)", said):
        if line.startswith("Sending"):
            memory = line.startswith("Sending packet: $m")
            used += 0 if memory else len(line) - len("Sending packet: ")
        elif not memory:
            used += shortened(line.split(": ", 1)[1]) + len("$#xx")
    print(f"FIGURE gdb.bytes_a_step: {used / steps:.1f}")
    assert said.count("vCont;s") >= steps
    assert used / steps <= 70


def shortened(text):
    """Its length on the line, with runs taken together as the protocol allows."""
    length = 0
    for run in re.finditer(r"(.)\1*", text):
        left = len(run[0])
        while left >= 4:
            part = min(left, 98)
            while part >= 4 and chr(28 + part) in "#$+-":
                part -= 1
            if part < 4:
                break
            length, left = length + 3, left - part
        length += left
    return length


# --- Kernel things -------------------------------------------------------------------------------

COMMANDS = {
    "k-log": r"c0 info boot: Keelson",
    "k-log 1": r"^\[ ",
    "k-threads": r"^ +\d+ +0  runs .* idle/0",
    "k-cpus": r"^ +0 +0  yes +\w+/?\d?",
    "k-bt log": r"^#\d +\S+ show_on_and_on\+0x\w+ .*kernel/log\.c:\d+",
    "k-bt idle/0": r"idle/0 runs on CPU 0",
    "k-memory": r"^000000200000\.\.\w+ +\d+ KiB  kernel",
    "k-page 0x200000": r"^0x200000: kernel",
    "k-walk kmain": r"^PT .*page 0x\w+ global execute",
    "k-walk 0x1000": r"^PML4 .*not present",
    "k-slab": r"^kmalloc-64 +64",
    "k-interrupts": r"^CPU 0 vector 0xf0: \d+ times, timer",
    "k-timers": r"^CPU 0 .* s  watchdog +look\+0x0",
    "k-symbols kmain": rf"^{symbols()['kmain']:#x} kmain",
    f"k-symbols {symbols()['kmain'] + 3:#x}": r"kmain\+0x3",
    "k-symbols nonsense": r"there is no symbol nonsense",
    "k-bt nobody": r"there is no thread nobody",
    "print 'thread.c'::all": r"= list of \d+",
    "print 'log.c'::lock": r"= free",
    "print 'console.c'::writing": r"= free",
    "print $status(-5)": r"NO_MEMORY",
    "print $cr4_flags(0xa0)": r"PAE PGE",
    "print $pte(0x8000000000001163)": r"page 0x1000 write global",
}


def assert_all_answer(said):
    parts = re.split(r"^#### (.*)$", said, flags=re.M)
    answers = dict(zip(parts[1::2], parts[2::2]))
    for command, expected in COMMANDS.items():
        assert re.search(expected, answers[command], re.M), (command, answers[command])
    assert "Traceback" not in said and "Python Exception" not in said, said


def questions():
    for command in COMMANDS:
        yield f"echo #### {command}\\n"
        yield command


@pytest.mark.parametrize("cpus", [1, 4])
def test_kernel_things_on_our_stub(start, cpus):
    machine = start(cpus=cpus, append="gdb=com2", line="com2")
    machine.wait_prompt()
    machine.command("sleep 0.3")
    assert_all_answer(gdb(*questions(), "detach", target=machine.line))


@pytest.mark.parametrize("cpus", [1, 4])
def test_kernel_things_on_qemus_stub(start, cpus):
    with Stub() as stub:
        machine = start(cpus=cpus, extra=stub.arguments[1:])
        machine.wait_prompt()
        machine.command("sleep 0.3")
        assert_all_answer(gdb("set architecture i386:x86-64", *questions(), "detach", target=stub.path))


@pytest.mark.parametrize("cpus", [1, 4])
def test_kernel_things_in_a_dump(start, cpus):
    machine = start(cpus=cpus)
    machine.wait_prompt()
    machine.command("sleep 0.3")
    file = machine.log.with_suffix(".dump")
    machine.monitor.execute("dump-guest-memory", paging=True, protocol=f"file:{file}")
    said = gdb(*questions(), "bt", core=file)
    file.unlink()
    assert_all_answer(said)
    assert "idle_run" in said, said
