"""The screen console, looked at from outside: QEMU's screenshots, read back through the font."""

import re
import struct
import time

import pytest

from debugger import Stub
from images import KERNEL, KERNEL_BASE, config, disc, symbols
from panic_screen import PanicScreen
from screen import (BLACK, BLUE, LIGHT_GREY, WHITE, YELLOW, Screen, kernel_text, looks,
                    wait_mirror, wait_screen, wait_text)
from test_hand_made import RAM, block, start_on, tag

CARDS = {
    **{card: ["-vga", card] for card in ("std", "cirrus", "vmware", "qxl", "virtio", "none")},
    "bochs-display": ["-vga", "none", "-device", "bochs-display"],
    "ramfb": ["-vga", "none", "-device", "ramfb"],
}
PROMPT = "keelson>"
SCREEN_LINE = re.compile(r"info screen: (.*)")
RGB = re.compile(r"(\d+)x(\d+)x(\d+) at 0x[0-9a-f]+, (\d+) x (\d+) characters, scale (\d+)")
MODE = "1024x768x32"


def framebuffer_disc(mode=MODE, options=""):
    """GRUB sets the mode that its variable names when it leaves for the kernel."""
    return disc(config(options, f"  set gfxpayload={mode}"))


def started(machine):
    """The machine at its prompt, and what its log says of the screen."""
    said = machine.wait_prompt()
    found = SCREEN_LINE.search(said)
    assert found, f"the log says nothing of the screen: {said[-2000:]!r}"
    return found[1].strip()


def assert_prompt(screen):
    """At rest: light grey on black, and the cursor behind the prompt."""
    assert screen.margin in (None, BLACK)
    row, column = screen.cursor()
    assert screen.text()[row] == PROMPT and column == len(PROMPT) + 1
    assert not any(screen.text()[row + 1:])
    assert screen.colors(row, column) == (None, LIGHT_GREY)
    assert screen.colors(row, 0) == (LIGHT_GREY, BLACK)


def is_at_prompt(screen):
    last = max((row for row, text in enumerate(screen.text()) if text), default=0)
    return screen.text()[last] == PROMPT and screen.is_marked(last, len(PROMPT) + 1)


def scroll(machine, screen):
    """Lets the machine say more than its screen has rows; returns the last screenful. What the
    screen shows must be what the serial console has said."""
    top = screen.text()[0]
    for times in range(4):  # never the same number of rows: what is at the top may be said again
        machine.command("help; boot; log; memory" + times * "; version")
        screen = wait_mirror(machine, crop=screen.size)
        assert_prompt(screen)
        if screen.text()[0] != top:
            return screen
    raise AssertionError("nothing has scrolled")


# --- Cards and modes ---------------------------------------------------------------------------

@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_card(start, firmware, card):
    """Catches a picture that is drawn somewhere else, skewed, or only from some line of the log on:
    the screen shows what the serial console does, whatever has set the mode. With none, the kernel
    says so and goes on."""
    machine = start(iso=disc(config()), firmware=firmware, extra=CARDS[card])
    description = started(machine)
    if card == "none":
        assert description == "none"
        assert machine.command("version")[0].startswith("Keelson ")
        return
    width, height, _, columns, rows, scale = map(int, RGB.fullmatch(description).groups())
    # QEMU has one line less of Cirrus' picture, and SeaBIOS centres nothing on a ramfb.
    crop = (width, height - (card == "cirrus"))
    screen = wait_mirror(machine, crop=crop)
    assert (screen.columns, screen.rows, screen.scale) == (columns, rows, scale)
    assert "boot: Keelson" in screen.text()[0], "the log's first line is where the screen begins"
    assert_prompt(screen)
    scroll(machine, screen)


UEFI = ["-vga", "std"]
LARGE = ["-vga", "none", "-device", "VGA,vgamem_mb=64,xres=3840,yres=2160"]


