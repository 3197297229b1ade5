"""Bochs without a display: another emulator, whose processor takes less on trust than QEMU's."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

SHARE = Path("/usr/share/bochs")
BIOS = SHARE / "BIOS-bochs-latest"
VGA_BIOS = SHARE / "VGABIOS-lgpl-latest"

SETTINGS = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
plugin_ctrl: speaker=0, parallel=0, gameport=0
romimage: file={bios}, options=fastboot
vgaromimage: file={vga_bios}
boot: cdrom
ata0: enabled=1
ata1: enabled=0
ata0-master: type=cdrom, path={iso}, status=inserted
cpu: model={model}, count={cpus}, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0
memory: guest={memory}, host={memory}
clock: sync=none, time0=946681200
vga: extension=none, realtime=0, update_freq=1
mouse: enabled=0
com1: enabled=1, mode=file, dev={folder}/serial.log
log: {folder}/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


def missing():
    """What stands in the way of using Bochs, or None."""
    if not shutil.which("bochs"):
        return "Bochs isn't installed (package bochs)"
    for file, package in ((BIOS, "bochsbios"), (VGA_BIOS, "vgabios")):
        if not file.exists():
            return f"{file} is missing (package {package})"
    return None


class Bochs:
    """One run of an ISO. The serial port goes to a file."""

    def __init__(self, iso, folder, model="broadwell_ult", memory=256, cpus=1):
        self.folder = Path(folder)
        self.serial = self.folder / "serial.log"
        settings = self.folder / "bochsrc"
        settings.write_text(SETTINGS.format(iso=iso, folder=folder, model=model, memory=memory, cpus=cpus,
                                            bios=BIOS, vga_bios=VGA_BIOS))
        script = self.folder / "debugger.rc"
        script.write_text("c\nr\nq\n")
        with open(self.folder / "stdout", "wb") as output:
            self.process = subprocess.Popen(
                ["bochs", "-q", "-f", str(settings), "-rc", str(script)], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True)

    def text(self):
        """What the serial port has said so far."""
        if not self.serial.exists():
            return ""
        return self.serial.read_bytes().decode("latin-1").replace("\r\n", "\n")

    def stdout(self):
        return (self.folder / "stdout").read_text(errors="replace")

    def wait(self, seconds):
        """Waits until Bochs ends by itself; returns how: "power-off", "triple fault" or its own
        words."""
        self.process.wait(seconds)
        said = self.stdout()
        if "shutdown requested" in said or "soft power off" in said:
            return "power-off"
        if "no resolution" in said:
            return "triple fault"
        return said[-2000:]

    def close(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
