// kernel/log_ring against a plain list of all records ever written. Catches a record that is cut or
// mixed up where the ring wraps, an old record that survives only in part, a position that is lost
// when its record gives way, one that is lost and not counted, and lengths that are believed.

#include "tests/host/lib.h"

#include "kernel/log_ring.c"

enum { RECORDS = 120000 };

struct written {
    struct log_record record;
    char text[LOG_TEXT_MAX];
};

static struct written *written;
static unsigned count;
static struct log_ring *ring;

static int start(void **state)
{
    (void)state;
    ring = calloc(1, sizeof(*ring));
    written = calloc(RECORDS, sizeof(*written));
    count = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(ring);
    free(written);
    return 0;
}

// The text ends where its allocation does; it isn't terminated.
static void put(size_t length)
{
    struct written *w = &written[count];
    char *text = malloc(length ? length : 1);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)random_u64();
    w->record = (struct log_record){.ticks = random_u64(),
                                    .cpu = (uint32_t)random_u64(),
                                    .length = (uint16_t)length,
                                    .level = (uint8_t)random_below(4)};
    log_ring_put(ring, &w->record, text);
    w->record.length = (uint16_t)(length < LOG_TEXT_MAX ? length : LOG_TEXT_MAX);
    memcpy(w->text, text, w->record.length);
    count++;
    free(text);
}

static void expect_record(const struct log_record *record, const char *text,
                          const struct written *w)
{
    assert_true(record->ticks == w->record.ticks);
    assert_int_equal(record->cpu, w->record.cpu);
    assert_int_equal(record->level, w->record.level);
    assert_int_equal(record->length, w->record.length);
    assert_memory_equal(text, w->text, w->record.length);
    assert_int_equal(text[record->length], 0);
}

// How many of the newest records a ring of this size can hold.
static unsigned kept(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += sizeof(struct log_record) + written[count - 1 - i].record.length;
        if (bytes > LOG_RING_SIZE)
            return i;
    }
    return count;
}

// Reads everything that `reader` hasn't, which must be the newest `expected` records.
static void expect_newest(struct log_reader *reader, unsigned expected)
{
    struct log_record record;
    char *text = malloc(LOG_TEXT_MAX + 1);
    for (unsigned i = count - expected; i < count; i++) {
        assert_true(log_ring_get(ring, reader, &record, text));
        expect_record(&record, text, &written[i]);
    }
    assert_false(log_ring_get(ring, reader, &record, text));
    free(text);
}

static void an_empty_ring_gives_nothing(void **state)
{
    (void)state;
    struct log_record record;
    char text[LOG_TEXT_MAX + 1];
    struct log_reader reader = {0};
    assert_false(log_ring_get(ring, &reader, &record, text));
    put(0);
    reader = (struct log_reader){0};
    expect_newest(&reader, 1);
    put(5);
    expect_newest(&reader, 1); // only what is new
}

static void the_newest_records_are_kept(void **state)
{
    (void)state;
    random_seed(60);
    for (unsigned round = 0; round < RECORDS; round++) {
        put(random_below(8) ? random_below(100) : random_below(LOG_TEXT_MAX + 1));
        if (round % 97)
            continue;
        struct log_reader reader = {0};
        expect_newest(&reader, kept());
        assert_int_equal(ring->dropped, count - kept());
        assert_int_equal(ring->written, count);
        assert_int_equal(reader.number, count);
        assert_int_equal(reader.lost, count - kept());
    }
    assert_true(ring->dropped > RECORDS / 2);
}

// Records of one size that divides the ring's: full to the last byte, over and over.
static void a_ring_can_be_full_to_the_last_byte(void **state)
{
    (void)state;
    enum { SIZE = 64, FIT = LOG_RING_SIZE / SIZE };
    for (unsigned i = 0; i < FIT; i++)
        put(SIZE - sizeof(struct log_record));
    assert_int_equal(ring->dropped, 0);
    struct log_reader reader = {0};
    expect_newest(&reader, FIT);
    put(SIZE - sizeof(struct log_record));
    assert_int_equal(ring->dropped, 1);
    reader = (struct log_reader){0};
    expect_newest(&reader, FIT);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    static const size_t lengths[] = {LOG_TEXT_MAX - 1, LOG_TEXT_MAX, LOG_TEXT_MAX + 1, 1000, 65535};
    for (unsigned round = 0; round < 300; round++)
        put(lengths[round % ARRAY_SIZE(lengths)]);
    struct log_reader reader = {0};
    expect_newest(&reader, kept());
}

// A reader that is overtaken goes on with the oldest record, and misses none after it.
static void a_slow_reader_goes_on_with_the_oldest(void **state)
{
    (void)state;
    struct log_record record;
    char text[LOG_TEXT_MAX + 1];
    random_seed(61);
    struct log_reader reader = {0};
    unsigned next = 0, overtaken = 0, lost = 0;
    while (count < RECORDS - 12000) {
        for (uint64_t burst = random_below(random_below(4) ? 20 : 12000); burst--;)
            put(random_below(60));
        unsigned oldest = count - kept();
        overtaken += next < oldest;
        if (next < oldest) {
            lost += oldest - next;
            next = oldest;
        }
        for (uint64_t reads = random_below(6000); reads-- && next < count; next++) {
            assert_true(log_ring_get(ring, &reader, &record, text));
            expect_record(&record, text, &written[next]);
            assert_int_equal(reader.lost, lost);
        }
    }
    assert_true(overtaken > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_ring_gives_nothing, start, end),
        cmocka_unit_test_setup_teardown(the_newest_records_are_kept, start, end),
        cmocka_unit_test_setup_teardown(a_ring_can_be_full_to_the_last_byte, start, end),
        cmocka_unit_test_setup_teardown(long_texts_are_cut, start, end),
        cmocka_unit_test_setup_teardown(a_slow_reader_goes_on_with_the_oldest, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
