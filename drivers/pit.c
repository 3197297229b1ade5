// The programmable interval timer [8254], looked at by its read-back command.

#include "drivers/pit.h"
#include "arch/x86_64/io.h"
#include "kernel/clock.h"
#include "lib/bits.h"
#include "lib/types.h"

enum {
    PIT_CHANNEL_0 = 0x40,
    PIT_COMMAND = 0x43,
    READ_BACK_0 = 0xc2, // latches status and count of channel 0; the status is read first
    STATUS_ACCESS = BIT(5) | BIT(4),
    ACCESS_BOTH = BIT(5) | BIT(4), // the count is read as two bytes, else as one
    ABSENT = 0xff,
    LOOKS = 10,
};

#define LOOK_NS 100000ull

// The latched bytes have to be read, all of them and no more, or the next reader gets the wrong
// half.
static uint8_t read_back(uint16_t *count)
{
    port_write8(PIT_COMMAND, READ_BACK_0);
    uint8_t status = port_read8(PIT_CHANNEL_0);
    *count = port_read8(PIT_CHANNEL_0);
    if ((status & STATUS_ACCESS) == ACCESS_BOTH)
        *count |= (uint16_t)(port_read8(PIT_CHANNEL_0) << 8);
    return status;
}

enum pit_state pit_probe(void)
{
    uint16_t first, next;
    uint8_t status = read_back(&first);
    if (status == ABSENT)
        return PIT_ABSENT;
    for (unsigned i = 0; i < LOOKS; i++) {
        clock_delay_ns(LOOK_NS);
        (void)read_back(&next);
        if (next != first)
            return PIT_COUNTING;
    }
    return PIT_STOPPED;
}
