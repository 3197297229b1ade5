// kernel/timer_queue against a sorted list that is searched from its beginning. Catches an order
// that isn't kept, a timer that gets lost or stays when one in the middle is taken out, ranks that
// are left wrong (which only makes it slow, up to one step a timer), and a list of the earliest
// that leaves one out.

#include "tests/host/lib.h"

#include "kernel/timer_queue.c"

enum { NODES = 1000, OPERATIONS = 1000000, LISTED = 8 };

static struct timer_queue queue;
static struct timer_node nodes[NODES];
static bool is_in[NODES];
static unsigned count;

// How many there are, and whether links, order and ranks are right. Recursion on the left side
// only goes as deep as the heap is.
static unsigned check(const struct timer_node *node, const struct timer_node *parent)
{
    if (!node)
        return 0;
    assert_ptr_equal(node->parent, parent);
    assert_true(!parent || parent->deadline_ns <= node->deadline_ns);
    assert_true(timer_queue_rank(node->left) >= timer_queue_rank(node->right));
    assert_int_equal(node->rank, timer_queue_rank(node->right) + 1);
    assert_true(is_in[node - nodes]);
    return 1 + check(node->left, node) + check(node->right, node);
}

static void add(unsigned i, uint64_t deadline_ns)
{
    nodes[i].deadline_ns = deadline_ns;
    timer_queue_add(&queue, &nodes[i]);
    is_in[i] = true;
    count++;
}

static void take(unsigned i)
{
    timer_queue_remove(&queue, &nodes[i]);
    memset(&nodes[i], 0xa5, sizeof(nodes[i])); // nobody looks at it any more
    is_in[i] = false;
    count--;
}

static uint64_t earliest(void)
{
    uint64_t deadline_ns = UINT64_MAX;
    for (unsigned i = 0; i < NODES; i++)
        if (is_in[i] && nodes[i].deadline_ns < deadline_ns)
            deadline_ns = nodes[i].deadline_ns;
    return deadline_ns;
}

static void empty(void)
{
    while (queue.first)
        take((unsigned)(queue.first - nodes));
    assert_int_equal(count, 0);
}

// Few and many timers in turn, near and equal deadlines among them.
static void random_operations(void **state)
{
    (void)state;
    for (unsigned round = 0; round < OPERATIONS; round++) {
        unsigned limit = round / 1000 % 2 ? NODES : 20, i = (unsigned)random_below(limit);
        if (!is_in[i])
            add(i, random_below(round / 2000 % 2 ? 50 : UINT64_MAX));
        else if (random_below(3) == 0)
            take((unsigned)(queue.first - nodes));
        else
            take(i);
        assert_true(!queue.first == !count);
        if (round % 97 == 0)
            assert_int_equal(check(queue.first, NULL), count);
        if (round % 89 == 0)
            assert_int_equal(timer_queue_count(&queue), count);
        if (round % 211 == 0 && count)
            assert_true(queue.first->deadline_ns == earliest());
    }
    empty();
}

static void all_come_in_their_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        add(i, random_below(NODES));
    uint64_t last = 0;
    for (unsigned i = 0; i < NODES; i++) {
        assert_true(queue.first->deadline_ns >= last);
        assert_true(queue.first->deadline_ns == earliest());
        last = queue.first->deadline_ns;
        take((unsigned)(queue.first - nodes));
    }
    assert_null(queue.first);
}

// The way along right children is the work of all operations.
static unsigned right_way(void)
{
    unsigned steps = 0;
    for (const struct timer_node *node = queue.first; node; node = node->right)
        steps++;
    return steps;
}

// In rising, falling and random order: at most log2(N + 1).
static void the_way_stays_short(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        for (unsigned i = 0; i < NODES; i++) {
            add(i, kind == 0 ? i : kind == 1 ? NODES - i : random_u64());
            assert_true(1u << right_way() <= count + 1);
        }
        for (unsigned i = 0; i < NODES; i += 2) {
            take(i);
            assert_true(1u << right_way() <= count + 1);
        }
        empty();
    }
}

static void the_earliest_are_listed(void **state)
{
    (void)state;
    const struct timer_node *listed[TIMER_QUEUE_LIST_MAX + 1];
    assert_int_equal(timer_queue_list(&queue, listed, LISTED), 0);
    for (unsigned round = 0; round < 200; round++) {
        unsigned many = (unsigned)random_below(40);
        for (unsigned i = 0; i < many; i++)
            add(i, random_below(60));
        unsigned max = 1 + (unsigned)random_below(TIMER_QUEUE_LIST_MAX + 1);
        unsigned wanted = max < TIMER_QUEUE_LIST_MAX ? max : TIMER_QUEUE_LIST_MAX;
        wanted = wanted < many ? wanted : many;
        assert_int_equal(timer_queue_list(&queue, listed, max), wanted);
        for (unsigned i = 0; i < wanted; i++) { // each is the earliest of those that are left
            assert_true(listed[i]->deadline_ns == earliest());
            take((unsigned)(listed[i] - nodes));
        }
        empty();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(all_come_in_their_order),
        cmocka_unit_test(the_way_stays_short),
        cmocka_unit_test(the_earliest_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
