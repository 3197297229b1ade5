// Control registers, model-specific registers, CPUID bits and selectors, for C and assembly.
// [SDM3 2.5] [APM2 3]
#pragma once

#include "lib/bits.h"

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_PAE  BIT(5)
#define CR4_MCE  BIT(6)
#define CR4_PGE  BIT(7)
#define CR4_UMIP BIT(11) // CPUID 7 ECX[2]: no SGDT and the like outside of ring 0
#define CR4_SMEP BIT(20) // CPUID 7 EBX[7]: ring 0 executes no page of ring 3
#define CR4_SMAP BIT(21) // CPUID 7 EBX[20]: nor reads or writes one

// What the kernel runs with: set from here, never inherited.
#define CR0_KERNEL (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define CR4_KERNEL (CR4_PAE | CR4_MCE | CR4_PGE)

#define RFLAGS_TF BIT(8)
#define RFLAGS_IF BIT(9)
#define RFLAGS_ID BIT(21)

#define MSR_APIC_BASE    0x1b    // CPUID 1 EDX[9]
#define APIC_BASE_BSP    BIT(8)  // the boot processor's
#define APIC_BASE_X2APIC BIT(10) // CPUID 1 ECX[21]
#define APIC_BASE_ENABLE BIT(11)
#define MSR_X2APIC       0x800 // the first of the local APIC's registers in x2APIC mode

#define MSR_TSC_ADJUST   0x3b  // CPUID 7 EBX[1]: what has been added to the TSC since reset
#define MSR_TSC_DEADLINE 0x6e0 // CPUID 1 ECX[24]

// A hypervisor's word on the TSC, in Hz: CPUID 40000003h EAX[11] and EDX[8] [TLFS 12.3]
#define MSR_HV_TSC_FREQUENCY 0x40000022

// AMD: whether LFENCE waits until what comes before is done; always where there is no such register
#define MSR_DE_CFG              0xc0011029
#define DE_CFG_LFENCE_SERIALIZE BIT(1)

// AMD's P-states, families 17h and later [PPR]
#define MSR_HWCR          0xc0010015
#define HWCR_TSC_FREQ_SEL BIT(24) // the TSC counts as in P0
#define MSR_PSTATE_0      0xc0010064
#define PSTATE_ENABLED    BIT(63)
#define PSTATE_DID        BITS(13, 8) // 17h to 19h: FID / DID * 200 MHz
#define PSTATE_FID        BITS(7, 0)
#define PSTATE_FID_1A     BITS(11, 0) // 1Ah: times 5 MHz

#define MSR_EFER 0xc0000080
#define EFER_LME BIT(8)
#define EFER_NXE BIT(11) // CPUID 80000001h EDX[20]

#define EFER_KERNEL (EFER_LME | EFER_NXE)

#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

// Debug registers [SDM3 18.2]
#define DR6_FIXED           0xffff0ff0
#define DR6_HIT(n)          BIT(n)
#define DR6_STEP            BIT(14)
#define DR7_FIXED           BIT(10)
#define DR7_GLOBAL(n)       BIT(2 * (n) + 1)
#define DR7_CONDITION(n, c) ((uint64_t)(c) << (16 + 4 * (n))) // kind, and size behind it

#define MSR_PAT             0x277              // CPUID 1 EDX[16]: 8 memory types, a byte each
#define PAT_RESET           0x0007040600070406 // WB WT UC- UC, twice
#define PAT_WRITE_COMBINING 1
#define PAT_WRITE_BACK      6
#define PAT_ENTRY_BITS      8

// Memory types by address: CPUID 1 EDX[12]
#define MSR_MTRR_CAP         0xfe
#define MTRR_CAP_COUNT       BITS(7, 0) // of variable ranges
#define MTRR_CAP_FIXED       BIT(8)
#define MSR_MTRR_BASE(n)     (0x200 + 2 * (n))
#define MTRR_BASE_TYPE       BITS(7, 0)
#define MSR_MTRR_MASK(n)     (0x201 + 2 * (n))
#define MTRR_MASK_VALID      BIT(11)
#define MTRR_ADDRESS         BITS(51, 12)  // of both
#define MSR_MTRR_FIX_64K     0x250         // 8 ranges of 64 KiB, a byte each
#define MSR_MTRR_FIX_16K(n)  (0x258 + (n)) // two, from 0x80000
#define MSR_MTRR_FIX_4K(n)   (0x268 + (n)) // eight, from 0xc0000
#define MSR_MTRR_DEFAULT     0x2ff
#define MTRR_DEFAULT_TYPE    BITS(7, 0)
#define MTRR_DEFAULT_FIXED   BIT(10) // the fixed ranges are in force
#define MTRR_DEFAULT_ENABLED BIT(11)

