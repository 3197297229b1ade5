// Walks the terms of a definition block for a name.
//
// AML is a prefix code: the operands of an operator are terms themselves, and follow it. So there
// is no need to know which belongs to which, or how many a method takes: it is enough to know what
// else follows each opcode, which is bytes, a name, or a length over which all can be skipped. Only
// scopes and devices are entered, to know what a name is relative to.
//
// Where an opcode isn't known, the block that it is in is left; what comes behind the block isn't
// lost. What was left, or is there only under a condition, is searched for the bytes of such a name
// at last: firmware does declare \_S5_ in the branch of an If. A name operator, the name and a
// package of small numbers in a row are hardly anything else; in the worst case the machine stays
// on.

#include "drivers/acpi/aml.h"
#include "lib/string.h"

enum {
    ZERO_OP = 0x00,
    ONE_OP = 0x01,
    NAME_OP = 0x08,
    BYTE_PREFIX = 0x0a,
    WORD_PREFIX = 0x0b,
    DWORD_PREFIX = 0x0c,
    QWORD_PREFIX = 0x0e,
    PACKAGE_OP = 0x12,
    DUAL_NAME = 0x2e,
    MULTI_NAME = 0x2f,
    EXTENDED = 0x5b, // the opcode has a second byte
    ROOT = '\\',
    PARENT = '^',
    ONES_OP = 0xff,

    BLOCKS_MAX = 32, // open at a time
    SEGMENT = 4,     // characters of a name
};

// What follows an opcode besides terms.
enum follower {
    UNKNOWN,
    TERMS,       // nothing else
    BYTES,       // so many bytes
    TEXT,        // up to a NUL
    NAME,        // a name, and so many bytes
    LENGTH,      // a length, over which it is skipped
    CONDITIONAL, // the same, with declarations that may come true; 1 byte: begins with the
                 // condition
    SCOPE,       // a length, and a name that those within are relative to
};

struct opcodes {
    uint8_t first, last;
    uint8_t follower, bytes;
};

// [ACPI 20.3]
static const struct opcodes plain[] = {
    {ZERO_OP, ONE_OP, TERMS, 0},
    {0x06, 0x06, TERMS, 0}, // Alias
    {BYTE_PREFIX, BYTE_PREFIX, BYTES, 1},
    {WORD_PREFIX, WORD_PREFIX, BYTES, 2},
    {DWORD_PREFIX, DWORD_PREFIX, BYTES, 4},
    {0x0d, 0x0d, TEXT, 0},
    {QWORD_PREFIX, QWORD_PREFIX, BYTES, 8},
    {0x10, 0x10, SCOPE, 0},
    {0x11, 0x14, LENGTH, 0},      // Buffer, Package, VarPackage, Method
    {0x15, 0x15, NAME, 2},        // External
    {0x60, 0x6e, TERMS, 0},       // Local0 to Local7, Arg0 to Arg6
    {0x70, 0x88, TERMS, 0},       // Store to Index
    {0x8a, 0x99, TERMS, 0},       // CreateDWordField to ToInteger
    {0x9c, 0x9f, TERMS, 0},       // ToString to Continue
    {0xa0, 0xa0, CONDITIONAL, 1}, // If
    {0xa1, 0xa1, CONDITIONAL, 0}, // Else
    {0xa2, 0xa2, CONDITIONAL, 1}, // While
    {0xa3, 0xa5, TERMS, 0},       // Noop, Return, Break
    {0xcc, 0xcc, TERMS, 0},       // BreakPoint
    {ONES_OP, ONES_OP, TERMS, 0},
};

static const struct opcodes extended[] = {
    {0x01, 0x01, NAME, 1},   // Mutex
    {0x02, 0x02, TERMS, 0},  // Event
    {0x12, 0x13, TERMS, 0},  // CondRefOf, CreateField
    {0x1f, 0x22, TERMS, 0},  // LoadTable to Sleep
    {0x24, 0x2a, TERMS, 0},  // Signal to Unload
    {0x30, 0x31, TERMS, 0},  // Revision, Debug
    {0x32, 0x32, BYTES, 5},  // Fatal
    {0x33, 0x33, TERMS, 0},  // Timer
    {0x80, 0x80, NAME, 1},   // OperationRegion
    {0x81, 0x81, LENGTH, 0}, // Field
    {0x82, 0x82, SCOPE, 0},  // Device
    {0x83, 0x87, LENGTH, 0}, // Processor, PowerResource, ThermalZone, IndexField, BankField
    {0x88, 0x88, TERMS, 0},  // DataTableRegion
};

struct walk {
    const uint8_t *aml;
    size_t at;
    struct {
        size_t end;
        unsigned depth; // of the scope below the root
    } blocks[BLOCKS_MAX];
    unsigned open; // the last of them is the one that the walk is in
    bool is_whole; // nothing was left that may hold a declaration
};

