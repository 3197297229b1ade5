"""Fixtures and transcripts of the machine tests."""

import re
import shutil

import pytest

from images import DISCS, ISO, KERNEL, LOGS
from machine import Machine


def is_worker(config):
    return hasattr(config, "workerinput")


def pytest_configure(config):
    if is_worker(config):
        return
    for file in (KERNEL, ISO):
        if not file.is_file():
            pytest.exit(f"{file} is missing: run `make iso`, or set O", returncode=2)
    shutil.rmtree(DISCS, ignore_errors=True)


@pytest.fixture
def start(request):
    """Starts machines, and ends them when the test is over."""
    machines = []
    name = re.sub(r"[^\w.-]+", "_", request.node.name)[:100]

    def start_one(**arguments):
        number = f".{len(machines) + 1}" if machines else ""
        if "iso" not in arguments:
            arguments.setdefault("kernel", KERNEL)
        machine = Machine(LOGS / f"{name}{number}.log", **arguments)
        machines.append(machine)
        return machine

    request.node.machines = machines
    yield start_one
    for machine in machines:
        machine.close()


@pytest.fixture
def pvh(start):
    """A machine at its prompt, started without firmware's loader."""
    machine = start()
    machine.wait_prompt()
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "call" and report.failed:
        for machine in getattr(item, "machines", []):
            report.sections.append((f"transcript {machine.log}", machine.story()))

