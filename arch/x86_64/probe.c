// Accesses that may fault (arch/arch.h, arch/x86_64/msr.h).

#include "arch/arch.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/trap.h"

enum status arch_probe_read(uintptr_t address, unsigned size, uint64_t *value)
{
    enum status status = OK;
    uint64_t got = 0;
    switch (size) {
    case 1:
        __asm__ volatile(TRAP_FIXUP("movb (%2), %b1") : "+D"(status), "+r"(got) : "r"(address));
        break;
    case 2:
        __asm__ volatile(TRAP_FIXUP("movw (%2), %w1") : "+D"(status), "+r"(got) : "r"(address));
        break;
    case 4:
        __asm__ volatile(TRAP_FIXUP("movl (%2), %k1") : "+D"(status), "+r"(got) : "r"(address));
        break;
    case 8:
        __asm__ volatile(TRAP_FIXUP("movq (%2), %1") : "+D"(status), "+r"(got) : "r"(address));
        break;
    default:
        return BAD_ARGUMENT;
    }
    if (status == OK)
        *value = got;
    return status;
}

enum status arch_probe_write(uintptr_t address, unsigned size, uint64_t value)
{
    enum status status = OK;
    switch (size) {
    case 1:
        __asm__ volatile(TRAP_FIXUP("movb %b1, (%2)")
                         : "+D"(status)
                         : "r"(value), "r"(address)
                         : "memory");
        break;
    case 2:
        __asm__ volatile(TRAP_FIXUP("movw %w1, (%2)")
                         : "+D"(status)
                         : "r"(value), "r"(address)
                         : "memory");
        break;
    case 4:
        __asm__ volatile(TRAP_FIXUP("movl %k1, (%2)")
                         : "+D"(status)
                         : "r"(value), "r"(address)
                         : "memory");
        break;
    case 8:
        __asm__ volatile(TRAP_FIXUP("movq %1, (%2)")
                         : "+D"(status)
                         : "r"(value), "r"(address)
                         : "memory");
        break;
    default:
        return BAD_ARGUMENT;
    }
    return status;
}

enum status msr_read(uint32_t msr, uint64_t *value)
{
    enum status status = OK;
    uint32_t low = 0, high = 0;
    __asm__ volatile(TRAP_FIXUP("rdmsr") : "+D"(status), "+a"(low), "+d"(high) : "c"(msr));
    if (status == OK)
        *value = (uint64_t)high << 32 | low;
    return status;
}

enum status msr_write(uint32_t msr, uint64_t value)
{
    enum status status = OK;
    __asm__ volatile(TRAP_FIXUP("wrmsr")
                     : "+D"(status)
                     : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr)
                     : "memory");
    return status;
}
