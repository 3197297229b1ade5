// A ring of log records. Invariant: [tail, head) holds whole records, and head - tail never exceeds
// the ring's size.

#include "kernel/log_ring.h"
#include "lib/string.h"

static void copy_in(struct log_ring *ring, uint64_t position, const void *from, size_t size)
{
    size_t at = position % LOG_RING_SIZE;
    size_t first = size < LOG_RING_SIZE - at ? size : LOG_RING_SIZE - at;
    memcpy(ring->data + at, from, first);
    memcpy(ring->data, (const uint8_t *)from + first, size - first);
}

static void copy_out(const struct log_ring *ring, uint64_t position, void *to, size_t size)
{
    size_t at = position % LOG_RING_SIZE;
    size_t first = size < LOG_RING_SIZE - at ? size : LOG_RING_SIZE - at;
    memcpy(to, ring->data + at, first);
    memcpy((uint8_t *)to + first, ring->data, size - first);
}

static void drop_oldest(struct log_ring *ring)
{
    struct log_record oldest;
    copy_out(ring, ring->tail, &oldest, sizeof(oldest));
    ring->tail += sizeof(oldest) + oldest.length;
    ring->dropped++;
}

void log_ring_put(struct log_ring *ring, const struct log_record *record, const char *text)
{
    struct log_record kept = *record;
    if (kept.length > LOG_TEXT_MAX)
        kept.length = LOG_TEXT_MAX;
    size_t size = sizeof(kept) + kept.length;
    while (ring->head + size - ring->tail > LOG_RING_SIZE)
        drop_oldest(ring);
    copy_in(ring, ring->head, &kept, sizeof(kept));
    copy_in(ring, ring->head + sizeof(kept), text, kept.length);
    ring->head += size;
    ring->written++;
}

static void catch_up(const struct log_ring *ring, struct log_reader *reader)
{
    if (reader->position >= ring->tail)
        return;
    reader->lost += ring->dropped - reader->number;
    reader->number = ring->dropped;
    reader->position = ring->tail;
}

bool log_ring_get(const struct log_ring *ring, struct log_reader *reader, struct log_record *record,
                  char *text)
{
    catch_up(ring, reader);
    if (reader->position >= ring->head)
        return false;
    copy_out(ring, reader->position, record, sizeof(*record));
    if (record->length > LOG_TEXT_MAX)
        return false; // torn by a writer that was interrupted
    copy_out(ring, reader->position + sizeof(*record), text, record->length);
    text[record->length] = 0;
    reader->position += sizeof(*record) + record->length;
    reader->number++;
    return true;
}
