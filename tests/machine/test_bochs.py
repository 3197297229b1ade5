"""The kernel on Bochs: a processor with VT-x whose model raises faults that QEMU leaves out."""

import re

import pytest

import bochs
from images import build_id, config, disc
from panic_screen import PanicScreen

SECONDS = 90

pytestmark = pytest.mark.skipif(bochs.missing() is not None, reason=str(bochs.missing()))


@pytest.fixture
def run(tmp_path, request):
    """Runs a disc with kernel options to its end; returns how it ended and what it said."""
    def run_one(options, **arguments):
        machine = bochs.Bochs(disc(config(options)), tmp_path, **arguments)
        request.addfinalizer(machine.close)
        try:
            ending = machine.wait(SECONDS)
        finally:
            print(machine.text())
        return ending, machine.text()
    return run_one


@pytest.mark.parametrize("model", ["broadwell_ult", "corei7_skylake_x", "core2_penryn_t9600",
                                   "ryzen"])
def test_boot(run, model):
    """Catches a start that QEMU alone forgives, and a power-off that knows QEMU's ports alone."""
    ending, said = run('run="version; cpu; poweroff"', model=model)
    assert f"\nKeelson 0.1.0, build {build_id()}\n" in said, said
    vendor = "AuthenticAMD" if model == "ryzen" else "GenuineIntel"
    assert re.search(rf"^ *{vendor}, family ", said, re.M), said
    if model != "ryzen":
        assert re.search(r"^    .*\bvmx\b", said, re.M), said
    assert ending == "power-off"


def test_missing_msr(run):
    """Bochs raises #GP for a register that the processor doesn't have; QEMU reads it as 0."""
    ending, said = run('run="msr 0x12345; msr 0xc0000080 0x2; msr 0xc0000101 0x8000000000000000; '
                       'version; poweroff"')
    assert "MSR 0x12345 can't be read" in said, said
    assert said.count("refuses") == 2, said
    assert build_id() in said and ending == "power-off"


def test_stack_segment(run):
    """A non-canonical address by way of RBP is #SS [SDM3 7.15]; QEMU 7.2 makes #GP of it."""
    ending, said = run('run="peek 0x8000000000000000; crash stack-segment" panic=reboot')
    assert "can't be read" in said
    screen = PanicScreen(said)
    assert screen.reason == "#SS stack fault", said


@pytest.mark.parametrize("model, words", [
    ("broadwell_ult", ["VT-x, revision 0x2b", "yes, with unrestricted guest, VPID",
                       "xAPIC, x2APIC possible", "TSC deadline, HPET, PM timer, PIT",
                       "Keelson runs here, and this machine can run guests."]),
    ("corei5_lynnfield_750", [
        "VT-x, revision 0x2b", "yes, without unrestricted guest, VPID", "xAPIC",
        "HPET, PM timer, PIT",
        "Keelson runs here, and guests can, but none that starts in real mode."]),
    ("core2_penryn_t9600", [
        "VT-x, revision 0x2b", "no", "xAPIC", "HPET, PM timer, PIT",
        "Keelson runs here, but guests can't: the processor has no nested paging."]),
    ("ryzen", [  # whose model leaves VM_CR out
        "AMD-V, but whether it is on can't be read", "yes", "xAPIC", "HPET, PM timer, PIT",
        "Keelson runs here; whether guests can isn't told by this processor."]),
])
def test_hardware(run, model, words):
    """Catches VT-x that is missed, and a register that is asked for where it doesn't exist: a
    processor without EPT or without secondary controls raises #GP."""
    ending, said = run('run="hardware; poweroff"', model=model)
    for label, text in zip(["virtualization", "nested paging", "local APIC", "timers"], words):
        assert f"\n{label:15} {text}\n" in said, said
    assert f"\n{words[-1]}\n" in said, said
    invariant = "" if model != "core2_penryn_t9600" else "not "
    assert re.search(rf"^clock +TSC [\d.]+ MHz, .*, {invariant}invariant$", said, re.M), said
    assert re.search(r"^serial ports +COM1 \(console\)$", said, re.M), said
    assert re.search(r"^hypervisor +none$", said, re.M), said
    assert "PANIC" not in said and ending == "power-off"


@pytest.mark.parametrize("options, mode", [("", "xAPIC"), ("x2apic=on", "x2APIC"), ("x2apic=off", "xAPIC")])
def test_processors(run, options, mode):
    """Two processors, by the modes that QEMU doesn't have: their registers are MSRs then, and #GP tells
    of each that isn't there."""
    ending, said = run(f'{options} ktest=processors* run="cpus; interrupts; poweroff"', cpus=2)
    assert f"lapic: id 0, {mode} mode" in said, said
    assert "smp: 2 of 2 processors online" in said, said
    assert re.search(r"^[1-9]\d* passed, 0 failed, 0 skipped$", said, re.M), said
    assert re.search(r"^ +1 +1 +- +\w+ +\d+  package 0", said, re.M), said
    assert re.search(r"0xf1 +\d+ .*remote call", said), said
    assert ending == "power-off"


def test_fault_on_another_processor(run):
    ending, said = run('x2apic=on run="crash read cpu=1" panic=reboot', cpus=2)
    screen = PanicScreen(said)
    assert screen.reason == "#PF page fault" and ", CPU 1, up " in said, said
    assert re.search(r"^CPU 0: [0-9a-f]{16} ", said, re.M), said


@pytest.mark.parametrize("way", ["mwait", "hlt"])
def test_idle(run, way):
    """Catches a processor that sleeps on when it is called, and a watch that is trusted where it sees
    nothing. QEMU has no MWAIT that waits."""
    ending, said = run(f'idle={way} loglevel=debug ktest=waiting.a_* run="threads; schedstat; sleep 0.1; poweroff"', cpus=2)
    assert f"idle: processors wait by {way.upper()}" in said, said
    assert ("idle: MWAIT misses writes here" in said) == (way == "mwait"), said  # Bochs 2.7's does
    assert re.search(r"^[1-9]\d* passed, 0 failed, 0 skipped$", said, re.M), said
    assert ending == "power-off"
