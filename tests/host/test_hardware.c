// arch/x86_64/virtualization and monitor/hardware on processors that no emulator here has. Catches
// AMD-V or VT-x that is believed although the firmware has locked it, or given up although it may
// be switched on; a register that is asked for where it doesn't exist; a fault that is taken for an
// answer; and a line that is too wide for the screen.

#include "tests/host/lib.h"

#include "arch/x86_64/virtualization.c"
#include "monitor/hardware.c"

enum { VM_CR = 0xc0010114, FEATURE_CONTROL = 0x3a, BASIC = 0x480, PROC = 0x482, PROC2 = 0x48b };

// --- The processor ----------------------------------------------------------------------------

enum { MSRS_MAX = 8 };

static struct {
    uint32_t basic_ecx;                      // leaf 1
    uint32_t highest_extended, extended_ecx; // leaf 80000001h
    uint32_t svm_eax, svm_ebx, svm_edx;      // leaf 8000000Ah
    struct {
        uint32_t number;
        uint64_t value;
    } msrs[MSRS_MAX]; // all that there are
    unsigned msr_count;
} processor;

struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    switch (leaf) {
    case 0:
        return (struct cpuid){.eax = 0xd};
    case 1:
        return (struct cpuid){.ecx = processor.basic_ecx};
    case 0x80000000:
        return (struct cpuid){.eax = processor.highest_extended};
    case 0x80000001:
        return (struct cpuid){.ecx = processor.extended_ecx};
    case 0x8000000a:
        return (struct cpuid){processor.svm_eax, processor.svm_ebx, 0, processor.svm_edx};
    default: // an Intel processor answers as for its highest basic leaf
        return (struct cpuid){~0u, ~0u, ~0u, ~0u};
    }
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    for (unsigned i = 0; i < processor.msr_count; i++) {
        if (processor.msrs[i].number != msr)
            continue;
        *value = processor.msrs[i].value;
        return OK;
    }
    return FAULT;
}

static void add_msr(uint32_t number, uint64_t value)
{
    assert_true(processor.msr_count < MSRS_MAX);
    processor.msrs[processor.msr_count].number = number;
    processor.msrs[processor.msr_count++].value = value;
}

// [APM3 E.4.9]: revision 1, 32768 ASIDs; NP is EDX[0], SVML EDX[2], NRIPS EDX[3].
static void make_amd(uint32_t features)
{
    memset(&processor, 0, sizeof(processor));
    processor.highest_extended = 0x80000020;
    processor.extended_ecx = 1u << 2;
    processor.svm_eax = 1;
    processor.svm_ebx = 32768;
    processor.svm_edx = features;
}

static void make_intel(void)
{
    memset(&processor, 0, sizeof(processor));
    processor.basic_ecx = 1u << 5;
    processor.highest_extended = 0x80000008;
    add_msr(BASIC, 0x00da040000000004);
}

// The upper half of a control says what may be 1.
static void add_controls(uint32_t secondary)
{
    add_msr(PROC, 0xfff9fffe0401e172);
    add_msr(PROC2, (uint64_t)secondary << 32);
}

enum { EPT = 1 << 1, VPID = 1 << 5, UNRESTRICTED = 1 << 7 };

// --- What is said of it -----------------------------------------------------------------------

static void expect(const char *virtualization, const char *nested_paging, const char *verdict)
{
    struct virtualization found;
    char text[HARDWARE_TEXT_MAX] = "", nested[HARDWARE_TEXT_MAX] = "";
    virtualization_detect(&found);
    hardware_virtualization(text, &found);
    hardware_nested_paging(nested, &found);
    assert_string_equal(text, virtualization);
    assert_string_equal(nested, nested_paging);
    assert_string_equal(hardware_verdict(&found, false), verdict);
    assert_true(strlen(verdict) < HARDWARE_VERDICT_MAX);
}

static const char can[] = "Keelson runs here, and this machine can run guests.";
static const char amd_off[] =
    "Keelson runs here; for guests switch AMD-V (SVM) on in the firmware's set-up.";
static const char intel_off[] =
    "Keelson runs here; for guests switch VT-x on in the firmware's set-up.";
static const char unknown[] = "Keelson runs here; whether guests can isn't told by this processor.";
static const char no_nested[] =
    "Keelson runs here, but guests can't: the processor has no nested paging.";

