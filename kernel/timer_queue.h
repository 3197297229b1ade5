// Timers in the order of their deadlines: a leftist heap, whose links are in the timers themselves.
// Nothing is allocated. Adding one that is the earliest takes a few steps, everything else at most
// as many as the logarithm of the number of timers.
//
// A node's deadline is no later than its children's, and its right child's rank no higher than its
// left one's, so the way along right children is short: a heap whose rank is R has at least 2^R - 1
// nodes. After a change the ranks on the way up are set right, as far as they change; those that do
// differ by one from step to step, so that way is short too, wherever it begins.
//
// The caller keeps others out.
#pragma once

#include "lib/types.h"

struct timer_node {
    struct timer_node *left, *right, *parent; // in a queue only
    uint64_t deadline_ns;                     // not to be changed while in a queue
    // Steps to the right until there is nothing: no more of them than to the left. 0: in no queue.
    uint32_t rank;
};

struct timer_queue {
    struct timer_node *first; // the earliest; NULL: empty
};

static inline bool timer_queue_has(const struct timer_node *node)
{
    return node->rank != 0;
}

static inline uint32_t timer_queue_rank(const struct timer_node *node)
{
    return node ? node->rank : 0;
}

// Puts a node's children in order, and sets its rank. Returns whether that was another.
static inline bool timer_queue_settle(struct timer_node *node)
{
    struct timer_node *left = node->left;
    uint32_t rank = timer_queue_rank(node->right);
    if (timer_queue_rank(left) < rank) {
        rank = timer_queue_rank(left);
        node->left = node->right;
        node->right = left;
    }
    bool was_other = node->rank != rank + 1;
    node->rank = rank + 1;
    return was_other;
}

// The ranks on the way up, as far as they change.
static inline void timer_queue_settle_upwards(struct timer_node *node)
{
    while (node && timer_queue_settle(node))
        node = node->parent;
}

// Makes one heap of two, along their right children. Both may be NULL.
struct timer_node *timer_queue_merge(struct timer_node *a, struct timer_node *b);

// One that isn't in any queue, with its deadline set. Of equal deadlines, whichever comes first.
static inline void timer_queue_add(struct timer_queue *queue, struct timer_node *node)
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
    } else if (!parent->left) {
        parent->left = node; // no rank changes
    } else {
        parent->right = node;
        timer_queue_settle_upwards(parent);
    }
}

// One that is in this queue.
static inline void timer_queue_remove(struct timer_queue *queue, struct timer_node *node)
{
    struct timer_node *parent = node->parent, *rest = node->left;
    if (node->right)
        rest = timer_queue_merge(rest, node->right);
    node->rank = 0;
    if (rest)
        rest->parent = parent;
    if (!parent) {
        queue->first = rest;
    } else if (!rest && !parent->right) {
        parent->left = NULL; // no rank changes
    } else {
        *(parent->left == node ? &parent->left : &parent->right) = rest;
        timer_queue_settle_upwards(parent);
    }
}

// How many there are: by counting them.
unsigned timer_queue_count(const struct timer_queue *queue);

// Copies the earliest to `nodes`, in their order, at most `max` and TIMER_QUEUE_LIST_MAX. Returns
// how many.
enum { TIMER_QUEUE_LIST_MAX = 16 };
unsigned timer_queue_list(const struct timer_queue *queue, const struct timer_node **nodes,
                          unsigned max);
