// The inline half of arch/arch.h.
#pragma once

#include "arch/x86_64/page_inline.h"
#include "arch/x86_64/percpu.h"
#include "lib/types.h"

struct percpu;

static inline void arch_pause(void)
{
    __builtin_ia32_pause();
}

static inline uint64_t arch_ticks(void)
{
    uint64_t low, high; // both zero-extended
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return high << 32 | low;
}

// [SDM2 RDTSC]: LFENCE makes it wait for what comes before, on AMD's by tsc_cpu_init().
static inline uint64_t arch_ticks_in_order(void)
{
    uint64_t low, high; // both zero-extended
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return high << 32 | low;
}

static inline uint64_t arch_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t low, high;
    __asm__("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "r"(b) : "cc");
    if (high >= c)
        return UINT64_MAX;
    __asm__("divq %2" : "+a"(low), "+d"(high) : "r"(c) : "cc");
    return low;
}

static inline uintptr_t arch_irq_save(void)
{
    uintptr_t flags;
    __asm__ volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags) : : "memory");
    return flags;
}

extern bool arch_never_interrupts; // arch/x86_64/wait.c

static inline void arch_irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void arch_irq_enable(void)
{
    if (likely(!arch_never_interrupts))
        __asm__ volatile("sti" : : : "memory");
}

static inline bool arch_irq_is_on(uintptr_t state)
{
    return state & 0x200; // RFLAGS_IF
}

static inline void arch_irq_restore(uintptr_t state)
{
    if (arch_irq_is_on(state))
        __asm__ volatile("sti" : : : "memory");
}

static inline struct percpu *arch_percpu(void)
{
    struct percpu *self;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(self)); // another one after a move
    return self;
}

static inline uint32_t arch_cpu(void)
{
    uint32_t cpu;
    __asm__ volatile("movl %%gs:8, %0" : "=r"(cpu)); // struct percpu's cpu
    return cpu;
}

// Every access through this is one instruction, so it stays whole if the caller is moved between
// two of them. Not for keeping: &arch_own_percpu()->member is an offset from GS. At 0, by
// linker.ld: a null pointer would be taken for one.
extern struct percpu __seg_gs arch_gs_area;
#define arch_own_percpu() (&arch_gs_area)

// In one instruction where the word can be read. TRAP_FIXUP (arch/x86_64/trap.h) explains the table
// and why RDI is lost.
static inline uint64_t arch_read_or_base(uintptr_t base, uintptr_t offset)
{
    __asm__ volatile("661: movq (%0,%1), %0\n"
                     "662:\n"
                     "\t.pushsection .fixup_table, \"a\"\n"
                     "\t.quad 661b, 662b\n"
                     "\t.popsection"
                     : "+r"(base), "+D"(offset)
                     :
                     : "memory");
    return base;
}

// By a call that the compiler doesn't see: lock_wait() keeps all registers, and what costs is only
// when it is called. (Clang's idea of all leaves those of the arguments out.)
static inline void arch_lock_wait(void *lock, uint32_t ticket)
{
    __asm__ volatile("pushq %%rdi\n\tpushq %%rsi\n\tcall lock_wait\n\tpopq %%rsi\n\tpopq %%rdi"
                     :
                     : "D"(lock), "S"(ticket)
                     : "cc", "memory");
}

static inline void arch_count(uint32_t *counter)
{
    __asm__ volatile("incl %0" : "+m"(*counter) : : "cc", "memory");
}

static inline bool arch_bit_set(uint64_t *words, uint64_t bit)
{
    bool was_set;
    __asm__ volatile("btsq %2, %1"
                     : "=@ccc"(was_set), "+m"(*(uint64_t(*)[])words) // whichever of them
                     : "r"(bit));
    return was_set;
}

// What a thread keeps while it doesn't run is on its stack, and a frame record on top: RBP, and
// where it goes on, as a call would have pushed them. All other registers are the compiler's to
// save, as far as it needs them.
static always_inline void arch_switch(uintptr_t *saved, uintptr_t next, uintptr_t canary)
{
    __asm__ volatile("leaq    1f(%%rip), %%rax\n\t"
                     "pushq   %%rax\n\t"
                     "pushq   %%rbp\n\t"
                     "movq    %%rsp, (%%rdi)\n\t"
                     "movq    %%rsi, %%rsp\n\t"
                     "movq    %%rdx, %%gs:40\n\t" // struct percpu's stack_canary
                     "popq    %%rbp\n\t"
                     "popq    %%rax\n\t"
                     "jmp     *%%rax\n"
                     "1:"
                     : "+D"(saved), "+S"(next), "+d"(canary)
                     :
                     : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "cc", "memory");
}
