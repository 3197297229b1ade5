// Timers in the order of their deadlines: what is seldom done, or takes longer.

#include "kernel/timer_queue.h"

struct timer_node *timer_queue_merge(struct timer_node *a, struct timer_node *b)
{
    struct timer_node *first = NULL, *last = NULL;
    while (a && b) {
        if (b->deadline_ns < a->deadline_ns) {
            struct timer_node *later = a;
            a = b;
            b = later;
        }
        a->parent = last;
        if (last)
            last->right = a;
        else
            first = a;
        last = a;
        a = a->right;
    }
    struct timer_node *rest = a ? a : b;
    if (!last)
        return rest;
    last->right = rest; // there is one: only the other has come to its end
    rest->parent = last;
    for (; last; last = last->parent) // each has got another right child
        (void)timer_queue_settle(last);
    return first;
}

// The way goes down on the left, and up again: a heap may be as deep as it has nodes on that side.
unsigned timer_queue_count(const struct timer_queue *queue)
{
    unsigned count = 0;
    const struct timer_node *from = NULL, *node = queue->first;
    while (node) {
        const struct timer_node *next = node->parent;
        count += from == node->parent;
        if (from == node->parent && node->left)
            next = node->left;
        else if (from != node->right && node->right)
            next = node->right;
        from = node;
        node = next;
    }
    return count;
}

// Where a later one would have come has a place for `node`; the last falls out where it is full.
static void sort_in(const struct timer_node **nodes, unsigned *count, unsigned max,
                    const struct timer_node *node)
{
    if (!node)
        return;
    unsigned at = *count < max ? (*count)++ : max;
    for (; at && nodes[at - 1]->deadline_ns > node->deadline_ns; at--)
        if (at < max)
            nodes[at] = nodes[at - 1];
    if (at < max)
        nodes[at] = node;
}

// What is later than its parent can't come before it: only children of what is listed are looked
// at.
unsigned timer_queue_list(const struct timer_queue *queue, const struct timer_node **nodes,
                          unsigned max)
{
    unsigned count = 0;
    if (max > TIMER_QUEUE_LIST_MAX)
        max = TIMER_QUEUE_LIST_MAX;
    sort_in(nodes, &count, max, queue->first);
    for (unsigned i = 0; i < count; i++) {
        const struct timer_node *listed = nodes[i];
        sort_in(nodes, &count, max, listed->left);
        sort_in(nodes, &count, max, listed->right);
    }
    return count;
}
