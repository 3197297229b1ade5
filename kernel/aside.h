// A thread aside: while a debugger has stopped all processors, one of them runs it in place of
// what it has interrupted, until it rests, or would have to wait for somebody. Then it waits like
// any other thread, and goes on when they all do.
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct thread;

// In struct percpu, while it runs one.
struct aside {
    uintptr_t stack_pointer, canary; // of whoever goes on when it stops
    bool has_despaired;
    bool are_others_dead;
};

// `run` is called when it is first run, and never returns: it rests. NULL without memory.
must_use struct thread *aside_create(const char *name, void (*run)(void));

enum aside_end {
    ASIDE_RESTS,
    ASIDE_WAITS,    // for what comes when the machine goes on
    ASIDE_DESPAIRS, // it needs a lock whose holder stands still: it never goes on
    ASIDE_BUSY,     // it hasn't been run: it isn't done with what it did before
};

// Runs it, with interrupts off and all other processors standing still. Nobody may hold a spin
// lock, or it may end in despair: then the machine can't go on.
// Where all others are dead, as in a panic, it takes from them what they hold.
enum aside_end aside_run(struct thread *thread, bool are_others_dead);

bool aside_is_busy(const struct thread *thread);

// Called by it, when there is nothing to do: returns when it is run again, with interrupts off.
void aside_rest(void);

// Called by one that runs aside and has to wait, with the lock of its processor's queue held, and
// blocked: returns when somebody has woken it, and the lock is free.
void aside_leave(void);

// Called by whoever has waited so long for another processor, aside or not. Aside, after a while,
// it is left for good; or true is returned: the other one is dead, and isn't to be waited for.
must_use bool aside_gives_up(uint64_t waited_ns);
