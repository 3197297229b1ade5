"""The kernel's ELF and discs made of it: what they hold, and copies that differ on purpose."""

import hashlib
import os
import shutil
import struct
import subprocess
from pathlib import Path

from machine import ROOT

OUTPUT = (ROOT / os.environ.get("O", "build")).resolve()
KERNEL = OUTPUT / "keelson.elf"
ISO = OUTPUT / "keelson.iso"
LOGS = OUTPUT / "tests" / "machine"
DISCS = LOGS / "discs"

KERNEL_BASE = 0xffffffff80000000
MULTIBOOT2_HEADER = struct.pack("<I", 0xe85250d6)
TAG_RELOCATABLE = 10


def tool(name):
    """A tool of the binutils, as the Makefile exports it."""
    return os.environ.get(name.upper(), name)


def symbols():
    """Addresses by name, as nm tells them; the first where a name stands for several."""
    found = {}
    lines = subprocess.run([tool("nm"), KERNEL], capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        words = line.split()
        if len(words) == 3:
            found.setdefault(words[2], int(words[0], 16))
    return found


def symbol_size(name):
    lines = subprocess.run([tool("nm"), "-S", KERNEL], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return next(int(words[1], 16) for words in map(str.split, lines)
                if len(words) == 4 and words[3] == name)


def build_id():
    notes = subprocess.run(["readelf", "-n", KERNEL], capture_output=True, text=True, check=True)
    return notes.stdout.split("Build ID:")[1].split()[0]


def addr2line(arguments):
    """Runs what a panic screen prints behind `addr2line`, on the kernel at hand."""
    words = [str(KERNEL) if word == "keelson.elf" else word for word in arguments.split()]
    done = subprocess.run(["addr2line", *words], capture_output=True, text=True, check=True)
    return done.stdout


def source_lines(path):
    return (ROOT / path).read_text().splitlines()


def config(options="", commands=""):
    """A grub.cfg that starts at once, with kernel options and further commands in the entry."""
    return "\n".join([
        "set timeout=0", "set default=0", "insmod all_video", "set gfxpayload=keep",
        'menuentry "Keelson" {', f"  multiboot2 /boot/keelson.elf {options}", commands, "}", ""])


def disc(grub_config, kernel=KERNEL):
    """An ISO with this grub.cfg; made once for each content, whichever worker comes first."""
    content = hashlib.sha256(Path(kernel).read_bytes() + grub_config.encode()).hexdigest()[:16]
    iso = DISCS / f"{content}.iso"
    if not iso.exists():
        own = DISCS / f"{content}.{os.getpid()}"
        own.mkdir(parents=True)
        (own / "grub.cfg").write_text(grub_config)
        subprocess.run([ROOT / "tools" / "mkiso.sh", kernel, own / "grub.cfg", own / "disc.iso"],
                       check=True)
        os.rename(own / "disc.iso", iso)
        shutil.rmtree(own)
    return iso


def relocatable_tag(image):
    """Offset of the relocatable tag of the Multiboot2 header [MB2 3.1.3, 3.1.13]."""
    header = image.find(MULTIBOOT2_HEADER, 0, 32768)
    assert header >= 0 and header % 8 == 0, "no Multiboot2 header"
    _, _, length, checksum = struct.unpack_from("<4I", image, header)
    assert (0xe85250d6 + length + checksum) % 2 ** 32 == 0, "the header's checksum is wrong"
    at = header + 16
    while at < header + length:
        kind, _, size = struct.unpack_from("<HHI", image, at)
        if kind == TAG_RELOCATABLE:
            return at
        assert kind != 0 and size >= 8, "the header has no relocatable tag"
        at = (at + size + 7) & ~7
    raise AssertionError("the header's tags have no end")


def highest_kernel():
    """A copy of the kernel whose header asks for the highest address instead of the lowest."""
    image = bytearray(KERNEL.read_bytes())
    tag = relocatable_tag(image)
    assert struct.unpack_from("<I", image, tag + 20)[0] == 1, "the preference isn't `lowest`"
    struct.pack_into("<I", image, tag + 20, 2)
    content = hashlib.sha256(image).hexdigest()[:16]
    copy = DISCS / f"{content}.elf"
    if not copy.exists():
        DISCS.mkdir(parents=True, exist_ok=True)
        own = copy.with_suffix(f".{os.getpid()}")
        own.write_bytes(image)
        os.rename(own, copy)
    return copy
