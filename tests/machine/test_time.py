"""Time: where its rate comes from on machines that lack one source or the other, and whether it is
the host's; timers, sleeping, and the date."""

import datetime
import re
import time

import pytest

import bochs
from images import config, disc
from machine import SUCCESS

DEVICE = re.compile(r"^ *device: (.*)$", re.M)


def clock_lines(machine, level="info"):
    """What the log says of the clock."""
    return [line for line in machine.command(f"log {level}") if " clock: " in line]


def timed(machine, line):
    """Runs a command, and returns how many seconds it took."""
    begun = time.monotonic()
    machine.command(line, seconds=60)
    return time.monotonic() - begun


SOURCES = [
    ("q35", "HPET"), ("q35,pit=off", "HPET"), ("q35,hpet=off", "PM timer"),
    ("q35,pit=off,hpet=off", "PM timer"), ("pc", "HPET"), ("pc,hpet=off", "PM timer"),
    ("pc,pit=off,hpet=off", "PM timer"), ("pc,acpi=off", "PIT"), ("pc,acpi=off,hpet=off", "PIT"),
]


@pytest.mark.parametrize("machine_type, source", SOURCES)
def test_source(start, machine_type, source):
    """Catches a wait for what isn't there, another reference than the best, and a rate that is
    wrong: a second is the host's second, before and after the rate was refined."""
    machine = start(machine=machine_type)
    machine.wait_prompt()
    text = "\n".join(clock_lines(machine))
    found = re.search(r"info clock: TSC at ([\d.]+) MHz, by the (.+), \+-(\d+) ppm",
                      text)
    assert found and found[2] == source and int(found[3]) <= 20000, text
    for _ in range(2):
        assert 0.97 < timed(machine, "sleep 1") < 5
    refined = re.search(r"debug clock: refined to ([\d.]+) MHz against the (.+?): ",
                        "\n".join(clock_lines(machine, "debug")))
    assert refined and refined[2] == source
    assert abs(float(refined[1]) / float(found[1]) - 1) < 0.01
    for command in ("cpu", "hardware"):
        shown = "\n".join(machine.command(command))
        assert f"{refined[1]} MHz, by the {source}" in shown


@pytest.mark.parametrize("machine_type", ["pc,acpi=off,pit=off", "microvm,pit=off"])
def test_no_source(start, machine_type):
    """Catches a clock of frequency 0: without any reference time is assumed, said so, and passes."""
    machine = start(machine=machine_type)
    machine.wait_prompt()
    warnings = clock_lines(machine, "warn")
    assert len(warnings) == 1 and "assume" in warnings[0], warnings
    timed(machine, "sleep 0.5")


def test_busy_host(start):
    """Catches a measurement that is believed although the host has interrupted it: machines that
    start at once on few processors disturb each other, and all have the host's frequency."""
    machines = [start() for _ in range(6)]
    found = []
    for machine in machines:
        machine.wait_prompt()
        text = "\n".join(machine.command("cpu"))
        found.append(float(re.search(r"clock: ([\d.]+) MHz", text)[1]))
    assert max(found) < 1.05 * min(found), f"MHz: {found}"


# --- Timers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("append, cpu, device", [
    ("", "max", "local APIC"), ("safe", "max", "none, they are polled"),
    ("", "max,-apic", "none, they are polled"),
])
def test_device(start, append, cpu, device):
    """Catches timers that nobody runs where there is no device, and a sleep that never ends."""
    machine = start(append=append, cpu=cpu)
    machine.wait_prompt()
    text = "\n".join(machine.command("timers"))
    assert DEVICE.search(text)[1] == device
    assert re.search(r"^ +in +0\.\d{6} s  clock$", text, re.M), "the refinement is a second away"
    assert 0.97 < timed(machine, "sleep 1") < 5
    assert " clock" not in "\n".join(machine.command("timers"))
    assert "refined" in "\n".join(clock_lines(machine, "debug"))


@pytest.mark.parametrize("arguments", [{"cpus": 4}, {"cpus": 2, "append": "safe"}, {"cpu": "qemu64"}],
                         ids=["four", "safe", "old"])
