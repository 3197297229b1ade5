// What the processor has for virtual machines, and whether the firmware lets it be used.
#pragma once

#include "lib/types.h"

enum virtualization_kind { VIRTUALIZATION_NONE, VIRTUALIZATION_AMD_V, VIRTUALIZATION_VT_X };

enum virtualization_state {
    VIRTUALIZATION_ON,
    VIRTUALIZATION_OPEN,    // not on, but not locked: the kernel may switch it on
    VIRTUALIZATION_OFF,     // not on, and locked until the next reset
    VIRTUALIZATION_UNKNOWN, // the register that says so can't be read
};

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

struct virtualization {
    enum virtualization_kind kind;
    enum virtualization_state state; // without meaning for VIRTUALIZATION_NONE, as all that follows
    uint32_t revision;               // of AMD-V, or of VT-x's VMCS; 0: not known
    uint32_t asids;                  // AMD-V: address spaces that the TLB tells apart
    bool next_rip;                   // AMD-V: exits give the next instruction's address
    bool vpid;                       // VT-x: the TLB tells guests apart
    enum answer nested_paging;
    enum answer real_mode; // guests may run without paging and protection; always so on AMD-V
};

// Only reads: CPUID, and MSRs by msr_read(). Any context.
void virtualization_detect(struct virtualization *found);