static size_t block_end(const struct walk *walk)
{
    return walk->blocks[walk->open - 1].end;
}

static size_t left(const struct walk *walk)
{
    return block_end(walk) - walk->at;
}

static bool pass(struct walk *walk, size_t bytes)
{
    bool fits = bytes <= left(walk);
    walk->at += fits ? bytes : 0;
    return fits;
}

static bool pass_text(struct walk *walk)
{
    size_t length = strnlen((const char *)walk->aml + walk->at, left(walk));
    return pass(walk, length + 1);
}

// PkgLength [ACPI 20.2.4]: bits 7:6 of the first byte are how many more there are. Sets where that
// which it is the length of ends.
static bool read_length(struct walk *walk, size_t *end)
{
    const uint8_t *bytes = walk->aml + walk->at;
    size_t start = walk->at, room = left(walk);
    unsigned more = room ? bytes[0] >> 6 : 0;
    if (!pass(walk, 1 + more))
        return false;
    size_t length = more ? bytes[0] & 0xf : bytes[0] & 0x3f;
    for (unsigned i = 0; i < more; i++)
        length |= (size_t)bytes[1 + i] << (4 + 8 * i);
    *end = start + length;
    return length > more && length <= room;
}

static bool is_segment_start(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || byte == '_';
}

static bool starts_name(uint8_t byte)
{
    return is_segment_start(byte) || byte == ROOT || byte == PARENT || byte == DUAL_NAME ||
           byte == MULTI_NAME;
}

// `\` or any number of `^` [ACPI 20.2.2]. Returns the depth that the rest is relative to.
static unsigned read_prefix(struct walk *walk)
{
    unsigned depth = walk->blocks[walk->open - 1].depth;
    if (left(walk) && walk->aml[walk->at] == ROOT) {
        walk->at++;
        return 0;
    }
    for (; left(walk) && walk->aml[walk->at] == PARENT; walk->at++)
        depth -= depth > 0;
    return depth;
}

static bool read_segment_count(struct walk *walk, size_t *count)
{
    uint8_t first = left(walk) ? walk->aml[walk->at] : 0xff;
    *count = first == ZERO_OP ? 0 : first == DUAL_NAME ? 2 : 1;
    if (is_segment_start(first))
        return true;
    if (first == MULTI_NAME) {
        if (!pass(walk, 2))
            return false;
        *count = walk->aml[walk->at - 1];
        return true;
    }
    return (first == ZERO_OP || first == DUAL_NAME) && pass(walk, 1);
}

// Sets how deep below the root what is named lies, and where the name's last segment is; NULL: it
// has none.
static bool read_name(struct walk *walk, unsigned *depth, const uint8_t **last)
{
    size_t count;
    *depth = read_prefix(walk);
    if (!read_segment_count(walk, &count) || !pass(walk, count * SEGMENT))
        return false;
    *depth += (unsigned)count;
    *last = count ? walk->aml + walk->at - SEGMENT : NULL;
    return true;
}

// One integer of a package [ACPI 20.2.3]. Returns the bytes it takes up, 0 where it is anything
// else.
static size_t read_integer(const uint8_t *aml, size_t size, uint64_t *value)
{
    static const uint8_t sizes[] = {
        [BYTE_PREFIX] = 1, [WORD_PREFIX] = 2, [DWORD_PREFIX] = 4, [QWORD_PREFIX] = 8};
    uint8_t first = size ? aml[0] : PACKAGE_OP;
    *value = first == ONES_OP ? UINT64_MAX : first;
    if (first == ZERO_OP || first == ONE_OP || first == ONES_OP)
        return 1;
    size_t bytes = first < sizeof(sizes) ? sizes[first] : 0;
    if (!bytes || size <= bytes)
        return 0;
    *value = 0;
    memcpy(value, aml + 1, bytes);
    return 1 + bytes;
}

// The elements of _S5_: a type each for PM1a and PM1b, and others; or, as the specification had it
// first, one number with a byte for each.
static bool read_types(const uint8_t *aml, size_t size, uint8_t elements, struct aml_s5 *s5)
{
    uint64_t a, b;
    size_t used = elements ? read_integer(aml, size, &a) : 0;
    if (!used)
        return false;
    if (elements == 1) {
        b = a >> 8 & 0xff;
        a &= 0xff;
    } else if (!read_integer(aml + used, size - used, &b)) {
        b = a;
    }
    if (a > 7 || b > 7) // SLP_TYP has three bits
        return false;
    *s5 = (struct aml_s5){(uint8_t)a, (uint8_t)b};
    return true;
}

// A package from the walk's place on, which isn't moved.
static bool read_package(const struct walk *walk, struct aml_s5 *s5)
{
    struct walk inner = *walk;
    size_t end;
    if (left(&inner) < 2 || inner.aml[inner.at++] != PACKAGE_OP || !read_length(&inner, &end) ||
        inner.at >= end)
        return false;
    uint8_t elements = inner.aml[inner.at++];
    return read_types(inner.aml + inner.at, end - inner.at, elements, s5);
}

