// ACPI tables for people (monitor/acpi_view.h): descriptions of their fields, and one way to show
// them. What a table is too short for isn't shown.

#include "monitor/acpi_view.h"
#include "drivers/acpi/dbg2.h"
#include "drivers/acpi/entries.h"
#include "drivers/acpi/fadt.h"
#include "drivers/acpi/gas.h"
#include "drivers/acpi/madt.h"
#include "drivers/acpi/mcfg.h"
#include "drivers/acpi/spcr.h"
#include "drivers/acpi/srat.h"
#include "kernel/console.h"
#include "lib/string.h"
#include "monitor/command.h"

enum how {
    NUMBER,
    HEX,
    GAS,     // a generic address structure
    ENABLED, // by bit 0
    SIGNAL,  // polarity and trigger mode [ACPI table 5.26]
    NODE,    // a byte, and three more seven bytes behind it
};

struct field {
    const char *label;
    uint16_t offset;
    uint8_t size, how;
};

enum { ENTRY_FIELDS_MAX = 4 };

struct entry_kind {
    const char *name; // NULL: not known
    struct field fields[ENTRY_FIELDS_MAX];
};

static const struct field fadt_fields[] = {
    {"FACS", 36, 4, HEX},
    {"DSDT", FADT_DSDT, 4, HEX},
    {"SCI", FADT_SCI, 2, NUMBER},
    {"SMI command port", FADT_SMI_COMMAND, 4, HEX},
    {"value that enables ACPI", FADT_ACPI_ENABLE, 1, HEX},
    {"PM1a control", FADT_PM1A_CONTROL, 4, HEX},
    {"PM1b control", FADT_PM1B_CONTROL, 4, HEX},
    {"PM timer", FADT_PM_TIMER, 4, HEX},
    {"PM timer's length", FADT_PM_TIMER_LENGTH, 1, NUMBER},
    {"CMOS register of centuries", FADT_CENTURY, 1, HEX},
    {"boot flags", FADT_BOOT_FLAGS, 2, HEX},
    {"flags", FADT_FLAGS, 4, HEX},
    {"reset register", 116, GAS_SIZE, GAS},
    {"value that resets", 128, 1, HEX},
    {"wide DSDT", FADT_X_DSDT, 8, HEX},
    {"wide PM1a control", FADT_X_PM1A_CONTROL, GAS_SIZE, GAS},
    {"wide PM1b control", FADT_X_PM1B_CONTROL, GAS_SIZE, GAS},
    {"wide PM timer", FADT_X_PM_TIMER, GAS_SIZE, GAS},
    {"sleep control", 244, GAS_SIZE, GAS},
    {"sleep status", 256, GAS_SIZE, GAS},
};

static const struct field madt_fields[] = {
    {"local APICs", MADT_LAPIC_ADDRESS, 4, HEX},
    {"flags", MADT_FLAGS, 4, HEX},
};

static const struct entry_kind madt_kinds[] = {
    [MADT_LAPIC] = {"processor",
                    {{"APIC id", 3, 1, NUMBER}, {"uid", 2, 1, NUMBER}, {"", 4, 4, ENABLED}}},
    [MADT_IOAPIC] = {"I/O APIC",
                     {{"id", 2, 1, NUMBER}, {"at", 4, 4, HEX}, {"first GSI", 8, 4, NUMBER}}},
    [MADT_OVERRIDE] = {"ISA line", {{"", 3, 1, NUMBER}, {"GSI", 4, 4, NUMBER}, {"", 8, 2, SIGNAL}}},
    [MADT_NMI_SOURCE] = {"NMI", {{"GSI", 4, 4, NUMBER}, {"", 2, 2, SIGNAL}}},
    [MADT_LAPIC_NMI] = {"NMI of a local APIC",
                        {{"uid", 2, 1, NUMBER}, {"LINT", 5, 1, NUMBER}, {"", 3, 2, SIGNAL}}},
    [MADT_LAPIC_ADDRESS_64] = {"local APICs", {{"at", 4, 8, HEX}}},
    [MADT_X2APIC] = {"processor",
                     {{"x2APIC id", 4, 4, NUMBER}, {"uid", 12, 4, NUMBER}, {"", 8, 4, ENABLED}}},
    [MADT_X2APIC_NMI] = {"NMI of a local x2APIC",
                         {{"uid", 4, 4, NUMBER}, {"LINT", 8, 1, NUMBER}, {"", 2, 2, SIGNAL}}},
};

static const struct entry_kind srat_kinds[] = {
    [SRAT_LAPIC] = {"processor",
                    {{"node", 2, 1, NODE}, {"APIC id", 3, 1, NUMBER}, {"", 4, 4, ENABLED}}},
    [SRAT_MEMORY] =
        {"memory",
         {{"node", 2, 4, NUMBER}, {"at", 8, 8, HEX}, {"bytes", 16, 8, HEX}, {"", 28, 4, ENABLED}}},
    [SRAT_X2APIC] = {"processor",
                     {{"node", 4, 4, NUMBER}, {"x2APIC id", 8, 4, NUMBER}, {"", 12, 4, ENABLED}}},
};

static const struct field hpet_fields[] = {
    {"identity", 36, 4, HEX},
    {"registers", 40, GAS_SIZE, GAS},
    {"number", 52, 1, NUMBER},
    {"minimum tick", 53, 2, NUMBER},
};

static const struct field mcfg_entry[ENTRY_FIELDS_MAX] = {
    {"segment", 8, 2, NUMBER},
    {"from bus", 10, 1, NUMBER},
    {"to bus", 11, 1, NUMBER},
    {"bus 0 at", 0, 8, HEX},
};

