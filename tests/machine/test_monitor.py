"""The monitor, typed at by hand, by accident and by noise."""

import random
import re

import pytest

from images import KERNEL_BASE, build_id, symbols
from machine import PROMPT, ROOT

WORD = re.compile(r"^COMMAND\((\w+),", re.M)
UNMAPPED = 0x0000400000000000
SHOWN_MAX = 255  # characters of a line


def answers(machine):
    return machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]


def typed(machine, keys):
    """Sends keys as they are and returns what is there at the next prompt."""
    machine.type(keys)
    return machine.wait_prompt(20)


def defined_commands():
    files = (ROOT / "monitor").glob("*.c")
    return {name for file in files for name in WORD.findall(file.read_text())}


def test_help_lists_every_command(pvh):
    """Catches a command that the linker dropped or that nobody can find."""
    lines = [line for line in pvh.command("help") if line.startswith("  ")]
    listed = {cell.split()[0] for line in lines for cell in (line[:40], line[40:]) if cell}
    assert listed == defined_commands()
    assert all(len(line) < 80 for line in lines), "a line is wrapped"
    assert len(lines) <= 30, "more than two pages with what follows"
    assert len(listed) >= 15


def test_help_explains_every_command(pvh):
    """Catches an explanation without usage or example."""
    for name in sorted(defined_commands()):
        lines = pvh.command(f"help {name}")
        assert lines[0].startswith(f"{name}: ") and len(lines[0]) > len(name) + 5, lines
        assert re.match(rf"  usage: +{name}\b", lines[1]), lines
        assert re.match(rf"  example: {name}\b", lines[2]), lines
        assert all(len(line) <= 80 for line in lines), lines


@pytest.mark.parametrize("line", ["nonsense", "help nonsense", "HELP", "versio", "version2", "\\",
                                  "x" * 200])
def test_unknown_command(pvh, line):
    """Catches a wrong word that is taken for a command, or answered with nothing or a page."""
    said = pvh.command(line)
    assert len(said) == 1 and "no such command" in said[0] and len(said[0]) <= 80, said
    assert answers(pvh)


@pytest.mark.parametrize("line", [
    "peek", "peek 0 1 2", "peek x", "peek 0xg", "peek -3 0", "peek 0x10000000000000000", "peek 0 0",
    "peek 0 4097", "peek 0 -1", "peek phys:", "peek phys:0xffffffffffffffff", "peek kmain+",
    "peek +1",
    "poke", "poke 0", "poke 0 1 2", "poke -1 kernel_ranges_base 256", "poke kernel_ranges_base x",
    "cpuid", "cpuid x", "cpuid 0x100000000", "cpuid 0 0x100000000", "cpuid 0 0 0",
    "msr", "msr x", "msr 0x100000000", "msr 1 2 3", "symbol", "symbol a b", "log loud",
    "log info info",
    "boot now", "memory 1", "cpu 0 1", "options x", "version 1", "reboot now", "poweroff 5",
    "crash a b", 'version "', "help a b", "version " + "x " * 20, "symbol " + "y" * 200])
def test_wrong_arguments(pvh, line):
    """Catches arguments that are ignored or taken for others: one clear line, at most of a screen's
    width, and nothing done. `version`, which has shown itself before, shows its usage behind that.
    """
    said = pvh.command(line)
    assert 1 <= len(said) <= (2 if line.startswith(("version 1", "crash a")) else 1), said
    assert all(0 < len(text) <= 80 for text in said), said
    assert answers(pvh)


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_line_endings(pvh, ending):
    """Catches a terminal whose Enter isn't understood, or counts twice."""
    for _ in range(3):
        assert build_id() in typed(pvh, "version" + ending)
    pvh.assert_silent(0.3)


def test_empty_lines(pvh):
    """Catches Enter held down that counts half: CR CR, LF LF and LF CR are two lines."""
    for keys in ("\n\n", "\n\r", "\r\r"):
        pvh.type(keys)
        for _ in range(2):
            assert pvh.wait_prompt(5) == ""
        pvh.assert_silent(0.2)


@pytest.mark.parametrize("keys", [
    "xx\b\bversion", "x\x7fversion", "\b\b\b\x7fversion", "nonsense\x15version",
    "\x15\x15version", "versioM\bn", "ersion\x1b[Hv", "vesion\x1b[1;5D\x1b[C\x1bOCr", "\x1b[1;5Cversion", "\x1bOPversion",
    "\x1b[3~version", "\x01\x02\x04\x05\x0bver\x0csion", "\x1a\x1c\x1d\x1e\x1fversion",
    "  version  ", "\x00version\x00", "\xc3\xa4\x7f\xff\x80version", "version; \xc3\xa4\xc3"])