// VM_CR: LOCK is bit 3, SVMDIS bit 4 [APM2 15.30.1]; the decision is that of [APM2 15.4].
static void amd_v_and_its_lock(void **state)
{
    (void)state;
    static const struct {
        uint64_t vm_cr;
        bool svml;
        const char *virtualization, *verdict;
    } cases[] = {
        {0x00, true, "AMD-V, revision 0x1, 32768 ASIDs, NRIP save", can},
        {0x08, true, "AMD-V, revision 0x1, 32768 ASIDs, NRIP save", can},
        {0x00, false, "AMD-V, revision 0x1, 32768 ASIDs, NRIP save", can},
        {0x10, true, "AMD-V, switched off, but not locked", can},
        {0x18, true, "AMD-V, switched off by the firmware, and locked", amd_off},
        {0x10, false, "AMD-V, switched off by the firmware, and locked", amd_off},
        {0x18, false, "AMD-V, switched off by the firmware, and locked", amd_off},
        {0x07, true, "AMD-V, revision 0x1, 32768 ASIDs, NRIP save", can}, // other bits
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        make_amd(1u << 3 | 1u << 0 | (cases[i].svml ? 1u << 2 : 0));
        add_msr(VM_CR, cases[i].vm_cr);
        expect(cases[i].virtualization, "yes", cases[i].verdict);
    }
}

static void amd_v_with_less(void **state)
{
    (void)state;
    make_amd(0);
    add_msr(VM_CR, 0);
    expect("AMD-V, revision 0x1, 32768 ASIDs", "no", no_nested);
    make_amd(1);
    expect("AMD-V, but whether it is on can't be read", "yes", unknown);
    make_amd(1);
    add_msr(VM_CR, 0);
    processor.highest_extended = 0x80000008; // the leaf of its features isn't there
    expect("AMD-V", "no", no_nested);
}

// IA32_FEATURE_CONTROL: lock is bit 0, VMX inside SMX bit 1, outside bit 2 [SDM3 24.7].
static void vt_x_and_its_lock(void **state)
{
    (void)state;
    static const struct {
        uint64_t control;
        const char *virtualization, *verdict;
    } cases[] = {
        {5, "VT-x, revision 0x4", can},
        {7, "VT-x, revision 0x4", can},
        {0x100005, "VT-x, revision 0x4", can},
        {0, "VT-x, not on yet, and not locked", can},
        {4, "VT-x, not on yet, and not locked", can},
        {1, "VT-x, switched off by the firmware, and locked", intel_off},
        {3, "VT-x, switched off by the firmware, and locked", intel_off},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        make_intel();
        add_controls(EPT | VPID | UNRESTRICTED);
        add_msr(FEATURE_CONTROL, cases[i].control);
        expect(cases[i].virtualization, "yes, with unrestricted guest, VPID", cases[i].verdict);
    }
}

static void vt_x_with_less(void **state)
{
    (void)state;
    static const struct {
        uint32_t secondary;
        const char *nested_paging, *verdict;
    } cases[] = {
        {EPT | UNRESTRICTED, "yes, with unrestricted guest", can},
        {EPT | VPID, "yes, without unrestricted guest, VPID",
         "Keelson runs here, and guests can, but none that starts in real mode."},
        {VPID, "no", no_nested},
        {0, "no", no_nested},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        make_intel();
        add_controls(cases[i].secondary);
        add_msr(FEATURE_CONTROL, 5);
        expect("VT-x, revision 0x4", cases[i].nested_paging, cases[i].verdict);
    }
}

// The first processors with VT-x have no secondary controls, and no register that tells them.
static void vt_x_without_secondary_controls(void **state)
{
    (void)state;
    make_intel();
    add_msr(PROC, 0x77b9fffe0401e172);
    add_msr(FEATURE_CONTROL, 5);
    expect("VT-x, revision 0x4", "no", no_nested);
    make_intel();
    add_msr(PROC, 0x00000000ffffffff); // bit 31 of the lower half says nothing
    add_msr(PROC2, (uint64_t)EPT << 32);
    add_msr(FEATURE_CONTROL, 5);
    expect("VT-x, revision 0x4", "no", no_nested);
}

// Hypervisors have offered the feature and not its registers.
static void vt_x_without_registers(void **state)
{
    (void)state;
    make_intel();
    add_controls(EPT | UNRESTRICTED);
    expect("VT-x, but whether it is on can't be read", "yes, with unrestricted guest", unknown);
    make_intel();
    add_msr(FEATURE_CONTROL, 5);
    expect("VT-x, revision 0x4", "can't be read", unknown);
    make_intel();
    processor.msr_count = 0;
    add_msr(PROC, ~0ull);
    add_msr(FEATURE_CONTROL, 5);
    expect("VT-x", "can't be read", unknown);
}