@pytest.mark.parametrize("mode, options, columns, rows, scale, extra", [
    ("640x480x16", "", 80, 30, 1, []),
    ("800x600x15", "", 100, 37, 1, []),
    ("1280x1024x24", "", 160, 64, 1, []),
    ("1920x1080x32", "", 240, 67, 1, []),
    ("1920x1080x32", "screen=scale3", 80, 22, 3, []),
    ("1024x768x32", "screen=scale2", 64, 24, 2, []),
    ("1024x768x24", "screen=scale3", 42, 16, 3, []),
    ("3840x2160x32", "", 160, 45, 3, LARGE),
    ("3840x2160x32", "screen=scale1", 480, 135, 1, LARGE),
    ("1024x768x32", "", 128, 48, 1, UEFI),
    ("1920x1080x32", "screen=scale2", 120, 33, 2, UEFI),
], ids=lambda value: value if isinstance(value, str) and value else "")
def test_mode(start, mode, options, columns, rows, scale, extra):
    """Catches a depth, a pitch or a scale that is taken for another."""
    firmware = "uefi" if extra is UEFI else "bios"
    machine = start(iso=framebuffer_disc(mode, options), extra=extra, firmware=firmware)
    found = RGB.fullmatch(started(machine)).groups()
    assert "x".join(found[:3]) == mode
    assert tuple(map(int, found[3:])) == (columns, rows, scale)
    screen = wait_mirror(machine)
    assert (screen.columns, screen.rows, screen.scale) == (columns, rows, scale)
    scroll(machine, screen)


@pytest.mark.parametrize("loader", ["pvh", "grub"])
def test_vga_text(start, loader):
    """Catches text memory that nobody looks for where no loader names it, and the hardware's own
    cursor, which blinks twice a second."""
    machine = start(**{"iso": framebuffer_disc("text")} if loader == "grub" else {})
    assert started(machine) == "VGA text, 80 x 25 characters"
    screen = scroll(machine, wait_mirror(machine))
    assert screen.is_vga_text and (screen.columns, screen.rows) == (80, 25)
    for _ in range(7):
        assert_prompt(Screen(machine))
        time.sleep(0.1)


def test_no_screen(start):
    """Catches a VGA that is believed where there is none."""
    machine = start(extra=CARDS["none"])
    assert started(machine) == "none"


@pytest.mark.parametrize("name, bits, red, green, blue, pitch", [
    ("red first", 32, 0, 8, 16, 811 * 4), ("wide pitch", 32, 16, 8, 0, 4096),
    ("three bytes", 24, 8, 16, 0, 811 * 3 + 5)])
