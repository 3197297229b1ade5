"""The README's pictures, taken as QEMU shows them: `make screenshots` puts them into docs/images."""

import struct

import pytest

from images import OUTPUT, config, disc
from machine import ROOT
from screen import standing_still, wait_mirror, wait_screen

PICTURES = OUTPUT / "tests" / "screenshots"
SIZE_MAX = 40 * 1024  # bytes: they are in the repository
SESSIONS = {"prompt": ["hardware", "memory map", "symbol terminal_*"], "panic": ["crash read"],
            "top": ["spin 900 &", "schedule job/1 cpus=1", "spin 900 &", "schedule job/2 cpus=2 cap=40", "top"]}


def png_size(data):
    """Width and height [PNG 11.2.2]."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR"
    return struct.unpack_from(">2I", data, 16)


@pytest.mark.parametrize("name", SESSIONS)
def test_picture(start, name):
    """Catches a picture that the README promises and that can't be taken any more."""
    machine = start(iso=disc(config(commands="  set gfxpayload=1024x768x32")), memory="4G",
                    cpu="max,+svm,+npt", cpus=4 if name == "top" else 1)
    machine.wait_prompt()
    for command in SESSIONS[name][:-1]:
        machine.command(command)
    machine.type(f"{SESSIONS[name][-1]}\r")
    if name == "panic":
        wait_screen(machine, "the panic", lambda screen: "Press a key to reboot." in screen.text())
    elif name == "top":
        wait_screen(machine, "two bars", lambda screen: sum("|" * 12 in row for row in screen.text()) >= 2)
    else:
        machine.wait_prompt()
        wait_mirror(machine)
    PICTURES.mkdir(parents=True, exist_ok=True)
    file = PICTURES / f"{name}.png"
    with standing_still(machine):
        machine.monitor.execute("screendump", filename=str(file), format="png")
    assert png_size(file.read_bytes()) == (1024, 768)
    assert file.stat().st_size < SIZE_MAX


@pytest.mark.parametrize("name", SESSIONS)
def test_readme(name):
    """Catches a picture that the README lacks, or shows and doesn't have."""
    assert f"](docs/images/{name}.png)" in (ROOT / "README.md").read_text()
    assert png_size((ROOT / "docs" / "images" / f"{name}.png").read_bytes()) == (1024, 768)
