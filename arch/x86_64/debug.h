// Debugging from outside: all processors stop where they are, somebody talks about it, and each
// goes on as it is told.
//
// A processor that stops is held in a handler, and its registers are those of what that has
// interrupted. The first one that stops calls the others, by NMI, and talks; another that stops at
// the same moment is held like those, and finds what has stopped it again when it goes on.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

struct trap_frame;

enum debug_reason {
    DEBUG_ASKED, // by somebody outside, or the kernel itself
    DEBUG_BREAKPOINT,
    DEBUG_HARDWARE, // a break- or watchpoint: `slot` says which
    DEBUG_STEPPED,
    DEBUG_PANIC,
};

struct debug_stop {
    uint32_t cpu;
    enum debug_reason reason;
    unsigned slot;
};

// Registers that a processor keeps beside the frame, as they were when it stopped.
struct debug_controls {
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, fs_base, gs_base, kernel_gs_base;
    uint16_t ds, es, fs, gs;
};

enum debug_order { DEBUG_STAY, DEBUG_GO, DEBUG_STEP };

// A processor's own.
struct debug_cpu {
    struct trap_frame *frame; // of what it has been doing; NULL: it runs
    struct debug_controls controls;
    enum debug_order order, next;     // what it does, and will when the talk is over
    uintptr_t range_start, range_end; // DEBUG_STEP doesn't end in between
    bool is_called;                   // an NMI is on its way
    bool must_stop;                   // for which it is to stop
    bool is_stopping;                 // from the first look at what has stopped it until it goes on
    bool is_stepping;
    uint8_t opcode;            // of what is stepped over
    uint64_t flags;            // before
    bool has_more;             // it has been stopped by something that nobody has heard of yet:
    struct debug_stop unheard; // this
};

// Beside what is said here: NO_MEMORY, and nothing is changed.
//
// Calls `talk` for every stop, on the processor that has stopped, with all others held and
// interrupts off, `poll` after each step inside a range: whether that is to end, and `wants_nmi`
// for an NMI that nobody has sent, a dump button's most likely: whether it stops all. From here on
// breakpoints and steps are expected. Once.
struct debug_user {
    void (*talk)(const struct debug_stop *stop);
    bool (*poll)(void), (*wants_nmi)(void);
};
must_use enum status debug_init(const struct debug_user *user);

// Stops whoever calls, any context. In an interrupt: what that has interrupted.
void debug_stop(void);

// The same for an NMI without a reason. False: it isn't wanted.
must_use bool debug_stop_by_nmi(struct trap_frame *frame);

// The same at the end of a panic, with the frame it is about, or NULL. Returns when it may go on.
void debug_stop_in_panic(const struct trap_frame *frame);

// For who is stopped by a panic, and will be halted: it can be looked at like one that is held.
void debug_hold_for_good(struct trap_frame *frame);

// Whether this processor talks.
bool debug_is_talking(void);

// --- While talking -------------------------------------------------------------------------------

// NULL where it isn't held.
struct debug_cpu *debug_held(uint32_t cpu);

// What a processor is to do when the talk is over; they stay if nothing is said. The range may be
// empty.
void debug_send(uint32_t cpu, enum debug_order order, uintptr_t range_start, uintptr_t range_end);

// Whether nobody holds a spin lock: all that has been stopped had its interrupts on.
bool debug_is_calm(void);

// Software breakpoints: NO_MEMORY where the table is full, FAULT where nothing is mapped, NOT_FOUND
// for one that isn't there. They are in memory while somebody runs.
must_use enum status debug_insert(uintptr_t address);
must_use enum status debug_remove(uintptr_t address);

// Hardware's own, in force on all processors while they run: `size` 1, 2, 4 or 8, the address a
// multiple of it. NO_MEMORY: there are four. BAD_ARGUMENT: the hardware can't.
enum debug_kind { DEBUG_ON_EXECUTION = 0, DEBUG_ON_WRITE = 1, DEBUG_ON_ACCESS = 3 }; // as in DR7
enum { DEBUG_SLOTS = 4 };
struct debug_slot {
    bool is_used;
    enum debug_kind kind;
    uintptr_t address;
    unsigned size;
};
must_use enum status debug_watch(enum debug_kind kind, uintptr_t address, unsigned size);
must_use enum status debug_unwatch(enum debug_kind kind, uintptr_t address, unsigned size);
const struct debug_slot *debug_slot(unsigned slot);

// Forgets all of both.
void debug_forget_points(void);

// Memory: how many bytes from there on could be read or written, in pieces as large as alignment
// allows. What is mapped read-only can be written too; what processors are held by can't.
enum debug_space { DEBUG_VIRTUAL, DEBUG_PHYSICAL };
size_t debug_read(enum debug_space space, uint64_t address, void *bytes, size_t size);
size_t debug_write(enum debug_space space, uint64_t address, const void *bytes, size_t size);
