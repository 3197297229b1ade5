// Where a processor stands in its machine, and which caches it has, by its own word [SDM3 10.9]
// [APM3 E.4].
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

enum core_kind { CORE_KIND_UNSAID, CORE_KIND_PERFORMANCE, CORE_KIND_EFFICIENCY };

enum cache_kind { CACHE_DATA = 1, CACHE_CODE, CACHE_UNIFIED }; // as CPUID counts them

struct topology_cache {
    uint8_t level;
    uint8_t kind;        // enum cache_kind
    uint8_t share_shift; // whose APIC ids agree from this bit on share it
    bool is_associative; // fully; otherwise `ways` counts
    uint32_t ways, line;
    uint64_t size; // bytes
};

enum { TOPOLOGY_CACHES_MAX = 8, TOPOLOGY_TEXT_MAX = 104 };

// Each number counts within the next larger thing that is said, those of cores on AMD's processors
// before Zen 4 within the package. No two processors have all of them in common. With
// `module` AMD means what shares a third-level cache, or, before Zen, a floating-point unit.
struct topology {
    uint32_t apic_id; // of 32 bits where the processor says so much
    uint32_t package, die, module, core, thread;
    bool has_die, has_module; // otherwise the number is 0
    enum core_kind kind;
    unsigned cache_count;
    struct topology_cache caches[TOPOLOGY_CACHES_MAX];
};

// The processor that it runs on, which must stay the same meanwhile. Some of what is asked for is
// slow on a hypervisor.
void topology_read(struct topology *topology);

// "package 0 die 1 core 2 thread 0, efficiency core", for people.
void topology_format(char text[TOPOLOGY_TEXT_MAX], const struct topology *topology);
