"""The session at the prompt: editing, history, completion, cutting, pasting; as a terminal sends it."""

import time

import pytest

from debugger import Stub
from images import KERNEL, build_id
from machine import PROMPT

VERSION = f"Keelson 0.1.0, build {build_id()}"
LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
HOME, END, DELETE, CTRL_LEFT, ALT_BACKSPACE = "\x1b[H", "\x1bOF", "\x1b[3~", "\x1b[1;5D", "\x1b\x7f"


def typed(machine, keys, seconds=20):
    """Sends keys as they are and returns the lines up to the next prompt, the echo left out."""
    machine.type(keys)
    return machine.wait_prompt(seconds).split("\n")[1:]


@pytest.mark.parametrize("keys, line", [
    ("echo bc" + LEFT + LEFT + "a", "abc"),
    ("cho x" + HOME + "e" + END + "y", "xy"),
    ("echo one two" + CTRL_LEFT + "\x0bthree", "one three"),
    ("echo one two\x17three", "one three"),
    ("echo one-two" + ALT_BACKSPACE + "three", "one-three"),
    ("echo abc" + LEFT * 3 + DELETE + "\x04", "c"),
    ("echo a b\x17\x19\x19", "a bb"),
    ("nonsense\x15echo x", "x"),
    ("echo abc\x01\x1bfd" + "\x06" * 9 + "e", ""),
    ("echo \xc3\xa4\xc3\xb6\x08\xc3\xbc", "\xc3\xa4\xc3\xbc"),
])
def test_editing(pvh, keys, line):
    """Catches a key that does something else than in other shells. The odd one out: `echod abce`."""
    said = typed(pvh, keys + "\r")
    assert said == ([line] if line else ["echod: no such command; `help` lists them"])


def test_echo_is_the_text(pvh):
    """Catches escape sequences for plain typing: a log of the line must be readable."""
    pvh.type("echo plain text")
    pvh.wait("echo plain text")
    pvh.type("\x08\x08\x08\x08\r")
    assert pvh.wait_prompt() == "\b \b" * 4 + "\nplain"


def test_long_line_scrolls(pvh):
    """Catches a line that depends on how the terminal wraps: no row is ever 80 columns wide."""
    line = "echo " + "0123456789" * 12
    pvh.type(line + HOME + END + LEFT * 100 + "\r")
    echo, said = pvh.wait_prompt().split("\n")
    assert said == line[5:]
    column = len(PROMPT)
    for c in echo:
        column = 0 if c == "\r" else column - 1 if c == "\b" else column + 1
        assert 0 <= column < 80


def test_history(pvh):
    assert typed(pvh, "echo one\r") == ["one"]
    assert typed(pvh, "echo two\r") == ["two"]
    assert typed(pvh, "typing" + UP + UP + DOWN + "!\r") == ["two!"]
    assert typed(pvh, "\x10\x10\x10\r") == ["one"]
    assert typed(pvh, "echo x" + UP + DOWN + "y\r") == ["xy"]
    said = typed(pvh, "history\r")
    assert said[:2] == ["    1  echo one", "    2  echo two"] and said[-1].endswith("history")


def test_search(pvh):
    for word in ("first", "second", "third"):
        assert typed(pvh, f"echo {word}\r") == [word]
    assert typed(pvh, "\x12ir\r") == ["third"]
    assert typed(pvh, "\x12echo\x12\x12\x12\x12\r") == ["first"]  # and then no older one
    assert typed(pvh, "echo kept\x12ir\x07!\r") == ["kept!"]
    pvh.type("echo kept\x12ir\x1b")
    time.sleep(0.3)  # a lone escape
    assert typed(pvh, "?\r") == ["kept?"]


@pytest.mark.parametrize("keys, line", [
    ("vers\t", "version "), ("hel\tpee\t", "help peek "), ("version; pee\tboot_inf\t", "version; peek boot_info"),
    ("repeat 2 pee\t-4 boot_inf\t", "repeat 2 peek -4 boot_info"), ("crash div\t", "crash divide "),
    ("log w\t", "log warn "), ("ktest string.\t", "ktest string.copies_and_compares "),
    ("more of\t", "more off "), ("peek ph\t", "peek phys:")])
def test_completion(pvh, keys, line):
    """Catches a command whose arguments can't be completed by its usage."""
    pvh.type(keys + "|")
    pvh.wait("|")
    shown = pvh.serial.expect.before
    assert shown == line, f"{shown!r}"


def test_completion_lists(pvh):
    """What can't be decided is shown, and typing goes on."""
    pvh.type("crash st\t\t")
    pvh.type("re\t\t")
    said = typed(pvh, "\x15re\t\x15version\r")
    assert "reboot  repeat" in said
    assert VERSION in said or VERSION in pvh.wait_prompt()
    pvh.type("\x15peek \t")
    pvh.wait(" more\r\n")


