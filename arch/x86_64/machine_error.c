// Machine-check error codes in words.
//
// The lower 16 bits of a bank's status are one of a few simple codes, or compound ones: a pattern
// of leading bits tells the kind, the rest is fields. Bit 12 says of Intel's compound codes that
// some corrected errors may have been left out, and belongs to none of the kinds [SDM3 16.9.2].

#include "arch/x86_64/machine_error.h"
#include "arch/x86_64/registers.h"
#include "lib/bits.h"
#include "lib/format.h"

#define CODE_FILTERED BIT(12)
#define CODE_TT       BITS(3, 2) // transaction type
#define CODE_LL       BITS(1, 0) // level
#define CODE_RRRR     BITS(7, 4) // request
#define CODE_PP       BITS(10, 9)
#define CODE_T        BIT(8)
#define CODE_II       BITS(3, 2)
#define CODE_MMM      BITS(6, 4)
#define CODE_CCCC     BITS(3, 0)

enum machine_severity machine_error_severity(const struct machine_error *error)
{
    uint64_t status = error->status;
    if (!(status & MC_STATUS_VAL))
        return MACHINE_NO_ERROR;
    if (status & MC_STATUS_PCC) // without EN no exception comes for it
        return status & MC_STATUS_EN ? MACHINE_FATAL : MACHINE_DEFERRED;
    if (!(status & MC_STATUS_UC))
        return error->is_amd && status & MC_STATUS_DEFERRED ? MACHINE_DEFERRED : MACHINE_CORRECTED;
    if (error->is_amd || !error->has_recovery)
        return status & MC_STATUS_EN ? MACHINE_FATAL : MACHINE_DEFERRED;
    // Not signalled, or signalled with time to act, unless a second one was lost [SDM3 16.6.3,
    // 16.6.4].
    if (!(status & MC_STATUS_S))
        return MACHINE_DEFERRED;
    return status & (MC_STATUS_AR | MC_STATUS_OVER) ? MACHINE_FATAL : MACHINE_DEFERRED;
}

const char *machine_severity_name(enum machine_severity severity)
{
    static const char *const names[] = {"no error", "corrected", "deferred", "uncorrected"};
    return names[severity];
}

static const char *simple_words(uint64_t code, bool is_amd)
{
    static const char *const names[] = {
        "no error code",
        "unclassified",
        "parity error in the microcode",
        "reported by another processor",
        "functional redundancy check",
        "internal parity error",
        "SMM code outside of its memory",
    };
    if (code < ARRAY_SIZE(names))
        return names[code];
    if (code == 0x400)
        return is_amd ? "internal, unclassified" : "internal timer";
    if (code == 0xe0b)
        return "I/O";
    return (code & 0xfc00) == 0x400 ? "internal, unclassified" : NULL;
}

static const char *const requests[16] = {"any request", "read",       "write",
                                         "data read",   "data write", "code read",
                                         "prefetching", "eviction",   "snoop"};
static const char *const kinds[] = {"code", "data", "generic", "unknown"};
static const char *const levels[] = {"L0", "L1", "L2", "generic"};

static const char *request(uint64_t code)
{
    const char *name = requests[field_get(CODE_RRRR, code)];
    return name ? name : "unknown request";
}

// The generic one is also that of third-level caches [APM2 9.5.1].
static const char *level(uint64_t code)
{
    return levels[field_get(CODE_LL, code)];
}

static void memory_words(char text[MACHINE_ERROR_TEXT_MAX], uint64_t code, const char *which)
{
    static const char *const operations[8] = {"any request", "read", "write", "address or command",
                                              "scrubbing"};
    enum { CHANNEL_UNSAID = 15 };
    const char *operation = operations[field_get(CODE_MMM, code)];
    uint64_t channel = field_get(CODE_CCCC, code);
    size_t length = snprintf(text, MACHINE_ERROR_TEXT_MAX, "%s, %s", which,
                             operation ? operation : "unknown request");
    if (channel != CHANNEL_UNSAID)
        snprintf(text + length, MACHINE_ERROR_TEXT_MAX - length, ", channel %lu", channel);
}

static void bus_words(char text[MACHINE_ERROR_TEXT_MAX], uint64_t code)
{
    static const char *const parties[] = {"asked here", "answered here", "observed here",
                                          "by anybody"};
    static const char *const targets[] = {"of memory", "of what is reserved", "of I/O",
                                          "of something else"};
    snprintf(text, MACHINE_ERROR_TEXT_MAX, "bus, %s %s, %s, %s%s", request(code),
             targets[field_get(CODE_II, code)], parties[field_get(CODE_PP, code)], level(code),
             code & CODE_T ? ", timed out" : "");
}

