// What portable code may ask of the processor. The inline half is the architecture's own.
#pragma once

#include "lib/compiler.h"
#include "lib/status.h"
#include "lib/types.h"

#include "arch/x86_64/arch_inline.h"
// Provides:
//   void arch_pause(void)                      a breath inside a polling loop
//   uint64_t arch_ticks(void)                  the raw clock; kernel/clock.h makes time of it
//   uint64_t arch_ticks_in_order(void)         the same, read after all loads that come before
//   uint64_t arch_mul_div(uint64_t a, uint64_t b, uint64_t c)
//                                              a * b / c, rounded down; UINT64_MAX where that's
//                                              more
//   uintptr_t arch_irq_save(void)              interrupts off; returns the state before
//   void arch_irq_restore(uintptr_t state)     that state again
//   bool arch_irq_is_on(uintptr_t state)       whether they are on in such a state
//   void arch_irq_disable(void)                interrupts off
//   void arch_irq_enable(void)                 on, if this machine is to be interrupted at all
//   struct percpu *arch_percpu(void)           this processor's own area
//   void arch_lock_wait(void *lock, uint32_t ticket)
//                                              calls lock_wait() of kernel/lock.h
//   void arch_count(uint32_t *counter)         adds 1 by one instruction, seen behind what comes
//                                              before. Not atomic
//   bool arch_bit_set(uint64_t *words, uint64_t bit)
//                                              sets a bit; returns whether it was set. Not atomic
//   uint32_t arch_cpu(void)                    its index
//   arch_own_percpu()                          the same for accesses to single members
//   uint64_t arch_read_or_base(uintptr_t base, uintptr_t offset)
//                                              the word at base + offset; base where that faults
//   void arch_switch(uintptr_t *saved, uintptr_t next, uintptr_t canary)
//                                              keeps the running thread's stack pointer in *saved
//                                              and goes on with that of another, and its canary.
//                                              Interrupts off; returns when another comes back
// and of the page tables below, with the same rules:
//   bool arch_map_page(uintptr_t address, paddr_t physical, unsigned rights)
//   bool arch_unmap_page(uintptr_t address)    one page, if it's quick; false: nothing is done
//   paddr_t arch_take_tables(void)             the tables put out of use, as a list; 0: none

struct trap_frame; // registers of interrupted code; its layout is the architecture's

// Resets the machine by means of the processor alone (a triple fault). Any context.
noreturn void arch_reset(void);

// Stops this processor for good, interrupts off. Any context.
noreturn void arch_halt(void);

// Makes processor `cpu`, which is online, run remote_run() (kernel/remote.h) soon. Any context.
struct percpu;
void arch_send_call(struct percpu *cpu);

// Halts until an interrupt has been handled. To be called with interrupts off, after a last look at
// what is waited for; they are on while it halts, and off again when it returns. Where nothing can
// interrupt, it only takes a breath.
void arch_wait_for_interrupt(void);

// The stack pointer of a thread that hasn't run: arch_switch() to it calls `entry` with interrupts
// off. `top` of its stack, 16-byte aligned.
uintptr_t arch_thread_prepare(void *top, void (*entry)(void));

// Whether a processor can wait for a write, and with interrupts off as above: waits until an
// interrupt has been handled, or `*watched` isn't 0. Somebody who writes to it then needn't
// interrupt.
bool arch_can_watch(void);
void arch_watch(const uint8_t *watched);

// That misses writes here: from now on arch_can_watch() is false, which the log says.
void arch_stop_watching(void);

// Stops all other processors for good, bounded in time: for a panic. Any context. Each notes in its
// struct percpu where it was.
void arch_stop_others(void);

// Interrupts this processor once, when clock_ns(), which is `now_ns`, comes to `deadline_ns`: at
// once where that has passed, and perhaps early where it is far. What was started before is
// forgotten. The interrupt calls timer_run_due() (kernel/timer.h). Interrupts off. Without a timer
// nothing happens.
void arch_timer_start(uint64_t deadline_ns, uint64_t now_ns);

// What the processors' timers are, for people; NULL: there are none.
const char *arch_timer_name(void);

// Sends processor `cpu`, which is online, an NMI for watchdog_on_nmi() (kernel/watchdog.h): it
// comes even where interrupts are off. Any context but NMI and machine check.
void arch_send_nmi(struct percpu *cpu);

// Whether interrupted code has its interrupts on. Any context.
bool arch_takes_interrupts(const struct trap_frame *frame);

// Makes this processor call watchdog_look_at_self() while it runs code, by an NMI of its own.
// Interrupts off; takes a millisecond at most. False where it can't, or no NMI has come in a trial.
must_use bool arch_watch_self(void);

