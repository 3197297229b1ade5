#!/usr/bin/env python3
"""QEMU command lines for Keelson: used by `make run` and `make debug`, and imported by the tests.

    qemu.py run   --iso FILE | --kernel FILE [--append OPTIONS] [-- QEMU ARGUMENTS]
    qemu.py debug --iso FILE | --kernel FILE --symbols FILE [-- QEMU ARGUMENTS]
    qemu.py dump  what `run` has started: its memory and registers, for GDB

The machine comes from the environment: MACHINE, FIRMWARE, CPUS, MEMORY, ACCEL, CPU.
"""

import argparse
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

QEMU = "qemu-system-x86_64"
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]

# Where distributions keep the firmware.
OVMF_X64 = [
    "/usr/share/ovmf/OVMF.fd",
    "/usr/share/edk2/ovmf/OVMF_CODE.fd",
    "/usr/share/edk2/x64/OVMF.fd",
    "/usr/share/edk2/x64/OVMF.4m.fd",
    "/usr/share/qemu/edk2-x86_64-code.fd",
    "/opt/homebrew/share/qemu/edk2-x86_64-code.fd",
    "/usr/local/share/qemu/edk2-x86_64-code.fd",
]
OVMF_IA32_CODE = ["/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd",
                  "/usr/share/edk2/ovmf-ia32/OVMF_CODE.fd"]
OVMF_IA32_VARS = ["/usr/share/OVMF/OVMF32_VARS_4M.fd", "/usr/share/edk2/ovmf-ia32/OVMF_VARS.fd"]


def first_file(candidates, package):
    for name in candidates:
        if Path(name).is_file():
            return name
    sys.exit(f"qemu.py: no firmware found: install the package {package} (`make setup`)")


def firmware_arguments(firmware):
    """Arguments for the firmware, and what the machine type must be told for it."""
    if firmware == "bios":
        return [], ""
    if firmware == "uefi":
        return ["-bios", first_file(OVMF_X64, "ovmf")], ""
    if firmware == "uefi32":
        code = first_file(OVMF_IA32_CODE, "ovmf-ia32")
        variables = first_file(OVMF_IA32_VARS, "ovmf-ia32")
        return [
            "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={variables}",
        ], ",smm=on"
    sys.exit(f"qemu.py: FIRMWARE={firmware} is none of bios, uefi, uefi32")


def medium_arguments(image, medium):
    """The image as a CD, a disk or a USB stick."""
    drive = ["-drive", f"if=none,id=medium,format=raw,readonly=on,file={image}"]
    devices = {
        "cdrom": ["-cdrom", str(image)],
        "disk": ["-drive", f"if=ide,format=raw,snapshot=on,file={image}"],
        "usb": ["-device", "qemu-xhci", "-device", "usb-storage,drive=medium,bootindex=0"] + drive,
        "usb2": ["-device", "usb-ehci", "-device", "usb-storage,drive=medium,bootindex=0"] + drive,
        "virtio": ["-device", "virtio-blk-pci,drive=medium,bootindex=0"] + drive,
        "ahci": ["-device", "ahci,id=sata", "-device", "ide-hd,bus=sata.0,drive=medium,bootindex=0",
                 "-drive", f"if=none,id=medium,format=raw,snapshot=on,file={image}"],
        "nvme": ["-device", "nvme,drive=medium,serial=keelson,bootindex=0"] + drive,
    }
    return devices[medium]


def command(iso=None, kernel=None, append="", firmware="bios", machine="q35", cpu="max", cpus=1,
            memory="512M", accel="tcg", medium="cdrom", extra=()):
    """A whole QEMU command line, without displays and serial ports."""
    if firmware == "uefi32" and machine.split(",")[0] != "q35":
        sys.exit("qemu.py: FIRMWARE=uefi32 needs MACHINE=q35: its only build wants SMM")
    firmware_part, machine_part = firmware_arguments(firmware)
    words = [QEMU, "-machine", f"{machine}{machine_part}", "-accel", accel,
             "-cpu", cpu, "-smp", str(cpus), "-m", memory, "-nic", "none", "-no-reboot"]
    words += firmware_part + DEBUG_EXIT
    if kernel:
        words += ["-kernel", str(kernel), "-append", append]
    else:
        words += medium_arguments(iso, medium)
    return words + [str(word) for word in extra]