// Machine checks: CPUID 1 EDX[7] and EDX[14]. Banks have four registers each, and, where CPUID
// 80000007h EBX[3] says so, AMD's scalable ones a row of sixteen too [SDM3 16.3] [APM2 9.3]
#define MSR_MCG_CAP         0x179
#define MCG_CAP_COUNT       BITS(7, 0) // of banks
#define MCG_CAP_CTL         BIT(8)     // MSR_MCG_CTL is there
#define MCG_CAP_RECOVERY    BIT(24)    // MC_STATUS_S and MC_STATUS_AR mean something
#define MCG_CAP_LOCAL       BIT(27)    // a machine check may come to one processor alone
#define MSR_MCG_STATUS      0x17a
#define MCG_STATUS_RIPV     BIT(0) // interrupted code may go on
#define MCG_STATUS_MCIP     BIT(2) // a machine check is being handled: another one is a shutdown
#define MCG_STATUS_LOCAL    BIT(3) // it has come to this processor alone
#define MSR_MCG_CTL         0x17b
#define MSR_MCG_EXT_CTL     0x4d0 // where MCG_CAP_LOCAL, and MSR_FEATURE_CONTROL allows it
#define MCG_EXT_CTL_LOCAL   BIT(0)
#define MSR_MC_CTL(n)       (0x400 + 4 * (n))
#define MSR_MC_STATUS(n)    (0x401 + 4 * (n))
#define MSR_MC_ADDR(n)      (0x402 + 4 * (n))
#define MSR_MC_MISC(n)      (0x403 + 4 * (n))
#define MSR_MCA_CTL(n)      (0xc0002000 + 16 * (n)) // STATUS, ADDR and MISC behind it
#define MSR_MCA_CONFIG(n)   (0xc0002004 + 16 * (n))
#define MCA_CONFIG_EXTENDED BIT(0)
#define MCA_CONFIG_ENABLE   BIT(32) // software knows of the extensions
#define MSR_MCA_IPID(n)     (0xc0002005 + 16 * (n))
#define MSR_MCA_DESTAT(n)   (0xc0002008 + 16 * (n)) // of deferred errors
#define MSR_MCA_DEADDR(n)   (0xc0002009 + 16 * (n))
#define MCA_IPID_HARDWARE   BITS(43, 32)
#define MCA_IPID_TYPE       BITS(63, 48)
#define MC_STATUS_CODE      BITS(15, 0)
#define MC_STATUS_POISON    BIT(43) // AMD's
#define MC_STATUS_DEFERRED  BIT(44) // AMD's
#define MC_STATUS_AR        BIT(55) // action is required; on AMD's scalable ones: of a task
#define MC_STATUS_S         BIT(56) // it was signalled as a machine check
#define MC_STATUS_PCC       BIT(57) // the processor's context is corrupt
#define MC_STATUS_ADDRV     BIT(58)
#define MC_STATUS_MISCV     BIT(59)
#define MC_STATUS_EN        BIT(60)
#define MC_STATUS_UC        BIT(61)
#define MC_STATUS_OVER      BIT(62)
#define MC_STATUS_VAL       BIT(63)

// Performance counters: Intel's second fixed one, of cycles in which the processor isn't halted,
// where CPUID 0Ah says so [SDM3 20.2]; AMD's first, which counts that as event 76h [APM2 13.2]
#define MSR_FIXED_COUNTER_1  0x30a
#define MSR_FIXED_CONTROL    0x38d
#define FIXED_CONTROL_1      BITS(7, 4)
#define FIXED_CONTROL_1_ALL  BITS(5, 4) // in all rings
#define FIXED_CONTROL_1_NMI  BIT(7)     // an interrupt where it overflows
#define MSR_PERF_STATUS      0x38e
#define MSR_PERF_CONTROL     0x38f
#define MSR_PERF_CLEAR       0x390
#define PERF_FIXED_1         BIT(33) // in these three
#define MSR_AMD_PERF_SELECT  0xc0010000
#define MSR_AMD_PERF_COUNTER 0xc0010004
#define MSR_AMD_CORE_SELECT  0xc0010200 // CPUID 80000001h ECX[23]
#define MSR_AMD_CORE_COUNTER 0xc0010201
#define PERF_SELECT_CYCLES   0x76
#define PERF_SELECT_ALL      BITS(17, 16) // in all rings
#define PERF_SELECT_NMI      BIT(20)
#define PERF_SELECT_ENABLE   BIT(22)
#define AMD_COUNTER_SIGN     BIT(47)

