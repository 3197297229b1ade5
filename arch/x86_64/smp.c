// Starting the other processors: INIT, then start-up interrupts [SDM3 9.4.4] [APM2 15.27.8], all of
// them at the same time.
//
// They come in through a page below 1 MiB, in real mode, and by the boot processor's way into long
// mode (ap_start.S), for which they need page tables of their own: the kernel's, and the few pages
// of that way mapped to themselves. A processor that doesn't answer is named, and parked by one
// more INIT; what it might still read then stays where it is.

#include "arch/x86_64/smp.h"
#include "arch/x86_64/ap_tables.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/gdt.h"
#include "arch/x86_64/lapic.h"
#include "arch/x86_64/lapic_timer.h"
#include "arch/x86_64/machine_check.h"
#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/nmi.h"
#include "arch/x86_64/pmu.h"
#include "arch/x86_64/smp_priv.h"
#include "arch/x86_64/stack.h"
#include "arch/x86_64/stop.h"
#include "arch/x86_64/trap.h"
#include "arch/x86_64/tsc.h"
#include "arch/x86_64/vendor.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/option.h"
#include "kernel/percpu.h"
#include "kernel/platform.h"
#include "kernel/remote.h"
#include "kernel/scheduler.h"
#include "kernel/watchdog.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/vspace.h"

// What processors from before the Pentium 4's successors need between INIT and the start.
#define INIT_NS    10000000ull
// To the second start-up interrupt, which those get that haven't come.
#define RETRY_NS   1000000ull
// Without anybody new: then nobody else will come. An emulator may run 255 of them by turns.
#define ARRIVAL_NS 500000000ull
#define ONLINE_NS  5000000000ull

extern const uint8_t ap_trampoline[], ap_trampoline_data[], ap_trampoline_end[];
extern const uint8_t boot_gdt[], boot_gdt_end[], ap_start32[];
noreturn void ap_main(void);

// Read by ap_start.S.
struct ap *aps;
uint32_t ap_count;
uint32_t ap_tables; // physical
uint32_t ap_id_leaf;

static unsigned limit = UINT32_MAX;
static unsigned left_out; // for want of memory

OPTION(maxcpus, "N", "start at most so many processors, the boot processor among them")
{
    uint64_t count;
    if (!parse_u64(value, &count) || count == 0)
        return BAD_ARGUMENT;
    limit = count < UINT32_MAX ? (unsigned)count : UINT32_MAX;
    return OK;
}

OPTION(safe, "", "one processor, no interrupts: everything polls")
{
    (void)value;
    limit = 1;
    lapic_forbid();
    return OK;
}

// --- What each needs -----------------------------------------------------------------------------

static void destroy_stacks(struct ap *ap)
{
    void *tops[IST_COUNT] = {(void *)ap->stack};
    for (unsigned ist = IST_NONE + 1; ist < IST_COUNT; ist++)
        tops[ist] = (void *)ap->cpu->arch.tss.ist[ist - 1];
    vspace_stacks_destroy(tops, IST_COUNT);
}

static bool create_stacks(struct ap *ap)
{
    static const char *const names[IST_COUNT] = {"processor", "double-fault", "NMI",
                                                 "machine-check"};
    uintptr_t tops[IST_COUNT];
    bool is_whole = true;
    for (unsigned ist = IST_NONE; ist < IST_COUNT; ist++) {
        tops[ist] = (uintptr_t)vspace_stack_create(STACK_SIZE, names[ist]);
        is_whole &= tops[ist] != 0;
    }
    ap->stack = tops[IST_NONE];
    gdt_fill(ap->cpu, tops);
    if (!is_whole)
        destroy_stacks(ap);
    return is_whole;
}

// An area that was made stays, even where there are no stacks for it any more: it isn't online.
static bool prepare(uint32_t apic_id)
{
    struct ap *ap = &aps[ap_count];
    struct percpu *cpu = percpu_create();
    if (!cpu)
        return false;
    *ap = (struct ap){.apic_id = apic_id, .state = AP_AWAITED, .cpu = cpu};
    cpu->arch.apic_id = apic_id;
    vectors_inherit(cpu);
    if (scheduler_cpu_init(cpu) != OK || !create_stacks(ap))
        return false;
    ap_count++;
    return true;
}