static void neither(void **state)
{
    (void)state;
    struct virtualization found;
    memset(&processor, 0, sizeof(processor));
    processor.svm_edx = 1;
    expect("neither AMD-V nor VT-x", "no",
           "Keelson runs here, but guests can't: neither AMD-V nor VT-x.");
    virtualization_detect(&found);
    assert_string_equal(hardware_verdict(&found, true),
                        "Keelson runs here; for guests the hypervisor must offer AMD-V or VT-x.");
    processor.extended_ecx = 1u << 2; // beyond the highest leaf
    expect("neither AMD-V nor VT-x", "no",
           "Keelson runs here, but guests can't: neither AMD-V nor VT-x.");
}

// IA32_APIC_BASE: EN is bit 11, EXTD bit 10 [SDM3 11.12.1].
static void modes_of_the_apic(void **state)
{
    (void)state;
    static const struct {
        uint64_t base;
        bool x2apic;
        const char *text;
    } cases[] = {
        {0xfee00900, false, "xAPIC"},
        {0xfee00800, true, "xAPIC, x2APIC possible"},
        {0xfee00d00, true, "x2APIC, already on"},
        {0xfee00100, true, "off, or none"},
        {0, false, "off, or none"},
        {0xfee00500, true, "in a mode that doesn't exist"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[HARDWARE_TEXT_MAX] = "";
        hardware_apic(text, &cases[i].base, cases[i].x2apic);
        assert_string_equal(text, cases[i].text);
    }
    char text[HARDWARE_TEXT_MAX] = "";
    hardware_apic(text, NULL, true);
    assert_string_equal(text, "its register can't be read");
}

static void names_of_hypervisors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {NULL, "none"},
        {"", "one without a name"},
        {"KVMKVMKVM", "KVM"},
        {"Microsoft Hv", "Hyper-V"},
        {"TCGTCGTCGTCG", "QEMU without acceleration"},
        {"SomeoneElse ", "one that says 'SomeoneElse '"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[HARDWARE_TEXT_MAX] = "";
        hardware_hypervisor(text, cases[i][0]);
        assert_string_equal(text, cases[i][1]);
    }
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char text[HARDWARE_TEXT_MAX + 4];
    text[0] = 0;
    memcpy(text + HARDWARE_TEXT_MAX, "end", 4);
    for (unsigned i = 0; i < 40; i++) {
        hardware_add_item(text, "%u", 100 + i);
        assert_true(strlen(text) < HARDWARE_TEXT_MAX);
    }
    assert_int_equal(strlen(text), HARDWARE_TEXT_MAX - 1);
    assert_memory_equal(text, "100, 101, 102", 13);
    assert_string_equal(text + HARDWARE_TEXT_MAX, "end");
}

// Whatever a processor says, the words fit.
static void every_text_fits(void **state)
{
    (void)state;
    random_seed(1);
    for (unsigned round = 0; round < 20000; round++) {
        struct virtualization found = {
            .kind = (enum virtualization_kind)random_below(3),
            .state = (enum virtualization_state)random_below(4),
            .revision = (uint32_t)random_u64(),
            .asids = (uint32_t)random_u64(),
            .next_rip = random_below(2),
            .vpid = random_below(2),
            .nested_paging = (enum answer)random_below(3),
            .real_mode = (enum answer)random_below(3),
        };
        char text[200] = "", nested[200] = "";
        hardware_virtualization(text, &found);
        hardware_nested_paging(nested, &found);
        assert_in_range(strlen(text), 1, HARDWARE_TEXT_MAX - 2); // one more would have been cut
        assert_in_range(strlen(nested), 1, HARDWARE_TEXT_MAX - 2);
        assert_true(strlen(hardware_verdict(&found, random_below(2))) < HARDWARE_VERDICT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amd_v_and_its_lock),
        cmocka_unit_test(amd_v_with_less),
        cmocka_unit_test(vt_x_and_its_lock),
        cmocka_unit_test(vt_x_with_less),
        cmocka_unit_test(vt_x_without_secondary_controls),
        cmocka_unit_test(vt_x_without_registers),
        cmocka_unit_test(neither),
        cmocka_unit_test(modes_of_the_apic),
        cmocka_unit_test(names_of_hypervisors),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(every_text_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
