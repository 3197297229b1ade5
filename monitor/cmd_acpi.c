// The command that shows what the firmware tells by ACPI: all tables, or one of them.

#include "drivers/acpi/tables.h"
#include "kernel/console.h"
#include "lib/string.h"
#include "monitor/acpi_view.h"
#include "monitor/command.h"
#include "monitor/completion.h"
#include "monitor/hexdump.h"

enum { SIGNATURE = 4 };

// Names that people use for tables with other signatures.
static const struct {
    char name[5], signature[5];
} known_as[] = {{"MADT", "APIC"}, {"FADT", "FACP"}};

static void show_head(const struct acpi_header *table, paddr_t address)
{
    char name[ACPI_NAME_MAX], oem[ACPI_NAME_MAX], oem_table[ACPI_NAME_MAX];
    acpi_name(table->signature, sizeof(table->signature), name);
    acpi_name(table->oem_id, sizeof(table->oem_id), oem);
    acpi_name(table->oem_table_id, sizeof(table->oem_table_id), oem_table);
    print("%-6s 0x%012lx %9u %4u   %-6s %s\n", name, address, table->length, table->revision, oem,
          oem_table);
}

static void show_refused(void)
{
    const struct acpi_refused *refused;
    for (unsigned i = 0; (refused = acpi_refused(i)); i++)
        print("left out: %s at 0x%lx: %s\n", refused->name, refused->address, refused->why);
}

static enum status show_list(void)
{
    const struct acpi_header *table;
    paddr_t address;
    if (!acpi_table_count())
        print("there are no ACPI tables that can be used\n");
    else
        print("table  address            bytes  rev   OEM    OEM's table\n");
    for (unsigned i = 0; (table = acpi_table(i, &address)) && !command_interrupted(); i++)
        show_head(table, address);
    show_refused();
    return acpi_table_count() ? OK : NOT_FOUND;
}

// The signature that a word means: as it stands, but in capitals, or by another name.
static bool read_signature(const char *word, char signature[SIGNATURE + 1])
{
    if (strlen(word) != SIGNATURE)
        return false;
    for (unsigned i = 0; i < SIGNATURE; i++)
        signature[i] = word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 'a' + 'A') : word[i];
    signature[SIGNATURE] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(known_as); i++)
        if (string_equal(signature, known_as[i].name))
            memcpy(signature, known_as[i].signature, SIGNATURE);
    return true;
}

// The `number`th table with a signature, from 1.
static const struct acpi_header *find(const char *signature, uint64_t number, paddr_t *address)
{
    const struct acpi_header *table;
    for (unsigned i = 0; (table = acpi_table(i, address)); i++)
        if (memcmp(table->signature, signature, SIGNATURE) == 0 && --number == 0)
            return table;
    return NULL;
}

static enum status show_table(const struct acpi_header *table, paddr_t address)
{
    struct memory_place place = {.address = (uintptr_t)table};
    show_head(table, address);
    if (acpi_view(table))
        return OK;
    return hexdump(&place, 0, table->length);
}

COMMAND(acpi, "[TABLE [NUMBER]]", "the firmware's tables, all or one of them", "acpi MADT")
{
    char signature[SIGNATURE + 1];
    uint64_t number = 1;
    paddr_t address;
    if (argc > 3)
        return BAD_ARGUMENT;
    if (argc == 1)
        return show_list();
    if (argc == 3 && !command_number(argv[2], &number))
        return FAILED;
    const struct acpi_header *table = NULL;
    if (number && read_signature(argv[1], signature))
        table = find(signature, number, &address);
    if (table)
        return show_table(table, address);
    print("there is no such table; `acpi` lists them\n");
    return NOT_FOUND;
}

COMPLETER(TABLE)
{
    enum { NAMES_MAX = 64 };
    static char names[NAMES_MAX][ACPI_NAME_MAX]; // what is offered must stay
    const struct acpi_header *table;
    paddr_t address;
    for (unsigned i = 0; i < NAMES_MAX && (table = acpi_table(i, &address)); i++) {
        acpi_name(table->signature, SIGNATURE, names[i]);
        completion_offer(completion, names[i]);
        for (unsigned j = 0; j < ARRAY_SIZE(known_as); j++)
            if (string_equal(names[i], known_as[j].signature))
                completion_offer(completion, known_as[j].name);
    }
}
