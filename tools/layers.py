#!/usr/bin/env python3
"""Checks that every #include "..." goes down the layers, or stays in its room.

The rooms and what each may include are those of docs/architecture.md. The path in an #include names
the layer, so reading includes is enough. Exit status 1, and a line for each, where one goes up.
"""

import re
import subprocess
import sys

BASE = ["lib/", "arch/arch.h", "kernel/log.h", "kernel/panic.h", "kernel/lock.h", "kernel/percpu.h",
        "kernel/remote.h"]
ABOVE_ARCH = BASE + ["mm/", "kernel/", "arch/x86_64/", "gen/"]

# The first row that is a prefix of a file's path says what that file may include.
ROOMS = [
    ("lib/", ["lib/"]),
    ("arch/arch.h", ["lib/", "arch/x86_64/arch_inline.h"]),
    ("arch/x86_64/arch_inline.h", ["lib/", "arch/x86_64/page_inline.h", "arch/x86_64/percpu.h"]),
    ("arch/x86_64/page_inline.h", ["lib/"]),
    ("arch/x86_64/percpu.h", ["lib/", "arch/x86_64/debug.h", "arch/x86_64/topology.h",
                             "arch/x86_64/vector.h", "kernel/remote.h"]),
    ("arch/x86_64/debug.h", ["lib/"]),
    ("arch/x86_64/topology.h", ["lib/"]),
    ("arch/x86_64/vector.h", ["lib/"]),
    ("mm/", BASE + ["mm/"]),
    ("kernel/main.c", [""]),
    ("kernel/", BASE + ["mm/", "kernel/"]),
    ("arch/x86_64/", ABOVE_ARCH),
    ("drivers/", ABOVE_ARCH + ["drivers/"]),
    ("virt/svm/", ABOVE_ARCH + ["virt/svm/", "virt/[a-z_]*.h"]),
    ("virt/vmx/", ABOVE_ARCH + ["virt/vmx/", "virt/[a-z_]*.h"]),
    ("virt/dev/", BASE + ["kernel/", "virt/dev/", "virt/vm.h", "virt/bus.h", "virt/inject.h"]),
    ("virt/", ABOVE_ARCH + ["virt/[a-z_]*.h"]),
    ("monitor/", ABOVE_ARCH + ["drivers/", "virt/[a-z_]*.h", "monitor/"]),
    ("tests/", [""]),
    ("tools/", [""]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def allowed_for(path):
    return next((allowed for room, allowed in ROOMS if path.startswith(room)), None)


def is_allowed(included, allowed):
    return any(re.match(pattern, included) for pattern in allowed)


def is_private_elsewhere(path, included):
    folder = included.rsplit("/", 1)[0]
    return included.endswith("_priv.h") and not path.startswith(folder + "/")


def complaints(path):
    allowed = allowed_for(path)
    if allowed is None:
        yield f"{path}: in no room that tools/layers.py knows"
        return
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            included = match.group(1)
            if not is_allowed(included, allowed):
                yield f"{path}:{number}: may not include {included}: it is in a higher layer"
            elif is_private_elsewhere(path, included):
                yield f"{path}:{number}: {included} is private to its folder"


def main():
    listed = sys.argv[1:] or subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.S"],
        check=True, capture_output=True, text=True).stdout.split()
    found = [line for path in listed for line in complaints(path)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))


main()
