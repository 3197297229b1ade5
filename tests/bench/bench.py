#!/usr/bin/env python3
"""`make bench`: prints every figure that Keelson promises, beside its target.

Costs are executed instructions, from QEMU's -icount or from a counting plugin: the same on every
machine. Build time is the only figure in seconds. Nothing here fails a build; the tests do that.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import qemu  # noqa: E402

OUT = Path(os.environ.get("O", "build"))
KERNEL = OUT / "keelson.elf"
ISO = OUT / "keelson.iso"

# Benchmarks inside the kernel that have a target (instructions).
TARGETS = {"format.line_of_60": 900, "console.line_of_60": 3000, "screen.line_coalesced": 60_000,
           "screen.line_flushed": 1_000_000, "screen.bytes_for_no_change": 0,
           "memory.page_hot": 60, "memory.page_random_200": 150, "memory.page_worst_of_1000000": 5000,
           "memory.block_2m": 200, "memory.page_metadata_4g": 160 * 1024, "memory.map_unmap_4k": 180,
           "memory.kmalloc_64": 40, "memory.kmalloc_mixed_1000": 120, "memory.all_in_use": 4 << 20,
           "memory.block_of_zeros": 200, "processors.lock_irqsave": 15, "time.interrupt": 140, "time.arm_cancel": 120, "time.clock_ns": 30,
           "threads.yield_of_2": 100, "threads.yield_of_8": 160, "threads.wake_and_back": 500,
           "threads.mutex": 30, "threads.create_run_exit_join": 4000, "log.line_of_60": 1200}
PAIR_TARGETS = {"processors.remote_call": 800}  # with two processors
UNITS = {"ticks": "instructions"}
PROMPT = 'run="cpus; memory"'


def tool(name, default):
    return os.environ.get(name, default).split()


def report(what, figure, target, unit):
    verdict = "" if target is None else f"at most {target:,}" + ("" if figure <= target else "  MISSED")
    print(f"  {what:<58} {figure:>13,} {unit:<12} {verdict}", flush=True)


def disc(folder, options, commands=""):
    iso, config = Path(folder) / "bench.iso", Path(folder) / "grub.cfg"
    config.write_text("set timeout=0\ninsmod all_video\n"
                      f"menuentry k {{\n multiboot2 /boot/keelson.elf {options}\n {commands}\n}}\n")
    subprocess.run(["tools/mkiso.sh", KERNEL, config, iso], check=True)
    return iso


def kernel_figures(pattern="*", memory="512M", cpus=1):
    """Names, values and units, on the screen that the figures are promised for."""
    with tempfile.TemporaryDirectory() as folder:
        iso = disc(folder, f"exit=qemu loglevel=error bench={pattern}", "set gfxpayload=1024x768x32")
        text = transcript(iso, memory=memory, cpus=cpus)
    return re.findall(r"bench (\S+): (\d+) (\S+)", text)


def transcript(iso, **machine):
    """What the serial line says, where a nanosecond is an instruction."""
    words = qemu.command(iso=iso, **machine, extra=[
        "-display", "none", "-serial", "stdio", "-icount", "shift=0,sleep=off"])
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    return done.stdout.decode(errors="replace")


def kernel_benchmarks(pattern="*", memory="512M", cpus=1, targets=TARGETS):
    for name, value, unit in kernel_figures(pattern, memory, cpus):
        report(name, int(value), targets.get(name), UNITS.get(unit, unit))


def symbol(name):
    listing = subprocess.run([*tool("NM", "nm"), str(KERNEL)], capture_output=True, text=True, check=True)
    return int(re.search(rf"^(\w+) \w {name}$", listing.stdout, re.M).group(1), 16)


def instruction(function, mnemonic):
    """The address of the first such instruction in a function."""
    text = subprocess.run([*tool("OBJDUMP", "objdump"), "-d", f"--disassemble-symbols={function}"
                           if "llvm" in tool("OBJDUMP", "objdump")[0] else f"--disassemble={function}", str(KERNEL)],
                          capture_output=True, text=True, check=True).stdout
    return int(re.search(rf"^\s*([0-9a-f]+):.*\t{mnemonic}\b", text, re.M).group(1), 16)


def build_plugin(folder):
    plugin = Path(folder) / "insn_count.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", plugin, "tools/insn_count.c"], check=True)
    return plugin


def count(options, mode, start, end, press=None, without=None, **machine):
    """Instructions between the first passes of two addresses, on the disc with these options.
    press: a key for QEMU's monitor to press at the prompt; without: two more addresses, from one to
    the other nothing is counted."""
    pause = ",pause={:#x},resume={:#x}".format(*without) if without else ""
    extra = machine.pop("extra", [])
    with tempfile.TemporaryDirectory() as folder:
        result, serial = Path(folder) / "result", Path(folder) / "serial"
        serial.touch()
        iso = disc(folder, options, f"set gfxpayload={mode}")
        words = qemu.command(iso=iso, **{"memory": "512M", **machine}, extra=[
            *extra, "-display", "none", "-serial", f"file:{serial}", "-monitor", "stdio",
            "-plugin", f"{build_plugin(folder)},start={start:#x},end={end:#x},out={result}{pause}"])
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            while press and b"keelson> " not in serial.read_bytes():
                time.sleep(0.2)
            if press:
                process.stdin.write(f"sendkey {press}\n".encode())
                process.stdin.flush()
            process.wait(timeout=300)
        return int(result.read_text())


def entry_to_prompt(mode="text", options=PROMPT, **machine):
    """From the entry point to the first wait for a key, the work of all processors together. They run
    by turns: counted at the same time, some would be lost."""
    entry, waits = symbol("multiboot2_entry") - 0xffffffff80000000, symbol("input_key")
    return count(options, mode, entry, waits, accel="tcg,thread=single", **machine)


def time_to_prompt():
    """The same in nanoseconds where an instruction takes one, so that waiting counts."""
    with tempfile.TemporaryDirectory() as folder:
        iso = disc(folder, PROMPT[:-1] + '; uptime; poweroff" exit=qemu', "set gfxpayload=text")
        text = transcript(iso, memory="512M")
    hours, minutes, seconds, ms = map(int, re.search(r"up 0 days, (\d+):(\d+):(\d+)\.(\d+)", text).groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 10**9 + (ms + 1) * 10**6  # cut to milliseconds


def costs_by_memory():
    """What 1 GiB and what 1 TiB costs, with nothing run before the prompt. Without the clock's
    measurement: that takes 2 ms on any machine, and as many instructions as it can do in these."""
    machines = [{"memory": "1G"}, {
        "memory": "1T", "machine": "q35,memory-backend=ram", "cpu": "max,phys-bits=42",
        "extra": ["-object", "memory-backend-ram,id=ram,size=1T,reserve=off"]}]
    clock = symbol("clock_init"), symbol("consoles_start")
    return [entry_to_prompt(options="", without=clock, **machine) for machine in machines]


def key_to_screen():
    """From where the keyboard's byte is understood to the redraw's last store."""
    return count("", "1024x768x32", symbol("keyboard_key"), instruction("redraw", "sfence"), press="a")


def image_size():
    """Text, read-only data, data and symbol table: all that is in the file, .bss not."""
    listing = subprocess.run([*tool("SIZE", "size"), "-A", str(KERNEL)],
                             capture_output=True, text=True, check=True).stdout
    sizes = dict(re.findall(r"^(\.\w+)\s+(\d+)", listing, re.M))
    return sum(int(sizes[name]) for name in (".text", ".notes", ".rodata", ".data", ".symbols"))


def build_seconds():
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        subprocess.run(["make", f"O={folder}", f"-j{os.cpu_count()}"], check=True, capture_output=True,
                       env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "KEELSON_JOBS"))})
        return round(time.monotonic() - start, 1)


def main():
    print("Inside the kernel, one pass each (instructions; VMRUN, WRMSR and the like count one):")
    kernel_benchmarks()
    kernel_benchmarks("processors.remote_call", cpus=2, targets=PAIR_TARGETS)
    print("From outside:")
    drawn, plain = (entry_to_prompt("1024x768x32", f"{PROMPT} {console}")
                    for console in ("", "console=serial"))
    report(f"entry to the prompt behind {PROMPT}, BIOS ISO, text", entry_to_prompt(), 4_000_000, "instructions")
    report("  the same where waiting counts", time_to_prompt(), 8_000_000, "nanoseconds")
    report("  the same with 4 processors, all counted", entry_to_prompt(cpus=4), 6_000_000, "instructions")
    report("  the same on 1024x768x32, all of it drawn", drawn, 4_000_000, "instructions")
    report("    of that for the screen", drawn - plain, 1_000_000, "instructions")
    report("a key's first byte to its echo on 1024x768x32 (10 ms)", key_to_screen(), 10_000_000, "instructions")
    little, much = costs_by_memory()
    report("entry to the prompt with 1 GiB, clock's 2 ms apart", little, None, "instructions")
    report("  the same with 1 TiB", much, little * 3 // 2, "instructions")
    kernel_benchmarks("memory.all_in_use", memory="2G")
    report("text, data and symbol table, self-tests included", image_size(), 512 * 1024, "bytes")
    report("ISO", ISO.stat().st_size, 6_000_000, "bytes")
    report("clean parallel build", build_seconds(), 8, "seconds")


if __name__ == "__main__":
    main()
