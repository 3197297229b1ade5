// Setting the memory types by address [SDM3 12.11.7.2]: nothing is cached meanwhile.

#include "arch/x86_64/msr.h"
#include "arch/x86_64/mtrr.h"
#include "arch/x86_64/registers.h"

// One that can't be written stays as it is.
static void write_register(uint32_t msr, uint64_t value)
{
    (void)!msr_write(msr, value);
}

static void write_all(const struct mtrr_registers *registers,
                      const uint32_t fixed[MTRR_FIXED_REGISTERS])
{
    write_register(MSR_MTRR_DEFAULT, registers->usual & ~MTRR_DEFAULT_ENABLED);
    for (unsigned i = 0; i < MTRR_FIXED_REGISTERS && registers->has_fixed; i++)
        write_register(fixed[i], registers->fixed[i]);
    for (unsigned n = 0; n < registers->count; n++) {
        write_register(MSR_MTRR_BASE(n), registers->base[n]);
        write_register(MSR_MTRR_MASK(n), registers->mask[n]);
    }
    write_register(MSR_MTRR_DEFAULT, registers->usual);
}

// Global pages are forgotten, too, by taking CR4_PGE away.
void mtrr_set(const struct mtrr_registers *registers, const uint32_t fixed[MTRR_FIXED_REGISTERS])
{
    uint64_t cr0 = read_cr0(), cr4 = read_cr4();
    write_cr0(cr0 | CR0_CD);
    write_back_caches();
    write_cr4(cr4 & ~CR4_PGE);
    write_all(registers, fixed);
    write_back_caches();
    write_cr0(cr0);
    write_cr4(cr4);
}
