#!/usr/bin/env python3
"""Turns `nm` output on standard input into the assembly source of the kernel's symbol table.

kernel/symbol.c says what the table looks like. It has a section of its own at the image's end, so
that its size moves none of the addresses in it.
"""

import sys

KINDS = "TtDdRrBb"
IGNORED = ("option_entry_", "command_entry_", "completer_entry_", "driver_entry_", "console_driver_entry_", "input_driver_entry_",
           "ktest_entry_", "bench_entry_", "figure_entry_")


def is_boundary(name):
    """Names that the linker gives to a place. Of several names of one address the last in the table
    is shown: one of what really stands there."""
    return name.endswith(("_start", "_end"))


def read_symbols(lines):
    start = None
    symbols = set()
    for line in lines:
        address, kind, name = line.split()[-3:]
        if name == "kernel_image_start":
            start = int(address, 16)
        elif kind in KINDS and not name.startswith(IGNORED) and not name.startswith(("__func__", ".L")):
            symbols.add((int(address, 16), not is_boundary(name), name))
    return [(address - start, name) for address, _, name in sorted(symbols) if address >= start]


def main():
    lines = [line for line in sys.stdin if len(line.split()) == 3]
    symbols = read_symbols(lines) if lines else []
    print('        .section .symbols, "a"')
    print("        .globl symbol_count, symbol_table, symbol_names")
    print("        .balign 4")
    print(f"symbol_count: .long {len(symbols)}")
    print("symbol_table:")
    place = 0
    for offset, name in symbols:
        print(f"        .long {offset:#x}, {place}")
        place += len(name) + 1
    print("symbol_names:")
    for _, name in symbols:
        print(f'        .asciz "{name}"')
    print('        .section .note.GNU-stack, "", @progbits')


main()
