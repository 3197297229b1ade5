// Faults on demand, each as it would happen by mistake: for trying the panic screen. Those that
// need instructions of their own come from the architecture.

#include "arch/arch.h"
#include "arch/x86_64/crash.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/lock.h"
#include "kernel/mutex.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/remote.h"
#include "kernel/thread.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "mm/slab.h"
#include "monitor/command.h"
#include "monitor/completion.h"

// Addresses that the compiler can't know anything about.
static volatile uintptr_t unmapped = 0x0000400000000000, non_canonical = 0x8000000000000000;
static volatile uintptr_t null;

static void crash_protection(void)
{
    (void)*(volatile uint64_t *)non_canonical;
}

static void crash_read(void)
{
    (void)*(volatile uint64_t *)unmapped;
}

static void crash_null(void)
{
    *(volatile uint64_t *)null = 1;
}

static void crash_write(void)
{
    *(volatile uint8_t *)kernel_text_start = 0;
}

static void crash_execute(void)
{
    static volatile uint8_t code[] = {0xc3}; // RET, in memory that isn't for code
    ((void (*)(void))(uintptr_t)code)();
}

// Deeper than any stack; the compiler can't see how deep, or make a loop of it.
static volatile unsigned depth_limit = 1u << 30;

// NOLINTNEXTLINE(misc-no-recursion)
noinline static unsigned recurse(volatile unsigned *depth)
{
    volatile unsigned deeper = *depth + 1;
    return deeper < depth_limit ? recurse(&deeper) + deeper : 0;
}

static void crash_overflow(void)
{
    volatile unsigned depth = 0;
    (void)recurse(&depth);
}

static void crash_canary(void)
{
    volatile char buffer[16];
    volatile unsigned length = 64;
    for (unsigned i = 0; i < length; i++)
        ((volatile char *)buffer)[i] = 'x';
}

static void crash_assert(void)
{
    volatile unsigned frames = 1;
    ASSERT(frames == 2);
}

static void crash_panic(void)
{
    panic("asked for");
}

// Its second ticket is never served.
static void crash_deadlock(void)
{
    static struct lock lock;
    uintptr_t state = lock_irqsave(&lock);
    lock_acquire(&lock);
    unlock_irqrestore(&lock, state);
}

static struct mutex mutexes[2];

static void crash_mutex(void)
{
    mutex_lock(&mutexes[0]);
    mutex_lock(&mutexes[0]);
}

static enum status take_second_and_first(void *unused_argument)
{
    (void)unused_argument;
    mutex_lock(&mutexes[1]);
    mutex_lock(&mutexes[0]);
    return OK;
}

static void crash_circle(void)
{
    struct thread *other = thread_create("circle", take_second_and_first, NULL);
    if (!other)
        return;
    mutex_lock(&mutexes[0]);
    thread_start(other);
    while (!mutexes[0].queue.first)
        sleep_ns(1000000);
    mutex_lock(&mutexes[1]);
}

static bool broken_armed; // not while the sink is given the log

static void broken_write(struct console_sink *sink, const char *text, size_t length)
{
    (void)sink, (void)text, (void)length;
    if (broken_armed)
        crash_read();
}

static void broken_flush(struct console_sink *sink)
{
    broken_write(sink, NULL, 0);
}

static void crash_nested(void)
{
    static struct console_sink broken = {
        .name = "serial", .write = broken_write, .flush = broken_flush};
    console_add_sink(&broken);
    broken_armed = true;
    panic("asked for, with a broken console");
}

static const struct crash_kind kinds[] = {
    {"assert", crash_assert},
    {"canary", crash_canary},
    {"circle", crash_circle},
    {"deadlock", crash_deadlock},
    {"execute", crash_execute},
    {"mutex", crash_mutex},
    {"nested", crash_nested},
    {"null", crash_null},
    {"overflow", crash_overflow},
    {"panic", crash_panic},
    {"read", crash_read},
    {"write", crash_write},
    {"protection", crash_protection},
    {NULL, NULL},
};

static const struct crash_kind *find_kind(const struct crash_kind *kind, const char *name)
{
    while (kind->name && !string_equal(kind->name, name))
        kind++;
    return kind->name ? kind : NULL;
}

static void list_kinds(const struct crash_kind *kind)
{
    for (; kind->name; kind++)
        print(" %s", kind->name);
}

static void offer_kinds(struct completion *completion, const struct crash_kind *kind)
{
    for (; kind->name; kind++)
        completion_offer(completion, kind->name);
}

COMPLETER(KIND)
{
    offer_kinds(completion, kinds);
    offer_kinds(completion, arch_crash_kinds);
}

static void run_kind(void *kind)
{
    ((const struct crash_kind *)kind)->run();
}

// Another processor may never come back: this one doesn't wait for it as a caller would.
static enum status crash_on(uint32_t cpu, const struct crash_kind *kind)
{
    const uint64_t patience_ns = 2000000000;
    if (cpu == this_cpu()->cpu) {
        kind->run();
        return OK;
    }
    struct remote_work *work = kcalloc(1, sizeof(*work));
    if (!work || !remote_post(cpu, work, run_kind, (void *)(uintptr_t)kind)) {
        print(work ? "there is no CPU %u online\n" : "no memory to call CPU %u\n", cpu);
        kfree(work);
        return NOT_FOUND;
    }
    uint64_t end_ns = clock_ns() + patience_ns;
    while (remote_is_pending(work) && clock_ns() < end_ns && !command_interrupted())
        arch_pause();
    if (!remote_is_pending(work)) {
        kfree(work);
        return OK;
    }
    print("crash %s: CPU %u has not come back\n", kind->name, cpu); // it has the memory still
    return TIMED_OUT;
}

static bool parse_cpu(const char *word, uint32_t *cpu)
{
    uint64_t number;
    if (!string_starts_with(word, "cpu=") || !parse_u64(word + 4, &number) || number > UINT32_MAX)
        return false;
    *cpu = (uint32_t)number;
    return true;
}

COMMAND(crash, "KIND [cpu=N]", "provoke a fault, or list the kinds there are", "crash divide cpu=1")
{
    uint32_t cpu = this_cpu()->cpu;
    if (argc > 3 || (argc == 3 && !parse_cpu(argv[2], &cpu)))
        return BAD_ARGUMENT;
    const struct crash_kind *kind = NULL;
    if (argc >= 2 && !(kind = find_kind(kinds, argv[1])))
        kind = find_kind(arch_crash_kinds, argv[1]);
    if (kind) {
        enum status status = crash_on(cpu, kind);
        if (status == OK)
            print("crash %s: survived\n", kind->name);
        return status == OK ? FAILED : status;
    }
    print("kinds:");
    list_kinds(kinds);
    list_kinds(arch_crash_kinds);
    print("\n");
    return argc == 1 ? OK : NOT_FOUND;
}
