// A ring of log records: the newest are kept, the oldest give way. Pure data structure, compiled
// for host tests too; its callers keep accesses apart.
#pragma once

#include "lib/types.h"

enum {
    LOG_RING_SIZE = 256 * 1024, // a power of two
    LOG_TEXT_MAX = 240,         // longer texts are cut
};

struct log_record {
    uint64_t ticks; // arch_ticks() when it was written
    uint32_t cpu;
    uint16_t length; // of the text that follows in the ring
    uint8_t level;
    uint8_t reserved;
};

struct log_ring {
    uint64_t head, tail; // running byte counts: where the next record goes; the oldest record
    uint64_t written;    // records, ever
    uint64_t dropped;    // those of them that have given way
    uint8_t data[LOG_RING_SIZE];
};

// Adds a record with `record->length` characters of text (cut at LOG_TEXT_MAX).
void log_ring_put(struct log_ring *ring, const struct log_record *record, const char *text);

// Who reads: all zero begins with the first record that there has ever been.
struct log_reader {
    uint64_t position; // as `head`
    uint64_t number;   // of records before it
    uint64_t lost;     // that have given way before they were read
};

// Reads the next record, the oldest one where that is gone. `text` holds LOG_TEXT_MAX + 1 bytes and
// is terminated. Returns false at the end.
bool log_ring_get(const struct log_ring *ring, struct log_reader *reader, struct log_record *record,
                  char *text);