void machine_error_words(char text[MACHINE_ERROR_TEXT_MAX], const struct machine_error *error)
{
    uint64_t code = field_get(MC_STATUS_CODE, error->status);
    const char *simple = simple_words(code, error->is_amd);
    uint64_t compound = code & ~CODE_FILTERED;
    if (simple)
        snprintf(text, MACHINE_ERROR_TEXT_MAX, "%s", simple);
    else if (compound >> 11 == 1)
        bus_words(text, compound);
    else if (compound >> 7 == 5)
        memory_words(text, compound, "memory used as a cache");
    else if (compound >> 8 == 1)
        snprintf(text, MACHINE_ERROR_TEXT_MAX, "%s %s cache, %s", level(compound),
                 kinds[field_get(CODE_TT, compound)], request(compound));
    else if (compound >> 7 == 1)
        memory_words(text, compound, "memory");
    else if (compound >> 4 == 1)
        snprintf(text, MACHINE_ERROR_TEXT_MAX, "%s %s TLB", level(compound),
                 kinds[field_get(CODE_TT, compound)]);
    else if (compound >> 2 == 3)
        snprintf(text, MACHINE_ERROR_TEXT_MAX, "cache hierarchy, %s", level(compound));
    else
        snprintf(text, MACHINE_ERROR_TEXT_MAX, "unknown code 0x%lx", code);
}

void machine_error_flags(char text[MACHINE_ERROR_TEXT_MAX], const struct machine_error *error)
{
    static const struct {
        uint64_t bit;
        const char *amd, *intel; // NULL: not there
    } flags[] = {
        {MC_STATUS_OVER, "OVER", "OVER"},
        {MC_STATUS_UC, "UC", "UC"},
        {MC_STATUS_EN, "EN", "EN"},
        {MC_STATUS_MISCV, "MISCV", "MISCV"},
        {MC_STATUS_ADDRV, "ADDRV", "ADDRV"},
        {MC_STATUS_PCC, "PCC", "PCC"},
        {MC_STATUS_S, NULL, "S"},
        {MC_STATUS_AR, "TCC", "AR"},
        {MC_STATUS_DEFERRED, "DEFERRED", NULL},
        {MC_STATUS_POISON, "POISON", NULL},
    };
    size_t length = 0;
    text[0] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        const char *name = error->is_amd ? flags[i].amd : flags[i].intel;
        bool has_meaning =
            error->is_amd || error->has_recovery || !(flags[i].bit & (MC_STATUS_S | MC_STATUS_AR));
        if (name && has_meaning && error->status & flags[i].bit)
            length += snprintf(text + length, MACHINE_ERROR_TEXT_MAX - length, "%s%s",
                               length ? " " : "", name);
    }
}

// By MCA_IPID [PPR].
const char *machine_error_unit(const struct machine_error *error)
{
    static const struct {
        uint16_t hardware, type;
        const char *name;
    } units[] = {
        {0xb0, 0, "load-store"},
        {0xb0, 0x10, "load-store"},
        {0xb0, 1, "fetch"},
        {0xb0, 2, "L2 cache"},
        {0xb0, 3, "decode"},
        {0xb0, 5, "execution"},
        {0xb0, 6, "floating point"},
        {0xb0, 7, "L3 cache"},
        {0x2e, 0, "coherent slave"},
        {0x2e, 2, "coherent slave"},
        {0x2e, 1, "power, interrupts"},
        {0x96, 0, "memory controller"},
        {0x05, 0, "parameter block"},
        {0xff, 0, "security processor"},
        {0xff, 1, "security processor"},
        {0x01, 0, "management unit"},
        {0x01, 1, "management unit"},
        {0x18, 0, "northbridge I/O"},
        {0x46, 0, "PCI Express"},
        {0x46, 1, "PCI Express"},
    };
    uint64_t hardware = field_get(MCA_IPID_HARDWARE, error->ipid);
    uint64_t type = field_get(MCA_IPID_TYPE, error->ipid);
    for (unsigned i = 0; error->ipid && i < ARRAY_SIZE(units); i++)
        if (units[i].hardware == hardware && units[i].type == type)
            return units[i].name;
    return NULL;
}
