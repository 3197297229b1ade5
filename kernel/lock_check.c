// What the debug build checks about locks.
//
// Everything here is under one lock of its own, which is no struct lock, and left out where that is
// taken by the code that an NMI has interrupted. Reports are written to the log, whose lock isn't
// looked at meanwhile.

#include "kernel/lock_check.h"

#ifdef KEELSON_DEBUG

#include "arch/arch.h"
#include "kernel/clock.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/percpu.h"
#include "kernel/symbol.h"
#include "lib/string.h"

enum { CLASSES_MAX = 128, ORDERS_MAX = 512 };

static uintptr_t class_keys[CLASSES_MAX]; // an address: of the lock, or of who took the first one
static unsigned classes = 1;              // 0 is none
static uint64_t before[CLASSES_MAX][CLASSES_MAX / 64]; // bit b of a: a was held when b was taken
static uint64_t told_nested[CLASSES_MAX / 64], told_long[CLASSES_MAX / 64];
static unsigned counts[LOCK_FAULTS];

struct order { // where it has first been seen
    uint16_t outer, inner;
    uintptr_t outer_places[LOCK_PLACES], inner_places[LOCK_PLACES];
};
static struct order orders[ORDERS_MAX];
static unsigned order_count;

static bool is_entered;

static bool enter(void)
{
    enum { TRIES = 1 << 20 };
    for (unsigned i = 0; i < TRIES; i++) {
        if (!__atomic_exchange_n(&is_entered, true, __ATOMIC_ACQUIRE))
            return true;
        arch_pause();
    }
    return false;
}

static void leave(void)
{
    __atomic_store_n(&is_entered, false, __ATOMIC_RELEASE);
}

static bool test_and_set(uint64_t *words, unsigned bit)
{
    bool was_set = words[bit / 64] >> bit % 64 & 1;
    words[bit / 64] |= 1ull << bit % 64;
    return was_set;
}

// --- Classes -------------------------------------------------------------------------------------

static bool is_in_image(const void *address)
{
    size_t offset;
    return symbol_find((uintptr_t)address, &offset);
}

static uintptr_t function_of(uintptr_t place)
{
    size_t offset = 0;
    return symbol_find(place, &offset) ? place - offset : place;
}

// The last one is everybody's for whom there is no room.
static unsigned find_class(uintptr_t key)
{
    for (unsigned i = 1; i < classes; i++)
        if (class_keys[i] == key)
            return i;
    if (classes < CLASSES_MAX)
        class_keys[classes++] = key;
    return classes - 1;
}

static unsigned class_of(struct lock *lock, uintptr_t place)
{
    if (!lock->check.class)
        lock->check.class =
            (uint16_t)find_class(is_in_image(lock) ? (uintptr_t)lock : function_of(place));
    return lock->check.class;
}

// --- Reports -------------------------------------------------------------------------------------

static void tell_places(const char *what, const uintptr_t *places)
{
    for (unsigned i = 0; i < LOCK_PLACES && places[i]; i++)
        log_error("lock:   %s %pS", i ? "called from" : what, (void *)places[i]);
}

// With nothing entered: the log takes locks, which aren't looked at.
static void tell_held(const struct lock_held *held)
{
    log_error("lock:   with %pS held", (const void *)held->lock);
    tell_places("taken at", held->places);
}

static void take_places(uintptr_t *places)
{
    unsigned count = arch_backtrace(NULL, __builtin_frame_address(0), places, LOCK_PLACES);
    memset(places + count, 0, (LOCK_PLACES - count) * sizeof(*places));
}

static void report_order(const struct order *now, const struct order *then)
{
    log_error("lock: taken in an order of which the opposite has been seen");
    tell_places("held: taken at", now->outer_places);
    tell_places("now", now->inner_places);
    tell_places("before, held: taken at", then->outer_places);
    tell_places("before, then", then->inner_places);
}

