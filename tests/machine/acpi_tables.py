"""ACPI tables made by hand, for firmware that lies [ACPI 5.2]."""

import struct

HEADER = struct.Struct("<4sIBB6s8sI4sI")


def checked(table, at=9):
    table = bytearray(table)
    table[at] = -sum(table) & 0xff
    return bytes(table)


def table(signature, body, revision=3):
    return checked(HEADER.pack(signature, HEADER.size + len(body), revision, 0, b"KEEL  ", b"TEST    ",
                               1, b"TEST", 1) + body)


def rsdp(xsdt):
    """Revision 2, with an XSDT alone."""
    first = checked(struct.pack("<8sB6sBI", b"RSD PTR ", 0, b"KEEL  ", 2, 0), at=8)
    return checked(first + struct.pack("<IQB3x", 36, xsdt, 0), at=32)


def lapic(uid, apic_id, enabled=True):
    return struct.pack("<BBBBI", 0, 8, uid, apic_id, enabled)


def x2apic(uid, apic_id, enabled=True):
    return struct.pack("<BBHIII", 9, 16, 0, apic_id, enabled, uid)


def io_apic(number=0, address=0xfec00000, first=0):
    return struct.pack("<BBBBII", 1, 12, number, 0, address, first)


def timer_override():
    """ISA's line 0 is the second input: as on every PC."""
    return struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0)


def madt(*entries):
    return table(b"APIC", struct.pack("<II", 0xfee00000, 1) + b"".join(entries))


def laid_out(address, *tables):
    """Tables one behind the other from `address` on, an XSDT of them first: its address, and the
    bytes."""
    root_size = HEADER.size + 8 * len(tables)
    addresses, at = [], address + (root_size + 7 & ~7)
    for one in tables:
        addresses.append(at)
        at += len(one) + 7 & ~7
    root = table(b"XSDT", struct.pack(f"<{len(tables)}Q", *addresses), revision=1)
    return b"".join(one.ljust(len(one) + 7 & ~7, b"\0") for one in (root, *tables))
