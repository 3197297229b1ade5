// Stopping, holding and sending on.
//
// One processor at a time is the talker. It calls all others that run, and talks when they are
// held; then it gives the part away, does what it has been told itself, and the next one that stops
// takes it. Who wants the part and is called meanwhile is held like everybody else.

#include "arch/x86_64/debug.h"
#include "arch/x86_64/debug_priv.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/nmi.h"
#include "arch/x86_64/registers.h"
#include "kernel/clock.h"
#include "kernel/percpu.h"
#include "lib/string.h"

#define ANSWER_NS 1000000000ull
#define BOUNCE_NS 1000000000ull

extern const char debug_asks[]; // behind the instruction by which the kernel itself stops

static const struct debug_user *user; // NULL: nobody debugs
static struct percpu *talker;
static bool is_in_panic;

static struct debug_cpu *debug_self(void)
{
    return &this_cpu()->arch.debug;
}

bool debug_is_talking(void)
{
    return user && __atomic_load_n(&talker, __ATOMIC_RELAXED) == arch_percpu();
}

// One that has been sent on is about to go.
static bool is_held(const struct debug_cpu *own)
{
    return __atomic_load_n(&own->frame, __ATOMIC_ACQUIRE) &&
           __atomic_load_n(&own->order, __ATOMIC_ACQUIRE) == DEBUG_STAY;
}

struct debug_cpu *debug_held(uint32_t cpu)
{
    struct percpu *found = percpu_get(cpu);
    return found && is_held(&found->arch.debug) ? &found->arch.debug : NULL;
}

bool debug_is_calm(void)
{
    for (uint32_t i = 0; i < percpu_count(); i++) {
        const struct debug_cpu *held = debug_held(i);
        if (percpu_get(i)->is_online && !(held && arch_takes_interrupts(held->frame)))
            return false;
    }
    return true;
}

// First, so that an NMI doesn't take this handler for what is to be stopped.
static void begin_stop(struct debug_cpu *own)
{
    __atomic_store_n(&own->is_stopping, true, __ATOMIC_SEQ_CST);
    debug_points_disable();
}

// --- Held ----------------------------------------------------------------------------------------

#define READ_SEGMENT(name)                                              \
    ({                                                                  \
        uint16_t selector_;                                             \
        __asm__ volatile("movw %%" name ", %0" : "=rm"(selector_) : :); \
        selector_;                                                      \
    })

static void save_controls(struct debug_controls *controls)
{
    *controls = (struct debug_controls){
        .cr0 = read_cr0(),
        .cr2 = read_cr2(),
        .cr3 = read_cr3(),
        .cr4 = read_cr4(),
        .efer = rdmsr(MSR_EFER),
        .fs_base = rdmsr(MSR_FS_BASE),
        .gs_base = rdmsr(MSR_GS_BASE),
        .kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE),
        .ds = READ_SEGMENT("ds"),
        .es = READ_SEGMENT("es"),
        .fs = READ_SEGMENT("fs"),
        .gs = READ_SEGMENT("gs"),
    };
    __asm__ volatile("movq %%cr8, %0" : "=r"(controls->cr8));
}

static void hold(struct percpu *cpu, struct trap_frame *frame)
{
    struct debug_cpu *own = &cpu->arch.debug;
    cpu->interrupted = frame;
    debug_step_end(own, frame, false); // where it hasn't ended
    save_controls(&own->controls);
    own->must_stop = false;
    own->next = own->order = DEBUG_STAY;
    __atomic_store_n(&own->frame, frame, __ATOMIC_RELEASE);
}

void debug_hold_for_good(struct trap_frame *frame)
{
    hold(this_cpu(), frame);
}

// Where its code had interrupts on, others' calls don't have to wait: they would have come there.
static void wait_for_order(struct percpu *cpu)
{
    struct debug_cpu *own = &cpu->arch.debug;
    while (__atomic_load_n(&own->order, __ATOMIC_ACQUIRE) == DEBUG_STAY) {
        if (arch_takes_interrupts(own->frame) && remote_is_called(cpu))
            remote_run();
        arch_pause();
    }
}

// --- Talking -------------------------------------------------------------------------------------

static bool must_answer(const struct percpu *cpu)
{
    return cpu != this_cpu() && __atomic_load_n(&cpu->is_online, __ATOMIC_ACQUIRE) &&
           !is_held(&cpu->arch.debug);
}