def test_editing_keys(pvh, keys):
    """Catches keys that stay in the line although they mean something else, or nothing."""
    assert f"\nKeelson 0.1.0, build {build_id()}" in typed(pvh, keys + "\r")
    assert answers(pvh)


def test_control_c(pvh):
    """Catches a line that is run although it was given up."""
    said = typed(pvh, "version\x03")
    assert build_id() not in said
    assert answers(pvh)


def test_backspace_takes_nothing_of_the_prompt(pvh):
    """Catches an erasing that runs over the line's start: what is echoed must end at the prompt."""
    pvh.type("ab" + "\b" * 10 + "version\r")
    echo = pvh.wait_prompt().split("\n")[0]
    assert echo.count("\b \b") == 2 and echo.endswith("version")


@pytest.mark.parametrize("length", [255, 256, 1000])
def test_long_line(pvh, length):
    """Catches an overrun, and a cut line that is run as if it were whole."""
    said = typed(pvh, "version;" + " " * (length - 8) + "\r")
    assert (build_id() in said) == (length <= SHOWN_MAX)
    assert ("longer than" in said) == (length > SHOWN_MAX)
    assert answers(pvh)


def test_long_line_can_be_erased(pvh):
    """Catches an overlong line that stays overlong."""
    assert build_id() in typed(pvh, "x" * 300 + "\x15version\r")


def noise(seed):
    """10,000 bytes of anything. A command's name by chance takes 4 letters alone between line ends:
    once in billions of bytes."""
    return bytes(random.Random(seed).randrange(256) for _ in range(10000)).decode("latin-1")


@pytest.mark.parametrize("seed", range(4))
def test_noise(pvh, seed):
    """Catches a byte that hangs, kills or confuses the session: a wrong baud rate, a modem, a cat.
    An escape sequence may be open at the end: the line that closes it doesn't count."""
    data = noise(seed)
    for at in range(0, len(data), 500):
        pvh.type(data[at:at + 500])
    pvh.type("\x03\r\r\x15\r")
    pvh.type("cpuid 0x40000000\r")
    pvh.wait("eax ")
    pvh.wait_prompt()
    assert answers(pvh)


def test_several_commands_in_a_line(pvh):
    """Catches a `;` that ends the line, or the first error that ends the rest."""
    said = pvh.command("cpuid 0; nonsense; version;; ;cpuid 0")
    assert len(said) == 4 and "no such command" in said[1] and build_id() in said[2]
    assert said[0] == said[3]


@pytest.mark.parametrize("address", [0, 8, UNMAPPED, 0x8000000000000000, 0x7fffffffffff,
                                     0xffff7fffffffffff, 0xffffffffffffffff, 0xffffffff80000000])
@pytest.mark.parametrize("size", ["-1", "-2", "-4", "-8"])
def test_access_to_nothing(pvh, address, size):
    """Catches a fault that isn't caught: page fault and general protection, read and written."""
    said = pvh.command(f"peek {size} {address:#x}")
    assert len(said) == 1 and "can't be read" in said[0]
    said = pvh.command(f"poke {size} {address:#x} 1")
    assert len(said) == 1 and "can't be written" in said[0]
    assert answers(pvh)


def test_peek_over_the_end(pvh):
    """Catches a row that is printed as if all of it had been read."""
    end = symbols()["kernel_image_end"]
    said = pvh.command(f"peek {end - 16:#x} 4")
    assert len(said) == 2
    assert len(re.findall(r" [0-9a-f]{16}\b", said[0])) == 2
    assert said[1] == f"{end:016x}: can't be read"


def test_peek_and_poke(pvh):
    """Catches a size or an address read wrongly, and neighbours that are written too."""
    address = symbols()["startup_commands"]  # nobody needs them any more
    place = f"{address:#x}"
    values = {"-8": 0x1122334455667788, "-4": 0xa1b2c3d4, "-2": 0xe5f6, "-1": 0x97}
    for size, value in values.items():
        assert pvh.command(f"poke -8 {place} 0xffffffffffffffff") == []
        assert pvh.command(f"poke {size} {place} {value:#x}") == []
        shown = pvh.command(f"peek {size} {place}")
        assert shown == [f"{address:016x}: {value:0{2 * int(size[1])}x}"]
        whole = int(pvh.command(f"peek {place}")[0].split()[1], 16)
        mask = (1 << 8 * int(size[1])) - 1
        assert whole == value | (~mask & 0xffffffffffffffff), "a neighbour was written"
        physical = address - KERNEL_BASE
        assert pvh.memory(physical, 8) == whole.to_bytes(8, "little"), "seen from outside"
        assert pvh.command(f"peek phys:{physical:#x}")[0].split()[1] == f"{whole:016x}"


