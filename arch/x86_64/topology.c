// Topology and caches from CPUID.
//
// An APIC id is a row of fields: thread, core, module, die and package, from bit 0 on. All that
// CPUID gives is where they end. Leaves 1Fh and 0Bh list the ends, AMD's 80000026h too; older
// processors give counts, from which the widths follow. Whatever they say, the fields follow one
// another and cover the id, so that no two processors get the same numbers.

#include "arch/x86_64/topology.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/vendor.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"

enum level { LEVEL_THREAD, LEVEL_CORE, LEVEL_MODULE, LEVEL_DIE, LEVELS };

struct fields {
    uint32_t apic_id;
    unsigned ends[LEVELS]; // the first bit above; 0: not said
    bool is_said[LEVELS];
};

enum { ID_BITS = 32 };

// How many bits numbers below `count` take.
static unsigned width_of(uint32_t count)
{
    unsigned width = 0;
    while (width < ID_BITS && BIT(width) < count)
        width++;
    return width;
}

static struct cpuid cpuid_if_there(uint32_t leaf, uint32_t subleaf)
{
    return cpuid_has(leaf) ? cpuid(leaf, subleaf) : (struct cpuid){.eax = 0};
}

static void end_field(struct fields *fields, enum level level, unsigned end)
{
    fields->ends[level] = end;
    fields->is_said[level] = true;
}

// What the levels' numbers in leaves 0Bh and 1Fh mean [SDM2 CPUID], and those of 80000026h, which
// are one off: AMD names a level by what is counted above its bits [APM3 E.4.23]. 0: unknown.
static const uint8_t intel_levels[] = {
    [1] = LEVEL_THREAD, [2] = LEVEL_CORE, [3] = LEVEL_MODULE, [4] = LEVEL_DIE, // tile
    [5] = LEVEL_DIE,    [6] = LEVEL_DIE,                                       // group of dies
};
static const uint8_t amd_levels[] = {
    [1] = LEVEL_THREAD, // core
    [2] = LEVEL_CORE,   // complex
    [3] = LEVEL_MODULE, // die
    [4] = LEVEL_DIE,    // socket
};

// Reads a list of levels. False where the leaf isn't there or is empty. A level that is unknown
// belongs to the one below it [SDM2 CPUID]; at one that contradicts those below the list ends.
static bool read_levels(struct fields *fields, uint32_t leaf, const uint8_t *levels, unsigned known)
{
    enum { SUBLEAVES_MAX = 8 };
    enum level level = LEVEL_THREAD;
    unsigned last_end = 0;
    if (!cpuid_has(leaf) || !field_get(CPUID_LEVEL_EBX_COUNT, cpuid(leaf, 0).ebx))
        return false;
    for (uint32_t subleaf = 0; subleaf < SUBLEAVES_MAX; subleaf++) {
        struct cpuid r = cpuid(leaf, subleaf);
        unsigned type = (unsigned)field_get(CPUID_LEVEL_ECX_TYPE, r.ecx);
        unsigned end = (unsigned)field_get(CPUID_LEVEL_EAX_SHIFT, r.eax);
        enum level next = type < known ? levels[type] : level;
        if (type == 0 || end < last_end || next < level)
            return subleaf > 0;
        fields->apic_id = r.edx;
        end_field(fields, level = next, last_end = end);
    }
    return true;
}

// Intel's processors of old: how many ids a package may have, and how many cores [SDM3 10.9.5].
static void read_intel_counts(struct fields *fields)
{
    struct cpuid basic = cpuid(1, 0), caches = cpuid_if_there(4, 0);
    bool has_cores = field_get(CPUID_CACHE_EAX_KIND, caches.eax);
    uint32_t ids = (uint32_t)field_get(CPUID_1_EBX_IDS, basic.ebx);
    uint32_t cores = has_cores ? (uint32_t)field_get(CPUID_4_EAX_CORES, caches.eax) + 1 : 1;
    if (!(basic.edx & CPUID_1_EDX_HTT))
        return;
    unsigned package = width_of(ids), core = width_of(cores);
    unsigned thread = package > core ? package - core : 0;
    end_field(fields, LEVEL_THREAD, thread);
    end_field(fields, LEVEL_CORE, thread + core);
}