// The boot processor counts, whatever the tables say.
static unsigned count_enabled(void)
{
    uint32_t own = this_cpu()->arch.apic_id;
    unsigned enabled = 1;
    for (unsigned i = 0; i < platform.cpu_count; i++)
        enabled += platform.cpus[i].is_enabled && platform.cpus[i].apic_id != own;
    return enabled;
}

// An id that the APICs' mode can't name can't be started.
static bool is_reachable(uint32_t apic_id)
{
    if (lapic.is_x2apic || apic_id <= LAPIC_XAPIC_ID_MAX)
        return true;
    log_warn("smp: the processor with APIC id %u can't be reached without x2APIC mode", apic_id);
    return false;
}

static void prepare_all(unsigned wanted)
{
    aps = kcalloc(wanted - 1, sizeof(*aps));
    if (!aps || percpu_reserve(wanted) != OK) {
        left_out = wanted - 1;
        return;
    }
    for (unsigned i = 0; i < platform.cpu_count && percpu_count() < wanted; i++) {
        const struct platform_cpu *cpu = &platform.cpus[i];
        if (!cpu->is_enabled || cpu->apic_id == this_cpu()->arch.apic_id ||
            !is_reachable(cpu->apic_id))
            continue;
        left_out += !prepare(cpu->apic_id);
    }
}

// --- Their way in --------------------------------------------------------------------------------

// Returns the page that they start at; NO_PAGE without memory.
static paddr_t fill_trampoline(void)
{
    paddr_t page = page_alloc(PAGE_BELOW_1M);
    if (!page)
        return NO_PAGE;
    struct ap_data data = {
        .slide = (uint32_t)kernel_slide,
        .stack = (uint32_t)page + PAGE_SIZE,
        .entry = (uint32_t)kernel_image_phys(ap_start32),
        .entry_selector = SELECTOR_CODE32,
        .gdt_limit = (uint16_t)(boot_gdt_end - boot_gdt - 1),
        .gdt_base = (uint32_t)kernel_image_phys(boot_gdt),
    };
    uint8_t *code = phys_to_virt(page, PAGE_SIZE);
    memcpy(code, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
    memcpy(code + (ap_trampoline_data - ap_trampoline), &data, sizeof(data));
    return page;
}

static bool open_way(paddr_t *page)
{
    *page = fill_trampoline();
    ap_tables = *page ? (uint32_t)ap_tables_build(*page) : 0;
    if (ap_tables)
        return true;
    if (*page)
        page_free(*page);
    log_error("smp: no memory below 1 MiB and 4 GiB to start processors with");
    return false;
}

static void close_way(paddr_t page)
{
    ap_tables_free(ap_tables);
    page_free(page);
    kfree(aps);
    aps = NULL;
}

// --- Starting ------------------------------------------------------------------------------------

static uint32_t state_of(const struct ap *ap)
{
    return __atomic_load_n(&ap->state, __ATOMIC_ACQUIRE);
}

static void send_awaited(uint32_t command)
{
    for (unsigned i = 0; i < ap_count; i++)
        if (state_of(&aps[i]) == AP_AWAITED)
            (void)lapic_send(aps[i].apic_id, command | LAPIC_ASSERT);
}

static unsigned count_awaited(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ap_count; i++)
        count += state_of(&aps[i]) == AP_AWAITED;
    return count;
}

// Until all have arrived, or nobody has for `patience_ns`.
static unsigned wait_arrivals(uint64_t patience_ns)
{
    unsigned awaited = count_awaited(), before = awaited;
    uint64_t since = clock_ns();
    while (awaited && clock_ns() - since < patience_ns) {
        arch_pause();
        awaited = count_awaited();
        if (awaited != before)
            since = clock_ns();
        before = awaited;
    }
    return awaited;
}

// Intel's Pentium 4 and others from its time [SDM3 9.4.4.1]; what came later is ready at once.
static bool needs_pause(void)
{
    struct cpu_identity identity;
    cpu_identify(&identity);
    bool is_newer_intel = string_equal(identity.vendor, "GenuineIntel") && identity.family == 6;
    return !is_newer_intel && !cpuid_is_amd();
}