// Accesses that may fault: FAULT is returned instead, and nothing is changed. `size` is 1, 2, 4 or
// 8 bytes; the access is a single one of that size. Safe in any context, NMI included.
must_use enum status arch_probe_read(uintptr_t address, unsigned size, uint64_t *value);
must_use enum status arch_probe_write(uintptr_t address, unsigned size, uint64_t value);

// One past the highest physical address that this processor can form.
paddr_t arch_physical_limit(void);

// Walks a stack by its frame pointers: from interrupted code, or, where `frame` is NULL, from the
// caller of the function that `frame_pointer` (__builtin_frame_address(0)) belongs to. Every read
// is probed and every step goes up, so a broken stack only ends the walk. Fills `addresses` with
// addresses inside the instructions that call, innermost first, and returns how many. What
// arch_switch() has kept is a frame pointer, too.
unsigned arch_backtrace(const struct trap_frame *frame, const void *frame_pointer,
                        uintptr_t *addresses, unsigned max);

// Registers, the error code's meaning and, for a page fault, the walk through the page tables, for
// the panic screen: lines of at most 79 characters to `print`. `frame` NULL: only what can be read
// now. Allocates nothing and takes no lock.
typedef void arch_printer(const char *format, ...) printf_like(1, 2);
void arch_print_frame(const struct trap_frame *frame, arch_printer *print);

// The way of one virtual address through the page tables, on at most two lines.
void arch_print_walk(uintptr_t address, arch_printer *print);

// The name of the boot processor's stack that has `address` in a guard page, or NULL.
const char *arch_boot_guard(uintptr_t address);

// Writes all caches back to memory, and empties them. Slow.
void arch_write_back_caches(void);

// --- Page tables of the kernel's address space ---------------------------------------------------
//
// Addresses and sizes are multiples of PAGE_SIZE. Used by mm/vspace.h, which knows who has which
// range and keeps two callers apart; nobody else calls these.

// What a mapping allows besides reading, and how the caches treat it. Nothing is ever both writable
// and executable.
enum map_rights {
    MAP_READ = 0,
    MAP_WRITE = 1 << 0,
    MAP_EXECUTE = 1 << 1,
    MAP_UNCACHED = 1 << 2,        // device registers
    MAP_WRITE_COMBINING = 1 << 3, // framebuffers: stores are gathered until a store fence
};

struct mapping {
    uintptr_t start; // of the page that holds the address
    size_t size;     // 4 KiB, 2 MiB or 1 GiB
    paddr_t physical;
    unsigned rights; // enum map_rights
};

struct memory_map;

// Begins the final tables with the image: each part with its own rights, without the boot's tables
// and the stacks' guards. They are filled by arch_map() before they are in use. Says in the log
// which usable memory in `map` the firmware makes slow. NO_MEMORY where a table can't be allocated.
must_use enum status arch_tables_init(const struct memory_map *map);

// Uses the final tables from now on, on this processor, with memory types and what it has to guard
// them.
void arch_tables_enable(void);

// Maps [address, address + size) to physical memory, with the largest pages that fit. Nothing may
// be mapped there before: BAD_ARGUMENT. NO_MEMORY, and nothing is changed, where a table can't be
// allocated.
must_use enum status arch_map(uintptr_t address, paddr_t physical, size_t size, unsigned rights);

// Takes out whatever is mapped in the range, splitting larger pages at its ends (NO_MEMORY where
// that takes a table that can't be had; nothing is changed then). Processors may still use the old
// mapping until tlb_shootdown().
must_use enum status arch_unmap(uintptr_t address, size_t size);

// Gives everything mapped in the range other rights; pages are split and joined as that needs.
// NO_MEMORY as above.
must_use enum status arch_protect(uintptr_t address, size_t size, unsigned rights);

// Gives tables back that these have put out of use, as arch_take_tables() gives them, when all
// processors have forgotten the range.
void arch_free_tables(paddr_t tables);

// What the tables say of one address; false where nothing is mapped.
must_use bool arch_translate(uintptr_t address, struct mapping *mapping);

// The first page that is mapped anywhere in [start, end); false: nothing is. Takes large steps
// where much is empty.
must_use bool arch_find_page(uintptr_t start, uintptr_t end, struct mapping *page);

// Calls back for every page that is mapped, in the order of addresses, with the rights that all
// levels together allow. Returns how many tables and entries contradict the tables' own rules.
typedef void arch_page_found(const struct mapping *page, void *context);
unsigned arch_walk_tables(arch_page_found *found, void *context);

// Makes this processor forget what it knows of the range.
void arch_tlb_flush(uintptr_t address, size_t size);
