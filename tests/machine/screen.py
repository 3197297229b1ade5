"""The screen as a camera sees it: QEMU's screenshot, read back into text through the font.

Nothing is taken from the kernel's memory: pixels that are no character of the font are an error. A
full block and a blank of the same colour are the same pixels, and read as a blank.
"""

import contextlib
import difflib
import re
import sys
import time
from collections import Counter, namedtuple
from functools import lru_cache
from pathlib import Path

from machine import ANSWER_SECONDS, ROOT
from terminal import Paper

sys.path.insert(0, str(ROOT / "tools"))
import font  # noqa: E402

WIDTH, HEIGHT, SCALE_MAX = 8, font.HEIGHT, 8
FIRST_LINE = re.compile(r"\[ *\d+\.\d{6}\] ")
BLACK, BLUE, LIGHT_GREY, YELLOW, WHITE = 0, 4, 7, 11, 15

# The colours as SGR numbers them, which both kinds of screen have alike [VGA].
PALETTE = [0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
           0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff]
COLOR_ERROR = 8  # what 5 bits a channel lose

VGA_SIZE, VGA_WIDTH = (720, 400), 9
VGA_BIOS = ["/usr/share/seabios/vgabios-stdvga.bin", "/usr/share/qemu/vgabios-stdvga.bin",
            "/usr/share/seavgabios/vgabios-stdvga.bin",
            "/opt/homebrew/share/qemu/vgabios-stdvga.bin",
            "/usr/local/share/qemu/vgabios-stdvga.bin"]
VGA_LETTER_A = bytes.fromhex("000010386cc6c6fec6c6c6c600000000")
VGA_LINES = range(0xb0, 0xe0)  # whose eighth column goes on in the ninth; on hardware, from 0xc0 on
# What code page 437 draws for control characters.
VGA_LOW = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"

Cell = namedtuple("Cell", "character foreground background")  # no foreground where nothing is drawn


@lru_cache
def psf_characters():
    """Characters by their bitmaps; the first one where several look the same."""
    glyphs, mapping = font.parse(font.find())
    return {glyphs[mapping[point]]: chr(point) for point in sorted(mapping, reverse=True)}


@lru_cache
def vga_characters():
    """The same for the font that the VGA's BIOS has, in rows of nine pixels."""
    place = next((name for name in VGA_BIOS if Path(name).is_file()), None)
    assert place, "QEMU's VGA BIOS isn't where it is looked for"
    image = Path(place).read_bytes()
    start = image.index(VGA_LETTER_A) - ord("A") * HEIGHT
    characters = {}
    for code in reversed(range(256)):
        glyph = image[start + code * HEIGHT:start + (code + 1) * HEIGHT]
        character = VGA_LOW[code] if code < 0x20 else bytes([code]).decode("cp437")
        characters[tuple(row << 1 | (row & 1 if code in VGA_LINES else 0) for row in glyph)] = \
            character
    return characters


def looks(text):
    """The text as the framebuffer's font shows it: of characters that look the same, the first."""
    glyphs, mapping = font.parse(font.find())
    unknown = mapping[font.REPLACEMENT]
    return "".join(psf_characters()[glyphs[mapping.get(ord(c), unknown)]] for c in text)


def color_of(pixel):
    """The number of a colour; of depths that lose bits, too."""
    near = [number for number, rgb in enumerate(PALETTE)
            if all(abs(have - want) <= COLOR_ERROR
                   for have, want in zip(pixel, rgb.to_bytes(3, "big")))]
    assert len(near) == 1, f"{pixel.hex()} is none of the sixteen colours"
    return near[0]


@contextlib.contextmanager
def standing_still(machine):
    """Stops the processors meanwhile. QEMU draws anew only what has been written since its last
    look, and loses what is written just while it looks: for good, since the kernel draws nothing
    twice."""
    was_running = machine.monitor.execute("query-status")["running"]
    machine.monitor.execute("stop")
    try:
        yield
    finally:
        if was_running:
            machine.monitor.execute("cont")