def test_control_c_cuts(pvh):
    """Catches a long listing that nothing can end, and a rest of the line that is run all the same."""
    pvh.type("repeat 100000 version; echo rest\r")
    pvh.wait(VERSION)
    pvh.type("\x03")
    pvh.wait("\r\n^C\r\n" + PROMPT, 60)
    said = pvh.command("echo after")
    assert said == ["after"]


@pytest.mark.parametrize("line", ["repeat 100000 log", "repeat 100000 symbol *", "repeat 100000 help",
                                  "repeat 1000000000 peek 0"])
def test_control_c_cuts_any_output(pvh, line):
    pvh.type(line + "\r")
    time.sleep(0.2)
    pvh.type("echo ahead\r\x03")
    pvh.wait("\r\n^C\r\n" + PROMPT, 60)
    assert pvh.wait_prompt() == "echo ahead\nahead"  # what was typed meanwhile isn't lost


def test_control_c_cuts_what_prints_nothing(pvh):
    pvh.type("repeat 1000000000 more on\r")
    time.sleep(0.2)
    pvh.type("\x03")
    pvh.wait("\n^C\r\n" + PROMPT)


def test_pasting_loses_nothing(pvh):
    """Catches keys that come while something else is going on: 200 lines at once, each with output."""
    words = [f"word{i}-" + "x" * (i % 50) for i in range(200)]
    pvh.type("".join(f"echo {word}\r" for word in words))
    for word in words:
        assert pvh.wait_prompt(30) == f"echo {word}\n{word}"


def test_pasting_while_paging_is_on(pvh):
    """Catches pasted lines that answer the question at a page's end."""
    pvh.type("more on\r" + "help\r" * 10 + "echo end\r")
    for _ in range(11):
        pvh.wait_prompt()
    assert "-- more --" not in pvh.serial.expect.before
    assert pvh.wait_prompt() == "echo end\nend"


def test_pages(start):
    """A serial line has 24 rows, with no smaller screen beside it; it gets pages only when it is told
    to."""
    pvh = start(extra=["-vga", "none"])
    pvh.wait_prompt()
    assert not any("more --" in line for line in pvh.command("options; options; help"))
    assert pvh.command("more on") == []
    pvh.type("symbol *\r")
    first = pvh.wait("-- more --").split("\n")
    assert len(first) == 1 + 23 + 1
    pvh.type("\r")
    assert len(pvh.wait("-- more --").split("\n")) == 2
    pvh.type(" ")
    assert len(pvh.wait("-- more --").split("\n")) == 24
    pvh.type("q")
    assert pvh.wait(PROMPT).strip() == ""
    assert pvh.command("more auto") == []


def test_repeat(pvh):
    assert pvh.command("repeat 3 echo 'a;b' c") == ["a;b c"] * 3
    assert pvh.command("repeat 2 repeat 2 echo x") == ["x"] * 4
    assert len(pvh.command("repeat 3 peek 0")) == 3, "goes on where a run fails"
    assert len(pvh.command("repeat 3 peek")) == 1, "a wrong word is told once"
    assert len(pvh.command("repeat 3 nonsense")) == 1
    assert pvh.command("repeat 0 version") == []
    assert pvh.command("repeat 2") == ["usage: repeat COUNT COMMAND..."]


def test_clear(pvh):
    pvh.type("clear\r")
    pvh.wait("\x1b[2J\x1b[H" + PROMPT)
    pvh.type("ver\x0c")
    pvh.wait("\x1b[2J\x1b[H" + PROMPT + "ver")
    assert typed(pvh, "sion\r") == [VERSION]


def test_run_never_pages(start):
    machine = start(append='run="more on; symbol *"')
    assert "more --" not in machine.wait_prompt()


def test_log_lines_are_printed_above(start):
    """What is logged while somebody types takes the line away and gives it back, cursor in place:
    GDB makes the serial driver believe that it has lost a character."""
    with Stub() as stub:
        machine = start(extra=stub.arguments[1:])
        machine.wait_prompt()
        machine.type("echo one three" + LEFT * 5)
        machine.wait("\b" * 5)
        stub.run(machine, f"file {KERNEL}", "set var 'drivers/uart16550.c'::uart.has_lost = 1")
        machine.type("t")  # it looks when something comes
        assert "warn serial: " in machine.wait("some are lost\r\n")
        machine.wait(PROMPT + "echo one tthree")
        machine.type("wo \r")
        assert machine.wait_prompt().split("\n")[-1] == "one two three"
