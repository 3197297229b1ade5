// The fair class: who of those that want to run runs next, by earliest eligible virtual deadline
// first [Stoica]. One queue a processor. Pure arithmetic, compiled for host tests too; its callers
// keep accesses apart.
//
// Virtual time is time by weight: a member that has run for t ticks has moved on by
// t * FAIR_SCALE / weight. The queue's own time is the average of its members', by their weights:
// whoever is behind it has had less than his share, and is eligible; so is who is ahead by less
// than a sixteenth of a slice, so that those who stop early needn't be sorted twice. Of those, the
// one with the earliest deadline runs, until it has moved on by its slice; that is its deadline,
// and then it has a new one. So shares are as weights are, and whoever asks for short slices waits
// less for them.
//
// Virtual time may wrap around: two of them are compared by their difference's sign.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum {
    FAIR_SCALE_SHIFT = 20,
    FAIR_WEIGHT_MIN = 16,
    FAIR_WEIGHT = 1024, // what is usual
    FAIR_WEIGHT_MAX = 65536,
};

struct fair_entity {
    uint64_t time;     // virtual: how far it has moved on
    uint64_t deadline; // virtual: the end of its slice
    uint64_t span;     // virtual: the length of a slice
    uint64_t inverse;  // 2^32 / weight
    uint64_t weight;
    // While it waits: where, and who is next to it. In a heap, the first of those below it, the
    // next one beside it, and whoever points to it.
    enum fair_place { FAIR_LINE, FAIR_REST, FAIR_LATER } place;
    struct fair_entity *child, *next, *before;
};

// Who waits and is eligible stands in line, by deadlines; beyond so many of them they are in a
// heap, the rest, which is slower for a few and faster for many. Who wasn't eligible when he began
// to wait is in another, by when he will be.
//
// Invariants: nobody in line has a later deadline than anybody in the rest (the line may be empty
// before that, until somebody is picked). average * weight + remainder is the sum of all members'
// times by their weights, and the remainder is less than the weight; so there is always somebody
// who isn't ahead of it.
enum { FAIR_LINE_MAX = 16 };
struct fair_queue {                   // all zero is empty
    struct fair_entity *first, *last; // of the line
    struct fair_entity *rest, *later;
    unsigned in_line, aside;     // how many wait in line, and in the heaps
    unsigned count;              // of members
    uint64_t average, remainder; // of their times
    uint64_t weight;             // of all members, the one that runs among them
};

// Before the first use, and for new settings of one that has left. Weight FAIR_WEIGHT_MIN to _MAX;
// slice in ticks, at least 1.
void fair_set(struct fair_entity *entity, uint32_t weight, uint64_t slice);

// Becomes a member, and waits. Who has had less than his share when he left gets no more for that;
// who has had more is ahead still, by one slice at most, as far as the queue hasn't caught up.
void fair_join(struct fair_queue *queue, struct fair_entity *entity);

// The one that runs, and one that waits, is no member any more. The average is that of the others.
void fair_leave(struct fair_queue *queue, struct fair_entity *entity);
void fair_remove(struct fair_queue *queue, struct fair_entity *entity);

// Of one who isn't a member of any: his time as it would be in this queue, instead of that one.
static inline void fair_move(const struct fair_queue *from, const struct fair_queue *to,
                             struct fair_entity *entity)
{
    entity->time += to->average - from->average;
}

// For balancing: somebody who waits and whom `suits` accepts, of at most FAIR_LOOK looked at; NULL:
// none.
enum { FAIR_LOOK = 16 };
struct fair_entity *fair_find(const struct fair_queue *queue,
                              bool (*suits)(const struct fair_entity *entity, void *context),
                              void *context);

// --- What happens at each switch -----------------------------------------------------------------

// How far `a` is ahead of `b`.
static inline int64_t fair_ahead(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b);
}

// The average at which he is eligible.
static inline uint64_t fair_eligible_at(const struct fair_entity *entity)
{
    return entity->time - (entity->span >> 4);
}

static inline bool fair_is_eligible(const struct fair_queue *queue,
                                    const struct fair_entity *entity)
{
    return fair_ahead(fair_eligible_at(entity), queue->average) <= 0;
}