static void call(struct percpu *cpu)
{
    struct debug_cpu *other = &cpu->arch.debug;
    __atomic_store_n(&other->must_stop, true, __ATOMIC_SEQ_CST);
    if (!__atomic_exchange_n(&other->is_called, true, __ATOMIC_SEQ_CST))
        arch_send_nmi(cpu);
}

// One that doesn't answer is missing in what is told of the stop, and stops when it can.
static void stop_others(void)
{
    uint64_t start = clock_ns();
    for (uint32_t i = 0; i < percpu_count(); i++)
        if (must_answer(percpu_get(i)))
            call(percpu_get(i));
    for (uint32_t i = 0; i < percpu_count(); i++)
        while (must_answer(percpu_get(i)) && clock_ns() - start < ANSWER_NS)
            arch_pause();
}

void debug_send(uint32_t cpu, enum debug_order order, uintptr_t range_start, uintptr_t range_end)
{
    struct debug_cpu *held = debug_held(cpu);
    if (!held)
        return;
    held->next = order;
    held->range_start = range_start;
    held->range_end = range_end;
}

static void send_all(void)
{
    for (uint32_t i = 0; i < percpu_count(); i++) {
        struct debug_cpu *held = debug_held(i);
        if (held)
            __atomic_store_n(&held->order, held->next, __ATOMIC_RELEASE);
    }
}

static void talk_about(const struct debug_stop *stop)
{
    if (!is_in_panic) // where they are halted
        stop_others();
    debug_breakpoints_out();
    user->talk(stop);
    debug_breakpoints_in();
    send_all();
    __atomic_store_n(&talker, NULL, __ATOMIC_RELEASE);
}

