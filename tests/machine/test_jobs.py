"""Jobs: commands in the background, and the keys that get the prompt back."""

import re
import time

import pytest
from machine import PROMPT

CTRL_C, CTRL_Z = "\x03", "\x1a"
JOB = r"\[(\d+)\] (background|foreground|is to end) +(\d+\.\d) s  thread (\d+) +(.*)"


def jobs(machine):
    """By their numbers: state and text."""
    found = [re.fullmatch(JOB, line) for line in machine.command("jobs")]
    assert all(found), found
    return {int(match[1]): (match[2], match[5]) for match in found}


def test_background(pvh):
    """Catches a prompt that waits for what was sent to the background, and a job without a trace."""
    began = time.monotonic()
    assert pvh.command("sleep 1 &") == ["[1] sleep 1"]
    assert pvh.command("echo meanwhile") == ["meanwhile"]
    assert time.monotonic() - began < 1, "it was waited for"
    assert jobs(pvh) == {1: ("background", "sleep 1")}
    assert "[1] has ended: sleep 1" in pvh.wait(PROMPT)
    assert not jobs(pvh)


def test_output_comes_above(pvh):
    """Catches a line of the background's that is written into the line being typed, or lost."""
    assert pvh.command("sleep 0.5; echo from behind; echo and again &")[0].startswith("[1] sleep")
    pvh.type("echo half")
    pvh.wait("echo half")
    said = pvh.wait("[1] has ended")
    rows = [row.split("\r")[-1] for row in ("echo half" + said).split("\n")]  # as they are seen
    assert "from behind" in rows and "and again" in rows, rows
    pvh.wait("echo half")
    pvh.type(" and half\r")
    assert pvh.wait_prompt().endswith("\nhalf and half")


def test_ctrl_c_ends_what_sleeps(pvh):
    began = time.monotonic()
    pvh.type("sleep 60\r")
    pvh.wait("sleep 60\r\n")
    time.sleep(0.5)  # it sleeps
    pvh.type(CTRL_C)
    assert "^C" in pvh.wait(PROMPT, 5)
    assert time.monotonic() - began < 5
    assert not jobs(pvh)


@pytest.mark.parametrize("cpus", [1, 2])
def test_nothing_can_keep_the_keys(start, cpus):
    """Catches a command that can stop the monitor: this one looks at nothing."""
    machine = start(cpus=cpus)
    machine.wait_prompt()
    machine.type("spin 60\r")
    machine.wait("spin 60\r\n")
    time.sleep(0.5)  # it spins
    machine.type(CTRL_C)
    assert "[1] doesn't end, and goes on in the background: spin 60" in machine.wait(PROMPT, 5)
    assert machine.command("echo alive") == ["alive"]
    assert jobs(machine) == {1: ("is to end", "spin 60")}


def test_ctrl_z_and_back(pvh):
    """Catches a job that ends, or stops, when it is sent to the background, and one that can't be
    taken back or ended there."""
    pvh.type("sleep 60\r")
    pvh.wait("sleep 60\r\n")
    pvh.type(CTRL_Z)
    assert "[1] goes on in the background: sleep 60" in pvh.wait(PROMPT, 5)
    assert jobs(pvh) == {1: ("background", "sleep 60")}
    pvh.type("fg 1\r")
    pvh.wait("fg 1\r\n")
    pvh.assert_silent(1)
    pvh.type(CTRL_C)
    pvh.wait(PROMPT, 5)
    assert not jobs(pvh)


def test_kill(pvh):
    """Catches a wrong job that is ended."""
    pvh.command("sleep 50 &")
    pvh.command("sleep 60 &")
    assert set(jobs(pvh)) == {1, 2}
    pvh.type("kill 2\r")
    assert "[2] has ended: sleep 60" in pvh.wait("has ended: sleep 60") + "has ended: sleep 60"
    pvh.wait(PROMPT)
    pvh.type("\r")
    pvh.wait_prompt()
    assert jobs(pvh) == {1: ("background", "sleep 50")}


def test_no_more_than_there_is_room_for(pvh):
    """Catches a table that overflows, and places that aren't given back."""
    for number in range(1, 9):
        assert pvh.command("sleep 100 &") == [f"[{number}] sleep 100"]
    assert pvh.command("echo x") == ["8 jobs are running already; `jobs` lists them"]
    pvh.type(CTRL_C)  # nothing to cut: the line is given up, no more
    pvh.wait_prompt()
    assert pvh.command("echo x") == ["8 jobs are running already; `jobs` lists them"]


@pytest.mark.parametrize("line, said", [
    ("kill 9", "no such job"),
    ("kill 0", "no such job"),
    ("kill 18446744073709551615", "no such job"),
    ("kill x", "'x' is not a number of 64 bits"),
    ("fg", "no such job in the background"),
    ("fg 3", "no such job in the background"),
    ("kill", "usage: kill JOB"),
    ("fg 1 2", "usage: fg [JOB]"),
])
def test_wrong_jobs(pvh, line, said):
    assert pvh.command(line) == [said]


def test_keys_are_not_the_backgrounds_to_give(pvh):
    pvh.command("sleep 60 &")
    pvh.type("fg 1 &\r")
    pvh.wait("the keys are not this job's to give")
    pvh.wait("has ended: fg 1")
    pvh.wait(PROMPT)
    assert pvh.command("echo here") == ["here"]


def test_two_at_once(start):
    """Catches output of two jobs that is mixed within a line, and a line that is lost."""
    machine = start(cpus=2)
    machine.wait_prompt()
    machine.type("symbol * &\rsymbol * &\r")
    said = machine.wait("has ended: symbol *", 60) + machine.wait("has ended: symbol *", 60)
    rows = [row.split("\r")[-1] for row in said.split("\n")]  # as they are seen
    lines = [row for row in rows if re.fullmatch(r"[0-9a-f]{16} \S+", row)]
    assert len(lines) == 200, "100 symbols each"
    assert all(lines.count(line) == 2 for line in set(lines))


def test_measurements_come_one_by_one(pvh):
    """Catches two that spoil each other's figures."""
    pvh.command("ktest waiting.* &")
    refused = ["another job runs tests or benchmarks already"]
    assert any(pvh.command("bench time.clock_ns") == refused for _ in range(10))  # when it has begun