static void enter(struct walk *walk, size_t end, unsigned depth)
{
    walk->blocks[walk->open].end = end;
    walk->blocks[walk->open++].depth = depth;
}

static bool enter_scope(struct walk *walk)
{
    size_t end;
    unsigned depth;
    const uint8_t *last;
    unsigned outer = walk->open - 1;
    if (!read_length(walk, &end))
        return false;
    if (walk->open == BLOCKS_MAX) {
        walk->at = end;
        walk->is_whole = false;
        return true;
    }
    enter(walk, end, walk->blocks[outer].depth);
    if (!read_name(walk, &depth, &last)) // within the scope's length
        return false;
    walk->blocks[walk->open - 1].depth = depth;
    return true;
}

static bool pass_length(struct walk *walk)
{
    size_t end;
    if (!read_length(walk, &end))
        return false;
    walk->at = end;
    return true;
}

// Compilers wrap what is declared elsewhere into If (Zero).
static bool pass_conditional(struct walk *walk, bool has_condition)
{
    size_t end, start;
    if (!read_length(walk, &end))
        return false;
    start = walk->at;
    walk->at = end;
    if (!has_condition || start == end || walk->aml[start] != ZERO_OP)
        walk->is_whole = false;
    return true;
}

static const struct opcodes *find_opcode(const struct opcodes *table, size_t count, uint8_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= table[i].first && code <= table[i].last)
            return &table[i];
    return NULL;
}

static bool pass_followers(struct walk *walk, const struct opcodes *opcode)
{
    unsigned depth;
    const uint8_t *last;
    switch (opcode->follower) {
    case TERMS:
        return true;
    case BYTES:
        return pass(walk, opcode->bytes);
    case TEXT:
        return pass_text(walk);
    case NAME:
        return read_name(walk, &depth, &last) && pass(walk, opcode->bytes);
    case CONDITIONAL:
        return pass_conditional(walk, opcode->bytes);
    case LENGTH:
        return pass_length(walk);
    case SCOPE:
        return enter_scope(walk);
    default:
        return false;
    }
}

// Whatever the next byte begins, up to the next term. False where that isn't known or doesn't fit
// into its block.
static bool step(struct walk *walk)
{
    unsigned depth;
    const uint8_t *last;
    uint8_t code = walk->aml[walk->at];
    if (starts_name(code))
        return read_name(walk, &depth, &last);
    walk->at++;
    const struct opcodes *opcode;
    if (code == EXTENDED)
        opcode =
            left(walk) ? find_opcode(extended, ARRAY_SIZE(extended), walk->aml[walk->at++]) : NULL;
    else
        opcode = find_opcode(plain, ARRAY_SIZE(plain), code);
    return opcode && pass_followers(walk, opcode);
}

// At a Name operator: whether it declares a \_S5_ that can be used.
static bool declares_s5(struct walk *walk, struct aml_s5 *s5, bool *is_name)
{
    unsigned depth;
    const uint8_t *last;
    walk->at++;
    *is_name = read_name(walk, &depth, &last);
    return *is_name && last && depth == 1 && memcmp(last, "_S5_", SEGMENT) == 0 &&
           read_package(walk, s5);
}

static bool walk_terms(struct walk *walk, struct aml_s5 *s5)
{
    while (walk->open) {
        bool goes_on = true;
        if (!left(walk)) {
            walk->open--;
            continue;
        }
        if (walk->aml[walk->at] == NAME_OP) {
            if (declares_s5(walk, s5, &goes_on))
                return true;
        } else {
            goes_on = step(walk);
        }
        if (!goes_on) {
            walk->at = block_end(walk);
            walk->is_whole = false;
        }
    }
    return false;
}

// By the bytes that such a declaration has.
static bool search(const uint8_t *aml, size_t size, struct aml_s5 *s5)
{
    for (size_t at = 1; at + SEGMENT < size; at++) {
        if (aml[at] != '_' || memcmp(aml + at, "_S5_", SEGMENT) != 0)
            continue;
        size_t before = aml[at - 1] == ROOT && at >= 2 ? 2 : 1;
        struct walk walk = {.aml = aml, .at = at + SEGMENT, .blocks = {{size, 0}}, .open = 1};
        if (aml[at - before] == NAME_OP && read_package(&walk, s5))
            return true;
    }
    return false;
}

bool aml_find_s5(const uint8_t *aml, size_t size, struct aml_s5 *s5)
{
    struct walk walk = {.aml = aml, .blocks = {{size, 0}}, .open = 1, .is_whole = true};
    if (walk_terms(&walk, s5))
        return true;
    return !walk.is_whole && search(aml, size, s5);
}
