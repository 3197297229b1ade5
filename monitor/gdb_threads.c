// Threads as GDB sees them. Nobody's lock is taken: who changes the list stands still.

#include "kernel/percpu.h"
#include "lib/format.h"
#include "monitor/gdb_priv.h"

static const struct percpu *cpu_of(int64_t id)
{
    const struct percpu *cpu = id > 0 && id < GDB_SLEEPERS ? percpu_get((uint32_t)id - 1) : NULL;
    return cpu && cpu->is_online ? cpu : NULL;
}

static bool runs(const struct thread *thread)
{
    for (uint32_t i = 0; i < percpu_count(); i++)
        if (percpu_get(i)->is_online && percpu_get(i)->current == thread)
            return true;
    return false;
}

// The first one behind `id` that sleeps.
static const struct thread *sleeper_behind(int64_t id)
{
    enum { THREADS_MAX = 100000 }; // a broken list ends, too
    const struct thread *thread = NULL;
    for (unsigned i = 0; i < THREADS_MAX && (thread = thread_peek(thread)); i++)
        if (GDB_SLEEPERS + (int64_t)thread->id > id && thread->state != THREAD_DEAD &&
            !runs(thread))
            return thread;
    return NULL;
}

static const struct thread *sleeper_of(int64_t id)
{
    const struct thread *thread = id > GDB_SLEEPERS ? sleeper_behind(id - 1) : NULL;
    return thread && GDB_SLEEPERS + (int64_t)thread->id == id ? thread : NULL;
}

bool gdb_thread_exists(int64_t id)
{
    return cpu_of(id) || sleeper_of(id);
}

int64_t gdb_thread_next(int64_t id)
{
    for (int64_t next = id + 1; next <= percpu_count(); next++)
        if (cpu_of(next))
            return next;
    const struct thread *thread = sleeper_behind(id);
    return thread ? GDB_SLEEPERS + (int64_t)thread->id : 0;
}

static const char *state_name(const struct thread *thread)
{
    static const char *const names[] = {
        [THREAD_NEW] = "new",         [THREAD_RUNNABLE] = "runnable",
        [THREAD_BLOCKED] = "blocked", [THREAD_THROTTLED] = "throttled",
        [THREAD_MOVING] = "moving",
    };
    return thread->state < THREAD_DEAD ? names[thread->state] : "?";
}

size_t gdb_thread_describe(int64_t id, char *text, size_t size)
{
    const struct percpu *cpu = cpu_of(id);
    const struct thread *thread = sleeper_of(id);
    if (cpu)
        return snprintf(text, size, "CPU %u, %s%s", cpu->cpu, cpu->current->name,
                        debug_held(cpu->cpu) ? "" : ", no answer");
    return thread ? snprintf(text, size, "%s, %s", thread->name, state_name(thread)) : 0;
}

// arch_switch() has left RBP and where it goes on, in this order.
bool gdb_thread_state(int64_t id, struct gdb_state *state)
{
    const struct percpu *cpu = cpu_of(id);
    const struct thread *thread = sleeper_of(id);
    uint64_t record[2];
    *state = (struct gdb_state){0};
    if (cpu) {
        const struct debug_cpu *held = debug_held(cpu->cpu);
        state->frame = held ? held->frame : NULL;
        state->controls = held ? &held->controls : NULL;
        return held;
    }
    if (!thread ||
        debug_read(DEBUG_VIRTUAL, thread->stack_pointer, record, sizeof(record)) != sizeof(record))
        return false;
    state->own.rbp = record[0];
    state->own.rip = record[1];
    state->own.rsp = thread->stack_pointer + sizeof(record);
    return true;
}
