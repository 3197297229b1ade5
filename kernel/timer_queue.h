// Timers in the order of their deadlines: a leftist heap, whose links are in the timers themselves.
// Nothing is allocated. Adding one that is the earliest takes a few steps, everything else at most
// as many as the logarithm of the number of timers.
//
// The caller keeps others out.
#pragma once

#include "lib/types.h"

struct timer_node {
    struct timer_node *left, *right, *parent; // in a queue only
    uint64_t deadline_ns;                     // not to be changed while in a queue
    uint32_t rank; // steps to the right until there is nothing: no more of them than to the left
};

struct timer_queue {
    struct timer_node *first; // the earliest; NULL: empty
};

// One that isn't in any queue. Of equal deadlines, whichever comes first.
void timer_queue_add(struct timer_queue *queue, struct timer_node *node);

// One that is in this queue.
void timer_queue_remove(struct timer_queue *queue, struct timer_node *node);

// Copies the earliest to `nodes`, in their order, at most `max` and TIMER_QUEUE_LIST_MAX. Returns
// how many.
enum { TIMER_QUEUE_LIST_MAX = 16 };
unsigned timer_queue_list(const struct timer_queue *queue, const struct timer_node **nodes,
                          unsigned max);
