// Memory type range registers, read once. Nothing in them is believed: counts are capped, unknown
// types are uncached. Of a mask only the lowest bit counts: firmware is known to forget upper ones,
// and none means what the processor makes of that.

#include "arch/x86_64/mtrr.h"
#include "arch/arch.h"
#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/vendor.h"
#include "lib/bits.h"
#include "lib/string.h"

enum {
    FIXED_64K = 8,
    FIXED_16K = 16,
    FIXED_4K = 64,
    FIXED = FIXED_64K + FIXED_16K + FIXED_4K,
    FIXED_END = 0x100000,
};

#define MEMORY_4G 0x100000000ull

static struct {
    bool is_there, is_enabled, has_fixed;
    enum memory_type usual; // where no range says anything
    uint8_t fixed[FIXED];
    unsigned count;
    struct range {
        enum memory_type type;
        paddr_t start, end;
    } ranges[MTRR_VARIABLE_MAX];
    paddr_t write_back_end; // what AMD's processors have above 4 GiB; 0: nothing
} mtrr;

static struct mtrr_registers boot_registers;

static uint64_t read_register(uint32_t msr)
{
    uint64_t value;
    return msr_read(msr, &value) == OK ? value : 0;
}

static enum memory_type known_type(uint64_t type)
{
    switch (type) {
    case TYPE_WRITE_COMBINING:
    case TYPE_WRITE_THROUGH:
    case TYPE_WRITE_PROTECTED:
    case TYPE_WRITE_BACK:
        return (enum memory_type)type;
    default:
        return TYPE_UNCACHED;
    }
}

static const uint32_t fixed_registers[MTRR_FIXED_REGISTERS] = {
    MSR_MTRR_FIX_64K,   MSR_MTRR_FIX_16K(0), MSR_MTRR_FIX_16K(1), MSR_MTRR_FIX_4K(0),
    MSR_MTRR_FIX_4K(1), MSR_MTRR_FIX_4K(2),  MSR_MTRR_FIX_4K(3),  MSR_MTRR_FIX_4K(4),
    MSR_MTRR_FIX_4K(5), MSR_MTRR_FIX_4K(6),  MSR_MTRR_FIX_4K(7),
};

static void read_fixed(void)
{
    for (unsigned i = 0; i < MTRR_FIXED_REGISTERS; i++) {
        uint64_t types = read_register(fixed_registers[i]);
        for (unsigned byte = 0; byte < 8; byte++)
            mtrr.fixed[8 * i + byte] = (uint8_t)known_type(types >> 8 * byte & 0xff);
    }
}

static void read_variable(unsigned n)
{
    uint64_t mask = read_register(MSR_MTRR_MASK(n));
    uint64_t base = read_register(MSR_MTRR_BASE(n));
    if (!(mask & MTRR_MASK_VALID))
        return;
    paddr_t limit = arch_physical_limit();
    mask = (mask & MTRR_ADDRESS) | limit;
    uint64_t size = mask & -mask;
    struct range *range = &mtrr.ranges[mtrr.count++];
    range->type = known_type(base & MTRR_BASE_TYPE);
    range->start = align_down(base & MTRR_ADDRESS, size);
    range->end = range->start + size;
}

static void read_tom2(void)
{
    uint64_t wanted = SYSCFG_TOM2_ENABLE | SYSCFG_TOM2_WB;
    if (cpuid_is_amd() && (read_register(MSR_SYSCFG) & wanted) == wanted)
        mtrr.write_back_end = read_register(MSR_TOM2) & MTRR_ADDRESS;
}

static void read_all(struct mtrr_registers *to)
{
    uint64_t cap = read_register(MSR_MTRR_CAP), count = field_get(MTRR_CAP_COUNT, cap);
    memset(to, 0, sizeof(*to));
    to->usual = read_register(MSR_MTRR_DEFAULT);
    to->has_fixed = cap & MTRR_CAP_FIXED;
    to->count = count < MTRR_VARIABLE_MAX ? (unsigned)count : MTRR_VARIABLE_MAX;
    for (unsigned i = 0; i < MTRR_FIXED_REGISTERS && to->has_fixed; i++)
        to->fixed[i] = read_register(fixed_registers[i]);
    for (unsigned n = 0; n < to->count; n++) {
        to->base[n] = read_register(MSR_MTRR_BASE(n));
        to->mask[n] = read_register(MSR_MTRR_MASK(n));
    }
}

