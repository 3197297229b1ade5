// Channel 2 of the programmable interval timer [8254], whose output is the speaker's: 14.31818 MHz,
// divided by twelve. It counts down.

#include "arch/x86_64/io.h"
#include "arch/x86_64/reference.h"
#include "lib/bits.h"

enum {
    PIT_PERIOD_FS = 838095238,
    CHANNEL_2 = 0x42,
    COMMAND = 0x43,
    GATE = 0x61,
    GATE_OPEN = BIT(0),    // channel 2 counts
    GATE_SPEAKER = BIT(1), // and is heard
    MODE_0 = 0x30,         // of two bytes; goes on behind 0
    SET_MODE_0 = 0x80 | MODE_0,
    LATCH_COUNT = 0x80,
    LATCH_STATUS = 0xe8,
    STATUS_MODE = BIT(6) - 1,
};

static uint8_t gate_before;

static uint64_t read_pit(void)
{
    port_write8(COMMAND, LATCH_COUNT);
    uint8_t low = port_read8(CHANNEL_2);
    return ~(uint64_t)(low | port_read8(CHANNEL_2) << 8);
}

static void stop_pit(void)
{
    port_write8(GATE, gate_before);
}

static const struct reference pit = {.name = "the PIT",
                                     .period_fs = PIT_PERIOD_FS,
                                     .mask = UINT16_MAX,
                                     .read = read_pit,
                                     .stop = stop_pit};

const struct reference *pit_start(void)
{
    gate_before = port_read8(GATE) & (uint8_t) ~(GATE_OPEN | GATE_SPEAKER);
    port_write8(GATE, gate_before | GATE_OPEN);
    port_write8(COMMAND, SET_MODE_0);
    port_write8(CHANNEL_2, 0); // 65536
    port_write8(CHANNEL_2, 0);
    port_write8(COMMAND, LATCH_STATUS);
    if ((port_read8(CHANNEL_2) & STATUS_MODE) == MODE_0)
        return &pit;
    stop_pit(); // an empty port says anything else
    return NULL;
}
