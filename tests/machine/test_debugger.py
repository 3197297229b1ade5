"""GDB by way of tools/qemu.py, as `make debug` starts it, and GDB attached to a running machine."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from debugger import Stub
from images import ISO, KERNEL, KERNEL_BASE, config, disc, highest_kernel, symbols
from machine import ROOT

SECONDS = 120
MEDIA = {"bios": (["--iso", ISO], "bios"), "uefi": (["--iso", ISO], "uefi"),
         "pvh": (["--kernel", KERNEL], "bios")}


def processes_with(marker):
    """Command lines of living processes that hold the marker."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(marker.encode() in word for word in words):
            found.append(words)
    return found


def debug(medium, folder, *commands):
    """Runs `qemu.py debug --batch` with GDB's commands; returns what it says. Its QEMU has a name
    of its own, by which it is looked for afterwards."""
    loader, firmware = MEDIA[medium]
    environment = {**os.environ, "O": str(folder), "FIRMWARE": firmware, "MACHINE": "q35"}
    name = f"keelson-{uuid.uuid4()}"
    words = [sys.executable, ROOT / "tools" / "qemu.py", "debug", "--batch", *loader,
             "--symbols", KERNEL]
    for text in commands:
        words += ["--gdb", text]
    words += ["--", "-name", name]
    done = subprocess.run(words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=SECONDS)
    assert not processes_with(name), f"QEMU was left behind: {processes_with(name)}"
    return done.stdout


@pytest.mark.parametrize("medium", MEDIA)
def test_debug_reaches_kmain(tmp_path, medium):
    """Catches a breakpoint that the loader overwrites, symbols that don't fit, GDB's quarrel about
    32-bit registers (it attaches in the firmware and stops in long mode), and a QEMU left behind.
    """
    magic = 0x336ec578 if medium == "pvh" else 0x36d76289
    said = debug(medium, tmp_path, "print/x magic", "info symbol $pc", "next", "next",
                 "print/x $cs", "backtrace")
    assert re.search(r"breakpoint 1, kmain \(", said), said
    assert f"= {magic:#x}" in said, said
    assert "kmain" in said and "in section .text" in said
    assert "= 0x8" in said, "the code selector"
    assert re.search(r"^#0 +kmain \(magic=.*\) at kernel/main\.c:\d+", said, re.M), said
    assert "packet" not in said and "warning" not in said.lower(), said


def test_debug_shows_local_variables(tmp_path):
    """Catches debug information that optimization or stripping has taken away."""
    said = debug("pvh", tmp_path, "tbreak options_apply", "continue", "next", "info locals",
                 "finish")
    assert "options_apply (command_line=" in said, said
    assert re.search(r"^line = ", said, re.M) and re.search(r"^words = ", said, re.M), said
    assert re.search(r"^kmain \(magic=.*\) at ", said.split("\nline = ")[1], re.M), said


@pytest.mark.parametrize("medium", MEDIA)
def test_breakpoints_everywhere(tmp_path, medium):
    """Catches code that no breakpoint can be set in: before paging, where other processors begin, in
    handlers of interrupts."""
    entry = "pvh_entry" if medium == "pvh" else "multiboot2_entry"
    said = debug(medium, tmp_path, f"k-early {entry}", "hbreak ap_main", "monitor system_reset", "continue", "info symbol $linked($pc)", "print/x $cr0 & 0x80000000",
                 "delete 2", "tbreak kmain", "continue", "tbreak interrupt_dispatch", "continue", "continue", "bt 1")
    assert f"{entry} in section" in said and "= 0x0" in said, said
    assert re.search(r"breakpoint \d+, ap_main \(\)", said, re.I), said
    assert re.search(r"hit Temporary breakpoint \d+, interrupt_dispatch \(", said), said


def test_a_breakpoint_in_a_moved_image(start):
    """Catches breakpoints at where the image would have been, had the loader left it there."""
    with Stub() as stub:
        machine = start(iso=disc(config(), highest_kernel()), reboots=True, extra=stub.arguments)
        machine.wait_until("QEMU's GDB stub is there", stub.path.exists)
        words = ["gdb", "-q", "-nx", "-batch", "-x", "tools/gdb/keelson.gdb", str(KERNEL)]
        for text in ("set architecture i386:x86-64", f"target remote {stub.path}", "thbreak kmain", "continue",
                     "print/x kernel_slide", "k-early multiboot2_entry", "monitor system_reset", "continue",
                     "info symbol $linked($pc)", "print/x $pc", "detach"):
            words += ["-ex", text]
        said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS).stdout
    slide = int(re.search(r"\$1 = (0x\w+)", said)[1], 16)
    assert slide and "multiboot2_entry in section" in said, said
    assert f"= {symbols()['multiboot2_entry'] - KERNEL_BASE + slide:#x}" in said, said


def test_dump(tmp_path):
    """What `make run` and `make dump` do. Catches a dump that GDB can't read, and a machine that ends."""
    environment = {**os.environ, "O": str(tmp_path), "CPUS": "2"}
    tool = [sys.executable, ROOT / "tools" / "qemu.py"]
    none = subprocess.run([*tool, "dump"], env=environment, capture_output=True, text=True, check=False)
    assert none.returncode != 0 and "no machine of `make run` is there" in none.stderr
    with subprocess.Popen([*tool, "run", "--kernel", KERNEL, "--append", "run=gdb"], env=environment,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as machine:
        said = b""
        while b"Ctrl-C goes on" not in said:
            said += machine.stdout.read1(4096)
        done = subprocess.run([*tool, "dump", "--symbols", KERNEL], env=environment, capture_output=True,
                              text=True, check=False)
        machine.kill()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gdb -x tools/gdb/keelson.gdb"), done.stdout
    words = [*done.stdout.split(), "-q", "-nx", "-batch", "-ex", "k-threads", "-ex", "info threads"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS).stdout
    assert re.search(r" main\b", said) and said.count("Thread 0x") + said.count("LWP") >= 2, said


def test_debug_leaves_nothing_behind(tmp_path):
    """Catches a QEMU that stays when GDB is told to kill what it debugs."""
    assert "kmain (" in debug("bios", tmp_path, "kill")


def test_attach_to_a_running_machine(start):
    """What `make gdb` does: catches registers or symbols that don't fit what runs, and a machine
    that doesn't go on when GDB leaves."""
    with Stub() as stub:
        machine = start(extra=stub.arguments[1:])
        machine.wait_prompt()
        said = stub.run(machine, f"file {KERNEL}", "backtrace", "print kernel_slide",
                        "print/x $cr3", "hbreak crash_panic")
        assert re.search(r"^#\d+ .*idle_run \(", said, re.M), said
        assert re.search(r"= 0$", said, re.M), said
        assert f"= {machine.register('CR3'):#x}" in said, said
    assert machine.command("version")


def test_break_and_change(start):
    """Catches breakpoints that aren't hit in the high half, and variables that can't be set."""
    with Stub() as stub:
        machine = start(append='run="version" panic=halt', extra=stub.arguments)
        said = stub.run(machine, f"file {KERNEL}", "hbreak command_line_run", "continue",
                        "set {char[8]} line = \"cpuid 0\"", "x/s line")
    assert "Breakpoint 1, command_line_run" in said and '"cpuid 0"' in said, said
    before = machine.wait_prompt()
    assert "\neax 0" in before and "build" not in before.split("Type")[1]