@pytest.mark.parametrize("name", ["kmain", "kernel_text_start", "boot_gdt", "kernel_version"])
def test_poke_to_what_is_read_only(pvh, name):
    """Catches code or constants that are writable."""
    before = pvh.command(f"peek {name}")
    said = pvh.command(f"poke {name} 0")
    assert len(said) == 1 and "can't be written" in said[0]
    assert pvh.command(f"peek {name}") == before


def test_symbols_agree_with_nm(pvh):
    """Catches a table from another link, an address that is off, and a search that misses."""
    names = symbols()
    for name in ("kmain", "panic", "shell_run", "boot_info", "multiboot2_entry", "crash_divide"):
        assert pvh.command(f"symbol {name}") == [f"{names[name]:016x} {name}"]
        assert pvh.command(f"symbol {names[name]:#x}") == [f"{names[name]:016x} {name}+0x0"]
        assert pvh.command(f"symbol {names[name] + 1:#x}") == [f"{names[name] + 1:016x} {name}+0x1"]
        assert pvh.command(f"peek {name}")[0].startswith(f"{names[name]:016x}:")
    listed = pvh.command("symbol crash_*")
    assert len(listed) == len({line.split()[1] for line in listed}) >= 10
    for line in listed:
        address, name = line.split()
        assert names[name] == int(address, 16)


@pytest.mark.parametrize("pattern", ["nosuchsymbol", "0x1", "0", "0xffffffffffffffff", "0x200000"])
def test_symbol_that_is_not_there(pvh, pattern):
    said = pvh.command(f"symbol {pattern}")
    assert len(said) == 1 and "no symbol" in said[0]


def test_msr(pvh):
    """Catches a refused access that ends in a panic. QEMU takes nearly everything; it refuses a
    host save area that isn't on a page's boundary [APM2 15.30.4]."""
    efer = int(pvh.command("msr 0xc0000080")[0].split("= ")[1], 16)
    assert efer == pvh.register("EFER")
    said = pvh.command("msr 0xc0010117 1")
    assert len(said) == 1 and "refuses" in said[0]
    assert pvh.command("msr 0xc0010117 0x1000") == ["MSR 0xc0010117 = 0x0000000000001000"]
    assert answers(pvh)


def test_cpuid(pvh):
    """Catches registers in each other's place."""
    fields = dict(zip(*[iter(pvh.command("cpuid 0")[0].split())] * 2))
    vendor = b"".join(int(fields[name], 16).to_bytes(4, "little") for name in ("ebx", "edx", "ecx"))
    assert vendor == b"AuthenticAMD"
    assert "no such leaf" not in pvh.command("cpuid 0")[0]
    assert "no such leaf" in pvh.command("cpuid 0x12345678")[0]
    assert pvh.command("cpuid 13 0") != pvh.command("cpuid 13 1"), "the subleaf is ignored"


def test_log(pvh):
    """Catches a log that begins where the console does: it has the lines from before."""
    lines = pvh.command("log")
    form = re.compile(r"\[ *\d+\.\d{6}\] c0 (error|warn|info|debug) \w+: .")
    assert all(form.match(line) for line in lines)
    assert f"boot: Keelson 0.1.0, build {build_id()[:12]}" in lines[0]
    serial = next(i for i, line in enumerate(lines) if "serial:" in line)
    assert serial >= 2, "nothing stands before the serial console's own line"
    times = [float(re.match(r"\[ *([\d.]+)\]", line)[1]) for line in lines]
    assert times == sorted(times) and times[-1] < 30
    assert pvh.command("log error") == []


def test_prompt_is_on_time_after_much_output(pvh):
    """Catches output that gets lost on its way: every word of a long listing must arrive."""
    lines = pvh.command("peek -1 kernel_text_start 4096", seconds=30)
    assert len(lines) == 256
    shown = bytes.fromhex("".join(line.split(":")[1] for line in lines))
    assert shown == pvh.memory(symbols()["kernel_text_start"] - KERNEL_BASE, 4096)
    assert PROMPT not in "".join(lines)