// AMD's families 0Fh to 11h: the sleep that the chipset sends all cores to when all of them halt
#define MSR_INT_PENDING 0xc0010055
#define INT_PENDING_C1E BITS(28, 27) // on halt, by the processor or by an SMI

// AMD's word on memory above 4 GiB: with both bits it is write-back up to TOM2 [APM2 7.9.1]
#define MSR_SYSCFG         0xc0010010
#define SYSCFG_TOM2_ENABLE BIT(21)
#define SYSCFG_TOM2_WB     BIT(22)
#define MSR_TOM2           0xc001001d

// VT-x: CPUID 1 ECX[5]. In those with two halves the upper one says which bits may be 1.
#define MSR_FEATURE_CONTROL     0x3a
#define FEATURE_CONTROL_LOCK    BIT(0)
#define FEATURE_CONTROL_VMX     BIT(2) // outside SMX
#define FEATURE_CONTROL_LMCE    BIT(20)
#define MSR_VMX_BASIC           0x480
#define VMX_BASIC_REVISION      BITS(30, 0)
#define MSR_VMX_PROCBASED_CTLS  0x482
#define VMX_PROC_SECONDARY      BIT(31)
#define MSR_VMX_PROCBASED_CTLS2 0x48b // where VMX_PROC_SECONDARY may be 1
#define VMX_PROC2_EPT           BIT(1)
#define VMX_PROC2_VPID          BIT(5)
#define VMX_PROC2_UNRESTRICTED  BIT(7) // guests may run without paging and protection

// AMD-V: CPUID 80000001h ECX[2]
#define MSR_VM_CR    0xc0010114
#define VM_CR_LOCK   BIT(3) // CPUID 8000000Ah EDX[2]
#define VM_CR_SVMDIS BIT(4)

#define CPUID_1_EBX_IDS          BITS(23, 16) // of APICs: as many a package may have
#define CPUID_1_ECX_MONITOR      BIT(3)
#define CPUID_1_ECX_VMX          BIT(5)
#define CPUID_1_ECX_X2APIC       BIT(21)
#define CPUID_1_ECX_TSC_DEADLINE BIT(24)
#define CPUID_1_ECX_HYPERVISOR   BIT(31) // there is one
#define CPUID_1_EBX_APIC_ID      BITS(31, 24)
#define CPUID_1_EDX_PAE          BIT(6)
#define CPUID_1_EDX_MCE          BIT(7)
#define CPUID_1_EDX_APIC         BIT(9)
#define CPUID_1_EDX_MTRR         BIT(12)
#define CPUID_1_EDX_MCA          BIT(14)
#define CPUID_1_EDX_PAT          BIT(16)
#define CPUID_1_EDX_HTT          BIT(28) // CPUID_1_EBX_IDS means something

#define CPUID_7_EBX_TSC_ADJUST BIT(1)
#define CPUID_7_EBX_SMEP       BIT(7)
#define CPUID_7_EBX_SMAP       BIT(20)
#define CPUID_7_ECX_UMIP       BIT(2)
#define CPUID_7_EDX_HYBRID     BIT(15)

#define CPUID_40000003_EAX_FREQUENCY_MSRS BIT(11) // may be read
#define CPUID_40000003_EDX_FREQUENCY_MSRS BIT(8)  // are there

// Caches: leaf 4 and 8000001Dh, a subleaf each. Numbers are one less.
#define CPUID_CACHE_EAX_KIND        BITS(4, 0)
#define CPUID_CACHE_EAX_LEVEL       BITS(7, 5)
#define CPUID_CACHE_EAX_ASSOCIATIVE BIT(9)
#define CPUID_CACHE_EAX_SHARED      BITS(25, 14) // by as many APIC ids
#define CPUID_CACHE_EBX_LINE        BITS(11, 0)
#define CPUID_CACHE_EBX_PARTITIONS  BITS(21, 12)
#define CPUID_CACHE_EBX_WAYS        BITS(31, 22)
#define CPUID_4_EAX_CORES           BITS(31, 26) // as many ids for cores a package may have

// Levels of topology: leaves 0Bh, 1Fh and 80000026h, a subleaf each. EDX: the APIC id.
#define CPUID_LEVEL_EAX_SHIFT    BITS(4, 0)
#define CPUID_LEVEL_EBX_COUNT    BITS(15, 0) // of threads at that level
#define CPUID_LEVEL_ECX_TYPE     BITS(15, 8)
#define CPUID_80000026_EAX_MIXED BIT(30) // not all cores are of one kind
#define CPUID_80000026_EBX_KIND  BITS(31, 28)

#define CPUID_1A_EAX_KIND BITS(31, 24)

