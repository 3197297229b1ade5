"""What the README says, done as a reader would."""

import re
import subprocess

import pexpect
import pytest

from test_build import CLEAN, OUTPUT, ROOT

README = (ROOT / "README.md").read_text()
SECONDS = 120


def spawn(command):
    return pexpect.spawn("/bin/bash", ["-c", command], cwd=ROOT, timeout=SECONDS, encoding="utf-8",
                         codec_errors="replace", env={**CLEAN, "O": str(OUTPUT), "TERM": "dumb"})


def test_make_run():
    """The first of the two commands ends at a prompt that answers; Ctrl-A X ends QEMU."""
    child = spawn("make run")
    child.expect("\r\nkeelson> ")
    child.send("version\r")
    child.expect(r"Keelson \d+\.\d+\.\d+, build [0-9a-f]{40}\r+\n")
    child.expect("keelson> ")
    child.send("\x01x")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def is_running(marker):
    return subprocess.run(["pgrep", "-f", marker], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_make_debug(firmware):
    """GDB's prompt comes at kmain, with symbols; quitting GDB ends QEMU."""
    child = spawn(f"FIRMWARE={firmware} make debug MEMORY={257 if firmware == 'bios' else 258}M")
    child.expect(r"hit Temporary breakpoint 1, kmain \(magic=920085129, info=\d+\)")
    child.expect(r"\(gdb\) ")
    child.sendline("print boot_info.module_count")
    child.expect(r"\$1 = 0")
    child.sendline("next")
    child.expect(r"\(gdb\) ")
    child.sendline("quit")
    child.expect(pexpect.EOF)
    child.close()
    assert not is_running(f"qemu-system-x86_64.*-m {257 if firmware == 'bios' else 258}M")


def names_in_sources(macro):
    listing = subprocess.run(["git", "grep", "-hoE", rf"^{macro}\((\w+)", "--", "*.c", ":!tests"], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout
    return {line.split("(")[1] for line in listing.split()}


def test_every_option_is_documented():
    table = README.split("## Options")[1].split("\n## ")[0]
    documented = set(re.findall(r"`(\w+)(?:[=\[`])", table))
    options = names_in_sources("OPTION")
    assert options <= documented, options - documented
    rows = {name for line in table.splitlines() if line.startswith("| `")
            for name in re.findall(r"`(\w+)", line.split(" | ")[0])}
    assert rows == options, rows ^ options


def test_every_target_is_explained():
    """What the README tells people to type exists."""
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True,
                            env=CLEAN).stdout
    for target in set(re.findall(r"`make ([a-z-]+)", README)) - {"help"}:
        assert f"make {target}" in helped, target


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
