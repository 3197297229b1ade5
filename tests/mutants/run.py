#!/usr/bin/env python3
"""`make test-mutants`: breaks one behaviour after the other and looks whether the tests notice.

Each *.patch here begins with

    Test: host NAME | kernel PATTERN | machine PYTEST-ARGUMENTS
    Why: the behaviour that it breaks

The patched tree has to build, and the named test has to fail; on the sound tree it has to pass.
Arguments name the patches to try; without any, all are tried.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = Path(os.environ.get("O", "build")).resolve()
PYTHON = os.environ.get("PYTHON", sys.executable)
PASSED, TIMED_OUT = 0, 124


class Tree:
    """A copy of the sources, built beside them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("MAKE", "MFLAGS", "KEELSON_JOBS"))} | {"O": "build"}
        names = self.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT).stdout
        self.run(["cpio", "-pdm", "--quiet", str(self.folder)], cwd=ROOT, input=names)

    def run(self, words, **arguments):
        arguments = {"cwd": self.folder, "capture_output": True, "text": True,
                     "errors": "replace", "timeout": 300,
                     "env": self.environment, **arguments}
        try:
            return subprocess.run(words, check=False, **arguments)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, TIMED_OUT, "", "no end")

    def patch(self, file, *options):
        done = self.run(["patch", "-p1", "--quiet", *options, "-i", str(file)])
        return done.returncode == 0

    def make(self, *words):
        done = self.run(["make", "-s", f"-j{os.cpu_count()}", *words])
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:], sep="\n")
        return done.returncode == 0

    def build(self, kind, what):
        if kind == "host":
            return self.make("-f", "tests/host.mk", f"build/tests/host/{what}")
        return self.make("all" if kind == "kernel" else "iso")

    def passes(self, kind, what):
        if kind == "host":
            return self.run([f"build/tests/host/{what}"]).returncode == PASSED
        if kind == "kernel":
            done = self.run([
                "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "256M",
                "-display", "none", "-no-reboot", "-nic", "none", "-serial", "null",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", "build/keelson.elf",
                "-append", f"exit=qemu ktest={what}"], timeout=20)
            return done.returncode == 33
        return self.run([PYTHON, "-m", "pytest", "-q", "-x", *what.split()]).returncode == PASSED


def read_header(file):
    fields = dict(line.split(": ", 1) for line in file.read_text().splitlines()[:2])
    kind, what = fields["Test"].split(" ", 1)
    return kind, what, fields["Why"]


def try_mutant(tree, file, sound):
    """What is wrong with the mutant or the tests; None where they notice it."""
    kind, what, _ = read_header(file)
    if (kind, what) not in sound:
        sound[kind, what] = tree.build(kind, what) and tree.passes(kind, what)
    if not sound[kind, what]:
        return f"the sound tree fails {kind} {what}"
    if not tree.patch(file):
        return "the patch doesn't apply"
    try:
        if not tree.build(kind, what):
            return "the patched tree doesn't build"
        return "NOT NOTICED" if tree.passes(kind, what) else None
    finally:
        assert tree.patch(file, "-R"), f"{file} can't be taken back"


def main():
    folder = Path(__file__).parent
    files = [folder / f"{Path(name).stem}.patch" for name in sys.argv[1:]] or sorted(folder.glob("*.patch"))
    counts, sound = {"passed": 0, "failed": 0}, {}
    with tempfile.TemporaryDirectory() as place:
        tree = Tree(place)
        for file in files:
            problem = try_mutant(tree, file, sound)
            counts["failed" if problem else "passed"] += 1
            print(f"mutant {file.stem}: {problem or 'noticed'} ({read_header(file)[2]})", flush=True)
    totals = f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped"
    (OUTPUT / "tests").mkdir(parents=True, exist_ok=True)
    (OUTPUT / "tests" / "mutants.totals").write_text(totals + "\n")
    print(totals)
    sys.exit(counts["failed"] > 0)


main()