#define CPUID_0A_EAX_VERSION BITS(7, 0)
#define CPUID_0A_EDX_FIXED   BITS(4, 0) // counters
#define CPUID_0A_EDX_WIDTH   BITS(12, 5)

#define CPUID_80000001_ECX_CMP_LEGACY BIT(1) // the ids of a package count its cores: AMD's
#define CPUID_80000001_ECX_SVM        BIT(2)
#define CPUID_80000001_ECX_PERF_CORE  BIT(23)
#define CPUID_80000001_ECX_TOPOLOGY   BIT(22) // leaves 8000001Dh, 8000001Eh
#define CPUID_80000001_EDX_NX         BIT(20)
#define CPUID_80000001_EDX_1G         BIT(26) // pages of 1 GiB
#define CPUID_80000001_EDX_LM         BIT(29)

#define CPUID_80000008_ECX_THREADS BITS(7, 0)   // of the package, less one
#define CPUID_80000008_ECX_WIDTH   BITS(15, 12) // of its ids; 0: as the count needs
#define CPUID_8000001E_EBX_THREADS BITS(15, 8)  // of a core, less one; before Zen: cores of a unit
#define CPUID_8000001E_ECX_NODE    BITS(7, 0)
#define CPUID_8000001E_ECX_NODES   BITS(10, 8) // of the package, less one

#define CPUID_80000007_EBX_SCALABLE_MCA  BIT(3)
#define CPUID_80000007_EDX_INVARIANT_TSC BIT(8)

// AMD-V's features
#define CPUID_8000000A_EAX_REVISION BITS(7, 0)
#define CPUID_8000000A_EDX_NP       BIT(0) // nested paging
#define CPUID_8000000A_EDX_SVML     BIT(2) // VM_CR_LOCK means something
#define CPUID_8000000A_EDX_NRIPS    BIT(3) // an exit gives the next instruction's address

// Page-table entries [SDM3 5.5]
#define PTE_PRESENT   BIT(0)
#define PTE_WRITE     BIT(1)
#define PTE_USER      BIT(2)
#define PTE_PWT       BIT(3)
#define PTE_PCD       BIT(4)
#define PTE_ACCESSED  BIT(5)
#define PTE_DIRTY     BIT(6)
#define PTE_PAT       BIT(7) // of a 4 KiB page: with PCD and PWT clear, entry 4 of the PAT
#define PTE_LARGE     BIT(7)
#define PTE_GLOBAL    BIT(8)
#define PTE_LARGE_PAT BIT(12)
#define PTE_NX_HIGH   BIT(31) // of the upper 32 bits

// Selectors: the layout of the GDT (arch/x86_64/gdt.c)
#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA   0x10
#define SELECTOR_TSS    0x18 // two entries
#define SELECTOR_CODE16 0x18 // in the entry stub's GDT, which has no TSS
#define SELECTOR_DATA16 0x20
#define SELECTOR_CODE32 0x28

// Segment descriptors, flat; accessed bits set, so that they may lie in read-only memory
#define DESCRIPTOR_CODE64 0x00af9b000000ffff
#define DESCRIPTOR_DATA   0x00cf93000000ffff
#define DESCRIPTOR_CODE32 0x00cf9b000000ffff
#define DESCRIPTOR_CODE16 0x00009b000000ffff
#define DESCRIPTOR_DATA16 0x000093000000ffff

// Exceptions [SDM3 7.15]
#define VECTOR_DE         0
#define VECTOR_DB         1
#define VECTOR_NMI        2
#define VECTOR_BP         3
#define VECTOR_OF         4
#define VECTOR_UD         6
#define VECTOR_DF         8
#define VECTOR_TS         10
#define VECTOR_NP         11
#define VECTOR_SS         12
#define VECTOR_GP         13
#define VECTOR_PF         14
#define VECTOR_AC         17
#define VECTOR_MC         18
#define VECTOR_CP         21
#define VECTOR_VC         29
#define VECTOR_SX         30
#define VECTOR_EXCEPTIONS 32 // as many vectors belong to exceptions

#ifndef __ASSEMBLER__

#define PTE_NX      BIT(63)
#define PTE_ADDRESS BITS(51, 12)

static inline uint64_t read_cr0(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr0, %0" : "=r"(value));
    return value;
}

static inline void write_cr0(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint64_t read_cr2(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint64_t read_cr3(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr3, %0" : "=r"(value));
    return value;
}

static inline void write_cr3(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint64_t read_cr4(void)
{
    uint64_t value;
    __asm__ volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}

static inline void write_cr4(uint64_t value)
{
    __asm__ volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}

// For MSRs that are known to exist; others go through msr_read() in arch/x86_64/msr.h.
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline void write_back_caches(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}

static inline void invlpg(uintptr_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

#endif
