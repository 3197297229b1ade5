// Commands about processors: which there are, and what one of them is.

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/topology.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/mutex.h"
#include "kernel/percpu.h"
#include "kernel/platform.h"
#include "kernel/remote.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "monitor/command.h"

#define ANSWER_NS 500000000ull

// --- All -----------------------------------------------------------------------------------------

static const char *state_of(const struct percpu *cpu)
{
    if (cpu == this_cpu())
        return "here";
    if (!cpu->is_online)
        return "absent";
    return cpu->is_idle && !cpu->interrupted ? "idle" : "busy";
}

// As the firmware's tables tell; PLATFORM_NO_NODE where they don't.
static uint32_t node_of(uint32_t apic_id)
{
    for (unsigned i = 0; i < platform.cpu_count; i++)
        if (platform.cpus[i].apic_id == apic_id)
            return platform.cpus[i].node;
    return PLATFORM_NO_NODE;
}

static void show_line(const struct percpu *cpu)
{
    char place[TOPOLOGY_TEXT_MAX] = "doesn't answer", node[12] = "-";
    uint32_t number = node_of(cpu->arch.apic_id);
    if (cpu->is_online)
        topology_format(place, &cpu->arch.topology);
    if (number != PLATFORM_NO_NODE)
        snprintf(node, sizeof(node), "%u", number);
    print("%5u %7u %5s  %-6s %11lu  %.40s\n", cpu->cpu, cpu->arch.apic_id, node, state_of(cpu),
          cpu->heartbeat, place);
}

// What the tables name, and isn't among those that were started.
static void show_others(void)
{
    unsigned disabled = 0, left = platform.cpu_count;
    for (unsigned i = 0; i < platform.cpu_count; i++)
        disabled += !platform.cpus[i].is_enabled;
    left -= disabled;
    if (left > percpu_count())
        print("%u more were not started\n", left - percpu_count());
    if (disabled)
        print("%u more are disabled by the firmware\n", disabled);
}

COMMAND(cpus, "", "all processors", "cpus")
{
    if (argc > 1)
        return BAD_ARGUMENT;
    print("  cpu APIC id  node  state   interrupts  place\n");
    for (uint32_t cpu = 0; cpu < percpu_count() && !command_interrupted(); cpu++)
        show_line(percpu_get(cpu));
    show_others();
    return OK;
}

// --- One -----------------------------------------------------------------------------------------

struct description {
    struct cpu_identity identity;
    uint64_t features; // bit i: cpu_features[i], of the first 64
};

static struct mutex description_lock;
static struct description description; // a processor that is late may still write it

static void describe(void *unused_argument)
{
    (void)unused_argument;
    description.features = 0;
    cpu_identify(&description.identity);
    for (unsigned i = 0; i < cpu_feature_count && i < 64; i++)
        description.features |= cpu_has(&cpu_features[i]) ? BIT(i) : 0;
}

// One that is stuck isn't waited for.
static bool ask(uint32_t cpu)
{
    static struct remote_work work;
    uint64_t end_ns = clock_ns() + ANSWER_NS;
    if (cpu == this_cpu()->cpu) {
        describe(NULL);
        return true;
    }
    bool is_sent = remote_post(cpu, &work, describe, NULL);
    while (is_sent && remote_is_pending(&work) && clock_ns() < end_ns)
        arch_pause();
    return is_sent && !remote_is_pending(&work);
}

static void show_identity(const struct cpu_identity *identity)
{
    print("  %s\n", identity->brand[0] ? identity->brand : "(no name)");
    print("  %s, family 0x%x, model 0x%x, stepping %u\n", identity->vendor, identity->family,
          identity->model, identity->stepping);
    print("  %u physical and %u virtual address bits\n", identity->physical_bits,
          identity->virtual_bits);
    if (identity->hypervisor)
        print("  runs on a hypervisor: %s\n", identity->hypervisor_vendor);
}

static void show_cache(const struct topology_cache *cache)
{
    static const char *const kinds[] = {"", "data", "code", "unified"};
    char size[FORMAT_SIZE_MAX];
    print("  cache level %u, %s: %s, lines of %u bytes", cache->level,
          kinds[cache->kind <= CACHE_UNIFIED ? cache->kind : 0], format_size(size, cache->size),
          cache->line);
    if (cache->is_associative)
        print(", fully associative\n");
    else
        print(", %u ways\n", cache->ways);
}

static void show_topology(const struct topology *topology)
{
    char place[TOPOLOGY_TEXT_MAX];
    topology_format(place, topology);
    print("  APIC id %u: %s\n", topology->apic_id, place);
    for (unsigned i = 0; i < topology->cache_count; i++)
        show_cache(&topology->caches[i]);
}

static void show_features(uint64_t features)
{
    enum { COLUMNS = 76 };
    unsigned column = 0;
    for (; features; features &= features - 1) {
        const char *name = cpu_features[__builtin_ctzll(features)].name;
        unsigned length = (unsigned)strlen(name) + 1;
        if (column == 0 || column + length > COLUMNS) {
            print(column ? "\n   " : "   ");
            column = 0;
        }
        print(" %s", name);
        column += length;
    }
    print("\n");
}

static enum status show_processor(uint32_t cpu)
{
    if (!ask(cpu)) {
        print("CPU %u doesn't answer\n", cpu);
        return TIMED_OUT;
    }
    show_identity(&description.identity);
    show_topology(&percpu_get(cpu)->arch.topology);
    print("  clock: %lu.%03lu MHz, %s\n", clock_frequency() / 1000000,
          clock_frequency() / 1000 % 1000, clock_source());
    show_features(description.features);
    return OK;
}

COMMAND(cpu, "[CPU]", "a processor, and what it can do", "cpu 1")
{
    uint64_t number = this_cpu()->cpu;
    if (argc > 2)
        return BAD_ARGUMENT;
    if (argc == 2 && !command_number(argv[1], &number))
        return FAILED;
    if (number >= percpu_count() || !percpu_get((uint32_t)number)->is_online) {
        print("there is no CPU %lu online; `cpus` lists them\n", number);
        return NOT_FOUND;
    }
    mutex_lock(&description_lock);
    enum status status = show_processor((uint32_t)number);
    mutex_unlock(&description_lock);
    return status;
}
