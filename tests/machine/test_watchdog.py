"""Processors that are stuck, and those that only seem so."""

import re
import time

from machine import FAILURE, PROMPT
from panic_screen import PanicScreen


def test_boot_processor(start):
    """Catches a machine that stands still without a word: another processor notices, and the screen
    shows where the stuck one is, not where the one is that has noticed."""
    machine = start(cpus=3, append="exit=qemu watchdog=2")
    machine.wait_prompt()
    machine.type("crash hang\r")
    screen = PanicScreen(machine.rest())
    assert machine.process.returncode == FAILURE
    assert screen.reason == "watchdog: CPU 0 has been stuck for 2 s"
    assert ", CPU 0, up " in screen.lines[1]
    assert screen.place()[0] == "crash_hang"
    assert "vector 2, error code 0" in screen.lines, "it isn't without a reason"
    assert screen.names()[0] == "crash_hang"
    assert re.search(r"^CPU 1-2: \S+ arch_wait_for_interrupt\+", screen.text, re.M)
    screen.assert_fits()
    screen.assert_registers()


def test_another_processor(start):
    """Catches one that is lost unnoticed, or told of again and again."""
    machine = start(cpus=3, append="watchdog=2")
    machine.wait_prompt()
    machine.type("crash hang cpu=2\r")
    machine.wait("error watchdog: CPU 2 has been stuck for 2 s at ")
    assert "crash_hang+" in machine.wait("\n")
    machine.wait("watchdog:   called from ")
    machine.wait("scheduler_enter+")  # the end
    machine.wait(PROMPT)
    machine.assert_silent(4)
    assert machine.command("crash")[0].startswith("kinds: ")  # the others go on


def test_off(start):
    """Catches an option that is ignored."""
    machine = start(cpus=2, append="watchdog=off")
    machine.wait_prompt()
    machine.type("crash hang\r")
    machine.wait("crash hang\r\n")
    machine.assert_silent(15)


def test_alone(start):
    """Catches a watchdog that takes its own processor for stuck, where nobody else is."""
    machine = start(append="watchdog=1")
    machine.wait_prompt()
    machine.assert_silent(0.3)  # it has drawn what follows the prompt
    machine.assert_silent(4)


def test_nobody_is_stuck(start):
    """Catches an alarm about processors that sleep, one that waits for keys, and a machine that
    was stopped as a whole."""
    machine = start(cpus=4, append="watchdog=1")
    machine.wait_prompt()
    machine.assert_silent(0.3)
    machine.assert_silent(4)
    for _ in range(3):
        machine.monitor.execute("stop")
        time.sleep(2)
        machine.monitor.execute("cont")
        machine.assert_silent(0.5)