def from_environment(arguments):
    setting = os.environ.get
    return command(
        iso=arguments.iso, kernel=arguments.kernel, append=arguments.append,
        firmware=setting("FIRMWARE", "bios"), machine=setting("MACHINE", "q35"),
        cpu=setting("CPU", "max,+svm,+npt" if setting("ACCEL", "tcg") == "tcg" else "host"),
        cpus=setting("CPUS", "2"), memory=setting("MEMORY", "512M"),
        accel=setting("ACCEL", "tcg"), extra=arguments.qemu)


def display_arguments():
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return [] if has_display or sys.platform == "darwin" else ["-display", "none"]


def output_folder():
    return Path(os.environ.get("O", "build")).resolve()


def run(arguments):
    print("Serial console on this terminal: Ctrl-A X ends QEMU, Ctrl-A C is its monitor.", flush=True)
    words = from_environment(arguments) + display_arguments() + ["-serial", "mon:stdio"]
    words += ["-qmp", f"unix:{output_folder() / 'qmp'},server=on,wait=off"]
    words.remove("-no-reboot")
    os.execvp(words[0], words)


def debug(arguments):
    """GDB in this terminal, with QEMU as its child on a pipe: it ends when GDB does."""
    gdb = shutil.which("gdb-multiarch") or "gdb"
    output = output_folder() / "debug-serial.log"
    words = from_environment(arguments) + [
        "-display", "none", "-serial", f"file:{output}", "-S", "-gdb", "stdio"]
    words.remove("-no-reboot")  # `monitor system_reset` starts again
    quoted = shlex.join(words)
    print(f"The serial console goes to {output}.", flush=True)
    script = Path(__file__).with_name("gdb") / "debug.gdb"
    batch = ["-batch"] if arguments.batch else []
    return subprocess.call(
        [gdb, "-q", *batch, "-ex", f"file {arguments.symbols}",
         "-ex", f"target remote | exec {quoted} 2>{output}.qemu", "-x", str(script),
         *[word for text in arguments.gdb for word in ("-ex", text)]])


def dump(arguments):
    """Into a file that GDB takes for a core; the machine goes on."""
    folder = output_folder()
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(folder / "qmp"))
    except OSError as error:
        sys.exit(f"qemu.py: no machine of `make run` is there: {folder / 'qmp'}: {error.strerror}")
    stream = connection.makefile("rwb", buffering=0)
    stream.readline()  # the greeting
    file = folder / "keelson.dump"
    for request in ({"execute": "qmp_capabilities"},
                    {"execute": "dump-guest-memory",
                     "arguments": {"paging": True, "protocol": f"file:{file}"}}):
        stream.write(json.dumps(request).encode() + b"\n")
        while "event" in (answer := json.loads(stream.readline() or b'{"error": "QEMU has ended"}')):
            pass
        if "error" in answer:
            sys.exit(f"qemu.py: {answer['error']}")
    print(f"gdb -x tools/gdb/keelson.gdb {arguments.symbols or 'build/keelson.elf'} {file}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "debug", "dump"])
    parser.add_argument("--iso")
    parser.add_argument("--kernel")
    parser.add_argument("--append", default="")
    parser.add_argument("--symbols")
    parser.add_argument("--gdb", action="append", default=[], help="debug: a GDB command to run")
    parser.add_argument("--batch", action="store_true", help="debug: end after those commands")
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:split])
    arguments.qemu = words[split + 1:]
    if not shutil.which(QEMU):
        sys.exit(f"qemu.py: {QEMU} is missing: install the package qemu-system-x86 (`make setup`)")
    sys.exit({"run": run, "debug": debug, "dump": dump}[arguments.action](arguments))


if __name__ == "__main__":
    main()