// Puts it where it belongs; in line, if the rest is later.
void fair_put_rest(struct fair_queue *queue, struct fair_entity *entity);
void fair_put_later(struct fair_queue *queue, struct fair_entity *entity);
void fair_shorten_line(struct fair_queue *queue);

// The line is empty, or somebody is later: makes good for it, as far as there is somebody.
void fair_fill_line(struct fair_queue *queue);

// From behind: most have just had a new deadline.
static inline void fair_stand_in_line(struct fair_queue *queue, struct fair_entity *entity)
{
    struct fair_entity *before = queue->last, *next = NULL;
    while (before && fair_ahead(before->deadline, entity->deadline) > 0) {
        next = before;
        before = before->before;
    }
    entity->before = before;
    entity->next = next;
    *(before ? &before->next : &queue->first) = entity;
    *(next ? &next->before : &queue->last) = entity;
}

static inline void fair_put_ready(struct fair_queue *queue, struct fair_entity *entity)
{
    if (unlikely(queue->rest)) {
        fair_put_rest(queue, entity);
        return;
    }
    fair_stand_in_line(queue, entity);
    if (unlikely(++queue->in_line > FAIR_LINE_MAX))
        fair_shorten_line(queue);
}

// The one that runs waits again.
static inline void fair_put(struct fair_queue *queue, struct fair_entity *entity)
{
    if (likely(fair_is_eligible(queue, entity)))
        fair_put_ready(queue, entity);
    else
        fair_put_later(queue, entity);
}

static inline void fair_leave_line(struct fair_queue *queue, struct fair_entity *entity)
{
    *(entity->before ? &entity->before->next : &queue->first) = entity->next;
    *(entity->next ? &entity->next->before : &queue->last) = entity->before;
    queue->in_line--;
}

// The one to run next, who then waits no more, but is still a member. Where nobody is eligible (the
// one that runs is behind all others), who will be first. NULL: nobody waits.
static inline struct fair_entity *fair_pick(struct fair_queue *queue)
{
    if (unlikely(!queue->first || queue->later))
        fair_fill_line(queue);
    struct fair_entity *first = queue->first;
    if (likely(first))
        fair_leave_line(queue, first);
    return first;
}

// Whether fair_yield() may be called.
static inline bool fair_may_yield(const struct fair_queue *queue)
{
    return queue->first && !queue->aside;
}

// The one that runs, who has advanced, lets others go first: returns the one to run next.
// His deadline is a slice later than that of a new request, which keeps him back well enough: he
// is eligible.
static inline struct fair_entity *fair_yield(struct fair_queue *queue, struct fair_entity *running)
{
    struct fair_entity *first = queue->first, *next = first->next;
    running->deadline = running->time + 2 * running->span;
    if (likely(!next)) { // he will be the only one who waits
        running->before = running->next = NULL;
        queue->first = queue->last = running;
        return first;
    }
    queue->first = next;
    next->before = NULL;
    fair_stand_in_line(queue, running);
    return first;
}

// The one that runs has done so for so many ticks, at most 2^40.
static inline void fair_advance(struct fair_queue *queue, struct fair_entity *entity,
                                uint64_t ticks)
{
    enum { SHIFT = 32 - FAIR_SCALE_SHIFT };
    uint64_t moved = (uint64_t)((unsigned __int128)ticks * entity->inverse >> SHIFT);
    uint64_t sum = moved * entity->weight + queue->remainder;
    entity->time += moved;
    queue->average += sum / queue->weight;
    queue->remainder = sum % queue->weight;
}

// The same. Returns whether his slice is over; then a new one has begun.
static inline bool fair_charge(struct fair_queue *queue, struct fair_entity *entity, uint64_t ticks)
{
    fair_advance(queue, entity, ticks);
    if (likely(fair_ahead(entity->deadline, entity->time) > 0))
        return false;
    entity->deadline = entity->time + entity->span;
    return true;
}

// Whether one that waits is to run instead of the one that runs, at once.
static inline bool fair_is_before(const struct fair_queue *queue, const struct fair_entity *waiting,
                                  const struct fair_entity *running)
{
    return fair_is_eligible(queue, waiting) && fair_ahead(running->deadline, waiting->deadline) > 0;
}

// How many ticks of running the slice has left.
static inline uint64_t fair_left(const struct fair_entity *entity)
{
    return (entity->deadline - entity->time) * entity->weight >> FAIR_SCALE_SHIFT;
}
