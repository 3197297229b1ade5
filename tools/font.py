#!/usr/bin/env python3
"""Turns a PSF font into the kernel's: font.py [FONT] > font_data.c

Without FONT: Terminus, 8 x 16, from where the distributions' packages have it. drivers/font.h says
what the tables look like.
"""

import gzip
import struct
import sys
import zlib
from pathlib import Path

HEIGHT, GLYPHS_MAX = 16, 512
REPLACEMENT = 0xfffd
PLACES = [
    "/usr/share/consolefonts/Uni2-Terminus16.psf.gz",  # Debian, Ubuntu: console-setup-linux
    "/usr/lib/kbd/consolefonts/ter-u16n.psf.gz",       # Fedora: terminus-fonts-console
    "/usr/share/kbd/consolefonts/ter-u16n.psf.gz",     # Arch: terminus-font
    "/opt/homebrew/share/consolefonts/ter-u16n.psf.gz",
]


def fail(reason):
    sys.exit(f"font.py: {reason}")


def find():
    found = next((place for place in PLACES if Path(place).is_file()), None)
    return found or fail("the font Terminus (8x16, PSF) is missing: install the package "
                         "console-setup-linux (or run `make setup`), or give the build FONT=file")


def read(path):
    data = Path(path).read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def parse_psf1(data):
    """Glyphs, and the code points of each: 16-bit words up to 0xffff; sequences, behind 0xfffe,
    aren't single characters and are left out."""
    mode, height = data[2:4]
    count = 512 if mode & 1 else 256
    glyphs = [data[4 + i * height:4 + (i + 1) * height] for i in range(count)]
    words = iter(struct.unpack_from(f"<{(len(data) - 4 - count * height) // 2}H", data, 4 + count * height))
    points = []
    for _ in range(count if mode & 6 else 0):
        own = list(iter(lambda: next(words), 0xffff))
        points.append(own[:own.index(0xfffe)] if 0xfffe in own else own)
    return height, 8, glyphs, points


def parse_psf2(data):
    """The same with UTF-8 text up to 0xff, sequences behind 0xfe."""
    _, header, flags, count, size, height, width = struct.unpack_from("<7I", data, 4)
    glyphs = [data[header + i * size:header + (i + 1) * size] for i in range(count)]
    texts = data[header + count * size:].split(b"\xff")[:count] if flags & 1 else []
    points = [[ord(c) for c in text.split(b"\xfe")[0].decode()] for text in texts]
    return height, width, glyphs, points


def quadrants(upper_left, upper_right, lower_left, lower_right):
    halves = [upper_left * 0xf0 | upper_right * 0x0f, lower_left * 0xf0 | lower_right * 0x0f]
    return bytes([halves[0]] * 8 + [halves[1]] * 8)


def block_elements():
    """U+2580 to U+259F. They are geometry, and console fonts have few of them."""
    blocks = {0x2580: quadrants(1, 1, 0, 0), 0x2590: quadrants(0, 1, 0, 1),
              0x2591: bytes([0x88, 0x22] * 8), 0x2592: bytes([0xaa, 0x55] * 8),
              0x2593: bytes([0x77, 0xdd] * 8), 0x2594: b"\xff\xff" + bytes(14),
              0x2595: bytes([0x01] * 16)}
    for eighths in range(1, 9):
        blocks[0x2580 + eighths] = bytes(HEIGHT - 2 * eighths) + b"\xff" * (2 * eighths)
        blocks[0x2590 - eighths] = bytes([0xff00 >> eighths & 0xff] * HEIGHT)
    shapes = ["0010", "0001", "1000", "1011", "1001", "1110", "1101", "0100", "0110", "0111"]
    for point, shape in enumerate(shapes, 0x2596):
        blocks[point] = quadrants(*map(int, shape))
    return blocks


def add_block_elements(glyphs, mapping):
    """Into new glyphs, and where there is no room into those of Cyrillic letters."""
    used = {glyph for point, glyph in mapping.items() if not 0x400 <= point < 0x530}
    free = [glyph for glyph in range(GLYPHS_MAX) if glyph not in used]
    for point, bitmap in block_elements().items():
        if point in mapping:
            continue
        if not free:
            fail("the font has no room for block elements")
        glyph = free.pop(0)
        for other in [other for other, own in mapping.items() if own == glyph]:
            del mapping[other]
        glyphs += [bytes(HEIGHT)] * (glyph + 1 - len(glyphs))
        glyphs[glyph] = bitmap
        mapping[point] = glyph


def parse_any(path):
    """Height, width, glyphs, and the code points of each glyph; None where it is no PSF."""
    data = read(path)
    if data[:2] == b"\x36\x04":
        return parse_psf1(data)
    if data[:4] == b"\x72\xb5\x4a\x86":
        return parse_psf2(data)
    return fail(f"{path} is no PSF font")


def parse(path):
    """Bitmaps of the glyphs, and the number of the glyph for each code point."""
    try:
        height, width, glyphs, points = parse_any(path)
    except (struct.error, zlib.error, EOFError, IndexError, RuntimeError, UnicodeDecodeError):
        fail(f"{path} is damaged")
    if any(len(glyph) != height * ((width + 7) // 8) for glyph in glyphs):
        fail(f"{path} is damaged")
    if (width, height) != (8, HEIGHT):
        fail(f"{path} has {width} x {height} pixels, not 8 x {HEIGHT}")
    if not points:
        fail(f"{path} doesn't say which characters it has")
    mapping = {}
    for glyph, own in enumerate(points):
        for point in own:
            mapping.setdefault(point, glyph)
    missing = [point for point in range(0x20, 0x7f) if point not in mapping]
    if missing or len(glyphs) > GLYPHS_MAX:
        fail(f"{path} lacks ASCII characters, or has more than {GLYPHS_MAX} glyphs")
    mapping.setdefault(REPLACEMENT, mapping[ord("?")])
    add_block_elements(glyphs, mapping)
    return glyphs, mapping


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else find()
    glyphs, mapping = parse(path)
    print(f"// {Path(path).name}, by tools/font.py")
    print('#include "drivers/font.h"\n')
    print("const uint8_t font_bitmaps[FONT_GLYPHS][FONT_HEIGHT] = {")
    for glyph in glyphs:
        print("    {" + ", ".join(f"0x{row:02x}" for row in glyph) + "},")
    print("};\n\nconst struct font_mapping font_map[] = {")
    for point, glyph in sorted(mapping.items()):
        if point <= 0xffff:
            print(f"    {{0x{point:04x}, {glyph}}},")
    print("};\n\nconst unsigned font_map_count = sizeof(font_map) / sizeof(font_map[0]);")


if __name__ == "__main__":
    main()
