"""The kernel's GDB stub, packet by packet, over a serial port of its own and over the console's."""

import random
import re
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

import paging
from debugger import Stub
from images import KERNEL, symbol_size, symbols
from remote import Remote, Throttle, framed, stop_fields, stop_rip, unescape

SIGINT, SIGTRAP, SIGABRT = 2, 5, 6
NO_ENTRY, FAULT, FULL = "E02", "E0e", "E1c"
REGISTERS = {"rip": 0, "rbp": 1, "rax": 2, "rbx": 3, "rcx": 4, "rdx": 5, "eflags": 16}
INT3 = 0xcc


@pytest.fixture
def attach(start):
    """A machine at its prompt, with GDB's line on COM2, and a client that has stopped it."""
    clients = []

    def attach_one(cpus=1, append="", **arguments):
        machine = start(cpus=cpus, append=f"gdb=com2 {append}", line="com2", **arguments)
        machine.wait_prompt()
        remote = Remote(machine.line)
        clients.append(remote)
        return machine, remote

    yield attach_one
    for remote in clients:
        remote.close()


def detach(remote):
    """For good: a line has one client at a time."""
    assert remote.ask("D") == "OK"
    remote.close()


def write_code(remote, address, code):
    assert remote.ask(f"M{address:x},{len(code):x}:{code.hex()}") == "OK"


def set_register(remote, name, value):
    size = 4 if name == "eflags" else 8
    number = REGISTERS[name]
    assert remote.ask(f"P{number:x}={value.to_bytes(size, 'little').hex()}") == "OK"


# --- Stopping and going on -----------------------------------------------------------------------


@pytest.mark.parametrize("cpus", [1, 4])
def test_all_stop_and_go_on(attach, cpus):
    """Catches a processor that runs on, or is left behind; one that nobody hears of; and a machine
    whose clocks or watchdog take a stop for a fault."""
    machine, remote = attach(cpus)
    signal, fields = stop_fields(remote.ask("?"))
    assert signal == SIGINT and 1 <= int(fields["thread"], 16) <= cpus
    running = [one for one in remote.threads() if one < 0x10000]
    assert running == list(range(1, cpus + 1))
    names = [bytes.fromhex(remote.ask(f"qThreadExtraInfo,{one:x}")).decode() for one in remote.threads()]
    assert names[0].startswith("CPU 0, ") and "work/0, blocked" in names, names
    for cpu in running:
        assert remote.ask(f"Hg{cpu:x}") == "OK" and remote.register(REGISTERS["rip"]), "it doesn't answer"
    machine.type("version\r")
    machine.assert_silent(1)
    detach(remote)
    assert "Keelson" in machine.wait_prompt()
    assert machine.command("log warn") in ([], [""]), "somebody complains of the stop"


def test_attach_a_hundred_times(attach):
    """Catches what each attachment leaves behind: memory, breakpoints, a state of the line."""
    machine, remote = attach(2)
    detach(remote)

    def in_use():
        return re.search(r"(\d+) pages,.*; (\d+) free", "\n".join(machine.command("memory pages"))).groups()
    before = in_use()
    for _ in range(100):
        again = Remote(machine.line)
        assert stop_fields(again.ask("?"))[0] == SIGINT
        assert again.ask(f"Z0,{symbols()['command_run_version']:x},1") == "OK"
        detach(again)
    assert "Keelson" in machine.command("version")[0]
    assert in_use() == before


def test_kill(attach):
    """Catches a machine that stands still when GDB has been told to kill it."""
    machine, remote = attach(2)
    assert remote.ask(f"Z0,{symbols()['command_run_version']:x},1") == "OK"
    remote.send("k")
    assert "Keelson" in machine.command("version")[0]


def test_control_c(attach):
    """Catches a running machine that can't be stopped again."""
    _, remote = attach(4)
    for _ in range(20):
        remote.send("vCont;c")
        assert remote.is_silent(0.05)
        assert stop_fields(remote.stop())[0] == SIGINT


