"""The build's own promises: what it refuses, what it says, and what it rebuilds."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = (ROOT / os.environ.get("O", "build")).resolve()
KERNEL = OUTPUT / "keelson.elf"
FIRST_LINK = OUTPUT / "keelson0.elf"
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith(("MAKE", "MFLAGS", "KEELSON_JOBS")) and name != "O"}


def run(*words, **arguments):
    arguments = {"cwd": ROOT, "env": CLEAN, "capture_output": True, "text": True, "timeout": 120,
                 **arguments}
    return subprocess.run([str(word) for word in words], check=False, **arguments)


# --- What a link must not contain (tools/check_image.sh) -------------------------------------------


def check_image(image, first=FIRST_LINK):
    return run("tools/check_image.sh", image, first)


def relinked(tmp_path, source, *options):
    """A program that isn't ours, linked like the kernel."""
    (tmp_path / "extra.S").write_text(source)
    run("gcc", "-c", "-o", tmp_path / "extra.o", tmp_path / "extra.S")
    image = tmp_path / "image"
    done = run("ld", "-nostdlib", *options, "-o", image, tmp_path / "extra.o")
    assert done.returncode == 0, done.stderr
    return image


HEADER = """
        .section .multiboot2, "a"
        .balign 8
1:      .long 0xe85250d6, 0, 2f - 1b, -(0xe85250d6 + (2f - 1b))
        .short 0, 0
        .long 8
2:      .text
        .globl _start
_start: {}
"""


def test_our_kernel_is_accepted():
    done = check_image(KERNEL)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code, options, complaint", [
    ("movaps %xmm0, %xmm1", [], "vector"),
    ("vzeroupper; vpxor %ymm1, %ymm2, %ymm3", [], "vector"),
    ("fldpi; faddp %st, %st(1)", [], "vector"),
    ("nop", ["-N"], "writable and executable"),
    ("nop; .data; .quad _start", ["-pie", "--no-dynamic-linker"], "relocation"),
])
def test_image_is_refused(tmp_path, code, options, complaint):
    image = relinked(tmp_path, HEADER.format(code), *options)
    done = check_image(image, image)
    assert done.returncode != 0 and complaint in done.stderr, done.stderr


def test_image_without_header_is_refused(tmp_path):
    image = relinked(tmp_path, ".text\n.globl _start\n_start: nop\n")
    done = check_image(image, image)
    assert done.returncode != 0 and "Multiboot2" in done.stderr


def test_moved_symbols_are_refused(tmp_path):
    """Catches a symbol table that describes another link than the one it is in."""
    one = relinked(tmp_path, HEADER.format("nop"))
    other_place = tmp_path / "other"
    other_place.mkdir()
    other = relinked(other_place, HEADER.format("nop; nop; nop; .globl late; late: nop"))
    done = check_image(other, one)
    assert done.returncode != 0 and "moved" in done.stderr


# --- The disc (tools/mkiso.sh) ---------------------------------------------------------------------


def folder_without(tmp_path, missing):
    """A PATH that has everything but one program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/sbin"):
        for program in Path(place).iterdir():
            link = folder / program.name
            if program.name != missing and not link.exists() and not link.is_symlink():
                link.symlink_to(program)
    return folder


@pytest.mark.parametrize("missing, package", [("xorriso", "xorriso"), ("mformat", "mtools"),
                                              ("grub-mkrescue", "grub-common"), ("xz", "xz-utils")])
def test_missing_tool_is_named(tmp_path, missing, package):
    iso = tmp_path / "disc.iso"
    done = run("tools/mkiso.sh", KERNEL, "iso/grub.cfg", iso,
               env={**CLEAN, "PATH": str(folder_without(tmp_path, missing))})
    assert done.returncode != 0
    assert missing in done.stderr and package in done.stderr, done.stderr
    assert not iso.exists(), "half an image was left behind"


def test_disc_boots_everywhere():
    """El Torito entries for BIOS and UEFI, both UEFI loaders, and nothing that isn't needed."""
    done = run("xorriso", "-indev", OUTPUT / "keelson.iso", "-report_el_torito", "plain")
    assert " BIOS " in done.stdout and " UEFI " in done.stdout, done.stdout
    assert (OUTPUT / "keelson.iso").stat().st_size < 6_000_000


# --- The Makefile ----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["usb", "netboot", "test-guests"])
def test_later_targets_say_so(target):
    done = run("make", target)
    assert done.returncode != 0 and "not there yet" in done.stderr


def test_help_lists_every_target():
    listed = run("make", "help").stdout
    for target in ("setup", "iso", "run", "run-uefi", "debug", "gdb", "test", "test-host", "test-kernel",
                   "test-machine", "test-guests", "test-mutants", "fuzz", "bench", "netboot", "check",
                   "usb", "clean"):
        assert f"make {target}" in listed, target