def screenshot(machine):
    """The picture: width, height, and the rows of pixels, three bytes each."""
    path = machine.log.with_suffix(".ppm")
    with standing_still(machine):
        machine.monitor.execute("screendump", filename=str(path))
    data = path.read_bytes()
    path.unlink()
    magic, width, height, depth = data[:64].split()[:4]
    assert (magic, depth) == (b"P6", b"255"), data[:20]
    width, height = int(width), int(height)
    start, pitch = len(data) - 3 * width * height, 3 * width
    return width, height, [data[at:at + pitch] for at in range(start, len(data), pitch)]


def shrink_row(row, by):
    """Every `by`th pixel of a row; None where those between differ."""
    planes = [row[channel::3] for channel in range(3)]
    if any(plane[i::by] != plane[::by] for plane in planes for i in range(1, by)):
        return None
    small = bytearray(len(row) // by)
    for channel in range(3):
        small[channel::3] = planes[channel][::by]
    return bytes(small)


def shrink(rows, by):
    """The picture of which each pixel is a square of `by` by `by`; None where it is no such."""
    if by == 1:
        return rows
    small = []
    for at in range(0, len(rows), by):
        if any(row != rows[at] for row in rows[at + 1:at + by]):
            return None
        small.append(shrink_row(rows[at], by))
        if small[-1] is None:
            return None
    return small


class Screen:
    """One picture, read. `size` in pixels, `columns`, `rows`, `scale`, whether it is VGA text, and
    the margin's color, None where there is no margin.

    scale: worked out if not given; crop: width and height of the part at the top left that counts;
    picture: one from elsewhere, as screenshot() gives it.
    """

    def __init__(self, machine=None, scale=None, crop=None, picture=None):
        width, height, pixels = picture or screenshot(machine)
        if crop:
            width, height = crop
            pixels = [row[:3 * width] for row in pixels[:height]]
        self.size = width, height
        self.is_vga_text = self.size == VGA_SIZE
        self.cell_width = VGA_WIDTH if self.is_vga_text else WIDTH
        self.characters = vga_characters() if self.is_vga_text else psf_characters()
        self.scale, pixels = self._unscaled(pixels, [scale] if scale else range(SCALE_MAX, 0, -1))
        self.columns, self.rows = len(pixels[0]) // 3 // self.cell_width, len(pixels) // HEIGHT
        self.grid = self._read(pixels)

    def _unscaled(self, pixels, scales):
        """The largest scale that makes sense of the picture, and the picture without it."""
        for scale in scales:
            used = 3 * (self.size[0] // (self.cell_width * scale) * self.cell_width * scale)
            lines = self.size[1] // (HEIGHT * scale) * HEIGHT * scale
            small = shrink([row[:used] for row in pixels[:lines]], scale)
            if not small:
                continue
            rest = {row[at:at + 3] for i, row in enumerate(pixels)
                    for at in range(used if i < lines else 0, len(row), 3)}
            assert len(rest) <= 1, f"the margin has {len(rest)} colours"
            self.margin = color_of(rest.pop()) if rest else None
            return scale, small
        raise AssertionError(f"the picture isn't drawn in squares of {scales} pixels")

    def _read(self, pixels):
        """Cells that look the same are recognized once; a blank is what there is most of."""
        size = 3 * self.cell_width
        pictures = [[b"".join([line[at:at + size] for line in pixels[row * HEIGHT:][:HEIGHT]])
                     for at in range(0, self.columns * size, size)] for row in range(self.rows)]
        usual = Counter(picture for row in pictures for picture in row).most_common(1)[0][0][:3]
        known = {}
        for row, line in enumerate(pictures):
            for column, picture in enumerate(line):
                if picture not in known:
                    known[picture] = self._recognize(picture, (row, column), usual)
        return [[known[picture] for picture in line] for line in pictures]

    def _recognize(self, picture, place, usual):
        pixels = [picture[at:at + 3] for at in range(0, len(picture), 3)]
        colors = [color for color, _ in Counter(pixels).most_common()]
        if len(colors) == 1:
            return Cell(" ", None, color_of(colors[0]))
        assert len(colors) == 2, f"the cell at {place} has {len(colors)} colours"
        if colors[1] == usual:
            colors.reverse()
        for back, front in (colors, colors[::-1]):
            character = self._character([pixel == front for pixel in pixels])
            if character:
                return Cell(character, color_of(front), color_of(back))
        raise AssertionError(f"the cell at {place} is no character:\n{self._drawing(pixels)}")

    def _character(self, bits):
        width = self.cell_width
        rows = tuple(sum(bit << (width - 1 - x) for x, bit in enumerate(bits[at:at + width]))
                     for at in range(0, len(bits), width))
        return self.characters.get(rows if self.is_vga_text else bytes(rows))

    def _drawing(self, pixels):
        width = self.cell_width
        marks = "".join("#" if pixel != pixels[0] else "." for pixel in pixels)
        return "\n".join(marks[at:at + width] for at in range(0, len(marks), width))

    def cells(self):
        """Rows of Cells."""
        return self.grid

    def text(self):
        """The rows, right ends stripped."""
        return ["".join(cell.character for cell in row).rstrip() for row in self.grid]

    def colors(self, row, column):
        """Foreground and background."""
        return self.grid[row][column][1:]

    def background(self):
        """The most frequent one."""
        return Counter(cell.background for row in self.grid for cell in row).most_common(1)[0][0]

    def is_marked(self, row, column):
        """Whether a cell has another background, as the cursor's has."""
        return self.grid[row][column].background != self.background()

    def cursor(self):
        """Row and column of the one marked cell; None where there is none."""
        usual = self.background()
        found = [(r, c) for r, row in enumerate(self.grid) for c, cell in enumerate(row)
                 if cell.background != usual]
        assert len(found) <= 1, f"these cells are marked: {found}"
        return found[0] if found else None


def wait_screen(machine, what, holds, seconds=ANSWER_SECONDS, look=None, **how):
    """Looks again and again until it holds; returns that screen. Pictures that aren't drawn in our
    font, such as the firmware's and those taken amid drawing, don't count."""
    end = time.monotonic() + seconds
    while True:
        try:
            screen = look() if look else Screen(machine, **how)
            if holds(screen):
                return screen
            shown = "\n".join(screen.text())
        except AssertionError as error:
            shown = str(error)
        assert time.monotonic() < end, f"not within {seconds} s: {what}. The screen:\n{shown}"
        time.sleep(0.1)


def kernel_text(machine):
    """What the kernel has said so far on the serial console: from the log's first line on."""
    said = machine.log.read_bytes().decode("utf-8", "replace")
    first = FIRST_LINE.search(said)
    assert first, f"the serial console shows no log: {said[-2000:]!r}"
    return said[first.start():]


def wait_text(machine, text, **how):
    """Waits until the screen shows the end of this text, the cursor behind it, and nothing else;
    returns that screen."""
    seen = []
    text = text.replace("█", " ")  # as it is read

    def holds(screen):
        paper = Paper(screen.columns, text)
        seen[:] = [paper.last(screen.rows), screen.text()]
        return seen[0] == seen[1] and screen.is_marked(*paper.cursor(screen.rows))
    try:
        return wait_screen(machine, "the text", holds, **how)
    except AssertionError as error:
        if not seen:
            raise
        difference = difflib.unified_diff(*seen, "expected", "screen", lineterm="", n=1)
        raise AssertionError("the screen is another, or its cursor is elsewhere:\n"
                             + "\n".join(difference)) from error


def wait_mirror(machine, **how):
    """Waits until the screen shows what the serial console does; the machine is at its prompt."""
    return wait_text(machine, kernel_text(machine), **how)
