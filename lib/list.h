// Lists whose links are members of what is listed: a ring through the list's own head.
//
//   struct list threads = LIST_EMPTY(threads);
//   list_add_last(&threads, &thread->link);
//   LIST_FOREACH (struct thread, thread, &threads, link)
//       show(thread);
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct list { // a head, or a member
    struct list *next, *previous;
};

#define LIST_EMPTY(head) \
    {                    \
        &(head), &(head) \
    }

static inline void list_init(struct list *head)
{
    head->next = head->previous = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

// Before `at`, which is a member, or the head: then it becomes the last.
static inline void list_add_before(struct list *at, struct list *member)
{
    member->next = at;
    member->previous = at->previous;
    at->previous->next = member;
    at->previous = member;
}

static inline void list_add_last(struct list *head, struct list *member)
{
    list_add_before(head, member);
}

static inline void list_add_first(struct list *head, struct list *member)
{
    list_add_before(head->next, member);
}

// Of whichever list it is in.
static inline void list_remove(struct list *member)
{
    member->previous->next = member->next;
    member->next->previous = member->previous;
}

#define LIST_ENTRY(type, link_member, link) \
    ((type *)(void *)((char *)(link)-offsetof(type, link_member)))

// The first one, which there must be.
#define LIST_FIRST(type, head, link) LIST_ENTRY(type, link, (head)->next)

// The one at hand must stay in the list until the next is taken.
#define LIST_FOREACH(type, name, head, link)                                         \
    for (type *name = LIST_ENTRY(type, link, (head)->next); &(name)->link != (head); \
         name = LIST_ENTRY(type, link, (name)->link.next))