def test_above_4_gib(start, tmp_path, name, bits, red, green, blue, pitch):
    """Catches an address cut at 32 bits, an order of colours or a pitch that is guessed: a
    framebuffer of which no card is behind, read from the machine's memory. Nothing may be written
    beside it."""
    width, height, size, address = 811, 605, bits // 8, 0x140003000
    payload = struct.pack("<QIIIBBH6B", address, pitch, width, height, bits, 1, 0,
                          red, 8, green, 8, blue, 8)
    machine, said = start_on(start, tmp_path, block(RAM, tag(8, payload)), memory="6G")
    assert f"info screen: {width}x{height}x{bits} at {address:#x}, 101 x 37" in said, name

    def look():
        memory = machine.memory(address - 4096, pitch * height + 8192)
        rows = []
        for y in range(height):
            line = memory[4096 + y * pitch:4096 + (y + 1) * pitch]
            row = bytearray(3 * width)
            for channel, position in enumerate((red, green, blue)):
                row[channel::3] = line[position // 8:width * size:size]
            rows.append(bytes(row))
            assert not any(line[width * size:]), f"line {y} goes beyond its end"
        assert not any(memory[:4096]) and not any(memory[4096 + pitch * height:])
        return Screen(picture=(width, height, rows))

    assert "boot: Keelson" in wait_mirror(machine, look=look).text()[0]
    machine.command("help; memory; log")
    assert_prompt(wait_mirror(machine, look=look))


# --- Text --------------------------------------------------------------------------------------

def test_characters(start):
    """Catches characters that are lost between the command line, the terminal and code page 437:
    unknown commands are named in the answers."""
    words = ["äöüßÄÖÜé¿½±", "─│┌┬┐├┼┤└┴┘", "═║╔╗╚╝╬", "░▒▓▄▌▐▀"]
    machine = start(append='run="' + "; ".join(words) + '"')
    assert "option" not in machine.wait_prompt()
    rows = wait_mirror(machine).text()
    for word in words:
        assert any(row.startswith(f"{word}: no such command") for row in rows), word


def test_unknown_characters(start):
    """Catches a character that the screen lacks and that takes no cell, or two."""
    machine = start(append='run="<×☃漢😀█>"')
    machine.wait_prompt()
    screen = wait_text(machine, kernel_text(machine).replace("<×☃漢😀█>", "<???? >"))
    row = next(number for number, text in enumerate(screen.text()) if text.startswith("<????"))
    assert screen.colors(row, 5) == (None, LIGHT_GREY), "a full block"


@pytest.mark.parametrize("mode", [MODE, "800x600x15", "text"])
def test_chart(start, mode):
    """Catches a character of Latin-1, box drawing or blocks in another's place, and colours whose
    parts are exchanged: the command `screen test` shows all of them."""
    machine = start(iso=framebuffer_disc(mode))
    machine.wait_prompt()
    machine.command("screen test")
    screen = wait_screen(machine, "the chart", is_at_prompt)
    assert screen.is_vga_text == (mode == "text")
    rows = screen.text()
    first = rows.index(PROMPT) - 8
    for background, cells in enumerate(screen.cells()[first:first + 8]):
        for color in range(16):
            digits = [(digit, color, background) if color != background else (" ", None, color)
                      for digit in f"{background:x}{color:x}"]
            assert cells[3 + 4 * color:5 + 4 * color] == digits, "background, foreground"
    if screen.is_vga_text:
        return
    lines = [(0xa0, 48), (0xd0, 48), *[(line, 40) for line in range(0x2500, 0x25a0, 40)]]
    for line, count in lines:
        row = next(row for row, text in enumerate(rows) if text.startswith(f"  U+{line:04X}  "))
        expected = "".join(map(chr, range(line, line + count)))
        assert rows[row][10:] == looks(expected.replace("█", " ")).rstrip()
        if "█" in expected:
            assert screen.colors(row, 10 + expected.index("█")) == (None, LIGHT_GREY)


def words_of(machine, count):
    """The lines that `peek kernel_text_start` prints of so many words."""
    start = symbols()["kernel_text_start"]
    words = struct.unpack(f"<{count}Q", machine.memory(start - KERNEL_BASE, 8 * count))
    return [f"{start + 8 * at:016x}: {words[at]:016x} {words[at + 1]:016x}"
            for at in range(0, count, 2)]


@pytest.mark.parametrize("kind", ["vga", "framebuffer"])
def test_burst(start, kind):
    """Catches text that a slow console loses, or that comes in another order: 10,240 lines."""
    options = 'run="' + "; ".join(["peek kernel_text_start 4096"] * 5) + '"'
    machine = start(**{"append": options} if kind == "vga" else
                    {"iso": framebuffer_disc(options=options)})
    machine.wait_prompt()
    screen = wait_mirror(machine)
    assert_prompt(screen)
    said = [line for line in kernel_text(machine).split("\r\n") if re.match("[0-9a-f]{16}: ", line)]
    expected = words_of(machine, 4096)
    assert len(said) == 10240 and said == expected * 5
    assert screen.text()[:-1] == expected[1 - screen.rows:]


# --- Which consoles ----------------------------------------------------------------------------

def test_console_serial(start):
    """Catches a screen that is cleared or written on although only the serial port is wanted: what
    the firmware has left stays."""
    machine = start(append="console=serial")
    machine.wait_prompt()
    machine.command("version")
    screen = wait_screen(machine, "the firmware's text", lambda screen: any(screen.text()))
    assert "SeaBIOS" in screen.text()[0]
    assert not any("Keelson" in text or PROMPT in text for text in screen.text())


def test_console_screen(start):
    """Catches words that get out on a port that isn't wanted."""
    machine = start(append="console=screen")
    screen = wait_screen(machine, "the prompt", is_at_prompt)
    assert_prompt(screen)
    machine.assert_silent(0.3)
    assert machine.log.read_bytes() == b""


@pytest.mark.parametrize("kind", ["vga", "framebuffer"])
def test_without_serial_port(start, kind):
    """Catches a machine that stands still where a screen is all there is: the log's first line and
    the prompt are on it."""
    machine = start(serial=False, **{} if kind == "vga" else {"iso": framebuffer_disc()})
    screen = wait_screen(machine, "the prompt", is_at_prompt)
    assert_prompt(screen)
    assert "boot: Keelson" in screen.text()[0]


# --- Panics ------------------------------------------------------------------------------------

def panicked(machine):
    """Waits for the panic's end; returns its screen, which must show all that the serial console
    says: white on blue, the headline yellow, and the cursor at the end."""
    machine.wait("Press a key to reboot.\r\n")
    said = kernel_text(machine)
    said = said[said.rindex("KEELSON PANIC: "):]
    screen = wait_text(machine, "\n" + said)
    assert screen.text()[1].startswith("KEELSON PANIC: "), "the first line has scrolled away"
    row, column = screen.cursor()
    assert screen.colors(row, column) == (None, LIGHT_GREY) and column == 0
    assert screen.text()[row - 1] == "Press a key to reboot."
    assert screen.margin in (None, BLUE)
    for number, cells in enumerate(screen.cells()):
        colors = {cell[1:] for cell in cells if cell.foreground is not None}
        expected = {(YELLOW if number == 1 else WHITE, BLUE)} if screen.text()[number] else set()
        assert colors == expected, f"row {number}"
    return screen


def panic_machine(start, kind, **arguments):
    if kind == "framebuffer":
        arguments["iso"] = framebuffer_disc()
    machine = start(**arguments)
    machine.wait_prompt()
    return machine


@pytest.mark.parametrize("kind, crash", [
    *[("vga", crash) for crash in ("read", "panic", "nested", "overflow")],
    *[("framebuffer", crash) for crash in ("read", "nested")]])
def test_panic(start, kind, crash):
    """Catches a photograph that lacks a line, keeps some of the text from before, or is mute about
    a console that is broken. 25 rows are enough."""
    machine = panic_machine(start, kind)
    machine.type(f"crash {crash}\r")
    panicked(machine)


def test_panic_without_serial_port(start):
    """Catches a panic that only a serial cable would show."""
    machine = start(serial=False, append='run="crash read" panic=halt')
    screen = wait_screen(machine, "the end", lambda screen: "Halted." in screen.text())
    shown = PanicScreen("\n".join(screen.text()))
    assert shown.reason == "#PF page fault"
    shown.assert_registers()
    assert "crash_read" in shown.names()
    assert screen.background() == BLUE


@pytest.mark.parametrize("kind", ["vga", "framebuffer"])
def test_panic_of_the_screen_itself(start, tmp_path, kind):
    """Catches a panic that trusts the state whose destruction has caused it: everything that the
    terminal knows becomes a pattern, and the next key meets it."""
    pattern = tmp_path / "pattern"
    pattern.write_bytes(b"\x5a" * 4096)
    place = "'drivers/screen.c'::screen.terminal"
    with Stub() as stub:
        machine = panic_machine(start, kind, extra=stub.arguments[1:])
        said = stub.run(machine, f"file {KERNEL}",
                        f'eval "restore {pattern} binary %lu 0 %lu", (unsigned long)&{place}, '
                        f"sizeof({place})")
        assert "Restoring binary file" in said, said
        machine.type("x")
        screen = panicked(machine)
    shown = PanicScreen("\n".join(screen.text()))
    assert re.match("#GP|#PF", shown.reason) and "terminal" in shown.text, shown.text
