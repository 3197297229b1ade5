// What joins, leaves and isn't eligible yet. Both heaps are pairing heaps [Fredman]: a list of
// heaps below each member, in no order.

#include "kernel/fair_queue.h"

void fair_set(struct fair_entity *entity, uint32_t weight, uint64_t slice)
{
    enum { SHIFT = 32 - FAIR_SCALE_SHIFT };
    entity->weight = weight;
    entity->inverse = (1ull << 32) / weight;
    entity->span = (uint64_t)((unsigned __int128)slice * entity->inverse >> SHIFT) + 1;
}

// --- Heaps ---------------------------------------------------------------------------------------

static always_inline bool precedes(const struct fair_entity *a, const struct fair_entity *b,
                                   enum fair_place heap)
{
    return heap == FAIR_REST ? fair_ahead(a->deadline, b->deadline) <= 0
                             : fair_ahead(fair_eligible_at(a), fair_eligible_at(b)) <= 0;
}

// Of two heaps, one: whoever comes later is below the other.
static always_inline struct fair_entity *link(struct fair_entity *a, struct fair_entity *b,
                                              enum fair_place heap)
{
    if (!precedes(a, b, heap)) {
        struct fair_entity *other = a;
        a = b;
        b = other;
    }
    b->next = a->child;
    if (a->child)
        a->child->before = b;
    b->before = a;
    a->child = b;
    return a;
}

// Of a list of heaps, one: by two from left to right, and what that leaves from right to left.
static struct fair_entity *link_all(struct fair_entity *first, enum fair_place heap)
{
    struct fair_entity *pairs = NULL;
    while (first) {
        struct fair_entity *second = first->next, *pair = first;
        first = NULL;
        if (second) {
            first = second->next;
            pair = link(pair, second, heap);
        }
        pair->next = pairs;
        pairs = pair;
    }
    struct fair_entity *all = pairs;
    for (pairs = pairs ? pairs->next : NULL; pairs;) {
        struct fair_entity *next = pairs->next;
        all = link(all, pairs, heap);
        pairs = next;
    }
    return all;
}

static struct fair_entity **heap_at(struct fair_queue *queue, enum fair_place place)
{
    return place == FAIR_REST ? &queue->rest : &queue->later;
}

static void add_to_heap(struct fair_entity **heap, struct fair_entity *more, enum fair_place place)
{
    *heap = *heap ? link(*heap, more, place) : more;
}

static void put_aside(struct fair_queue *queue, struct fair_entity *entity, enum fair_place place)
{
    queue->aside++;
    entity->place = place;
    entity->child = NULL;
    add_to_heap(heap_at(queue, place), entity, place);
}

static void take_back(struct fair_queue *queue, struct fair_entity *entity)
{
    enum fair_place place = entity->place;
    struct fair_entity **heap = heap_at(queue, place), *below = link_all(entity->child, place);
    queue->aside--;
    entity->place = FAIR_LINE;
    if (*heap == entity) {
        *heap = below;
        return;
    }
    *(entity->before->child == entity ? &entity->before->child : &entity->before->next) =
        entity->next;
    if (entity->next)
        entity->next->before = entity->before;
    if (below)
        add_to_heap(heap, below, place);
}

// --- Who waits -----------------------------------------------------------------------------------

void fair_put_later(struct fair_queue *queue, struct fair_entity *entity)
{
    put_aside(queue, entity, FAIR_LATER);
}

void fair_shorten_line(struct fair_queue *queue)
{
    struct fair_entity *last = queue->last;
    fair_leave_line(queue, last);
    put_aside(queue, last, FAIR_REST);
}

void fair_put_rest(struct fair_queue *queue, struct fair_entity *entity)
{
    if (precedes(queue->rest, entity, FAIR_REST)) {
        put_aside(queue, entity, FAIR_REST);
        return;
    }
    fair_stand_in_line(queue, entity);
    if (++queue->in_line > FAIR_LINE_MAX)
        fair_shorten_line(queue);
}

static void take_from_rest(struct fair_queue *queue)
{
    struct fair_entity *first = queue->rest;
    take_back(queue, first);
    fair_stand_in_line(queue, first);
    queue->in_line++;
}

static void take_from_later(struct fair_queue *queue)
{
    struct fair_entity *first = queue->later;
    take_back(queue, first);
    fair_put_ready(queue, first);
}

void fair_fill_line(struct fair_queue *queue)
{
    if (!queue->first && queue->rest)
        take_from_rest(queue);
    while (queue->later && (!queue->first || fair_is_eligible(queue, queue->later)))
        take_from_later(queue);
}

static void take_out(struct fair_queue *queue, struct fair_entity *entity)
{
    if (entity->place == FAIR_LINE)
        fair_leave_line(queue, entity);
    else
        take_back(queue, entity);
    if (!queue->first && queue->rest)
        take_from_rest(queue);
}

// --- Members -------------------------------------------------------------------------------------

// By so much the sum has become larger than `average` says.
static void add_to_sum(struct fair_queue *queue, int64_t more)
{
    int64_t sum = more + (int64_t)queue->remainder, weight = (int64_t)queue->weight;
    int64_t average = sum / weight - (sum % weight < 0); // rounded down
    queue->average += (uint64_t)average;
    queue->remainder = (uint64_t)(sum - average * weight);
}

void fair_join(struct fair_queue *queue, struct fair_entity *entity)
{
    int64_t ahead = fair_ahead(entity->time, queue->average);
    if (ahead < 0)
        ahead = 0;
    if (ahead > (int64_t)entity->span)
        ahead = (int64_t)entity->span;
    entity->time = queue->average + (uint64_t)ahead;
    entity->deadline = entity->time + entity->span;
    queue->weight += entity->weight;
    queue->count++;
    add_to_sum(queue, ahead * (int64_t)entity->weight);
    fair_put(queue, entity);
}

void fair_leave(struct fair_queue *queue, struct fair_entity *entity)
{
    queue->weight -= entity->weight;
    if (--queue->count)
        add_to_sum(queue, -fair_ahead(entity->time, queue->average) * (int64_t)entity->weight);
    else
        queue->remainder = 0;
}

void fair_remove(struct fair_queue *queue, struct fair_entity *entity)
{
    take_out(queue, entity);
    fair_leave(queue, entity);
}

// --- Looking -------------------------------------------------------------------------------------

struct search {
    const struct fair_entity *seen[FAIR_LOOK];
    unsigned count;
};

static void note(struct search *search, const struct fair_entity *entity)
{
    if (entity && search->count < FAIR_LOOK)
        search->seen[search->count++] = entity;
}

// What is next to a heap's root means nothing.
static void note_around(struct search *search, const struct fair_queue *queue,
                        const struct fair_entity *entity)
{
    if (entity != queue->rest && entity != queue->later)
        note(search, entity->next);
    if (entity->place != FAIR_LINE)
        note(search, entity->child);
}

struct fair_entity *fair_find(const struct fair_queue *queue,
                              bool (*suits)(const struct fair_entity *entity, void *context),
                              void *context)
{
    struct search search = {.count = 0};
    note(&search, queue->first);
    note(&search, queue->rest);
    note(&search, queue->later);
    for (unsigned i = 0; i < search.count; i++) {
        if (suits(search.seen[i], context))
            return (struct fair_entity *)search.seen[i];
        note_around(&search, queue, search.seen[i]);
    }
    return NULL;
}
