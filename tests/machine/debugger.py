"""GDB in batch mode on a machine that stands still until it is told to go on."""

import shutil
import subprocess
import tempfile
from pathlib import Path

GDB_SECONDS = 60


class Stub:
    """QEMU's GDB stub on a socket of its own; use as `with Stub() as stub`."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="keelson-gdb-")
        self.path = Path(self.folder) / "stub"
        self.arguments = ["-S", "-chardev", f"socket,id=gdb,path={self.path},server=on,wait=off",
                          "-gdb", "chardev:gdb"]
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def run(self, machine, *commands):
        """Attaches, runs the commands and lets the machine go. Returns what GDB has said."""
        machine.wait_until("QEMU's GDB stub is there", self.path.exists)
        words = ["gdb", "-q", "-nx", "-batch", "-ex", "set architecture i386:x86-64",
                 "-ex", f"target remote {self.path}"]
        for text in (*commands, "detach"):
            words += ["-ex", text]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=GDB_SECONDS)
        return done.stdout
