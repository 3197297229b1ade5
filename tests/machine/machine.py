"""One emulated machine: its serial console, QEMU's monitor, its end and its transcript."""

import fcntl
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect
from pexpect import fdpexpect

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import qemu  # noqa: E402

PROMPT = "keelson> "
ROW = 79 - len(PROMPT)  # what of a line fits
FIRMWARE_SECONDS = 90  # OVMF needs 8 on an idle machine
ANSWER_SECONDS = 20
SUCCESS, FAILURE = 33, 35  # what isa-debug-exit makes of 0x10 and 0x11
F_SETPIPE_SZ, PIPE_BYTES = 1031, 1 << 20  # what Linux allows everybody

# No machine outlives a test run that was killed.
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


class Monitor:
    """QEMU's monitor, by QMP."""

    def __init__(self, connection):
        connection.settimeout(ANSWER_SECONDS)
        self.stream = connection.makefile("rwb")
        self.events = []
        self.ready = False

    def execute(self, command, **arguments):
        if not self.ready:
            self.ready = True
            self._read()  # the greeting
            self.execute("qmp_capabilities")
        request = {"execute": command, "arguments": arguments}
        self.stream.write(json.dumps(request).encode() + b"\n")
        self.stream.flush()
        while True:
            answer = self._read()
            if "event" in answer:
                self.events.append(answer)
                continue
            assert "return" in answer, f"QEMU's monitor refuses {request}: {answer}"
            return answer["return"]

    def human(self, line):
        """A command of the monitor that is made for people, such as `info registers`."""
        return self.execute("human-monitor-command", **{"command-line": line})

    def read_events(self):
        """What QEMU has said before it ended."""
        self.events += [event for event in map(json.loads, self.stream) if "event" in event]

    def _read(self):
        line = self.stream.readline()
        assert line, "QEMU's monitor is gone"
        return json.loads(line)