static const struct field spcr_fields[] = {
    {"kind", SPCR_INTERFACE, 1, HEX},
    {"registers", SPCR_ADDRESS, GAS_SIZE, GAS},
    {"kinds of interrupt", SPCR_INTERRUPT_TYPE, 1, HEX},
    {"ISA line", SPCR_IRQ, 1, NUMBER},
    {"GSI", SPCR_GSI, 4, NUMBER},
    {"code of the speed", SPCR_BAUD, 1, NUMBER},
};

static const struct field dbg2_fields[] = {
    {"ports", DBG2_COUNT, 4, NUMBER},
};

// --- Showing
// --------------------------------------------------------------------------------------

static void show_gas(const struct acpi_gas *gas)
{
    if (!gas->address)
        print("none");
    else if (gas->space > GAS_PORT)
        print("0x%lx in space %u", gas->address, gas->space);
    else
        print("%s 0x%lx, %u bits", gas->space == GAS_PORT ? "port" : "memory", gas->address,
              gas->width);
}

static void show_signal(unsigned flags)
{
    static const char *const triggers[] = {"as its bus has it", "edge", "reserved", "level"};
    static const char *const polarities[] = {"", ", high", ", reserved", ", low"};
    print("%s%s", triggers[flags >> 2 & 3], polarities[flags & 3]);
}

static void show_value(const struct acpi_header *table, size_t at, const struct field *field)
{
    size_t offset = at + field->offset;
    uint64_t value = field->how == GAS ? 0 : acpi_field(table, offset, field->size);
    struct acpi_gas gas;
    switch (field->how) {
    case GAS:
        gas = acpi_gas(table, offset);
        show_gas(&gas);
        break;
    case ENABLED:
        print(value & 1 ? "enabled" : "not enabled");
        break;
    case SIGNAL:
        show_signal((unsigned)value);
        break;
    case NODE:
        print("%lu", value | acpi_field(table, offset + 7, 3) << 8);
        break;
    default:
        print(field->how == HEX ? "0x%lx" : "%lu", value);
    }
}

static void show_fields(const struct acpi_header *table, const struct field *fields, unsigned count)
{
    for (unsigned i = 0; i < count && !command_interrupted(); i++) {
        if (fields[i].offset + fields[i].size > table->length)
            continue;
        print("  %-27s", fields[i].label);
        show_value(table, 0, &fields[i]);
        print("\n");
    }
}

static void show_entry(const struct acpi_header *table, size_t at, const char *name,
                       const struct field fields[ENTRY_FIELDS_MAX])
{
    print("  %s:", name);
    for (unsigned i = 0; i < ENTRY_FIELDS_MAX && fields[i].label; i++) {
        print("%s%s%s", i ? ", " : " ", fields[i].label, fields[i].label[0] ? " " : "");
        show_value(table, at, &fields[i]);
    }
    print("\n");
}

static void show_entries(const struct acpi_header *table, size_t first,
                         const struct entry_kind *kinds, unsigned count)
{
    size_t offset = first, at = first;
    const uint8_t *entry;
    for (; !command_interrupted() && (entry = acpi_entry_next(table, &offset)); at = offset) {
        if (entry[0] < count && kinds[entry[0]].name)
            show_entry(table, at, kinds[entry[0]].name, kinds[entry[0]].fields);
        else
            print("  an entry of type %u, %u bytes\n", entry[0], entry[1]);
    }
    if (at < table->length && !command_interrupted())
        print("  the list breaks at offset %zu\n", at);
}

static void show_madt(const struct acpi_header *table)
{
    show_entries(table, MADT_ENTRIES, madt_kinds, ARRAY_SIZE(madt_kinds));
}

static void show_srat(const struct acpi_header *table)
{
    show_entries(table, SRAT_ENTRIES, srat_kinds, ARRAY_SIZE(srat_kinds));
}

static void show_mcfg(const struct acpi_header *table)
{
    for (size_t at = MCFG_ENTRIES; at + MCFG_ENTRY_SIZE <= table->length; at += MCFG_ENTRY_SIZE) {
        if (command_interrupted())
            return;
        show_entry(table, at, "configuration space", mcfg_entry);
    }
}

static void show_dbg2(const struct acpi_header *table)
{
    size_t offset = acpi_field(table, DBG2_OFFSET, 4), device;
    while (!command_interrupted() && (device = dbg2_next(table, &offset))) {
        size_t address = device + acpi_field(table, device + DBG2_ADDRESS, 2);
        struct acpi_gas gas = acpi_gas(table, address);
        print("  port of type 0x%lx, subtype 0x%lx: ", acpi_field(table, device + DBG2_TYPE, 2),
              acpi_field(table, device + DBG2_SUBTYPE, 2));
        show_gas(&gas);
        print("\n");
    }
}

#define FIELDS(fields) (fields), ARRAY_SIZE(fields)

static const struct {
    char signature[5];
    const struct field *fields;
    unsigned count;
    void (*show_more)(const struct acpi_header *table);
} views[] = {
    {"FACP", FIELDS(fadt_fields), NULL},
    {"APIC", FIELDS(madt_fields), show_madt},
    {"SRAT", NULL, 0, show_srat},
    {"HPET", FIELDS(hpet_fields), NULL},
    {"MCFG", NULL, 0, show_mcfg},
    {"SPCR", FIELDS(spcr_fields), NULL},
    {"DBG2", FIELDS(dbg2_fields), show_dbg2},
};

bool acpi_view(const struct acpi_header *table)
{
    for (unsigned i = 0; i < ARRAY_SIZE(views); i++) {
        if (memcmp(table->signature, views[i].signature, sizeof(table->signature)) != 0)
            continue;
        show_fields(table, views[i].fields, views[i].count);
        if (views[i].show_more)
            views[i].show_more(table);
        return true;
    }
    return false;
}
