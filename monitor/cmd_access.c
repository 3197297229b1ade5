// Commands that read and write memory and registers. Whatever faults is an error, nothing more.

#include "arch/arch.h"
#include "arch/x86_64/msr.h"
#include "kernel/console.h"
#include "kernel/symbol.h"
#include "lib/string.h"
#include "mm/layout.h"
#include "monitor/command.h"

enum { COUNT_MAX = 4096, WORDS_A_LINE = 16 };

// Takes `-1`, `-2`, `-4` or `-8` off the front of the words. Returns the size, 8 if there is none.
static unsigned take_size(int *argc, char ***argv)
{
    const char *word = *argc > 1 ? (*argv)[1] : "";
    if (word[0] != '-' || !strchr("1248", word[1]) || !word[1] || word[2])
        return 8;
    (*argc)--;
    (*argv)++;
    return (unsigned)(word[1] - '0');
}

// An address, virtual or, with `phys:` in front, physical.
static bool take_address(const char *word, uint64_t *address)
{
    if (!string_starts_with(word, "phys:"))
        return command_address(word, address);
    if (!command_number(word + 5, address))
        return false;
    void *mapped = phys_to_virt(*address, 8);
    if (!mapped)
        print("0x%lx is beyond the direct map\n", *address);
    *address = (uintptr_t)mapped;
    return mapped != NULL;
}

static enum status show_words(uintptr_t address, unsigned size, uint64_t count)
{
    unsigned a_line = WORDS_A_LINE / size;
    for (uint64_t i = 0; i < count; i++, address += size) {
        uint64_t value;
        if (i % a_line == 0)
            print(i ? "\n%p:" : "%p:", (void *)address);
        if (arch_probe_read(address, size, &value) != OK) {
            print(" can't be read\n");
            return FAULT;
        }
        print(" %0*lx", (int)(2 * size), value);
    }
    print("\n");
    return OK;
}

COMMAND(peek, "[-1|-2|-4|-8] [phys:]ADDRESS [COUNT]", "show memory, in words of 8 bytes or others",
        "peek -4 boot_info+0x10 8")
{
    uint64_t address, count = 1;
    unsigned size = take_size(&argc, &argv);
    if (argc < 2 || argc > 3)
        return BAD_ARGUMENT;
    if (!take_address(argv[1], &address) || (argc == 3 && !command_number(argv[2], &count)))
        return FAILED;
    if (count == 0 || count > COUNT_MAX) {
        print("1 to %d words can be shown\n", COUNT_MAX);
        return FAILED;
    }
    return show_words(address, size, count);
}

COMMAND(poke, "[-1|-2|-4|-8] [phys:]ADDRESS VALUE", "write memory; nothing stops you",
        "poke -1 phys:0xb8000 0x4b")
{
    uint64_t address, value;
    unsigned size = take_size(&argc, &argv);
    if (argc != 3)
        return BAD_ARGUMENT;
    if (!take_address(argv[1], &address) || !command_number(argv[2], &value))
        return FAILED;
    if (size < 8 && value >> (8 * size)) {
        print("0x%lx doesn't fit into %u bytes\n", value, size);
        return FAILED;
    }
    if (arch_probe_write(address, size, value) == OK)
        return OK;
    print("%p can't be written\n", (void *)address);
    return FAULT;
}

COMMAND(msr, "REGISTER [VALUE]", "show or set a model-specific register", "msr 0xc0000080")
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

static unsigned symbols_shown;

static bool show_symbol(uintptr_t address, const char *name)
{
    enum { SHOWN_MAX = 100 };
    if (symbols_shown++ == SHOWN_MAX) {
        print("... and more\n");
        return false;
    }
    print("%p %s\n", (void *)address, name);
    return !command_interrupted();
}

COMMAND(symbol, "ADDRESS|PATTERN", "find symbols by address or by name", "symbol *page*")
{
    uint64_t address = 0;
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
    symbols_shown = 0;
    symbol_match(argv[1], show_symbol);
    if (!symbols_shown)
        print("no symbol has such a name\n");
    return symbols_shown ? OK : NOT_FOUND;
}