# --- Registers and memory ------------------------------------------------------------------------


def described(remote):
    """Number and size in bytes of each register, by its name."""
    xml = remote.ask("qXfer:features:read:target.xml:0,4000")[1:]
    return {one.get("name"): (int(one.get("regnum")), int(one.get("bitsize")) // 8)
            for one in ElementTree.fromstring(xml).iter("reg")}


def test_registers_are_what_the_description_says(attach):
    """Catches a description that GDB would read otherwise than it is answered, and values that
    aren't the processor's."""
    machine, remote = attach(2)
    xml = remote.ask("qXfer:features:read:target.xml:0,4000")
    assert xml[0] == "l"
    registers = described(remote)
    pieces = "".join(remote.ask(f"qXfer:features:read:target.xml:{at:x},100")[1:]
                     for at in range(0, len(xml), 0x100))
    assert pieces == xml[1:]
    for name, number in REGISTERS.items():
        assert registers[name][0] == number
    last = max(number for number, _ in registers.values())
    sizes = {number: size for number, size in registers.values()}
    everything = remote.ask("g")
    assert len(everything) == 2 * sum(size for number, size in sizes.items() if number != last)
    for name in ("cr0", "cr3", "cr4", "efer", "gs_base"):
        number, size = registers[name]
        value = remote.register(number)
        outside = machine.monitor.human("info registers")
        if name == "gs_base":
            assert f"{value:016x}" in outside
        elif name == "efer":
            assert value == int(re.search(r"EFER=(\w+)", outside)[1], 16)
        else:
            assert value == machine.register(name.upper())
    assert remote.ask(f"P{registers['cr3'][0]:x}=0000000000000000").startswith("E")
    assert remote.ask("pffff").startswith("E")


def test_memory(attach):
    """Catches faults where there should be errors, accesses beyond what is mapped, and text that
    stays writable."""
    machine, remote = attach(2)
    names = symbols()
    text = names["kernel_text_start"]
    assert remote.memory(text, 4096) == machine.virtual_memory(text, 4096)
    assert remote.ask("m1234,8") == FAULT
    assert remote.ask("m8000000000000000,8") == FAULT  # not canonical
    end = names["boot_stack"] + symbol_size("boot_stack") // 4  # where the next one's guard page is
    assert len(remote.memory(end - 16, 64)) == 16, "up to where it is mapped"
    place = names["command_run_spin"]
    before = remote.memory(place, 16)
    assert remote.ask(f"M{place:x},4:01020304") == "OK"
    assert machine.virtual_memory(place, 4) == bytes([1, 2, 3, 4])
    assert not paging.at(paging.mappings(machine), place).writable
    write_code(remote, place, before)
    assert remote.ask("M1234,1:00") == FAULT
    odd = bytes(range(256))
    escaped = b"".join(b"}" + bytes([b ^ 0x20]) if b in b"#$}*" else bytes([b]) for b in odd)
    scratch = names["boot_idle_stack"]
    remote.raw(framed(b"X%x,100:" % scratch + escaped))
    assert remote.reply() == "OK" and remote.memory(scratch, 256) == odd
    remote.send(f"x{scratch:x},100")
    reply = remote.reply_bytes()
    assert reply[:1] == b"b" and unescape(reply[1:]) == odd
    assert remote.ask(f"M{scratch:x},2:01").startswith("E"), "less than it says"
    assert remote.ask(f"x{scratch:x},0") == "b"


def test_physical_memory(attach):
    """Catches physical addresses that are taken for virtual ones, and the other way round."""
    machine, remote = attach()
    assert remote.ask("Qqemu.PhyMemMode:1") == "OK"
    assert remote.ask("qqemu.PhyMemMode") == "1"
    assert remote.memory(0x200000, 256) == machine.memory(0x200000, 256)
    assert remote.memory(0xb8000, 64) == machine.memory(0xb8000, 64)
    assert remote.ask("M8000,4:78563412") == "OK"
    assert machine.memory(0x8000, 4) == bytes([0x78, 0x56, 0x34, 0x12])
    assert remote.number(0xfee00030, 4) & 0xff >= 0x10, "the local APIC's version"
    assert remote.ask("mfffffffffffff000,8") == FAULT
    assert remote.ask("Qqemu.PhyMemMode:0") == "OK"
    assert remote.ask("m8000,4") == FAULT


def test_a_mebibyte(attach):
    """Catches packets that are small, and bytes sent twice."""
    machine, remote = attach()
    text, piece = symbols()["kernel_text_start"], 0x4000
    expected = machine.virtual_memory(text, 16 * piece) * 4
    for packet, limit in (("m", 2_100_000), ("x", 1_100_000)):
        before = remote.sent + remote.received
        got = b""
        while len(got) < 1 << 20:
            remote.send(f"{packet}{text + len(got) % (16 * piece):x},{piece:x}")
            reply = remote.reply_bytes()
            got += bytes.fromhex(reply.decode()) if packet == "m" else unescape(reply[1:])
        used = remote.sent + remote.received - before
        print(f"FIGURE gdb.mebibyte_by_{packet}: {used} bytes")
        assert got == expected and used <= limit


# --- Steps ---------------------------------------------------------------------------------------

# add rax, rcx; dec rcx; pushfq; popfq; cli; sti; pushfq; pop rdx; jmp
LOOP = bytes.fromhex("4801c8 48ffc9 9c 9d fa fb 9c 5a ebf2")
STARTS = [0, 3, 6, 7, 8, 9, 10, 11, 12]


@pytest.mark.parametrize("cpus", [1, 4])
def test_many_steps(attach, cpus):
    """Catches a step too many or too few, one that ends in an interrupt's handler, and flags that
    show that somebody has stepped."""
    _, remote = attach(cpus)
    place = symbols()["command_run_spin"]
    thread = int(stop_fields(remote.ask("?"))[1]["thread"], 16)
    before = remote.memory(place, len(LOOP))
    saved = {name: remote.register(number) for name, number in REGISTERS.items()}
    write_code(remote, place, LOOP)
    set_register(remote, "rip", place)
    set_register(remote, "rax", 0)
    set_register(remote, "rcx", 1 << 40)
    set_register(remote, "eflags", 0x202)
    steps = 10_000 if cpus == 1 else 1000  # emulators of several are slow at it
    for _ in range(steps):
        reply = remote.ask(f"vCont;s:{thread:x}")
    rounds, rest = divmod(steps, len(STARTS))
    assert stop_fields(reply)[0] == SIGTRAP
    assert stop_rip(reply) == place + STARTS[rest]
    adds, decrements = rounds + (rest > 0), rounds + (rest > 1)
    assert remote.register(REGISTERS["rcx"]) == (1 << 40) - decrements
    assert remote.register(REGISTERS["rax"]) == sum((1 << 40) - i for i in range(adds))
    assert remote.register(REGISTERS["rdx"]) & 0x300 == 0x200, "as PUSHF sees it: IF, and not TF"
    write_code(remote, place, before)
    for name, value in saved.items():
        set_register(remote, name, value)
    detach(remote)


def test_a_range(attach):
    """Catches a range that ends too early, or never; and one that can't be interrupted."""
    _, remote = attach(2)
    place = symbols()["command_run_spin"]
    thread = int(stop_fields(remote.ask("?"))[1]["thread"], 16)
    code = bytes.fromhex("48ffc9 75fb 90 ebfe")  # dec rcx; jnz; nop; jmp .
    write_code(remote, place, code)
    set_register(remote, "rip", place)
    set_register(remote, "rcx", 500)
    reply = remote.ask(f"vCont;r{place:x},{place + 5:x}:{thread:x}")
    assert stop_rip(reply) == place + 5 and remote.register(REGISTERS["rcx"]) == 0
    remote.send(f"vCont;r{place:x},{place + 8:x}:{thread:x}")
    assert remote.is_silent(0.5)
    signal, _ = stop_fields(remote.stop())
    assert signal == SIGINT and place <= remote.register(REGISTERS["rip"]) < place + 8


# --- Break- and watchpoints ----------------------------------------------------------------------


def pause_of_spin(remote):
    place = symbols()["command_run_spin"]
    return place + remote.memory(place, 256).index(bytes.fromhex("f390"))


def test_a_breakpoint_on_all_processors(attach):
    """Catches hits that are lost, or reported twice, when several processors come to it at once."""
    machine, remote = attach(4)
    place = pause_of_spin(remote)
    detach(remote)
    for job in range(1, 5):
        machine.command("spin 3600 &")
        machine.command(f"schedule job/{job} cpus={job - 1}")
    remote = Remote(machine.line)
    assert remote.ask(f"Z0,{place:x},1") == "OK"
    seen = []
    for _ in range(24):
        signal, fields = stop_fields(remote.ask("vCont;c"))
        assert signal == SIGTRAP and "swbreak" in fields, fields
        thread = int(fields["thread"], 16)
        seen.append(thread)
        assert remote.ask(f"Hg{thread:x}") == "OK"
        assert remote.register(REGISTERS["rip"]) == place
        assert remote.memory(place, 2) == b"\xf3\x90", "GDB doesn't see breakpoints in memory"
        assert remote.ask(f"z0,{place:x},1") == "OK"
        assert stop_rip(remote.ask(f"vCont;s:{thread:x}")) == place + 2
        assert remote.ask(f"Z0,{place:x},1") == "OK"
    for thread in range(1, 5):  # each for itself, however the emulator has favoured one
        assert remote.ask(f"z0,{place:x},1") == "OK"
        remote.ask(f"vCont;s:{thread:x}")
        assert remote.ask(f"Z0,{place:x},1") == "OK"
        _, fields = stop_fields(remote.ask(f"vCont;c:{thread:x}"))
        assert (int(fields["thread"], 16), "swbreak" in fields) == (thread, True), (fields, seen)
    assert remote.ask(f"z0,{place:x},1") == "OK"
    detach(remote)
    assert machine.virtual_memory(place, 2) == b"\xf3\x90"


def test_hardware_breakpoints(attach):
    """Catches a fifth one, one that isn't there on every processor, and one that isn't taken back."""
    machine, remote = attach(4)
    names = symbols()
    places = [names[name] for name in ("command_run_version", "timer_arm", "kmain", "command_run_spin")]
    for place in places:
        assert remote.ask(f"Z1,{place:x},1") == "OK"
    assert remote.ask(f"Z1,{names['panic']:x},1") == FULL
    assert remote.ask(f"z1,{places[1]:x},1") == "OK"
    remote.send("vCont;c")
    machine.type("version\r")
    signal, fields = stop_fields(remote.reply())
    assert signal == SIGTRAP and "hwbreak" in fields
    assert remote.register(REGISTERS["rip"]) == places[0]
    for place in places:
        assert remote.ask(f"z1,{place:x},1") == "OK"
    detach(remote)
    assert "Keelson" in machine.wait_prompt()


def test_a_watchpoint_on_another_processors_data(attach):
    """Catches watchpoints that only one processor has."""
    machine, remote = attach(4)
    detach(remote)
    text = "\n".join(machine.command("interrupts"))
    assert "timer" in text
    remote = Remote(machine.line)
    assert remote.ask("Hg3") == "OK"
    base = remote.register(described(remote)["gs_base"][0])
    assert remote.number(base) == base and remote.number(base + 8, 4) == 2, "its struct percpu"
    heartbeat = watch_offset("heartbeat")
    assert remote.ask(f"Z2,{base + heartbeat:x},8") == "OK"
    signal, fields = stop_fields(remote.ask("vCont;c"))
    assert (signal, fields["thread"], int(fields["watch"], 16)) == (SIGTRAP, "3", base + heartbeat)
    assert remote.ask(f"z2,{base + heartbeat:x},8") == "OK"
    assert remote.ask(f"Z2,{base + 1:x},8").startswith("E"), "the hardware can't"
    detach(remote)


def watch_offset(member):
    """Of a member of struct percpu, as GDB knows it."""
    done = subprocess.run(["gdb", "-q", "-nx", "-batch", "-ex", f"print (long)&((struct percpu *)0)->{member}",
                           str(KERNEL)], capture_output=True, text=True, check=True)
    return int(done.stdout.split("= ")[1])


def test_a_breakpoint_is_written_without_a_page_that_is_both(start):
    """Catches text that can be written, or a writable page that can be executed, while a breakpoint
    is being written, and an alias that outlives it."""
    names = symbols()
    with Stub() as stub:
        machine = start(append="gdb=com2", line="com2", extra=stub.arguments[1:])
        machine.wait_prompt()
        remote = Remote(machine.line)
        place = names["command_run_version"]
        assert remote.ask(f"Z0,{place:x},1") == "OK"
        qemu = Remote(stub.path)
        qemu.drain()
        assert qemu.ask(f"Z1,{names['arch_probe_write']:x},1") == "OK"

        def is_stopped():
            return not machine.monitor.execute("query-status")["running"]

        def go(packet):
            qemu.send(packet)
            machine.wait_until("a stop", is_stopped)
            qemu.drain(0.1)
        remote.send("vCont;c")
        qemu.send("c")
        time.sleep(0.5)
        for _ in range(20):  # first the text itself, which faults, then the alias
            machine.wait_until("a stop", is_stopped)
            qemu.drain(0.1)
            found = paging.mappings(machine)
            page = paging.at(found, place)
            physical = page.physical + place - page.start
            aliases = [one for one in found if one.writable and one.physical <= physical < one.physical + one.size]
            assert not [one for one in found if one.writable and one.executable]
            assert not page.writable
            if aliases:
                break
            go("s")
            qemu.send("c")
            time.sleep(0.2)
        assert aliases, "never seen"
        qemu.drain(1)
        assert qemu.ask(f"z1,{names['arch_probe_write']:x},1") == "OK"
        qemu.send("c")
        machine.wait_until("it runs", lambda: not is_stopped())
        machine.type("version\r")
        assert "swbreak" in remote.reply()
        found = paging.mappings(machine)
        assert not [one for one in found
                    if one.writable and one.physical <= physical < one.physical + one.size]
        qemu.close()


# --- The line ------------------------------------------------------------------------------------


def test_noise(attach):
    """Catches a stub that never finds back to a packet's beginning, or believes a wrong checksum."""
    machine, remote = attach(2)
    rng = random.Random(7)
    remote.quiet = False
    for _ in range(40):
        noise = bytes(rng.choice([b for b in range(256) if b != 3]) for _ in range(rng.randrange(1, 400)))
        remote.raw(noise + b"#00")
        assert remote.ask("qC").startswith("QC")
    remote.raw(b"$qC#00")
    assert remote.byte() == b"-"
    remote.drain()
    remote.raw(framed("m0," + "0" * 40_000))
    while remote.byte() != b"-":
        pass
    assert remote.ask("qC").startswith("QC")
    remote.drain()
    remote.raw(b"-")
    assert remote.reply().startswith("QC"), "once more"
    detach(remote)
    assert "Keelson" in machine.command("version")[0]


def test_noise_on_an_idle_line(attach):
    """Catches a machine that stands still for good because somebody has sent a character."""
    machine, remote = attach(2)
    detach(remote)
    noisy = Remote(machine.line, greet=False)
    noisy.raw(b"$$$")
    machine.type("version\r")
    assert "Keelson" in machine.wait_prompt()


def test_a_client_that_vanishes(attach):
    """Catches a stub that waits for the rest of a packet, or still believes that nobody acknowledges,
    when the next client comes."""
    machine, remote = attach(2)
    remote.raw(b"$m" + b"f" * 50)
    remote.close()
    again = Remote(machine.line)
    assert again.ask("qC").startswith("QC")
    again.raw(framed("vCont;c") + b"$")
    again.close()
    third = Remote(machine.line)
    assert stop_fields(third.ask("?"))[0] in (SIGINT, SIGTRAP)
    detach(third)
    assert "Keelson" in machine.command("version")[0]


def test_a_slow_line(attach):
    """Catches time-outs that a line of 115200 baud is too slow for."""
    machine, remote = attach(2)
    detach(remote)
    slow_path = machine.line.with_name("slow")
    with Throttle(machine.line, slow_path, 11520):
        slow = Remote(slow_path)
        assert stop_fields(slow.ask("?"))[0] == SIGINT
        assert len(slow.memory(symbols()["kernel_text_start"], 4096)) == 4096
        assert "Keelson" in slow.say("version")
        detach(slow)
    assert "Keelson" in machine.command("version")[0]


def test_packets_that_make_no_sense(attach):
    """Catches a reply to what isn't understood, and state that half of a packet has changed."""
    _, remote = attach()
    for text in ("", "vMustReplyEmpty", "qUnknown", "Qx", "!", "R00", "vFile:open:", "qTStatus", "b", "i"):
        assert remote.ask(text) == "", text
    for text in ("m", "m12", "m,", "mg,1", "M1,2", "Z9,1,1", "Z0", "Z0,1", "p", "pz", "P0", "P0=12", "vCont;",
                 "vCont;x", "vCont;s:1;", "vCont;r1", "vCont;s:99", "Hg99", "Hx1", "T99", "qRcmd,4", "qRcmd,zz",
                 "m10000000000000000,1", "qXfer:features:read:target.xml:ffffff,1", "qThreadExtraInfo,77",
                 "vCont;s:10001", "x1", "X0,5:ab"):
        assert remote.ask(text).startswith("E"), text
    assert remote.ask("qC").startswith("QC")


# --- The console's own line ----------------------------------------------------------------------


def typed(line, text, until, seconds=20):
    """Types at the prompt by hand; what comes until then."""
    line.raw(text)
    line.socket.settimeout(seconds)
    said = b""
    while until not in said:
        said += line.byte()
    return said


@pytest.mark.parametrize("cpus", [1, 2])
def test_the_consoles_line_is_handed_over(start, cpus):
    """Catches a packet that is echoed or typed, output that breaks packets, and a console that doesn't
    come back."""
    machine = start(cpus=cpus, line="com1")
    line = Remote(machine.line, greet=False)
    typed(line, b"", b"keelson> ")
    assert b"one" in typed(line, b"echo one\r", b"keelson> ")
    half = b"echo tw"
    typed(line, half, b"tw")
    line.raw(b"+" + framed("qSupported:swbreak+;hwbreak+"))
    assert line.reply().startswith("PacketSize"), "it is echoed"
    assert line.ask("QStartNoAckMode") == "OK"
    line.quiet = True
    assert stop_fields(line.ask("?"))[0] == SIGINT
    assert "Keelson" in line.say("version")
    line.send("vCont;c")
    assert line.is_silent(0.3)
    assert stop_fields(line.stop())[0] == SIGINT
    line.send("D")
    assert line.reply() == "OK"
    said = typed(line, b"", b"keelson> echo tw")
    assert b"the line is the console's again" in said
    typed(line, b"o\r", b"two\r\nkeelson> ")
    line.close()


def test_output_becomes_packets(start):
    """Catches console output in the midst of GDB's packets."""
    machine = start(line="com1", append="loglevel=debug panic=halt")
    line = Remote(machine.line, greet=False)
    typed(line, b"", b"keelson> ")
    typed(line, b"sleep 1; crash read &\r", b"keelson> ")
    line.raw(b"+" + framed("qSupported"))
    line.reply()
    assert line.ask("QStartNoAckMode") == "OK"
    line.quiet = True
    line.send("vCont;c")
    said = b""
    while (reply := line.reply())[0] == "O":
        said += bytes.fromhex(reply[1:])
    assert stop_fields(reply)[0] == SIGABRT
    assert b"KEELSON PANIC" in said and b"addr2line" in said
    line.close()


def test_what_is_typed_is_no_packet(start):
    """Catches characters that are lost because they look like a packet's beginning, and packets that
    are believed without their checksum."""
    machine = start()
    machine.wait_prompt()
    assert machine.command("echo $PATH + 1") == ["$PATH + 1"]
    assert machine.command("echo $qSupported#00") == ["$qSupported#00"]
    assert machine.command("echo $yyy#6b") == ["$yyy#6b"], "the sum is right, but there is no such packet"
    machine.type("echo +")
    machine.wait("+")
    machine.type("$")
    machine.wait("$")
    machine.type("\r")
    assert machine.wait_prompt().endswith("+$")


# --- Commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cpus", [1, 4])
def test_commands(attach, cpus):
    """Catches commands whose output goes elsewhere, or that can't be run while all stand still."""
    machine, remote = attach(cpus)
    assert "Keelson" in remote.say("version")
    assert "no such command" in remote.say("nonsense")
    said = remote.say("threads")
    assert re.search(r"main$", said, re.M) and re.search(r"gdb$", said, re.M)
    assert "pages          ok" in remote.say("memory check")
    for _ in range(3):
        assert "hallo" in remote.say("echo hallo; echo du")
    detach(remote)
    machine.assert_silent(0.3)
    assert "Keelson" in machine.command("version")[0]


def test_a_command_that_waits(attach):
    """Catches a stub that waits for what can't come, and a command that is lost."""
    machine, remote = attach(2)
    assert "It waits for something" in remote.say("sleep 0.2; echo late")
    assert "hasn't ended yet" in remote.say("version")
    detach(remote)
    machine.command("sleep 0.5")
    again = Remote(machine.line)
    assert "Keelson" in again.say("version")
    detach(again)


def test_a_command_where_interrupts_are_off(attach):
    """Catches a command that waits for a lock whose holder stands still."""
    machine, remote = attach(2)
    assert remote.ask(f"Z0,{symbols()['timer_run_due']:x},1") == "OK"
    assert "swbreak" in remote.ask("vCont;c")
    assert "Keelson" in remote.say("version")
    assert remote.ask(f"z0,{symbols()['timer_run_due']:x},1") == "OK"
    detach(remote)
    assert "Keelson" in machine.command("version")[0]


# --- The ways in ---------------------------------------------------------------------------------


def test_gdbwait(start):
    """Catches a start that doesn't wait, and one that can't be gone on with."""
    machine = start(append="gdb=com2 gdbwait", line="com2")
    machine.wait("waiting for GDB on the UART at port 0x2f8\r\n")
    machine.assert_silent(1)
    remote = Remote(machine.line)
    assert stop_fields(remote.ask("?"))[0] == SIGINT
    detach(remote)
    machine.wait_prompt()


def test_the_command_gdb(start):
    """Catches a command that nobody gets out of without GDB, or that doesn't wait."""
    machine = start(cpus=2, append="gdb=com2", line="com2")
    machine.wait_prompt()
    machine.type("gdb\r")
    machine.wait("Ctrl-C goes on without.")
    machine.assert_silent(0.5)
    machine.type("\x03")
    machine.wait_prompt()
    machine.type("gdb\r")
    machine.wait("Ctrl-C goes on without.")
    remote = Remote(machine.line)
    detach(remote)
    machine.wait_prompt()


@pytest.mark.parametrize("cpus", [1, 4])
def test_a_dump_button(attach, cpus):
    """Catches an NMI that ends in a panic although GDB is there, and one that can't be gone on from."""
    machine, remote = attach(cpus)
    for pause in (4, 1.2):  # the watchdog tries an NMI of its own first, and may owe one then
        remote.send("vCont;c")
        remote.drain(pause)
        machine.monitor.execute("inject-nmi")
        assert stop_fields(remote.reply())[0] == SIGINT
        assert "Keelson" in remote.say("version")
    detach(remote)
    time.sleep(1.2)
    machine.monitor.execute("inject-nmi")
    machine.type("version\r")
    machine.assert_silent(1)
    again = Remote(machine.line)
    detach(again)
    assert "Keelson" in machine.wait_prompt()


@pytest.mark.parametrize("kind", ["read", "panic", "opcode"])
@pytest.mark.parametrize("cpus", [1, 4])
def test_attached_in_a_panic(attach, cpus, kind):
    """Catches a panic that goes on behind GDB's back, and one whose frame isn't what it is about."""
    machine, remote = attach(cpus, append="panic=halt")
    remote.send("vCont;c")
    machine.type(f"crash {kind}\r")
    signal, fields = stop_fields(remote.reply())
    assert signal == SIGABRT
    assert "KEELSON PANIC" in machine.wait("addr2line")
    place = remote.register(REGISTERS["rip"])
    if kind != "panic":
        start = symbols()["crash_" + kind]
        assert start <= place < start + 64
    assert [one for one in remote.threads() if one < 0x10000] == list(range(1, cpus + 1))
    for cpu in range(cpus):
        assert remote.ask(f"Hg{cpu + 1:x}") == "OK"
        assert remote.register(REGISTERS["rip"]) >> 31 == 0x1ffffffff
    assert "Keelson" in remote.say("version")
    remote.send("vCont;c")
    machine.wait("Halted.")
    remote.close()


def test_a_panic_whose_client_has_vanished(attach):
    """Catches a machine that waits for good, in a panic, for a GDB that has gone without a word."""
    machine, remote = attach(append="panic=halt")
    remote.send("vCont;c")
    remote.drain()
    remote.close()
    machine.type("crash read\r")
    machine.wait("addr2line")
    machine.wait("Halted.", 30)


@pytest.mark.parametrize("cpus", [1, 4])
def test_attach_after_a_panic(start, cpus):
    """Catches a panic that nobody can look into any more."""
    machine = start(cpus=cpus, append="gdb=com2 panic=halt", line="com2")
    machine.wait_prompt()
    machine.type(f"crash read cpu={cpus - 1}\r")
    machine.wait("Or attach GDB.")
    remote = Remote(machine.line)
    signal, fields = stop_fields(remote.ask("?"))
    assert (signal, int(fields["thread"], 16)) == (SIGABRT, cpus)
    assert "gdb" in remote.say("help")
    remote.close()


def test_without_interrupts(start):
    """Catches a stub that needs them."""
    machine = start(append="gdb=com2 safe", line="com2")
    machine.wait_prompt()
    machine.type("gdb\r")
    machine.wait("Ctrl-C goes on without.")
    remote = Remote(machine.line)
    assert "Keelson" in remote.say("version")
    place = symbols()["command_run_version"]
    assert remote.ask(f"Z0,{place:x},1") == "OK"
    remote.send("vCont;c")
    machine.wait_prompt()
    machine.type("version\r")
    assert "swbreak" in remote.reply()
    detach(remote)
    machine.wait_prompt()


def test_no_line_at_all(start):
    """Catches a command that waits for nobody."""
    machine = start(serial=False, append='run="gdb; version" gdbwait')
    machine.wait_until("the prompt", lambda: "keelson>" in "\n".join(machine.screen_text()))
    assert "no serial line" in "\n".join(machine.screen_text())
