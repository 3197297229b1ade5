// What the processor has for virtual machines: AMD-V [APM2 15.4], VT-x [SDM3 24.6, 24.7].
//
// The features decide, not the vendor's name: others than AMD and Intel have them too.

#include "arch/x86_64/virtualization.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "lib/bits.h"
#include "lib/string.h"

static enum answer answer(bool yes)
{
    return yes ? ANSWER_YES : ANSWER_NO;
}

// Without the lock feature, what the firmware has switched off stays off [APM2 15.4].
static enum virtualization_state amd_v_state(uint32_t features)
{
    uint64_t vm_cr;
    if (msr_read(MSR_VM_CR, &vm_cr) != OK)
        return VIRTUALIZATION_UNKNOWN;
    if (!(vm_cr & VM_CR_SVMDIS))
        return VIRTUALIZATION_ON;
    bool is_open = features & CPUID_8000000A_EDX_SVML && !(vm_cr & VM_CR_LOCK);
    return is_open ? VIRTUALIZATION_OPEN : VIRTUALIZATION_OFF;
}

static void detect_amd_v(struct virtualization *found)
{
    struct cpuid r = cpuid_has(0x8000000a) ? cpuid(0x8000000a, 0) : (struct cpuid){.eax = 0};
    found->kind = VIRTUALIZATION_AMD_V;
    found->state = amd_v_state(r.edx);
    found->revision = (uint32_t)field_get(CPUID_8000000A_EAX_REVISION, r.eax);
    found->asids = r.ebx;
    found->next_rip = r.edx & CPUID_8000000A_EDX_NRIPS;
    found->nested_paging = answer(r.edx & CPUID_8000000A_EDX_NP);
    found->real_mode = ANSWER_YES;
}

// An unlocked register makes VMXON fault too, but may be written [SDM3 24.7].
static enum virtualization_state vt_x_state(void)
{
    uint64_t control;
    if (msr_read(MSR_FEATURE_CONTROL, &control) != OK)
        return VIRTUALIZATION_UNKNOWN;
    if (!(control & FEATURE_CONTROL_LOCK))
        return VIRTUALIZATION_OPEN;
    return control & FEATURE_CONTROL_VMX ? VIRTUALIZATION_ON : VIRTUALIZATION_OFF;
}

// The secondary controls that may be 1, in *allowed. Returns false where that can't be read
// [SDM3 A.3.2, A.3.3].
static bool vt_x_secondary(uint32_t *allowed)
{
    uint64_t primary, secondary = 0;
    if (msr_read(MSR_VMX_PROCBASED_CTLS, &primary) != OK)
        return false;
    if ((primary >> 32 & VMX_PROC_SECONDARY) && msr_read(MSR_VMX_PROCBASED_CTLS2, &secondary) != OK)
        return false;
    *allowed = (uint32_t)(secondary >> 32);
    return true;
}

static void detect_vt_x(struct virtualization *found)
{
    uint64_t basic;
    uint32_t allowed = 0;
    found->kind = VIRTUALIZATION_VT_X;
    found->state = vt_x_state();
    if (msr_read(MSR_VMX_BASIC, &basic) == OK)
        found->revision = (uint32_t)field_get(VMX_BASIC_REVISION, basic);
    bool is_known = vt_x_secondary(&allowed);
    found->vpid = allowed & VMX_PROC2_VPID;
    found->nested_paging = is_known ? answer(allowed & VMX_PROC2_EPT) : ANSWER_UNKNOWN;
    found->real_mode = is_known ? answer(allowed & VMX_PROC2_UNRESTRICTED) : ANSWER_UNKNOWN;
}

void virtualization_detect(struct virtualization *found)
{
    memset(found, 0, sizeof(*found));
    if (cpuid_has(0x80000001) && cpuid(0x80000001, 0).ecx & CPUID_80000001_ECX_SVM)
        detect_amd_v(found);
    else if (cpuid(1, 0).ecx & CPUID_1_ECX_VMX)
        detect_vt_x(found);
}
