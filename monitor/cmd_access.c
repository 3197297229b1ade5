// Commands that read and write memory, ports and registers. Whatever faults is an error, nothing
// more.

#include "arch/x86_64/io.h"
#include "arch/x86_64/msr.h"
#include "kernel/console.h"
#include "kernel/symbol.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/hexdump.h"
#include "monitor/memory_access.h"

enum { COUNT_MAX = 4096, WORDS_A_LINE = 16 };
enum { DUMP_DEFAULT = 128, DUMP_MAX = 1 << 20 };

// Takes one of `sizes` ("124": `-1`, `-2` or `-4`) off the front of the words. Returns it, or
// `usual` where there is none.
static unsigned take_size(int *argc, char ***argv, const char *sizes, unsigned usual)
{
    const char *word = *argc > 1 ? (*argv)[1] : "";
    if (word[0] != '-' || !word[1] || !strchr(sizes, word[1]) || word[2])
        return usual;
    (*argc)--;
    (*argv)++;
    return (unsigned)(word[1] - '0');
}

static enum status show_words(const struct memory_place *place, unsigned size, uint64_t count)
{
    unsigned a_line = WORDS_A_LINE / size;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value;
        if (i % a_line == 0 && command_interrupted())
            return OK;
        if (i % a_line == 0)
            print(i ? "\n%p:" : "%p:", (void *)(place->address + i * size));
        if (memory_read(place, i * size, size, &value) != OK) {
            print(" can't be read\n");
            return FAULT;
        }
        print(" %0*lx", (int)(2 * size), value);
    }
    print("\n");
    return OK;
}

COMMAND(peek, "[-1|-2|-4|-8] [phys:]ADDRESS [COUNT]", "show memory as words, of 8 bytes or others",
        "peek -4 boot_info+0x10 8")
{
    struct memory_place place;
    uint64_t count = 1;
    unsigned size = take_size(&argc, &argv, "1248", 8);
    if (argc < 2 || argc > 3)
        return BAD_ARGUMENT;
    if (!memory_place(argv[1], &place) || (argc == 3 && !command_number(argv[2], &count)))
        return FAILED;
    if (count == 0 || count > COUNT_MAX) {
        print("1 to %d words can be shown\n", COUNT_MAX);
        return FAILED;
    }
    return show_words(&place, size, count);
}

// A value that fits, or a complaint.
static bool check_fits(uint64_t value, unsigned size)
{
    if (size == 8 || !(value >> (8 * size)))
        return true;
    print("0x%lx doesn't fit into %u byte%s\n", value, size, size == 1 ? "" : "s");
    return false;
}

COMMAND(poke, "[-1|-2|-4|-8] [phys:]ADDRESS VALUE", "write memory, anywhere: nothing stops you",
        "poke -1 phys:0xb8000 0x4b")
{
    struct memory_place place;
    uint64_t value;
    unsigned size = take_size(&argc, &argv, "1248", 8);
    if (argc != 3)
        return BAD_ARGUMENT;
    if (!memory_place(argv[1], &place) || !command_number(argv[2], &value))
        return FAILED;
    if (!check_fits(value, size))
        return FAILED;
    if (memory_write(&place, size, value) == OK)
        return OK;
    print("%p can't be written\n", (void *)place.address);
    return FAULT;
}

COMMAND(hexdump, "[phys:]ADDRESS [LENGTH]", "show memory as bytes, and as text", "hexdump kmain 4K")
{
    struct memory_place place;
    uint64_t length = DUMP_DEFAULT;
    if (argc < 2 || argc > 3)
        return BAD_ARGUMENT;
    if (!memory_place(argv[1], &place))
        return FAILED;
    if (argc == 3 && !parse_size(argv[2], &length)) {
        print("'%.40s' is not a size, such as 64, 0x40 or 4K\n", argv[2]);
        return FAILED;
    }
    if (length == 0 || length > DUMP_MAX) {
        print("1 byte to %d KiB can be shown\n", DUMP_MAX / 1024);
        return FAILED;
    }
    return hexdump(&place, place.address, length);
}

static uint32_t port_read(uint16_t port, unsigned size)
{
    return size == 1 ? port_read8(port) : size == 2 ? port_read16(port) : port_read32(port);
}

static void port_write(uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1)
        port_write8(port, (uint8_t)value);
    else if (size == 2)
        port_write16(port, (uint16_t)value);
    else
        port_write32(port, value);
}

// What has been written isn't read back: reading may mean something else, or do something.
COMMAND(port, "[-1|-2|-4] PORT [VALUE]", "read or write an I/O port, any: nothing stops you",
        "port -4 0xcf8")
{
    uint64_t port, value = 0;
    unsigned size = take_size(&argc, &argv, "124", 1);
    if (argc < 2 || argc > 3)
        return BAD_ARGUMENT;
    if (!command_number(argv[1], &port) || (argc == 3 && !command_number(argv[2], &value)))
        return FAILED;
    if (port > UINT16_MAX + 1u - size) {
        print("the last port of that size is 0x%x\n", UINT16_MAX + 1u - size);
        return FAILED;
    }
    if (!check_fits(value, size))
        return FAILED;
    if (argc == 3)
        port_write((uint16_t)port, size, (uint32_t)value);
    else
        print("port 0x%04lx = 0x%0*x\n", port, (int)(2 * size), port_read((uint16_t)port, size));
    return OK;
}

COMMAND(msr, "REGISTER [VALUE]", "show or set an MSR, a model-specific register", "msr 0xc0000080")
{
    uint64_t msr, value;
    if (argc < 2 || argc > 3)
        return BAD_ARGUMENT;
    if (!command_number(argv[1], &msr) || (argc == 3 && !command_number(argv[2], &value)))
        return FAILED;
    if (msr > UINT32_MAX) {
        print("the numbers of registers have 32 bits\n");
        return FAILED;
    }
    if (argc == 3 && msr_write((uint32_t)msr, value) != OK) {
        print("the processor refuses 0x%lx for MSR 0x%lx\n", value, msr);
        return FAULT;
    }
    if (msr_read((uint32_t)msr, &value) != OK) {
        print("MSR 0x%lx can't be read\n", msr);
        return FAULT;
    }
    print("MSR 0x%lx = 0x%016lx\n", msr, value);
    return OK;
}

static bool show_symbol(void *context, uintptr_t address, const char *name)
{
    enum { SHOWN_MAX = 100 };
    unsigned *shown = context;
    if ((*shown)++ == SHOWN_MAX) {
        print("... and more\n");
        return false;
    }
    print("%p %s\n", (void *)address, name);
    return !command_interrupted();
}

COMMAND(symbol, "ADDRESS|PATTERN", "find symbols, by address or by name", "symbol *page*")
{
    uint64_t address = 0;
    unsigned shown = 0;
    if (argc != 2)
        return BAD_ARGUMENT;
    if (argv[1][0] >= '0' && argv[1][0] <= '9') {
        size_t offset;
        if (!command_number(argv[1], &address))
            return FAILED;
        if (!symbol_find(address, &offset)) {
            print("no symbol there\n");
            return NOT_FOUND;
        }
        print("%p %pS\n", (void *)address, (void *)address);
        return OK;
    }
    symbol_match(argv[1], show_symbol, &shown);
    if (!shown)
        print("no symbol has such a name\n");
    return shown ? OK : NOT_FOUND;
}