static void report_nested(const struct lock_held *held, const uintptr_t *places)
{
    log_error("lock: two of a kind at once");
    tell_held(held);
    tell_places("now", places);
}

// --- Order ---------------------------------------------------------------------------------------

// Whether there is a way from one to the other.
static bool reaches(unsigned from, unsigned to)
{
    uint64_t seen[CLASSES_MAX / 64] = {0};
    uint16_t open[CLASSES_MAX];
    unsigned count = 0;
    open[count++] = (uint16_t)from;
    (void)test_and_set(seen, from);
    while (count) {
        unsigned at = open[--count];
        if (at == to)
            return true;
        for (unsigned next = 1; next < classes; next++)
            if (before[at][next / 64] >> next % 64 & 1 && !test_and_set(seen, next))
                open[count++] = (uint16_t)next;
    }
    return false;
}

// The first step of the way back.
static const struct order *find_opposite(unsigned outer, unsigned inner)
{
    const struct order *first = NULL;
    for (unsigned i = 0; i < order_count; i++) {
        if (orders[i].outer != inner || !reaches(orders[i].inner, outer))
            continue;
        first = &orders[i];
        if (orders[i].inner == outer)
            break;
    }
    return first;
}

static const struct order *note_order(const struct lock_held *held, unsigned inner,
                                      const uintptr_t *places, struct order *now)
{
    unsigned outer = held->lock->check.class;
    if (test_and_set(before[outer], inner))
        return NULL;
    *now = (struct order){.outer = (uint16_t)outer, .inner = (uint16_t)inner};
    memcpy(now->outer_places, held->places, sizeof(now->outer_places));
    memcpy(now->inner_places, places, sizeof(now->inner_places));
    const struct order *opposite = reaches(inner, outer) ? find_opposite(outer, inner) : NULL;
    if (order_count < ORDERS_MAX && !opposite)
        orders[order_count++] = *now;
    return opposite;
}

// Only the innermost counts: those around it were noted when it was taken.
static void check_order(struct lock_check_cpu *own, struct lock *lock, const uintptr_t *places)
{
    const struct lock_held *held = &own->held[own->held_count - 1];
    struct order now;
    const struct order *opposite = NULL;
    bool is_nested = false;
    if (!enter())
        return;
    unsigned class = class_of(lock, places[0]);
    if (class == held->lock->check.class)
        is_nested = !test_and_set(told_nested, class);
    else
        opposite = note_order(held, class, places, &now);
    counts[LOCK_FAULT_NESTED] += is_nested;
    counts[LOCK_FAULT_ORDER] += opposite != NULL;
    leave();
    own->is_reporting = true;
    if (is_nested)
        report_nested(held, places);
    if (opposite)
        report_order(&now, opposite);
    own->is_reporting = false;
}

// --- What locks call -----------------------------------------------------------------------------

static struct lock_check_cpu *own_check(void)
{
    return &this_cpu()->lock_check;
}

static struct lock_held *find_held(struct lock_check_cpu *own, const struct lock *lock)
{
    for (unsigned i = own->held_count; i > 0; i--)
        if (own->held[i - 1].lock == lock)
            return &own->held[i - 1];
    return NULL;
}

void lock_check_wants(struct lock *lock)
{
    struct lock_check_cpu *own = own_check();
    uintptr_t places[LOCK_PLACES];
    if (own->is_reporting)
        return;
    const struct lock_held *held = find_held(own, lock);
    if (held) {
        own->is_reporting = true;
        panic("lock %pS: taken at %pS, and again", (const void *)lock, (void *)held->places[0]);
    }
    if (own->held_count == 0)
        return;
    take_places(places);
    check_order(own, lock, places);
}

void lock_check_has(struct lock *lock)
{
    struct lock_check_cpu *own = own_check();
    if (own->is_reporting)
        return;
    ASSERT(own->held_count < LOCKS_HELD_MAX);
    struct lock_held *held = &own->held[own->held_count];
    take_places(held->places);
    held->lock = lock;
    held->since_ns = clock_ns();
    if (!lock->check.class && enter()) {
        (void)class_of(lock, held->places[0]);
        leave();
    }
    own->held_count++;
}

