// kernel/fair_queue against a simulation that keeps all members in one array and looks through all
// of them each time: a million random steps, with weights, slices and crowds at their extremes.
// And then what it is for: shares as weights are, nobody far from what he should have had, and
// short slices that wait less.

#include "tests/host/lib.h"

#include "kernel/fair_queue.c"

// --- The simulation ------------------------------------------------------------------------------

enum { MEMBERS_MAX = 300 };

struct model {
    struct fair_entity entity; // as the queue has it
    enum { OUTSIDE, RUNS, READY, LATER } state;
    uint64_t time, deadline, span, weight;
};

static struct fair_queue queue;
static struct model members[MEMBERS_MAX];
static struct model *running;
static __int128 sum; // of times by weights, counted from `base`
static uint64_t base, weight;

static int64_t ahead(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b);
}

static __int128 floor_div(__int128 a, __int128 b)
{
    return a / b - (a % b < 0);
}

static uint64_t model_average(void)
{
    return base + (uint64_t)floor_div(sum, weight);
}

static uint64_t eligible_at(const struct model *m)
{
    return m->time - m->span / 16;
}

static bool model_is_eligible(const struct model *m)
{
    return ahead(eligible_at(m), model_average()) <= 0;
}

static void model_add(const struct model *m, int sign)
{
    sum += sign * (__int128)ahead(m->time, base) * (__int128)m->weight;
    weight += sign > 0 ? m->weight : -m->weight;
    if (!weight)
        sum = 0;
}

static void model_wait(struct model *m)
{
    m->state = model_is_eligible(m) ? READY : LATER;
}

// The first of those that are ready, by deadlines, or of the others, by when they will be.
static struct model *model_first(bool by_time)
{
    struct model *first = NULL;
    for (struct model *m = members; m < members + MEMBERS_MAX; m++) {
        if (m->state != (by_time ? LATER : READY))
            continue;
        int64_t distance = first ? by_time ? ahead(eligible_at(m), eligible_at(first))
                                           : ahead(m->deadline, first->deadline)
                                 : -1;
        if (distance < 0)
            first = m;
    }
    return first;
}

static struct model *model_pick(void)
{
    for (struct model *m = members; m < members + MEMBERS_MAX; m++)
        if (m->state == LATER && model_is_eligible(m))
            m->state = READY;
    struct model *first = model_first(false);
    return first ? first : model_first(true);
}

// --- Both, step by step --------------------------------------------------------------------------

static struct model *model_of(struct fair_entity *entity)
{
    return (struct model *)entity;
}

static void expect_same(void)
{
    unsigned count = 0;
    for (struct model *m = members; m < members + MEMBERS_MAX; m++) {
        count += m->state != OUTSIDE;
        if (m->state != OUTSIDE)
            assert_true(m->entity.time == m->time && m->entity.deadline == m->deadline);
    }
    assert_int_equal(queue.count, count);
    assert_true(queue.weight == weight);
    if (!count)
        return;
    assert_true(queue.average == model_average());
    assert_true(queue.remainder == (uint64_t)(sum - floor_div(sum, weight) * weight));
}

// The line is sorted and linked both ways, and not longer than it may be; nobody in it is later
// than the rest; what is in heaps is counted.
static void expect_sound(void)
{
    unsigned in_line = 0, waiting = 0;
    const struct fair_entity *before = NULL;
    for (const struct fair_entity *e = queue.first; e; before = e, e = e->next) {
        assert_ptr_equal(e->before, before);
        assert_true(!before || ahead(before->deadline, e->deadline) <= 0);
        assert_true(!queue.rest || ahead(e->deadline, queue.rest->deadline) <= 0);
        in_line++;
    }
    assert_ptr_equal(queue.last, before);
    assert_int_equal(queue.in_line, in_line);
    assert_in_range(in_line, 0, FAIR_LINE_MAX);
    for (struct model *m = members; m < members + MEMBERS_MAX; m++)
        waiting += m->state == READY || m->state == LATER;
    assert_int_equal(in_line + queue.aside, waiting);
}

static uint32_t random_weight(void)
{
    static const uint32_t some[] = {FAIR_WEIGHT_MIN, FAIR_WEIGHT, FAIR_WEIGHT_MAX};
    return random_below(3) ? FAIR_WEIGHT_MIN + (uint32_t)random_below(8192)
                           : some[random_below(ARRAY_SIZE(some))];
}

static uint64_t random_slice(void)
{
    static const uint64_t some[] = {1, 1000, 7300000, 500000000}; // up to 100 ms at 5 GHz
    return random_below(2) ? 1 + random_below(20000000) : some[random_below(ARRAY_SIZE(some))];
}

static struct model *find(int state)
{
    unsigned from = (unsigned)random_below(MEMBERS_MAX);
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        struct model *m = &members[(from + i) % MEMBERS_MAX];
        if ((int)m->state == state)
            return m;
    }
    return NULL;
}

