"""The font that the build embeds (tools/font.py): every form of PSF, and what is refused."""

import gzip
import re
import struct

import pytest

from test_build import run

ASCII = range(0x20, 0x7f)


def bitmap(point):
    return bytes([point, 0xff - point] * 8)


def psf1(points=ASCII, mode=2, height=16):
    glyphs = b"".join((bitmap(p) * 2)[:height] for p in points).ljust(256 * height, b"\0")
    words = b"".join(struct.pack("<HH", p, 0xffff) for p in points)
    return b"\x36\x04" + bytes([mode, height]) + glyphs + words + b"\xff\xff" * (256 - len(points))


def psf2(points=ASCII, width=8):
    across = (width + 7) // 8
    head = struct.pack("<8I", 0x864ab572, 0, 32, 1, len(points), 16 * across, 16, width)
    texts = b"".join(chr(p).encode() + b"\xff" for p in points)
    return head + b"".join(bitmap(p) * across for p in points) + texts


def convert(tmp_path, data):
    font = tmp_path / "font.psf"
    font.write_bytes(data)
    return run("tools/font.py", font)


def glyph_of(output, point):
    """The rows of a character, by the two tables of the generated source."""
    glyphs = re.findall(r"^    \{((?:0x\w\w, ){15}0x\w\w)\},$", output, re.M)
    number = int(re.search(rf"\{{0x{point:04x}, (\d+)\}}", output)[1])
    return bytes(int(row, 16) for row in glyphs[number].split(", "))


@pytest.mark.parametrize("data", [psf1(), psf2(), gzip.compress(psf1())], ids=["psf1", "psf2", "gz"])
def test_forms(tmp_path, data):
    done = convert(tmp_path, data)
    assert done.returncode == 0, done.stderr
    for point in ASCII:
        assert glyph_of(done.stdout, point) == bitmap(point)
    assert glyph_of(done.stdout, 0xfffd) == bitmap(ord("?"))
    assert glyph_of(done.stdout, 0x2588) == b"\xff" * 16
    assert glyph_of(done.stdout, 0x258c) == b"\xf0" * 16
    places = [int(p, 16) for p in re.findall(r"\{0x(\w{4}), \d+\}", done.stdout)]
    assert places == sorted(places)


REFUSED = {
    "another format": (b"GIF89a" + bytes(100), "no PSF font"),
    "another height": (psf1(height=14), "8 x 14 pixels"),
    "another width": (psf2(width=9), "9 x 16 pixels"),
    "no table": (psf1(mode=0), "doesn't say which characters"),
    "no ASCII": (psf1(points=range(0x30, 0x7f)), "lacks ASCII"),
    "psf1 cut in a glyph": (psf1()[:3000], "is damaged"),
    "psf1 cut in the head": (psf1()[:4], "is damaged"),
    "psf2 cut in a glyph": (psf2()[:1000], "is damaged"),
    "psf2 cut in the head": (psf2()[:20], "is damaged"),
    "gz cut": (gzip.compress(psf1(), mtime=0)[:200], "is damaged"),
}


@pytest.mark.parametrize("data, complaint", REFUSED.values(), ids=REFUSED.keys())
def test_refused(tmp_path, data, complaint):
    done = convert(tmp_path, data)
    assert done.returncode != 0 and complaint in done.stderr, done.stderr
    assert not done.stdout