bool mtrr_follow_boot(void)
{
    struct mtrr_registers own;
    if (!mtrr.is_there)
        return false;
    read_all(&own);
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): read_all() has cleared the gaps
    if (memcmp(&own, &boot_registers, sizeof(own)) == 0)
        return false;
    mtrr_set(&boot_registers, fixed_registers);
    return true;
}

void mtrr_init(void)
{
    memset(&mtrr, 0, sizeof(mtrr));
    mtrr.is_there = cpuid(1, 0).edx & CPUID_1_EDX_MTRR;
    if (!mtrr.is_there)
        return;
    uint64_t cap = read_register(MSR_MTRR_CAP), usual = read_register(MSR_MTRR_DEFAULT);
    mtrr.is_enabled = usual & MTRR_DEFAULT_ENABLED;
    mtrr.has_fixed = cap & MTRR_CAP_FIXED && usual & MTRR_DEFAULT_FIXED;
    mtrr.usual = known_type(usual & MTRR_DEFAULT_TYPE);
    if (mtrr.has_fixed)
        read_fixed();
    for (unsigned n = 0; n < field_get(MTRR_CAP_COUNT, cap) && n < MTRR_VARIABLE_MAX; n++)
        read_variable(n);
    read_tom2();
    read_all(&boot_registers);
}

static enum memory_type fixed_type(paddr_t address, paddr_t *end)
{
    static const struct {
        paddr_t end;
        unsigned shift, ranges;
    } parts[] = {{0x80000, 16, FIXED_64K}, {0xc0000, 14, FIXED_16K}, {FIXED_END, 12, FIXED_4K}};
    paddr_t start = 0;
    unsigned part = 0, index = 0;
    for (; address >= parts[part].end; part++) {
        start = parts[part].end;
        index += parts[part].ranges;
    }
    *end = align_down(address, BIT(parts[part].shift)) + BIT(parts[part].shift);
    return mtrr.fixed[index + ((address - start) >> parts[part].shift)];
}

// Two ranges over the same memory: uncached wins, write-through wins over write-back, and all else
// is undefined [SDM3 12.11.4.1].
static enum memory_type join_types(enum memory_type one, enum memory_type other)
{
    if (one == other)
        return one;
    bool defined = (one == TYPE_WRITE_THROUGH || one == TYPE_WRITE_BACK) &&
                   (other == TYPE_WRITE_THROUGH || other == TYPE_WRITE_BACK);
    return defined ? TYPE_WRITE_THROUGH : TYPE_UNCACHED;
}

static void cut(paddr_t *end, paddr_t address, paddr_t border)
{
    if (address < border && border < *end)
        *end = border;
}

// Without a range. AMD's processors may have all memory above 4 GiB cached, up to a border.
static enum memory_type usual_type(paddr_t address, paddr_t *end)
{
    if (mtrr.write_back_end <= MEMORY_4G)
        return mtrr.usual;
    cut(end, address, MEMORY_4G);
    cut(end, address, mtrr.write_back_end);
    return address >= MEMORY_4G && address < mtrr.write_back_end ? TYPE_WRITE_BACK : mtrr.usual;
}

enum memory_type mtrr_type(paddr_t address, paddr_t *end)
{
    *end = UINT64_MAX;
    if (!mtrr.is_enabled)
        return mtrr.is_there ? TYPE_UNCACHED : TYPE_WRITE_BACK;
    if (mtrr.has_fixed && address < FIXED_END)
        return fixed_type(address, end);
    enum memory_type type = TYPE_UNCACHED;
    bool is_said = false;
    for (unsigned i = 0; i < mtrr.count; i++) {
        const struct range *range = &mtrr.ranges[i];
        cut(end, address, range->start);
        cut(end, address, range->end);
        if (address < range->start || address >= range->end)
            continue;
        type = is_said ? join_types(type, range->type) : range->type;
        is_said = true;
    }
    enum memory_type usual = usual_type(address, end);
    return is_said ? type : usual;
}

paddr_t mtrr_uniform_end(paddr_t address, paddr_t limit)
{
    paddr_t end, more;
    enum memory_type type = mtrr_type(address, &end);
    while (end < limit && mtrr_type(end, &more) == type)
        end = more;
    return end < limit ? end : limit;
}