// Returns whether this processor is the talker. Otherwise it is to be held.
static bool become_talker(struct percpu *cpu)
{
    for (struct percpu *nobody = NULL;; nobody = NULL) {
        if (__atomic_compare_exchange_n(&talker, &nobody, cpu, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
        if (__atomic_load_n(&cpu->arch.debug.must_stop, __ATOMIC_SEQ_CST))
            return false;
        arch_pause();
    }
}

// Who has asked has got what he wanted; all else is told of when this processor goes on.
static void keep_for_later(struct debug_cpu *own, const struct debug_stop *stop)
{
    own->has_more = stop->reason != DEBUG_ASKED;
    own->unheard = *stop;
}

// Returns false where it has been called again meanwhile, and the NMI has found it stopping.
// Whoever was to run there, by one of those calls, will have to be looked for.
static bool leave(struct percpu *cpu)
{
    struct debug_cpu *own = &cpu->arch.debug;
    struct trap_frame *frame = own->frame;
    lock_check_was_stopped();
    cpu->heartbeat++; // to the watchdog it hasn't been stuck
    if (cpu->needs_schedule)
        arch_send_call(cpu);
    debug_points_enable();
    __atomic_store_n(&own->frame, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&own->is_stopping, false, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&own->must_stop, __ATOMIC_SEQ_CST))
        return true;
    begin_stop(own);
    hold(cpu, frame);
    return false;
}

static bool stays_in_range(const struct debug_cpu *own, const struct trap_frame *frame)
{
    return frame->rip >= own->range_start && frame->rip < own->range_end && !own->must_stop;
}

// Returns whether a step is on its way; otherwise it, or the range, is done.
static bool step_on(struct debug_cpu *own, struct trap_frame *frame)
{
    do {
        if (!debug_step_emulate(frame)) {
            debug_step_begin(own, frame);
            return true;
        }
    } while (stays_in_range(own, frame) && !user->poll());
    return false;
}

// Until this processor is sent on, and has nothing more to tell.
static void stay(struct percpu *cpu)
{
    struct debug_cpu *own = &cpu->arch.debug;
    for (;;) {
        wait_for_order(cpu);
        if (own->unheard.reason == DEBUG_BREAKPOINT && !debug_has_breakpoint(own->frame->rip))
            own->has_more = false; // it has been taken back meanwhile
        if (!own->has_more && (own->order == DEBUG_GO || step_on(own, own->frame))) {
            if (leave(cpu))
                return;
            continue;
        }
        if (!own->has_more)
            own->unheard = (struct debug_stop){.cpu = cpu->cpu, .reason = DEBUG_STEPPED};
        own->has_more = !become_talker(cpu); // as one that runs: another that talks first calls it
        hold(cpu, own->frame);
        if (!own->has_more)
            talk_about(&own->unheard);
    }
}

static void stop_for(struct trap_frame *frame, const struct debug_stop *stop)
{
    struct percpu *cpu = this_cpu();
    struct debug_cpu *own = &cpu->arch.debug;
    bool talks = become_talker(cpu);
    hold(cpu, frame);
    if (talks)
        talk_about(stop);
    else
        keep_for_later(own, stop);
    stay(cpu);
}

// --- What stops it -------------------------------------------------------------------------------

// In the midst of stopping, or talking, it runs into what was meant for others.
static bool go_over(struct trap_frame *frame)
{
    frame->rip--;
    debug_breakpoint_out(frame->rip);
    return true;
}

static bool handle_breakpoint(struct trap_frame *frame)
{
    struct debug_cpu *own = debug_self();
    struct debug_stop stop = {.cpu = this_cpu()->cpu, .reason = DEBUG_ASKED};
    bool is_inserted = debug_has_breakpoint(frame->rip - 1);
    if (own->is_stopping && is_inserted)
        return go_over(frame);
    if (!is_inserted && frame->rip != (uintptr_t)debug_asks)
        return false;
    begin_stop(own);
    if (is_inserted) {
        frame->rip--;
        stop.reason = DEBUG_BREAKPOINT;
    } else if (is_in_panic) {
        stop.reason = DEBUG_PANIC;
    }
    stop_for(frame, &stop);
    return true;
}

static bool handle_debug(struct trap_frame *frame)
{
    struct debug_cpu *own = debug_self();
    struct debug_stop stop = {.cpu = this_cpu()->cpu};
    if (!debug_cause(own, &stop))
        return own->is_stopping;
    if (own->is_stopping)
        return true;
    begin_stop(own);
    debug_step_end(own, frame, true);
    if (stop.reason == DEBUG_STEPPED && stays_in_range(own, frame)) {
        if (user->poll()) {
            stop.reason = DEBUG_ASKED;
        } else if (step_on(own, frame)) {
            debug_points_enable();
            own->is_stopping = false;
            return true;
        }
    }
    stop_for(frame, &stop);
    return true;
}

static bool handle_nmi(struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    struct debug_cpu *own = &cpu->arch.debug;
    if (!__atomic_exchange_n(&own->is_called, false, __ATOMIC_SEQ_CST))
        return false;
    if (own->is_stopping || !own->must_stop)
        return true;
    begin_stop(own);
    hold(cpu, frame);
    stay(cpu);
    return true;
}

// A button reaches all processors, and bounces.
bool debug_stop_by_nmi(struct trap_frame *frame)
{
    static uint64_t last_ns; // when that has been talked about
    const struct debug_stop stop = {.cpu = this_cpu()->cpu, .reason = DEBUG_ASKED};
    if (!user || debug_self()->is_stopping || !user->wants_nmi())
        return false;
    if (last_ns && clock_ns() - last_ns < BOUNCE_NS)
        return true;
    begin_stop(debug_self());
    stop_for(frame, &stop);
    last_ns = clock_ns();
    return true;
}

noinline void debug_stop(void)
{
    const struct percpu *cpu = this_cpu();
    if (cpu->interrupted && !is_in_panic) {
        struct debug_stop stop = {.cpu = cpu->cpu, .reason = DEBUG_ASKED};
        struct trap_frame *frame = (struct trap_frame *)(uintptr_t)cpu->interrupted;
        begin_stop(debug_self());
        stop_for(frame, &stop);
        return;
    }
    __asm__ volatile("int3\n\t"
                     ".globl debug_asks\n"
                     "debug_asks:"
                     :
                     :
                     : "memory");
}

void debug_stop_in_panic(const struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    struct debug_stop stop = {.cpu = cpu->cpu, .reason = DEBUG_PANIC};
    is_in_panic = true;
    __atomic_store_n(&talker, NULL, __ATOMIC_SEQ_CST); // whoever it was is halted
    if (!frame) {
        debug_stop();
        return;
    }
    begin_stop(&cpu->arch.debug);
    stop_for((struct trap_frame *)(uintptr_t)frame, &stop);
}

enum status debug_init(const struct debug_user *the_user)
{
    enum status status = debug_memory_init();
    if (status != OK)
        return status;
    user = the_user;
    nmi_add_hook(handle_nmi);
    (void)trap_set_handler(VECTOR_DB, handle_debug);
    (void)trap_set_handler(VECTOR_BP, handle_breakpoint);
    return OK;
}