def test_in_the_kernel(start, arguments):
    """The kernel's own tests, on several processors and without any device."""
    append = arguments.pop("append", "")
    for pattern in ("clock.*", "timer.*"):
        machine = start(append=f"{append} exit=qemu ktest={pattern}", **arguments)
        assert machine.wait_exit(60) == SUCCESS


def test_every_processor_is_shown(start):
    machine = start(cpus=3)
    machine.wait_prompt()
    lines = machine.command("timers")
    assert [f"  c{cpu}: " in "\n".join(lines) for cpu in range(4)] == [True, True, True, False]


def test_sleep_is_interrupted(pvh):
    """Catches a sleep that Ctrl-C doesn't end, and keys that it loses."""
    pvh.type("sleep 1000\r")
    time.sleep(0.5)
    begun = time.monotonic()
    pvh.type("\x03")
    pvh.wait_prompt()
    assert time.monotonic() - begun < 5
    pvh.type("sleep 1\r")
    time.sleep(0.3)
    pvh.type("echo typed ahead, and more than a UART holds\r")
    pvh.wait("\ntyped ahead, and more than a UART holds")


@pytest.mark.parametrize("line", ["sleep", "sleep 1 2", "uptime x", "date x", "timers x"])
def test_wrong_arguments(pvh, line):
    assert pvh.command(line)[0].startswith("usage: ")


@pytest.mark.parametrize("word", ["x", "-1", "1.", "0.1234567891", "99999999999"])
def test_what_is_no_time(pvh, word):
    assert pvh.command(f"sleep {word}") == [f"'{word}' is not a number of seconds"]


def seconds_up(machine):
    days, hours, minutes, seconds = re.fullmatch(
        r"up (\d+) days, (\d+):(\d+):(\d+\.\d+)", machine.command("uptime")[0]).groups()
    return ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)


def test_uptime(pvh):
    before = seconds_up(pvh)
    assert 0 < before < 60
    pvh.command("sleep 1.25")
    assert 1.25 <= seconds_up(pvh) - before < 6


# --- The date -------------------------------------------------------------------------------------


def read_date(machine):
    return datetime.datetime.strptime(machine.command("date")[0], "%Y-%m-%dT%H:%M:%SZ")


def test_date_is_the_host_s(pvh):
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert abs((read_date(pvh) - now).total_seconds()) < 10


@pytest.mark.parametrize("machine_type", ["q35", "pc", "pc,acpi=off"])
@pytest.mark.parametrize("base", ["2000-02-29T12:34:56", "2031-12-31T23:59:58", "1999-12-31T23:59:58"])
def test_date(start, base, machine_type):
    """Catches a century that is guessed, and a day that doesn't end. Without ACPI nobody says where
    the century is."""
    machine = start(machine=machine_type, extra=["-rtc", f"base={base}"])
    machine.wait_prompt()
    begun = datetime.datetime.fromisoformat(base)
    first = read_date(machine)
    assert 0 <= (first - begun).total_seconds() < 90
    timed(machine, "sleep 2.5")
    assert 2 <= (read_date(machine) - first).total_seconds() < 30


def test_no_clock(start):
    machine = start(machine="microvm,rtc=off")
    machine.wait_prompt()
    assert machine.command("date") == ["there is no real-time clock"]


# --- Bochs, whose processors know TSC deadlines ---------------------------------------------------


@pytest.mark.skipif(bochs.missing() is not None, reason=str(bochs.missing()))
@pytest.mark.parametrize("model, device", [("broadwell_ult", "TSC deadline"),
                                           ("corei5_lynnfield_750", "local APIC")])
def test_bochs(tmp_path, request, model, device):
    """Catches a deadline that is written before the timer's mode has arrived, or as something else
    than ticks."""
    machine = bochs.Bochs(disc(config('run="ktest timer.*; ktest clock.*; timers; poweroff"')),
                          tmp_path, model=model)
    request.addfinalizer(machine.close)
    try:
        ending = machine.wait(90)
    finally:
        print(machine.text())
    said = machine.text()
    assert ending == "power-off"
    assert len(re.findall(r"^\d+ passed, 0 failed, 0 skipped$", said, re.M)) == 2
    assert DEVICE.search(said)[1] == device
