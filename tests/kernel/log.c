// The log: no line is lost that the ring has room for, whoever writes it, and those that are lost
// are counted.

#include "kernel/log.h"
#include "kernel/clock.h"
#include "kernel/log_ring.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"
#include "kernel/test.h"
#include "kernel/thread.h"
#include "lib/compiler.h"
#include "lib/string.h"

static bool contains(const char *line, size_t length, const char *wanted)
{
    size_t size = strlen(wanted);
    for (size_t i = 0; i + size <= length; i++)
        if (memcmp(line + i, wanted, size) == 0)
            return true;
    return false;
}

static void log_here(void *argument)
{
    (void)argument;
    log_debug("test: from CPU %u", this_cpu()->cpu);
}

static bool count_lines(void *context, const char *line, size_t length)
{
    *(unsigned *)context += contains(line, length, "debug test: from CPU ");
    return true;
}

KTEST(log, keeps_the_lines_of_all_processors)
{
    unsigned before = 0, after = 0;
    log_replay(LOG_DEBUG, count_lines, &before);
    remote_call_all(log_here, NULL); // in an interrupt
    log_here(NULL);
    log_replay(LOG_DEBUG, count_lines, &after);
    KTEST_EQUAL(after - before, remote_online());
}

// --- A burst -------------------------------------------------------------------------------------

enum { WRITERS = 4, LINES_EACH = 25000 };

static bool may_begin;

static enum status write_lines(void *argument)
{
    while (!__atomic_load_n(&may_begin, __ATOMIC_RELAXED))
        thread_yield();
    for (unsigned i = 0; i < LINES_EACH; i++)
        log_debug("burst: writer %c line %05u", 'A' + (char)(uintptr_t)argument, i);
    return OK;
}

struct burst {
    unsigned seen[WRITERS], next[WRITERS];
    bool is_torn;
};

static unsigned number_at(const char *digits)
{
    unsigned number = 0;
    for (unsigned i = 0; i < 5; i++)
        number = number * 10 + (unsigned)(digits[i] - '0');
    return number;
}

// Of each writer, the lines that are still there are his last ones, without a gap.
static bool check_line(void *context, const char *line, size_t length)
{
    struct burst *burst = context;
    static const char mark[] = "burst: writer ";
    const size_t tail = sizeof("A line 00000\n") - 1;
    if (!contains(line, length, mark))
        return true;
    unsigned writer = (unsigned)(line[length - tail] - 'A'), number = number_at(line + length - 6);
    if (writer >= WRITERS || number >= LINES_EACH ||
        (burst->seen[writer] && number != burst->next[writer])) {
        burst->is_torn = true;
        return false;
    }
    burst->seen[writer]++;
    burst->next[writer] = number + 1;
    return true;
}

static unsigned room_for(size_t text_length)
{
    return (unsigned)(LOG_RING_SIZE / (sizeof(struct log_record) + text_length));
}

KTEST(log, survives_a_burst_from_four_processors)
{
    static struct burst burst;
    struct thread *threads[WRITERS];
    struct log_stats before, after;
    burst = (struct burst){0};
    may_begin = false;
    log_sync();
    log_get_stats(&before);
    for (uintptr_t i = 0; i < WRITERS; i++) {
        uint32_t cpu = (uint32_t)i % percpu_count();
        threads[i] = thread_create_on(cpu, "writer", write_lines, (void *)i);
        KTEST_CHECK(threads[i]);
        thread_start(threads[i]);
    }
    __atomic_store_n(&may_begin, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < WRITERS; i++)
        KTEST_EQUAL(thread_join(threads[i]), OK);
    log_sync();
    log_get_stats(&after);
    log_replay(LOG_DEBUG, check_line, &burst);
    KTEST_CHECK(!burst.is_torn);
    unsigned seen = 0;
    for (unsigned i = 0; i < WRITERS; i++) {
        KTEST_CHECK(!burst.seen[i] || burst.next[i] == LINES_EACH);
        seen += burst.seen[i];
    }
    KTEST_CHECK(after.written - before.written >= WRITERS * LINES_EACH);
    KTEST_CHECK(seen + 8 >= room_for(sizeof("burst: writer A line 00000") - 1));
    KTEST_EQUAL(after.shown + after.lost, after.written);
}

// Nobody can show anything meanwhile: this is the boot processor, as the log's thread's.
KTEST(log, counts_what_is_lost)
{
    enum { LINES = 20000 };
    struct log_stats before, after;
    if (arch_never_interrupts)
        KTEST_SKIP("nothing interrupts");
    log_sync();
    log_get_stats(&before);
    uintptr_t state = arch_irq_save();
    for (unsigned i = 0; i < LINES; i++)
        log_debug("burst: nobody sees line %05u", i);
    arch_irq_restore(state);
    log_sync();
    log_get_stats(&after);
    uint64_t written = after.written - before.written, lost = after.lost - before.lost;
    unsigned room = room_for(sizeof("burst: nobody sees line 00000") - 1);
    KTEST_CHECK(written >= LINES);
    KTEST_CHECK(lost >= written - room && lost <= written - room + 8);
    KTEST_EQUAL(after.shown + after.lost, after.written);
}