static void join(struct model *m)
{
    if (random_below(4) == 0) {
        fair_set(&m->entity, random_weight(), random_slice());
        m->weight = m->entity.weight;
        m->span = m->entity.span;
    }
    if (!weight)
        base = queue.average;
    uint64_t average = weight ? model_average() : queue.average;
    int64_t before = ahead(m->time, average);
    before = before < 0 ? 0 : before > (int64_t)m->span ? (int64_t)m->span : before;
    m->time = average + (uint64_t)before;
    m->deadline = m->time + m->span;
    model_add(m, 1);
    model_wait(m);
    fair_join(&queue, &m->entity);
}

static void advance(uint64_t ticks)
{
    uint64_t moved =
        (uint64_t)((unsigned __int128)ticks * running->entity.inverse >> (32 - FAIR_SCALE_SHIFT));
    model_add(running, -1);
    running->time += moved;
    model_add(running, 1);
}

static void charge(void)
{
    uint64_t ticks = random_below(8) ? random_below(running->span >> 10 | 1) * running->weight >> 10
                                     : random_below(1u << 31);
    advance(ticks);
    bool is_over = ahead(running->deadline, running->time) <= 0;
    if (is_over)
        running->deadline = running->time + running->span;
    assert_int_equal(fair_charge(&queue, &running->entity, ticks), is_over);
}

static void stop(void)
{
    bool leaves = random_below(4) == 0;
    if (leaves) {
        model_add(running, -1);
        running->state = OUTSIDE;
        fair_leave(&queue, &running->entity);
    } else {
        model_wait(running);
        fair_put(&queue, &running->entity);
    }
    running = NULL;
}

static void pick(void)
{
    struct model *expected = model_pick();
    struct fair_entity *picked = fair_pick(&queue);
    if (!expected) {
        assert_null(picked);
        return;
    }
    assert_non_null(picked);
    running = model_of(picked);
    assert_int_equal(running->state, expected->state);
    if (expected->state == READY)
        assert_true(running->deadline == expected->deadline);
    else
        assert_true(eligible_at(running) == eligible_at(expected));
    running->state = RUNS;
}

static void yield(void)
{
    if (!fair_may_yield(&queue))
        return;
    struct model *expected = model_first(false), *self = running;
    advance(100);
    fair_advance(&queue, &running->entity, 100);
    running = model_of(fair_yield(&queue, &running->entity));
    assert_true(running->deadline == expected->deadline);
    running->state = RUNS;
    self->deadline = self->time + 2 * self->span;
    self->state = READY;
}

static void remove_one(void)
{
    struct model *m = find(random_below(2) ? READY : LATER);
    if (!m)
        return;
    model_add(m, -1);
    m->state = OUTSIDE;
    fair_remove(&queue, &m->entity);
}

static void step(unsigned crowd)
{
    struct model *outside = find(OUTSIDE);
    if (outside && queue.count < crowd && random_below(4) == 0)
        join(outside);
    else if (random_below(12) == 0)
        remove_one();
    if (!running) {
        pick();
        return;
    }
    charge();
    if (random_below(5) == 0)
        yield();
    if (random_below(2))
        stop();
}

static void begin(uint64_t average)
{
    memset(&queue, 0, sizeof(queue));
    memset(members, 0, sizeof(members));
    queue.average = base = average;
    running = NULL;
    sum = 0;
    weight = 0;
    for (struct model *m = members; m < members + MEMBERS_MAX; m++) {
        fair_set(&m->entity, random_weight(), random_slice());
        m->time = m->entity.time = average;
        m->span = m->entity.span;
        m->weight = m->entity.weight;
    }
}

static void a_million_steps_are_the_simulations(void **state)
{
    (void)state;
    enum { STEPS = 100000 };
    static const unsigned crowds[] = {1,  2,   3,   8,          FAIR_LINE_MAX, FAIR_LINE_MAX + 1,
                                      40, 100, 200, MEMBERS_MAX};
    random_seed(70);
    for (unsigned round = 0; round < ARRAY_SIZE(crowds); round++) {
        begin(round % 2 ? UINT64_MAX - (1ull << 40) : 1ull << 40); // it wraps around, too
        for (unsigned i = 0; i < STEPS; i++) {
            step(crowds[round]);
            expect_same();
            if (i % 16 == 0)
                expect_sound();
        }
    }
}

// --- What it is for ------------------------------------------------------------------------------

struct runner {
    struct fair_entity entity; // first
    uint64_t ran, waited, longest_wait, ready_since;
};

static uint64_t now;

// Runs whoever is to run until his slice is over, or for as long as `limit` says.
static void run_next(uint64_t slice)
{
    struct fair_entity *entity = fair_pick(&queue);
    struct runner *runner = (struct runner *)entity;
    uint64_t wait = now - runner->ready_since;
    runner->longest_wait = wait > runner->longest_wait ? wait : runner->longest_wait;
    uint64_t left = fair_left(entity) + 1;
    uint64_t ticks = left < slice ? left : slice;
    (void)fair_charge(&queue, entity, ticks);
    runner->ran += ticks;
    now += ticks;
    runner->ready_since = now;
    fair_put(&queue, entity);
}