enum { FAMILY_ZEN = 0x17 };

// AMD's of old: the width of a package's ids, and, later, how many threads a core has, or cores a
// compute unit [APM3 E.4.7, E.4.16, E.5].
static void read_amd_counts(struct fields *fields, bool has_extensions)
{
    struct cpuid counts = cpuid_if_there(0x80000008, 0);
    unsigned package = (unsigned)field_get(CPUID_80000008_ECX_WIDTH, counts.ecx);
    if (package == 0)
        package = width_of((uint32_t)field_get(CPUID_80000008_ECX_THREADS, counts.ecx) + 1);
    unsigned unit = 0;
    if (has_extensions) {
        struct cpuid r = cpuid(0x8000001e, 0);
        fields->apic_id = r.eax;
        unit = width_of((uint32_t)field_get(CPUID_8000001E_EBX_THREADS, r.ebx) + 1);
    }
    if (unit > package)
        unit = package;
    if (unit == 0 || cpuid_family() >= FAMILY_ZEN) {
        end_field(fields, LEVEL_THREAD, unit);
        end_field(fields, LEVEL_CORE, package);
    } else {
        end_field(fields, LEVEL_CORE, unit);
        end_field(fields, LEVEL_MODULE, package);
    }
}

static uint32_t field_of(const struct fields *fields, enum level level)
{
    unsigned start = level ? fields->ends[level - 1] : 0, end = fields->ends[level];
    return end > start ? (uint32_t)field_get(BITS(end - 1, start), fields->apic_id) : 0;
}

static void assign(struct topology *topology, struct fields *fields)
{
    for (enum level level = LEVEL_THREAD; level < LEVELS; level++)
        if (!fields->is_said[level] && level)
            fields->ends[level] = fields->ends[level - 1];
    topology->apic_id = fields->apic_id;
    topology->thread = field_of(fields, LEVEL_THREAD);
    topology->core = field_of(fields, LEVEL_CORE);
    topology->module = field_of(fields, LEVEL_MODULE);
    topology->die = field_of(fields, LEVEL_DIE);
    topology->package = (uint32_t)((uint64_t)fields->apic_id >> fields->ends[LEVEL_DIE]);
    topology->has_module = fields->is_said[LEVEL_MODULE];
    topology->has_die = fields->is_said[LEVEL_DIE];
}

// Nodes are numbered through the whole machine [APM3 E.4.16].
static void add_amd_node(struct topology *topology)
{
    uint32_t nodes_less_1 = (uint32_t)field_get(CPUID_8000001E_ECX_NODES, cpuid(0x8000001e, 0).ecx);
    uint32_t node = (uint32_t)field_get(CPUID_8000001E_ECX_NODE, cpuid(0x8000001e, 0).ecx);
    topology->has_die = nodes_less_1 > 0;
    topology->die = node % (nodes_less_1 + 1);
}

static void read_place(struct topology *topology, uint32_t amd_features)
{
    bool has_extensions = amd_features & CPUID_80000001_ECX_TOPOLOGY && cpuid_has(0x8000001e);
    struct fields fields = {.apic_id = (uint32_t)field_get(CPUID_1_EBX_APIC_ID, cpuid(1, 0).ebx)};
    bool is_listed = read_levels(&fields, 0x1f, intel_levels, ARRAY_SIZE(intel_levels)) ||
                     read_levels(&fields, 0x80000026, amd_levels, ARRAY_SIZE(amd_levels)) ||
                     read_levels(&fields, 0xb, intel_levels, ARRAY_SIZE(intel_levels));
    if (!is_listed && (has_extensions || amd_features & CPUID_80000001_ECX_CMP_LEGACY))
        read_amd_counts(&fields, has_extensions);
    else if (!is_listed)
        read_intel_counts(&fields);
    assign(topology, &fields);
    if (has_extensions && !topology->has_die)
        add_amd_node(topology);
}

