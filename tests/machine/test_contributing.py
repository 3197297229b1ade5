"""The worked examples of CONTRIBUTING.md, compiled and run as they stand."""

import os
import re
import shutil
import subprocess

import pytest

from machine import ROOT, SUCCESS

EXAMPLE = re.compile(r"```c\n// (\S+)\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def kernel_with_examples(tmp_path_factory):
    """A copy of the tree with the examples in it, built."""
    folder = tmp_path_factory.mktemp("contributing")
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                           capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    examples = EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert len(examples) == 4, "a command, an option, a driver and a test"
    for name, text in examples:
        (folder / name).write_text(text)
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS", "KEELSON_JOBS")) and name != "O"}
    subprocess.run(["make", "-s", "O=build"], cwd=folder, env=environment, check=True)
    return folder / "build" / "keelson.elf", [name for name, _ in examples], folder


def test_examples_work(start, kernel_with_examples):
    """Catches examples that have fallen behind the interfaces they show."""
    kernel, _, _ = kernel_with_examples
    machine = start(kernel=kernel, append='exit=qemu motto=onward ktest=post_code.*')
    said = machine.rest()
    assert machine.wait_exit() == SUCCESS
    assert "motto: onward" in said and "post: code 0xd0 written" in said
    assert "1 passed, 0 failed, 0 skipped" in said


def test_example_command(start, kernel_with_examples):
    kernel, _, _ = kernel_with_examples
    machine = start(kernel=kernel, append="motto=" + "x" * 61)
    assert "makes no sense for motto" in machine.wait_prompt()
    assert machine.command("greet Ada") == ["Good day, Ada."]
    assert machine.command("greet") == ["usage: greet NAME"]
    assert any("greet somebody" in " ".join(line.split()) for line in machine.command("help"))


def test_examples_follow_the_style(kernel_with_examples):
    """The examples pass the checks that a contribution has to pass."""
    _, names, folder = kernel_with_examples
    subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=folder, check=True)
    subprocess.run(["python3", "tools/layers.py", *names], cwd=folder, check=True)
