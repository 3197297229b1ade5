"""Threads as people see them: who there is, where one is, what it may use, and where time goes."""

import re
import time

import pytest
from machine import PROMPT

ROW = r" *(\d+) +(\d+)  (\S+) +(.*?) +(\d+\.\d+) +(\d+) +(\d+)  (\S+)"
SPIN = "spin 100 &"


def threads(machine):
    """By name: id, processor, state and schedule."""
    lines = machine.command("threads")
    found = [re.fullmatch(ROW, line) for line in lines[1:]]
    assert all(found), lines
    return {match[8]: (int(match[1]), int(match[2]), match[3], match[4]) for match in found}


def ran_us(machine, name):
    lines = machine.command(f"threads {name}")
    return int(re.search(r"ran for (\d+) us", "\n".join(lines))[1])


@pytest.fixture
def two(start):
    machine = start(cpus=2)
    machine.wait_prompt()
    return machine


def test_list(two):
    """Catches a thread that is missing, twice, or called something else."""
    found = threads(two)
    assert set(found) == {"main", "log", "gdb", "idle/0", "idle/1", "work/0", "work/1", "soon/0", "soon/1",
                          found and next(name for name in found if name.startswith("job/"))}
    assert found["log"][2:] == ("waits", "fair 1024")
    assert found["soon/1"][1:] == (1, "waits", "real time 16")
    assert found["idle/1"][1:] == (1, "runs", "idle")
    assert len({each[0] for each in found.values()}) == len(found)


def test_one(two):
    """Catches a backtrace that ends in the wrong thread, for one that waits, one that was
    interrupted, and one that runs on another processor."""
    waiting = "\n".join(two.command("threads log"))
    assert re.match(r"thread \d+, log: waits, on CPU 0\n", waiting)
    assert "may run on CPUs 0\n" in waiting
    assert re.search(r"show_on_and_on\+.*\n.*thread_begin\+0x[0-9a-f]+$", waiting)
    two.command(SPIN)
    ready = "\n".join(two.command("threads job/1"))
    assert "command_run_spin+" in ready and "interrupt_common+" in ready
    two.command("schedule job/1 cpus=1")
    running = "\n".join(two.command("threads job/1"))
    assert "runs, on CPU 1" in running and "command_run_spin+" in running
    assert running.rstrip().split()[-1].startswith("thread_begin+")
    number = re.match(r"thread (\d+)", running)[1]
    assert two.command(f"threads {number}")[0] == running.split("\n")[0]


def test_patterns(two):
    heads = [line for line in two.command("threads work/*") if line.startswith("thread ")]
    assert [re.match(r"thread \d+, (\S+):", head)[1] for head in heads] == ["work/0", "work/1"]


def test_caps(start):
    """Catches a cap that is shown, and not kept to. The processor is left to nobody else."""
    machine = start(cpus=2)
    machine.wait_prompt()
    machine.command(SPIN)
    assert machine.command("schedule job/1 cpus=1 cap=20") == []
    time.sleep(0.5)
    before, began = ran_us(machine, "job/1"), time.monotonic()
    time.sleep(4)
    ran, passed = ran_us(machine, "job/1") - before, (time.monotonic() - began) * 1e6
    assert 0.1 * passed < ran < 0.3 * passed, f"{ran} of {passed} us"
    assert machine.command("schedule job/1 cap=0") == []
    assert "fair 1024;" in "\n".join(machine.command("threads job/1"))


def test_real_time_leaves_room(pvh):
    """Catches a real-time thread that takes all of the only processor: the prompt still answers."""
    pvh.command(SPIN)
    assert pvh.command("schedule job/1 priority=31") == []
    assert threads(pvh)["job/1"][3] == "real time 31"
    assert pvh.command("echo alive") == ["alive"]


@pytest.mark.parametrize("line, said", [
    ("schedule log priority=32", "log can't be scheduled like that; see `help schedule`"),
    ("schedule log weight=0", "log can't be scheduled like that; see `help schedule`"),
    ("schedule log weight=4294967295", "log can't be scheduled like that; see `help schedule`"),
    ("schedule log slice=0", "log can't be scheduled like that; see `help schedule`"),
    ("schedule log cap=101", "log can't be scheduled like that; see `help schedule`"),
    ("schedule idle/0 cap=5", "idle/0 can't be scheduled like that; see `help schedule`"),
    ("schedule nobody cap=5", "nobody: no such thread; `threads` lists them"),
    ("schedule work/* cap=5", "work/*: 2 threads are called that; say which by its number"),
    ("schedule log frob", "frob: what is that to say?"),
    ("schedule log cap=x", "cap=x: what is that to say?"),
    ("schedule log cpus=7", "cpus=7: what is that to say?"),
    ("schedule log", "usage: schedule THREAD [fair|weight=|slice=|priority=|cap=|cpus=]..."),
    ("threads nobody", "nobody: no such thread; `threads` lists them"),
    ("threads 99999", "99999: no such thread; `threads` lists them"),
    ("threads a b", "usage: threads [THREAD]"),
])
def test_wrong_words(two, line, said):
    before = "\n".join(two.command("threads log")).split(";")[0]
    assert two.command(line)[0] == said
    assert "\n".join(two.command("threads log")).split(";")[0] == before, "half of it was done"


def test_schedstat(two):
    """Catches times that don't add up to how long the machine is up."""
    two.command("sleep 1")
    lines = two.command("schedstat")
    assert len(lines) == 3
    for line in lines[1:]:
        cpu, fair, real_time, idle, switches = line.split()[:5]
        total = float(fair) + float(real_time) + float(idle)
        assert 1 < total < 60 and float(idle) > 0.5, line
        assert int(switches) > 0


def test_top(start):
    """Catches a picture that doesn't show who uses the processors and who doesn't, or that a key
    doesn't end."""
    machine = start(cpus=3)
    machine.wait_prompt()
    machine.command(SPIN)
    machine.command("schedule job/1 cpus=1")
    machine.type("top\r")
    machine.wait("any key ends this")
    said = machine.wait("any key ends this", 10)
    bars = re.findall(r"CPU (\d+) +\[([|# ]{40})\] +(\d+\.\d) %", said)
    assert [bar[0] for bar in bars] == ["0", "1", "2"]
    assert float(bars[2][2]) < 20
    assert float(bars[1][2]) > 80 and bars[1][1].count("|") > 30
    first = re.search(r"name\x1b\[K\x1b\[0m\n *(\d+\.\d) .* (\S+)\x1b\[K\n", said)
    assert first and first[2] == "job/1" and float(first[1]) > 80, said
    machine.type("x")
    machine.wait(PROMPT, 5)
    assert machine.command("echo over") == ["over"], "the key that ended it was typed, too"


def test_top_needs_keys(pvh):
    pvh.type("top &\r")
    pvh.wait("top needs the keys: bring it to the foreground")


def test_log_burst(start):
    """Catches lines that are lost without a word."""
    machine = start(cpus=2)
    machine.wait_prompt()
    machine.type("ktest log.counts_what_is_lost\r")
    said = machine.wait_prompt(60)
    assert "1 passed, 0 failed" in said


def test_locks(two):
    """Catches contention that isn't shown, and a reset that doesn't."""
    assert two.command("ktest lock.tells_who_has_waited", 60)[-1] == "1 passed, 0 failed, 0 skipped"
    row = r" *[1-9]\d* +\d+ +\d+  held_up\+0x0, last at \S+\+0x[0-9a-f]+"
    assert any(re.fullmatch(row, line) for line in two.command("locks"))
    assert two.command("locks reset") == []
    assert not any("held_up" in line for line in two.command("locks"))