static void check_time(struct lock_check_cpu *own, const struct lock_held *held)
{
    uint64_t ns = clock_ns() - held->since_ns;
    if (ns < LOCK_HELD_NS || own->held_count > 1 || !enter())
        return;
    bool is_new = !test_and_set(told_long, held->lock->check.class);
    counts[LOCK_FAULT_LONG] += is_new;
    leave();
    if (!is_new)
        return;
    uintptr_t places[LOCK_PLACES];
    take_places(places);
    own->is_reporting = true;
    log_warn("lock: held for %lu ms", ns / 1000000);
    tell_held(held);
    tell_places("let go at", places);
    own->is_reporting = false;
}

// The scheduler's are let go by whoever goes on: on the same processor, as all of this is.
void lock_check_releases(struct lock *lock)
{
    struct lock_check_cpu *own = own_check();
    if (own->is_reporting)
        return;
    struct lock_held *held = find_held(own, lock);
    if (!held) {
        own->is_reporting = true;
        panic("lock %pS: CPU %u lets it go, which doesn't hold it", (const void *)lock,
              this_cpu()->cpu);
    }
    check_time(own, held);
    struct lock_held *last = &own->held[--own->held_count];
    for (; held < last; held++)
        held[0] = held[1];
}

// --- Sleeping and calling ------------------------------------------------------------------------

// Each way to come there is told of once.
static bool is_told(const uintptr_t *places)
{
    enum { TOLD_MAX = 64 };
    static uintptr_t told[TOLD_MAX];
    uintptr_t way = 0;
    for (unsigned i = 0; i < LOCK_PLACES; i++)
        way = way * 31 + places[i];
    for (unsigned i = 0; i < TOLD_MAX; i++) {
        uintptr_t nobody = 0;
        if (__atomic_compare_exchange_n(&told[i], &nobody, way, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return false;
        if (nobody == way)
            return true;
    }
    return true;
}

static void report_context(enum lock_fault fault, const char *what, bool is_off,
                           const struct percpu *cpu)
{
    uintptr_t places[LOCK_PLACES];
    struct lock_check_cpu *own = own_check();
    take_places(places);
    if (own->is_reporting || is_told(places))
        return;
    __atomic_fetch_add(&counts[fault], 1, __ATOMIC_RELAXED);
    own->is_reporting = true;
    log_error("lock: %s %s", what,
              own->held_count    ? "with a lock held"
              : cpu->interrupted ? "in an interrupt"
              : is_off           ? "with interrupts off"
                                 : "");
    for (unsigned i = 0; i < own->held_count; i++)
        tell_held(&own->held[i]);
    tell_places("at", places);
    own->is_reporting = false;
}

void lock_check_may_sleep(void)
{
    uintptr_t state = arch_irq_save();
    const struct percpu *cpu = this_cpu();
    bool is_off = !arch_irq_is_on(state) && !arch_never_interrupts;
    bool is_wrong = is_off || cpu->interrupted || own_check()->held_count;
    if (is_wrong)
        report_context(LOCK_FAULT_SLEEP, "sleeping", is_off, cpu);
    arch_irq_restore(state);
}

void lock_check_may_call(void)
{
    uintptr_t state = arch_irq_save();
    if (own_check()->held_count)
        report_context(LOCK_FAULT_CALL, "waiting for other processors", false, this_cpu());
    arch_irq_restore(state);
}

void lock_check_was_stopped(void)
{
    struct lock_check_cpu *own = own_check();
    for (unsigned i = 0; i < own->held_count; i++)
        own->held[i].since_ns = clock_ns();
}

unsigned lock_check_count(enum lock_fault fault)
{
    return __atomic_load_n(&counts[fault], __ATOMIC_RELAXED);
}

#endif
