// Registers as GDB sees them: their names and order are its own [GDB G.5.4].

#include "arch/x86_64/registers.h"
#include "kernel/panic.h"
#include "lib/format.h"
#include "lib/string.h"
#include "monitor/gdb_priv.h"

enum { XML_MAX = 8192, WORD = 8, X87_SIZE = 10, HALF = 4 };

enum feature { CORE, SEGMENTS, CONTROL };
enum source { FRAME, CONTROLS, CONTROLS16, NOWHERE };

struct gdb_register {
    const char *name, *type;
    uint8_t size; // in bytes, for GDB
    enum feature feature;
    enum source source;
    uint16_t offset;
};

#define ON_FRAME(name, type, size)                                        \
    {                                                                     \
#name, type, size, CORE, FRAME, offsetof(struct trap_frame, name) \
    }
#define ON_CONTROLS(name, type, feature)                                            \
    {                                                                               \
#name, type, WORD, feature, CONTROLS, offsetof(struct debug_controls, name) \
    }
#define GENERAL(name) ON_FRAME(name, "int64", WORD)
#define SELECTOR(name)                                                                \
    {                                                                                 \
#name, "int32", HALF, CORE, CONTROLS16, offsetof(struct debug_controls, name) \
    }
#define X87(name)                                     \
    {                                                 \
#name, "i387_ext", X87_SIZE, CORE, NOWHERE, 0 \
    }
#define X87_CONTROL(name)                      \
    {                                          \
#name, "int32", HALF, CORE, NOWHERE, 0 \
    }

// The kernel uses no vector registers, and of the x87's GDB only wants to know that they aren't
// known. What a step always tells comes first, for short numbers; RSP last, since packet g leaves
// it out: GDB then asks for it alone, when it needs it.
static const struct gdb_register registers[] = {
    ON_FRAME(rip, "code_ptr", WORD),
    ON_FRAME(rbp, "data_ptr", WORD),
    GENERAL(rax),
    GENERAL(rbx),
    GENERAL(rcx),
    GENERAL(rdx),
    GENERAL(rsi),
    GENERAL(rdi),
    GENERAL(r8),
    GENERAL(r9),
    GENERAL(r10),
    GENERAL(r11),
    GENERAL(r12),
    GENERAL(r13),
    GENERAL(r14),
    GENERAL(r15),
    {"eflags", "i386_eflags", HALF, CORE, FRAME, offsetof(struct trap_frame, rflags)},
    ON_FRAME(cs, "int32", HALF),
    ON_FRAME(ss, "int32", HALF),
    SELECTOR(ds),
    SELECTOR(es),
    SELECTOR(fs),
    SELECTOR(gs),
    X87(st0),
    X87(st1),
    X87(st2),
    X87(st3),
    X87(st4),
    X87(st5),
    X87(st6),
    X87(st7),
    X87_CONTROL(fctrl),
    X87_CONTROL(fstat),
    X87_CONTROL(ftag),
    X87_CONTROL(fiseg),
    X87_CONTROL(fioff),
    X87_CONTROL(foseg),
    X87_CONTROL(fooff),
    X87_CONTROL(fop),
    ON_CONTROLS(fs_base, "int64", SEGMENTS),
    ON_CONTROLS(gs_base, "int64", SEGMENTS),
    ON_CONTROLS(kernel_gs_base, "int64", CONTROL),
    ON_CONTROLS(cr0, "cr0", CONTROL),
    ON_CONTROLS(cr2, "int64", CONTROL),
    ON_CONTROLS(cr3, "int64", CONTROL),
    ON_CONTROLS(cr4, "cr4", CONTROL),
    ON_CONTROLS(cr8, "int64", CONTROL),
    ON_CONTROLS(efer, "efer", CONTROL),
    ON_FRAME(rsp, "data_ptr", WORD),
};
enum { RIP, RBP, COUNT = ARRAY_SIZE(registers), RSP = COUNT - 1 };

// --- The description -----------------------------------------------------------------------------

struct flag {
    const char *name;
    unsigned bit;
};

static const struct flag eflags[] = {{"CF", 0},  {"PF", 2},  {"AF", 4},  {"ZF", 6},  {"SF", 7},
                                     {"TF", 8},  {"IF", 9},  {"DF", 10}, {"OF", 11}, {"NT", 14},
                                     {"RF", 16}, {"VM", 17}, {"AC", 18}, {"ID", 21}, {NULL, 0}};
static const struct flag cr0[] = {{"PE", 0},  {"MP", 1},  {"EM", 2},  {"TS", 3},
                                  {"ET", 4},  {"NE", 5},  {"WP", 16}, {"AM", 18},
                                  {"NW", 29}, {"CD", 30}, {"PG", 31}, {NULL, 0}};
static const struct flag cr4[] = {
    {"VME", 0},   {"PVI", 1},   {"TSD", 2},       {"DE", 3},     {"PSE", 4},         {"PAE", 5},
    {"MCE", 6},   {"PGE", 7},   {"PCE", 8},       {"OSFXSR", 9}, {"OSXMMEXCPT", 10}, {"UMIP", 11},
    {"LA57", 12}, {"VMXE", 13}, {"FSGSBASE", 16}, {"PCIDE", 17}, {"OSXSAVE", 18},    {"SMEP", 20},
    {"SMAP", 21}, {"PKE", 22},  {NULL, 0}};
