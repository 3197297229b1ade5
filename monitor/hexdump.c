// Memory as bytes and as text (monitor/hexdump.h).

#include "monitor/hexdump.h"
#include "kernel/console.h"
#include "monitor/command.h"

enum { LINE_BYTES = 16 };

// Pairs of bytes, in the order of their addresses, and what they are as text: 75 columns.
static void show_line(uint64_t address, const uint8_t bytes[LINE_BYTES], unsigned count)
{
    char text[LINE_BYTES + 1] = "";
    print("%016lx:", address);
    for (unsigned i = 0; i < LINE_BYTES; i++) {
        const char *gap = i % 2 == 0 ? " " : "";
        if (i >= count) {
            print("%s  ", gap);
            continue;
        }
        print("%s%02x", gap, bytes[i]);
        text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '.';
    }
    print("  %s\n", text);
}

enum status hexdump(const struct memory_place *place, uint64_t shown, uint64_t length)
{
    uint8_t bytes[LINE_BYTES];
    for (uint64_t at = 0; at < length && !command_interrupted(); at += LINE_BYTES) {
        unsigned wanted = length - at < LINE_BYTES ? (unsigned)(length - at) : LINE_BYTES;
        unsigned got = memory_read_bytes(place, at, bytes, wanted);
        if (got)
            show_line(shown + at, bytes, got);
        if (got < wanted) {
            print("%016lx: can't be read\n", shown + at + got);
            return FAULT;
        }
    }
    return OK;
}