// [SDM2 CPUID] [APM3 E.4.23]
static enum core_kind read_kind(void)
{
    enum { INTEL_ATOM = 0x20, INTEL_CORE = 0x40, AMD_EFFICIENCY = 1 };
    struct cpuid intel = cpuid_if_there(0x1a, 0), amd = cpuid_if_there(0x80000026, 0);
    uint64_t kind = field_get(CPUID_1A_EAX_KIND, intel.eax);
    if (cpuid_if_there(7, 0).edx & CPUID_7_EDX_HYBRID)
        return kind == INTEL_CORE   ? CORE_KIND_PERFORMANCE
               : kind == INTEL_ATOM ? CORE_KIND_EFFICIENCY
                                    : CORE_KIND_UNSAID;
    if (!(amd.eax & CPUID_80000026_EAX_MIXED))
        return CORE_KIND_UNSAID;
    kind = field_get(CPUID_80000026_EBX_KIND, amd.ebx);
    return kind == AMD_EFFICIENCY ? CORE_KIND_EFFICIENCY
           : kind == 0            ? CORE_KIND_PERFORMANCE
                                  : CORE_KIND_UNSAID;
}

// False where its size can't be true.
static bool read_cache(struct topology_cache *cache, const struct cpuid *r)
{
    uint32_t partitions = (uint32_t)field_get(CPUID_CACHE_EBX_PARTITIONS, r->ebx) + 1;
    *cache = (struct topology_cache){
        .level = (uint8_t)field_get(CPUID_CACHE_EAX_LEVEL, r->eax),
        .kind = (uint8_t)field_get(CPUID_CACHE_EAX_KIND, r->eax),
        .is_associative = r->eax & CPUID_CACHE_EAX_ASSOCIATIVE,
        .share_shift = (uint8_t)width_of((uint32_t)field_get(CPUID_CACHE_EAX_SHARED, r->eax) + 1),
        .ways = (uint32_t)field_get(CPUID_CACHE_EBX_WAYS, r->ebx) + 1,
        .line = (uint32_t)field_get(CPUID_CACHE_EBX_LINE, r->ebx) + 1,
    };
    cache->size = (uint64_t)cache->ways * cache->line * partitions; // 32 bits at most
    return cache->level && cache->kind <= CACHE_UNIFIED &&
           !__builtin_mul_overflow(cache->size, (uint64_t)r->ecx + 1, &cache->size);
}

// Leaf 8000001Dh is AMD's leaf 4.
static void read_caches(struct topology *topology, uint32_t leaf)
{
    enum { SUBLEAVES_MAX = 16 };
    for (uint32_t subleaf = 0; cpuid_has(leaf) && subleaf < SUBLEAVES_MAX; subleaf++) {
        struct cpuid r = cpuid(leaf, subleaf);
        if (!field_get(CPUID_CACHE_EAX_KIND, r.eax) || topology->cache_count == TOPOLOGY_CACHES_MAX)
            return;
        if (read_cache(&topology->caches[topology->cache_count], &r))
            topology->cache_count++;
    }
}

void topology_read(struct topology *topology)
{
    uint32_t amd_features = cpuid_if_there(0x80000001, 0).ecx;
    memset(topology, 0, sizeof(*topology));
    read_place(topology, amd_features);
    topology->kind = read_kind();
    read_caches(topology, amd_features & CPUID_80000001_ECX_TOPOLOGY ? 0x8000001d : 4);
}

static size_t add(char *text, size_t length, const char *name, uint32_t number)
{
    return length + snprintf(text + length, TOPOLOGY_TEXT_MAX - length, "%s%s %u",
                             length ? " " : "", name, number);
}

void topology_format(char text[TOPOLOGY_TEXT_MAX], const struct topology *topology)
{
    static const char *const kinds[] = {"", ", performance core", ", efficiency core"};
    size_t length = add(text, 0, "package", topology->package);
    if (topology->has_die)
        length = add(text, length, "die", topology->die);
    if (topology->has_module)
        length = add(text, length, "module", topology->module);
    length = add(text, length, "core", topology->core);
    length = add(text, length, "thread", topology->thread);
    (void)snprintf(text + length, TOPOLOGY_TEXT_MAX - length, "%s", kinds[topology->kind]);
}