static void start(struct runner *runners, unsigned count, uint64_t slice)
{
    memset(&queue, 0, sizeof(queue));
    memset(runners, 0, count * sizeof(*runners));
    now = 0;
    for (unsigned i = 0; i < count; i++) {
        fair_set(&runners[i].entity, FAIR_WEIGHT, slice);
        fair_join(&queue, &runners[i].entity);
    }
}

static void shares_are_as_weights_are(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    static struct runner runners[COUNT];
    const uint64_t slice = 3000000;
    random_seed(71);
    start(runners, 0, slice);
    uint64_t all = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        memset(&runners[i], 0, sizeof(runners[i]));
        fair_set(&runners[i].entity, 256 + (uint32_t)random_below(4096), slice);
        all += runners[i].entity.weight;
        fair_join(&queue, &runners[i].entity);
    }
    for (unsigned i = 0; i < 2000000; i++)
        run_next(random_below(3) ? UINT64_MAX : 1 + random_below(slice)); // some stop early
    for (unsigned i = 0; i < COUNT; i++) {
        double expected = (double)now * (double)runners[i].entity.weight / (double)all;
        double error = ((double)runners[i].ran - expected) / expected;
        assert_true(error > -0.02 && error < 0.02);
    }
}

// Never more than a slice off, and what he may be ahead [Stoica & Abdel-Wahab 1995, theorem 1].
static void nobody_is_ever_far_from_his_share(void **state)
{
    (void)state;
    enum { COUNT = 30 };
    static struct runner runners[COUNT];
    const uint64_t slice = 1000000;
    start(runners, COUNT, slice);
    for (unsigned i = 0; i < 200000; i++) {
        run_next(UINT64_MAX);
        for (unsigned j = 0; j < COUNT; j++) {
            int64_t lag = (int64_t)(now / COUNT) - (int64_t)runners[j].ran;
            assert_true(lag < (int64_t)(slice + slice / 8) && lag > -(int64_t)(slice + slice / 8));
        }
    }
}

static void short_slices_wait_less(void **state)
{
    (void)state;
    enum { COUNT = 10 };
    static struct runner runners[COUNT];
    start(runners, COUNT, 10000000);
    fair_remove(&queue, &runners[0].entity);
    fair_set(&runners[0].entity, FAIR_WEIGHT, 500000);
    fair_join(&queue, &runners[0].entity);
    for (unsigned i = 0; i < 100000; i++)
        run_next(UINT64_MAX);
    assert_true(runners[0].ran * COUNT * 100 > now * 98 &&
                runners[0].ran * COUNT * 100 < now * 102);
    for (unsigned i = 1; i < COUNT; i++)
        assert_true(runners[0].longest_wait * 3 < runners[i].longest_wait);
}

// Who sleeps gets nothing for it, and who leaves when he is ahead is still ahead when he comes
// back.
static void leaving_is_no_way_to_get_more(void **state)
{
    (void)state;
    static struct runner runners[2];
    const uint64_t slice = 1000000;
    start(runners, 2, slice);
    for (unsigned i = 0; i < 20000; i++) {
        struct fair_entity *entity = fair_pick(&queue);
        struct runner *runner = (struct runner *)entity;
        bool is_sly = runner == &runners[0];
        uint64_t ticks = is_sly ? slice * 9 / 10 : fair_left(entity) + 1;
        (void)fair_charge(&queue, entity, ticks);
        runner->ran += ticks;
        now += ticks;
        if (is_sly) { // just before the end of his slice
            fair_leave(&queue, entity);
            fair_join(&queue, entity);
        } else {
            fair_put(&queue, entity);
        }
    }
    assert_true(runners[0].ran * 100 < now * 53);
}

static bool is_wanted(const struct fair_entity *entity, void *wanted)
{
    return entity == wanted;
}

static bool suits_nobody(const struct fair_entity *entity, void *context)
{
    (void)entity;
    ++*(unsigned *)context;
    return false;
}

static void those_who_wait_are_found(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    static struct runner runners[COUNT];
    unsigned found = 0, looks = 0;
    start(runners, FAIR_LINE_MAX, 1000);
    for (unsigned i = 0; i < FAIR_LINE_MAX; i++)
        found += fair_find(&queue, is_wanted, &runners[i].entity) == &runners[i].entity;
    assert_int_equal(found, FAIR_LINE_MAX);
    start(runners, COUNT, 1000);
    for (unsigned i = 0; i < 50; i++)
        run_next(UINT64_MAX);
    assert_null(fair_find(&queue, suits_nobody, &looks));
    assert_int_equal(looks, FAIR_LOOK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_steps_are_the_simulations),
        cmocka_unit_test(shares_are_as_weights_are),
        cmocka_unit_test(nobody_is_ever_far_from_his_share),
        cmocka_unit_test(short_slices_wait_less),
        cmocka_unit_test(leaving_is_no_way_to_get_more),
        cmocka_unit_test(those_who_wait_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