def test_setup_is_quick_when_nothing_is_missing():
    start = time.monotonic()
    done = run("tools/setup.sh")
    assert done.returncode == 0 and "Everything is installed." in done.stdout, done.stdout
    assert time.monotonic() - start < 5


def test_setup_names_packages_elsewhere(tmp_path):
    done = run("tools/setup.sh", env={**CLEAN, "PATH": str(folder_without(tmp_path, "apt-get"))})
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("Fedora", "Arch", "macOS", "mtools", "qemu"))


def copy_of_the_tree(tree):
    for name in run("git", "ls-files", "-co", "--exclude-standard").stdout.split():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    return tree


def test_goals_are_made_in_order(tmp_path):
    """Catches goals that run at once: `make clean all` would remove what it is making. Blanks in
    the path are part of it, and the processors are used although the makes are nested."""
    tree = copy_of_the_tree(tmp_path / "a tree")
    done = run("make", "clean", "all", "iso", cwd=tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tree / "build" / "keelson.iso").exists()
    assert "warning" not in done.stderr, done.stderr


def test_a_removed_source_is_gone_from_the_kernel(tmp_path):
    """Linker tables would hide that an old object is still linked."""
    tree = copy_of_the_tree(tmp_path / "tree")
    assert run("make", "-s", cwd=tree).returncode == 0
    assert b"provoke a fault" in (tree / "build/keelson.elf").read_bytes()
    (tree / "monitor/cmd_crash.c").unlink()
    assert run("make", "-s", cwd=tree).returncode == 0
    assert b"provoke a fault" not in (tree / "build/keelson.elf").read_bytes()


def test_a_header_rebuilds_what_includes_it(tmp_path):
    """Catches missing dependencies: with them wrong, old objects stay in a new kernel."""
    tree = copy_of_the_tree(tmp_path / "tree")
    assert run("make", "-s", "O=out", cwd=tree).returncode == 0
    before = run("make", "O=out", cwd=tree).stdout
    assert "CC" not in before, "a second make has nothing to do"
    header = tree / "kernel" / "symbol.h"
    header.write_text(header.read_text() + "\n")
    said = run("make", "O=out", "V=1", cwd=tree).stdout
    assert " kernel/symbol.c\n" in said and " monitor/cmd_access.c\n" in said, said
    assert " lib/parse.c\n" not in said
    assert "CC" not in run("make", f"O={tree}/out", cwd=tree).stdout, "the same folder, spelt otherwise"
    assert run("make", "O=out", "DEBUG=1", cwd=tree).stdout.count("  CC") > 20, "flags rebuild everything"


# --- Checkers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, included, allowed", [
    ("lib/x.c", "kernel/log.h", False),
    ("lib/x.c", "lib/bits.h", True),
    ("mm/x.c", "kernel/log.h", True),
    ("mm/x.c", "kernel/option.h", False),
    ("kernel/x.c", "arch/x86_64/io.h", False),
    ("kernel/x.c", "arch/arch.h", True),
    ("kernel/x.c", "drivers/uart16550.h", False),
    ("arch/x86_64/x.c", "monitor/shell.h", False),
    ("drivers/x.c", "arch/x86_64/io.h", True),
    ("drivers/x.c", "monitor/command.h", False),
    ("monitor/x.c", "mm/x_priv.h", False),
])
def test_layers(tmp_path, path, included, allowed):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(f'#include "{included}"\n')
    done = run("python3", ROOT / "tools/layers.py", path, cwd=tmp_path)
    assert (done.returncode == 0) == allowed, done.stderr


@pytest.mark.parametrize("lines, status, total", [
    (["3 passed, 0 failed, 1 skipped", "2 passed, 0 failed, 0 skipped"], 0, "5 passed, 0 failed, 1 skipped"),
    (["3 passed, 1 failed, 0 skipped"], 1, "3 passed, 1 failed, 0 skipped"),
    (["0 passed, 0 failed, 0 skipped"], 1, "0 passed, 0 failed, 0 skipped"),
    (["3 passed, 0 failed, 0 skipped", "crashed"], 1, "3 passed, 0 failed, 0 skipped"),
])
def test_totals(tmp_path, lines, status, total):
    files = []
    for number, line in enumerate(lines):
        files.append(tmp_path / f"{number}.totals")
        files[-1].write_text(f"noise\n{line}\n")
    done = run("tools/totals.sh", *files)
    assert (done.returncode != 0) == bool(status)
    assert done.stdout.strip().splitlines()[-1] == total
