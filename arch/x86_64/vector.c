// Who gets which interrupt vector, and the way of an interrupt to him.

#include "arch/x86_64/vector.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/trap.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/percpu.h"

static struct lock lock; // of giving vectors out

static struct vector_slot *slot_of(struct percpu *cpu, uint8_t vector)
{
    return &cpu->arch.vectors[vector - VECTOR_PIC];
}

// Context and name are there before anybody can be called with them.
static void fill(struct vector_slot *slot, vector_function *run, void *context, const char *name)
{
    slot->context = context;
    slot->name = name;
    __atomic_store_n(&slot->run, run, __ATOMIC_RELEASE);
}

static struct vector_slot *find_free(struct percpu *cpu, uint8_t *vector)
{
    for (unsigned v = VECTOR_FIRST; v <= VECTOR_LAST; v++) {
        struct vector_slot *slot = slot_of(cpu, (uint8_t)v);
        if (slot->run)
            continue;
        *vector = (uint8_t)v;
        return slot;
    }
    return NULL;
}

enum status vector_alloc(uint32_t cpu, vector_function *run, void *context, const char *name,
                         uint8_t *vector)
{
    struct percpu *owner = percpu_get(cpu);
    if (!owner)
        return NOT_FOUND;
    uintptr_t state = lock_irqsave(&lock);
    struct vector_slot *slot = find_free(owner, vector);
    if (slot) {
        slot->count = 0;
        fill(slot, run, context, name);
    }
    unlock_irqrestore(&lock, state);
    return slot ? OK : NO_MEMORY;
}

void vector_free(uint32_t cpu, uint8_t vector)
{
    struct percpu *owner = percpu_get(cpu);
    if (!owner || vector < VECTOR_FIRST || vector > VECTOR_LAST)
        return;
    uintptr_t state = lock_irqsave(&lock);
    fill(slot_of(owner, vector), NULL, NULL, NULL);
    unlock_irqrestore(&lock, state);
}

void vector_set(uint8_t vector, vector_function *run, void *context, const char *name)
{
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++)
        fill(slot_of(percpu_get(cpu), vector), run, context, name);
}

const struct vector_slot *vector_get(uint32_t cpu, uint8_t vector)
{
    struct percpu *owner = percpu_get(cpu);
    return owner && vector >= VECTOR_PIC ? slot_of(owner, vector) : NULL;
}

void vectors_inherit(struct percpu *cpu)
{
    for (unsigned v = VECTOR_PIC; v < 256; v++) {
        const struct vector_slot *own = slot_of(this_cpu(), (uint8_t)v);
        if (v < VECTOR_FIRST || v > VECTOR_LAST)
            fill(slot_of(cpu, (uint8_t)v), own->run, own->context, own->name);
    }
}

noinline static void complain(const struct vector_slot *slot, const struct trap_frame *frame)
{
    enum { TOLD = 8 }; // of each vector
    if (lapic_is_in_service((uint8_t)frame->vector))
        lapic_eoi();
    if (slot->count <= TOLD)
        log_warn("interrupt: nobody expects vector 0x%lx (at %pS)", frame->vector,
                 (void *)frame->rip);
}

// Called by trap_entry.S.
void interrupt_dispatch(struct trap_frame *frame);

void interrupt_dispatch(struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    struct vector_slot *slot = slot_of(cpu, (uint8_t)frame->vector);
    compiler_forget(slot); // or each member's address would be worked out apart
    cpu->interrupted = frame;
    cpu->heartbeat++;
    slot->count++;
    vector_function *run = __atomic_load_n(&slot->run, __ATOMIC_ACQUIRE);
    if (likely(run))
        run(slot->context);
    else
        complain(slot, frame);
    cpu->interrupted = NULL;
    if (unlikely(cpu->needs_schedule))
        scheduler_preempt();
}
