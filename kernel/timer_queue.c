// Timers in the order of their deadlines: a leftist heap.
//
// A node's deadline is no later than its children's, and its right child's rank no higher than its
// left one's, so the way along right children is short: a heap whose rank is R has at least 2^R - 1
// nodes. After a change the ranks on the way up are set right, as far as they change; those that do
// differ by one from step to step, so that way is short too, wherever it begins.

#include "kernel/timer_queue.h"

static uint32_t rank_of(const struct timer_node *node)
{
    return node ? node->rank : 0;
}

// Puts a node's children in order, and sets its rank. Returns whether that was another.
static bool settle(struct timer_node *node)
{
    struct timer_node *left = node->left;
    uint32_t rank = rank_of(node->right);
    if (rank_of(left) < rank) {
        rank = rank_of(left);
        node->left = node->right;
        node->right = left;
    }
    bool was_other = node->rank != rank + 1;
    node->rank = rank + 1;
    return was_other;
}

static void settle_upwards(struct timer_node *node)
{
    while (node && settle(node))
        node = node->parent;
}

void timer_queue_add(struct timer_queue *queue, struct timer_node *node)
{
    struct timer_node *parent = NULL, *below = queue->first;
    while (below && below->deadline_ns <= node->deadline_ns) {
        parent = below;
        below = below->right;
    }
    node->left = below;
    node->right = NULL;
    node->parent = parent;
    node->rank = 1;
    if (below)
        below->parent = node;
    if (!parent) {
        queue->first = node;
        return;
    }
    parent->right = node;
    settle_upwards(parent);
}

// Makes one heap of two, along their right children.
static struct timer_node *merge(struct timer_node *a, struct timer_node *b)
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
        (void)settle(last);
    return first;
}

void timer_queue_remove(struct timer_queue *queue, struct timer_node *node)
{
    struct timer_node *parent = node->parent;
    struct timer_node *rest = node->right ? merge(node->left, node->right) : node->left;
    if (rest)
        rest->parent = parent;
    if (!parent) {
        queue->first = rest;
        return;
    }
    if (parent->left == node)
        parent->left = rest;
    else
        parent->right = rest;
    settle_upwards(parent);
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