class Console:
    """One serial port, by a pair of named pipes. Unlike a socket, which a few hundred writes of one
    byte fill, a pipe holds what a lagging reader hasn't taken: the port never looks stuck to the
    kernel, and nothing is lost when QEMU ends."""

    def __init__(self, folder, name, log):
        self.arguments = ["-chardev", f"pipe,id={name},path={folder}/{name}",
                          "-serial", f"chardev:{name}"]
        for end in ("in", "out"):
            os.mkfifo(f"{folder}/{name}.{end}")
        self.keyboard = os.open(f"{folder}/{name}.in", os.O_RDWR)
        output = os.open(f"{folder}/{name}.out", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(output, F_SETPIPE_SZ, PIPE_BYTES)
        self.expect = fdpexpect.fdspawn(output, encoding="latin-1", timeout=ANSWER_SECONDS)
        self.expect.logfile_read = open(log, "a", encoding="latin-1", newline="")

    def send(self, text):
        os.write(self.keyboard, text.encode("latin-1"))

    def close(self):
        """QEMU has ended: takes what is left into the log."""
        try:
            self.expect.expect(pexpect.EOF, timeout=1)
        except (pexpect.TIMEOUT, ValueError):
            pass
        self.expect.logfile_read.close()
        self.expect.close()
        os.close(self.keyboard)


class Machine:
    """Starts QEMU on a kernel (PVH) or an ISO; see tools/qemu.py for the arguments.

    serial: False for a machine without serial port; serial2: a second port, as `self.second`;
    line: "com1" or "com2", which is then on the socket `self.line`, for a debugger;
    reboots: whether a reset starts the machine again instead of ending QEMU.
    """

    def __init__(self, log, serial=True, serial2=False, reboots=False, line=None, extra=(), **arguments):
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.errors = self.log.with_suffix(".stderr")
        self.folder = tempfile.mkdtemp(prefix="keelson-")
        words = qemu.command(extra=extra, **arguments) + ["-display", "none"]
        if reboots:
            words.remove("-no-reboot")
        near, far = socket.socketpair()
        words += ["-chardev", f"socket,id=monitor,fd={far.fileno()}",
                  "-mon", "chardev=monitor,mode=control"]
        self.monitor = Monitor(near)
        self.log.write_text("")
        self.line = Path(self.folder) / "line"
        has_console = serial and line != "com1"
        self.serial = Console(self.folder, "serial0", self.log) if has_console else None
        self.second = Console(self.folder, "serial1", self.log) if serial2 else None
        self.consoles = [console for console in (self.serial, self.second) if console]
        for console, port in ((self.serial, "com1"), (self.second, "com2")):
            if port == line:
                words += ["-chardev", f"socket,id=line,path={self.line},server=on,wait=off",
                          "-serial", "chardev:line"]
            else:
                words += console.arguments if console else ["-serial", "none"]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                DIES_WITH_US + words, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                pass_fds=[far.fileno()], cwd=ROOT)
        far.close()
        self.words = words

    # --- The serial console ---

    def wait_prompt(self, seconds=FIRMWARE_SECONDS):
        """Returns what came before the prompt, which stands at the start of a line."""
        return self.wait("\r\n" + PROMPT, seconds)

    def wait(self, text, seconds=ANSWER_SECONDS):
        """Waits for a text; returns what came before it, with plain newlines."""
        expect = self.serial.expect
        expect.expect_exact(text, timeout=seconds)
        return expect.before.replace("\r\n", "\n")

    def type(self, text):
        self.serial.send(text)

    def command(self, line, seconds=ANSWER_SECONDS):
        """Types a command at the prompt and returns the lines of its answer. A line that fits is
        echoed as it is; a longer one scrolls in its row."""
        self.type(line + "\r")
        lines = self.wait_prompt(seconds).split("\n")
        assert lines[0] == line or len(line) > ROW, f"the echo of {line!r} is {lines[0]!r}"
        return lines[1:]

    def assert_silent(self, seconds):
        """Nothing is said, and the machine doesn't end."""
        said = self.serial.expect.expect([pexpect.TIMEOUT, r"\S", pexpect.EOF], timeout=seconds)
        assert said == 0, "the machine isn't silent" if said == 1 else "the machine has ended"

    # --- The outside ---

    def register(self, name):
        """A register of the first processor, by its 64-bit name; outside of long mode, what there
        is of it."""
        text = self.monitor.human("info registers")
        names = f"{name}|E{name[1:]}" if name.startswith("R") else name
        match = re.search(rf"\b(?:{names})\s?=\s?([0-9a-f]+)", text)
        assert match, f"no {name} in {text}"
        return int(match.group(1), 16)

    def memory(self, address, size):
        """Physical memory."""
        dump = self.log.with_suffix(".memory")
        self.monitor.execute("pmemsave", val=address, size=size, filename=str(dump))
        return dump.read_bytes()

    def virtual_memory(self, address, size):
        """As the first processor sees it."""
        dump = self.log.with_suffix(".memory")
        self.monitor.execute("memsave", val=address - (address >> 63 << 64), size=size, filename=str(dump))
        return dump.read_bytes()

    def screen_text(self):
        """The 25 rows of a VGA text screen, right ends stripped."""
        cells = self.memory(0xb8000, 4000)[::2].decode("cp437")
        return [cells[row * 80:row * 80 + 80].rstrip() for row in range(25)]

    def wait_until(self, what, holds, seconds=ANSWER_SECONDS):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.1)

    # --- The end ---

    def wait_exit(self, seconds=ANSWER_SECONDS):
        """Waits until QEMU ends by itself; returns its status."""
        return self.process.wait(seconds)

    def rest(self, seconds=ANSWER_SECONDS):
        """Waits until QEMU ends; returns what the serial console said until then."""
        expect = self.serial.expect
        expect.expect(pexpect.EOF, timeout=seconds)
        self.process.wait(seconds)
        return expect.before.replace("\r\n", "\n")

    def shutdown_reason(self):
        """Why QEMU has ended, by its own word."""
        self.monitor.read_events()
        return next((event["data"]["reason"] for event in self.monitor.events
                     if event["event"] == "SHUTDOWN"), None)

    def is_running(self):
        return self.process.poll() is None

    def close(self):
        """May be called again."""
        if self.is_running():
            self.process.kill()
        self.process.wait()
        while self.consoles:
            self.consoles.pop().close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.with_suffix(".memory").unlink(missing_ok=True)

    def story(self):
        """Everything that a failure's report wants to know."""
        parts = [shlex.join(self.words), self.log.read_text(encoding="latin-1")[-6000:]]
        errors = self.errors.read_text(errors="replace")
        if errors:
            parts.append("QEMU says:\n" + errors[-2000:])
        return "\n".join(parts)
