// Who the processor is and what it can do, by CPUID [SDM2 CPUID] [APM3 E]; halt and reset.

#include "arch/x86_64/cpu.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/lapic.h"
#include "lib/bits.h"
#include "lib/compiler.h"
#include "lib/string.h"

const struct cpu_feature cpu_features[] = {
    {"svm", 0x80000001, 0, CPUID_ECX, 2},
    {"npt", 0x8000000a, 0, CPUID_EDX, 0},
    {"nrips", 0x8000000a, 0, CPUID_EDX, 3},
    {"vgif", 0x8000000a, 0, CPUID_EDX, 16},
    {"vmx", 1, 0, CPUID_ECX, 5},
    {"x2apic", 1, 0, CPUID_ECX, 21},
    {"tsc-deadline", 1, 0, CPUID_ECX, 24},
    {"invariant-tsc", 0x80000007, 0, CPUID_EDX, 8},
    {"rdtscp", 0x80000001, 0, CPUID_EDX, 27},
    {"monitor", 1, 0, CPUID_ECX, 3},
    {"pat", 1, 0, CPUID_EDX, 16},
    {"1g-pages", 0x80000001, 0, CPUID_EDX, 26},
    {"la57", 7, 0, CPUID_ECX, 16},
    {"pcid", 1, 0, CPUID_ECX, 17},
    {"smep", 7, 0, CPUID_EBX, 7},
    {"smap", 7, 0, CPUID_EBX, 20},
    {"umip", 7, 0, CPUID_ECX, 2},
    {"fsgsbase", 7, 0, CPUID_EBX, 0},
    {"xsave", 1, 0, CPUID_ECX, 26},
    {"avx", 1, 0, CPUID_ECX, 28},
    {"avx512f", 7, 0, CPUID_EBX, 16},
    {"erms", 7, 0, CPUID_EBX, 9},
    {"rdrand", 1, 0, CPUID_ECX, 30},
    {"rdseed", 7, 0, CPUID_EBX, 18},
    {"mca", 1, 0, CPUID_EDX, 14},
    {"ibrs", 7, 0, CPUID_EDX, 26},
};

const unsigned cpu_feature_count = ARRAY_SIZE(cpu_features);

bool cpu_has(const struct cpu_feature *feature)
{
    if (!cpuid_has(feature->leaf))
        return false;
    struct cpuid r = cpuid(feature->leaf, feature->subleaf);
    uint32_t words[] = {r.eax, r.ebx, r.ecx, r.edx};
    return words[feature->reg] & BIT(feature->bit);
}

static void identify_vendor(uint32_t leaf, bool hypervisor, char vendor[13])
{
    struct cpuid r = cpuid(leaf, 0);
    uint32_t words[3] = {r.ebx, hypervisor ? r.ecx : r.edx, hypervisor ? r.edx : r.ecx};
    memcpy(vendor, words, sizeof(words));
    vendor[12] = 0;
}

static void identify_brand(char brand[49])
{
    char text[49] = "";
    if (cpuid_has(0x80000004)) {
        for (unsigned i = 0; i < 3; i++) {
            struct cpuid r = cpuid(0x80000002 + i, 0);
            memcpy(text + 16 * i, &r, sizeof(r));
        }
    }
    const char *start = text; // some are padded, in front or behind
    while (*start == ' ')
        start++;
    for (size_t length = strlen(text); length && text[length - 1] == ' '; length--)
        text[length - 1] = 0;
    memcpy(brand, start, (size_t)(text + sizeof(text) - start));
    brand[48] = 0;
}

static void identify_model(struct cpu_identity *identity)
{
    uint32_t signature = cpuid(1, 0).eax;
    unsigned family = (unsigned)field_get(BITS(11, 8), signature);
    unsigned model = (unsigned)field_get(BITS(7, 4), signature);
    if (family == 6 || family == 15)
        model += (unsigned)field_get(BITS(19, 16), signature) << 4;
    if (family == 15)
        family += (unsigned)field_get(BITS(27, 20), signature);
    identity->family = family;
    identity->model = model;
    identity->stepping = signature & 15;
}

static uint32_t address_sizes(void)
{
    return cpuid_has(0x80000008) ? cpuid(0x80000008, 0).eax : 48 << 8 | 36;
}

void cpu_identify(struct cpu_identity *identity)
{
    memset(identity, 0, sizeof(*identity));
    identify_vendor(0, false, identity->vendor);
    identify_brand(identity->brand);
    identify_model(identity);
    identity->physical_bits = address_sizes() & 0xff;
    identity->virtual_bits = address_sizes() >> 8 & 0xff;
    identity->hypervisor = cpuid(1, 0).ecx & BIT(31);
    if (identity->hypervisor)
        identify_vendor(0x40000000, true, identity->hypervisor_vendor);
}

paddr_t arch_physical_limit(void)
{
    static paddr_t limit; // CPUID is slow: it traps on a hypervisor
    if (!limit) {
        unsigned bits = address_sizes() & 0xff;
        limit = BIT(bits < 32 ? 32 : bits > 52 ? 52 : bits);
    }
    return limit;
}

void arch_halt(void)
{
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

void arch_reset(void)
{
    const struct {
        uint16_t limit;
        uint64_t base;
    } packed none = {0, 0};
    __asm__ volatile("lidt %0\n\tint3" : : "m"(none)); // no IDT: #BP, #GP, #DF, shutdown
    arch_halt();
}
