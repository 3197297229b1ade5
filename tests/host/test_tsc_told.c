// Who tells the TSC's rate, on simulated processors. Catches a leaf or a register that is believed
// where it means something else, and a formula of another family.

#include "tests/host/lib.h"

#include "arch/x86_64/cpu.c"
#include "arch/x86_64/tsc_told.c"
#include "lib/bits.h"

struct lapic lapic;

static struct {
    const char *vendor, *hypervisor;
    uint32_t signature, highest, highest_hypervisor;
    struct cpuid crystal, timing, features;
    bool is_invariant;
    uint64_t hwcr, p0, hv;
    bool has_amd_msrs, has_hv_msr;
} cpu;

static struct cpuid words(const char *text, uint32_t eax, bool is_hypervisor)
{
    uint32_t w[3];
    memcpy(w, text, sizeof(w));
    return is_hypervisor ? (struct cpuid){eax, w[0], w[1], w[2]}
                         : (struct cpuid){eax, w[0], w[2], w[1]};
}

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    switch (leaf) {
    case 0:
        return words(cpu.vendor, cpu.highest, false);
    case 1:
        return (struct cpuid){.eax = cpu.signature, .ecx = cpu.hypervisor ? (uint32_t)BIT(31) : 0};
    case 0x15:
        return cpu.crystal;
    case 0x40000000:
        return cpu.hypervisor ? words(cpu.hypervisor, cpu.highest_hypervisor, true)
                              : cpu.crystal; // what the processor gives for leaves it hasn't
    case 0x40000003:
        return cpu.features;
    case 0x40000010:
        return cpu.timing;
    case 0x80000000:
        return (struct cpuid){.eax = 0x80000008};
    case 0x80000007:
        return (struct cpuid){.edx = cpu.is_invariant ? BIT(8) : 0};
    default:
        return (struct cpuid){0};
    }
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    *value = msr == 0xc0010015 ? cpu.hwcr : msr == 0xc0010064 ? cpu.p0 : cpu.hv;
    return msr == 0x40000022 ? (cpu.has_hv_msr ? OK : FAULT) : cpu.has_amd_msrs ? OK : FAULT;
}

static uint64_t told(const char *expected)
{
    const char *source = NULL;
    uint64_t hz = tsc_told(&source);
    if (expected)
        assert_string_equal(source, expected);
    else
        assert_int_equal(hz, 0);
    return hz;
}

static int start(void **state)
{
    (void)state;
    memset(&cpu, 0, sizeof(cpu));
    cpu.vendor = "GenuineIntel";
    cpu.signature = 0x906ea;
    cpu.highest = 0x16;
    return 0;
}

static void crystal(void **state)
{
    (void)state;
    cpu.crystal = (struct cpuid){.eax = 2, .ebx = 216, .ecx = 24000000};
    assert_int_equal(told("by CPUID 15h"), 2592000000);
    cpu.crystal.ecx = 0; // not told
    (void)told(NULL);
    cpu.crystal = (struct cpuid){.eax = 0, .ebx = 216, .ecx = 24000000};
    (void)told(NULL);
    cpu.crystal.eax = 2;
    cpu.highest = 0x14;
    (void)told(NULL);
}

static void timing_leaf(void **state)
{
    (void)state;
    cpu.timing.eax = 2600123;
    cpu.highest_hypervisor = 0x40000010;
    cpu.hypervisor = "VMwareVMware";
    assert_true(told("by the hypervisor") == 2600123000);
    cpu.hypervisor = "KVMKVMKVM\0\0\0";
    assert_true(told("by the hypervisor") == 2600123000);
    cpu.hypervisor = "XenVMMXenVMM"; // for whom that leaf is another
    (void)told(NULL);
    cpu.hypervisor = "VMwareVMware";
    cpu.highest_hypervisor = 0x40000001;
    (void)told(NULL);
    cpu.hypervisor = NULL;
    cpu.highest_hypervisor = 0x40000010;
    (void)told(NULL);
}

static void hyper_v(void **state)
{
    (void)state;
    cpu.hypervisor = "Microsoft Hv";
    cpu.highest_hypervisor = 0x40000006;
    cpu.features = (struct cpuid){.eax = BIT(11), .edx = BIT(8)};
    cpu.hv = 3100000000;
    cpu.has_hv_msr = true;
    assert_true(told("by Hyper-V") == 3100000000);
    cpu.has_hv_msr = false;
    (void)told(NULL);
    cpu.has_hv_msr = true;
    cpu.features.edx = 0;
    (void)told(NULL);
    cpu.features = (struct cpuid){.edx = BIT(8)};
    (void)told(NULL);
}

static void p_states(void **state)
{
    (void)state;
    cpu.vendor = "AuthenticAMD";
    cpu.signature = 0x800f11; // family 17h
    cpu.is_invariant = true;
    cpu.has_amd_msrs = true;
    cpu.hwcr = BIT(24);
    cpu.p0 = BIT(63) | 8 << 8 | 0x88; // 136 / 8 * 200 MHz
    assert_true(told("by P-state 0") == 3400000000);
    cpu.p0 = BIT(63) | 10 << 8 | 0x78; // by 1.25
    assert_true(told("by P-state 0") == 2400000000);
    cpu.signature = 0xa20f10; // 19h
    assert_true(told("by P-state 0") == 2400000000);
    cpu.signature = 0xb00f21; // 1Ah
    cpu.p0 = BIT(63) | 0x35c; // 860 * 5 MHz
    assert_true(told("by P-state 0") == 4300000000);
    cpu.signature = 0x900f01; // Hygon's 18h
    cpu.vendor = "HygonGenuine";
    cpu.p0 = BIT(63) | 8 << 8 | 100;
    assert_true(told("by P-state 0") == 2500000000);
}

static void p_states_that_mean_nothing(void **state)
{
    (void)state;
    p_states(state);
    cpu.vendor = "AuthenticAMD";
    uint64_t p0 = cpu.p0 = BIT(63) | 8 << 8 | 0x88;
    cpu.signature = 0x800f11;
    assert_true(told("by P-state 0"));
    cpu.p0 = p0 & ~BIT(63); // not in use
    (void)told(NULL);
    cpu.p0 = BIT(63) | 7 << 8 | 0x88; // a divisor that is reserved
    (void)told(NULL);
    cpu.p0 = BIT(63) | 0x88;
    (void)told(NULL);
    cpu.p0 = p0;
    cpu.hwcr = 0; // the TSC counts something else
    (void)told(NULL);
    cpu.hwcr = BIT(24);
    cpu.is_invariant = false;
    (void)told(NULL);
    cpu.is_invariant = true;
    cpu.hypervisor = "KVMKVMKVM\0\0\0";
    (void)told(NULL);
    cpu.hypervisor = NULL;
    cpu.has_amd_msrs = false;
    (void)told(NULL);
    cpu.has_amd_msrs = true;
    cpu.signature = 0x600f12; // 15h: other registers
    (void)told(NULL);
    cpu.signature = 0xc00f00; // what comes after 1Ah isn't known
    (void)told(NULL);
    cpu.signature = 0x800f11;
    cpu.vendor = "GenuineIntel";
    (void)told(NULL);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(crystal),
        TEST(timing_leaf),
        TEST(hyper_v),
        TEST(p_states),
        TEST(p_states_that_mean_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