static void give_up(struct ap *ap)
{
    uint32_t awaited = AP_AWAITED;
    if (!__atomic_compare_exchange_n(&ap->state, &awaited, AP_GIVEN_UP, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return; // just in time
    log_warn("smp: CPU %u (APIC id %u) doesn't answer", ap->cpu->cpu, ap->apic_id);
    (void)lapic_send(ap->apic_id, LAPIC_DELIVER_INIT | LAPIC_ASSERT);
    destroy_stacks(ap);
}

static void start_all(paddr_t page)
{
    uint32_t start = LAPIC_DELIVER_START | (uint32_t)(page >> PAGE_SHIFT);
    send_awaited(LAPIC_DELIVER_INIT);
    if (needs_pause())
        clock_delay_ns(INIT_NS);
    send_awaited(start);
    if (wait_arrivals(RETRY_NS))
        send_awaited(start);
    if (wait_arrivals(ARRIVAL_NS))
        for (unsigned i = 0; i < ap_count; i++)
            give_up(&aps[i]);
}

// Returns whether all that were started are.
static bool wait_online(void)
{
    bool is_complete = true;
    uint64_t start = clock_ns();
    for (unsigned i = 0; i < ap_count; i++) {
        const bool *is_online = &aps[i].cpu->is_online;
        bool is_coming = state_of(&aps[i]) == AP_ARRIVED;
        while (is_coming && !__atomic_load_n(is_online, __ATOMIC_ACQUIRE) &&
               clock_ns() - start < ONLINE_NS)
            arch_pause();
        if (is_coming && !*is_online)
            log_error("smp: CPU %u has come, but not up", aps[i].cpu->cpu);
        is_complete &= is_coming && *is_online;
    }
    return is_complete;
}

static void be_called(void *context)
{
    (void)context;
    lapic_eoi(); // before the call: one that comes while it runs has to be seen
    remote_run();
}

// From here on this processor is told what is unmapped; what it has learnt before may be gone.
static void go_online(void)
{
    remote_enter();
    arch_tlb_flush(0, SIZE_MAX);
}

// On its own stack, with the way's page tables, interrupts off.
void ap_main(void)
{
    trap_cpu_init(); // before the way's tables go, where the boot's GDT is
    arch_tables_enable();
    if (!lapic_cpu_init())
        arch_halt(); // it would hear nobody; who waits for it says so
    if (mtrr_follow_boot())
        log_debug("smp: this processor's MTRRs are set now as the boot processor's are");
    topology_read(&this_cpu()->arch.topology);
    tsc_cpu_init();
    lapic_timer_cpu_init();
    machine_check_cpu_init();
    go_online();
    scheduler_enter();
}

static void start_others(unsigned wanted)
{
    paddr_t page;
    prepare_all(wanted);
    if (ap_count && open_way(&page)) {
        ap_id_leaf = lapic_id_leaf();
        start_all(page);
        if (wait_online())
            close_way(page);
        tsc_sync_all();
    }
    if (left_out)
        log_warn("smp: no memory for %u of the processors", left_out);
}

void processors_start(void)
{
    uint64_t start = clock_ns();
    this_cpu()->is_online = true;
    topology_read(&this_cpu()->arch.topology);
    if (!lapic.is_present)
        return;
    vector_set(VECTOR_CALL, be_called, NULL, "remote call");
    nmi_add_hook(stop_on_nmi);
    nmi_add_hook(watchdog_on_nmi);
    pmu_init();
    arch_never_interrupts = false;
    arch_irq_enable();
    unsigned enabled = count_enabled();
    if (enabled > 1 && limit > 1)
        start_others(enabled < limit ? enabled : limit);
    log_info("smp: %u of %u processors online, in %lu us", remote_online(), count_enabled(),
             (clock_ns() - start) / 1000);
}

void arch_send_call(struct percpu *cpu)
{
    if (cpu == this_cpu())
        lapic_send_self(VECTOR_CALL);
    else
        (void)lapic_send(cpu->arch.apic_id, LAPIC_DELIVER_FIXED | LAPIC_ASSERT | VECTOR_CALL);
}
