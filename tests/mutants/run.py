#!/usr/bin/env python3
"""`make test-mutants`: breaks one behaviour after the other and looks whether the tests notice.

Each *.patch here begins with

    Test: host NAME | kernel PATTERN | machine PYTEST-ARGUMENTS
    Why: the behaviour that it breaks

The patched tree has to build, and the named test has to fail; on the sound tree it has to pass.
Arguments name the patches to try; without any, all are tried. Those for host tests are tried beside
all others, each kind in a tree of its own.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = Path(os.environ.get("O", "build")).resolve()
PYTHON = os.environ.get("PYTHON", sys.executable)
PASSED, TIMED_OUT = 0, 124
TRIES = 3  # for tests that a busy host may disturb


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
                "-append", f"exit=qemu ktest={what}"], timeout=40)
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
        sound[kind, what] = tree.build(kind, what) and any(tree.passes(kind, what) for _ in range(TRIES))
    if not sound[kind, what]:
        return f"the sound tree fails {kind} {what}"
    if not tree.patch(file):
        return "the patch doesn't apply"
    try:
        if not tree.build(kind, what):
            return "the patched tree doesn't build"
        return "NOT NOTICED" if all(tree.passes(kind, what) for _ in range(TRIES)) else None
    finally:
        assert tree.patch(file, "-R"), f"{file} can't be taken back"


def try_all(files):
    """The reports of those that failed."""
    failed, sound = [], {}
    with tempfile.TemporaryDirectory() as place:
        tree = Tree(place)
        for file in files:
            problem = try_mutant(tree, file, sound)
            report = f"mutant {file.stem}: {problem or 'noticed'} ({read_header(file)[2]})"
            print(report, flush=True)
            if problem:
                failed.append(report)
    return failed


def main():
    folder = Path(__file__).parent
    files = [folder / f"{Path(name).stem}.patch" for name in sys.argv[1:]] or sorted(folder.glob("*.patch"))
    kinds = [[file for file in files if (read_header(file)[0] == "host") == is_host] for is_host in (True, False)]
    with ThreadPoolExecutor() as pool:
        failed = sum(pool.map(try_all, kinds), [])
    totals = f"{len(files) - len(failed)} passed, {len(failed)} failed, 0 skipped"
    (OUTPUT / "tests").mkdir(parents=True, exist_ok=True)
    (OUTPUT / "tests" / "mutants.totals").write_text(totals + "\n")
    print(*failed, totals, sep="\n")
    sys.exit(len(failed) > 0)


main()