static const struct flag efer[] = {{"SCE", 0},   {"LME", 8},    {"LMA", 10},   {"NXE", 11},
                                   {"SVME", 12}, {"LMSLE", 13}, {"FFXSR", 14}, {NULL, 0}};

static char xml[XML_MAX];
static size_t xml_length;

printf_like(1, 2) static void add(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    xml_length += vsnprintf(xml + xml_length, sizeof(xml) - xml_length, format, args);
    va_end(args);
    ASSERT(xml_length < sizeof(xml));
}

static void add_flags(const char *name, unsigned size, const struct flag *flags)
{
    add("<flags id=\"%s\" size=\"%u\">", name, size);
    for (; flags->name; flags++)
        add("<field name=\"%s\" start=\"%u\" end=\"%u\"/>", flags->name, flags->bit, flags->bit);
    add("</flags>\n");
}

static void add_feature(enum feature feature, const char *name)
{
    add("<feature name=\"%s\">\n", name);
    if (feature == CORE)
        add_flags("i386_eflags", HALF, eflags);
    if (feature == CONTROL) {
        add_flags("cr0", WORD, cr0);
        add_flags("cr4", WORD, cr4);
        add_flags("efer", WORD, efer);
    }
    for (unsigned i = 0; i < COUNT; i++)
        if (registers[i].feature == feature)
            add("<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"/>\n", registers[i].name,
                registers[i].size * 8, registers[i].type, i);
    add("</feature>\n");
}

const char *gdb_registers_xml(size_t *length)
{
    if (!xml_length) {
        add("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
            "<architecture>i386:x86-64</architecture>\n");
        add_feature(CORE, "org.gnu.gdb.i386.core");
        add_feature(SEGMENTS, "org.gnu.gdb.i386.segments");
        add_feature(CONTROL, "org.keelson.control");
        add("</target>\n");
    }
    *length = xml_length;
    return xml;
}

// --- Values --------------------------------------------------------------------------------------

// NULL: not known. A thread that sleeps keeps three registers, and its segments are the kernel's.
static const void *find(const struct gdb_state *state, unsigned index)
{
    const struct gdb_register *reg = &registers[index];
    const struct trap_frame *frame = state->frame ? state->frame : &state->own;
    bool is_kept = index == RBP || index == RSP || index == RIP;
    if (reg->source == FRAME)
        return state->frame || is_kept ? (const char *)frame + reg->offset : NULL;
    bool is_known = reg->source != NOWHERE && state->controls;
    return is_known ? (const char *)state->controls + reg->offset : NULL;
}

static void put(const struct gdb_state *state, unsigned index)
{
    const struct gdb_register *reg = &registers[index];
    const void *value = find(state, index);
    uint64_t wide = 0;
    if (!value) {
        for (unsigned i = 0; i < reg->size; i++)
            gdb_put(&gdb_reply, "xx");
        return;
    }
    memcpy(&wide, value, reg->source == CONTROLS16 ? 2 : reg->size);
    gdb_put_hex(&gdb_reply, &wide, reg->size);
}

// What GDB asks for after every step, mostly.
void gdb_put_expedited(const struct gdb_state *state)
{
    for (unsigned i = RIP; i <= RBP; i++) {
        gdb_put(&gdb_reply, "%x:", i);
        put(state, i);
        gdb_put(&gdb_reply, ";");
    }
}

void gdb_serve_read_all(const char *at)
{
    struct gdb_state state;
    (void)at;
    if (!gdb_thread_state(gdb_session.thread, &state)) {
        gdb_fail(GDB_NO_ENTRY);
        return;
    }
    for (unsigned i = 0; i < RSP; i++)
        put(&state, i);
}

void gdb_serve_read_one(const char *at)
{
    struct gdb_state state;
    uint64_t index;
    if (!gdb_take_hex(&at, &index) || *at || index >= COUNT)
        gdb_fail(GDB_BAD);
    else if (!gdb_thread_state(gdb_session.thread, &state))
        gdb_fail(GDB_NO_ENTRY);
    else
        put(&state, (unsigned)index);
}

// Not what would take the kernel's own ground away, nor what a sleeper doesn't keep.
static bool is_writable(const struct gdb_register *reg)
{
    return reg->source == FRAME && reg->offset != offsetof(struct trap_frame, cs) &&
           reg->offset != offsetof(struct trap_frame, ss);
}

void gdb_serve_write_one(const char *at)
{
    struct gdb_state state;
    uint64_t index, value = 0;
    if (!gdb_take_hex(&at, &index) || !gdb_take_char(&at, '=') || index >= COUNT ||
        !is_writable(&registers[index]) ||
        gdb_take_bytes(at, (uint8_t *)&value, registers[index].size) != registers[index].size ||
        !gdb_thread_state(gdb_session.thread, &state) || !state.frame) {
        gdb_fail(GDB_BAD);
        return;
    }
    if (registers[index].offset == offsetof(struct trap_frame, rflags))
        value &= ~(uint64_t)RFLAGS_TF; // steps are the stub's own affair
    memcpy((char *)state.frame + registers[index].offset, &value, registers[index].size);
    gdb_done();
}
