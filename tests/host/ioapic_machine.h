// A model of I/O APICs [82093AA] behind their two registers, that delivers while an entry isn't
// masked and complains of one that changes meanwhile.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"

#include "arch/x86_64/ioapic.c"
#include "kernel/platform.c"

enum { MODELS = 4, ENTRIES = 240, CPUS = 3 };

static struct model {
    enum { MODEL_GOOD, MODEL_ONES, MODEL_ZEROS, MODEL_STUCK } kind;
    paddr_t address;
    unsigned inputs;
    uint32_t registers[16]; // what the kernel has mapped: only the addresses count
    uint32_t selected;
    uint64_t entries[ENTRIES];
    unsigned changed_unmasked; // entries that were in force while they changed
    bool is_mapped;
} models[MODELS];

static struct model *model_of(const volatile void *address)
{
    for (unsigned i = 0; i < MODELS; i++) {
        uintptr_t start = (uintptr_t)models[i].registers;
        if ((uintptr_t)address >= start && (uintptr_t)address < start + sizeof(models[i].registers))
            return &models[i];
    }
    fail_msg("an access to nowhere");
    return NULL;
}

static unsigned offset_of(const struct model *model, const volatile void *address)
{
    return (unsigned)((uintptr_t)address - (uintptr_t)model->registers);
}

static uint32_t read_window(const struct model *model)
{
    unsigned entry = (model->selected - 0x10) / 2;
    if (model->selected == 1)
        return (model->inputs - 1) << 16 | 0x11;
    if (model->selected < 0x10 || entry >= model->inputs)
        return 0;
    return (uint32_t)(model->entries[entry] >> (model->selected & 1 ? 32 : 0));
}

uint32_t fake_mmio_read(const volatile void *address)
{
    const struct model *model = model_of(address);
    unsigned offset = offset_of(model, address);
    if (model->kind == MODEL_ONES || model->kind == MODEL_ZEROS)
        return model->kind == MODEL_ONES ? UINT32_MAX : 0;
    assert_true(offset == 0 || offset == 0x10);
    return offset ? read_window(model) : model->selected;
}

static void write_entry_half(struct model *model, uint32_t value)
{
    const uint32_t read_only = 0x5000;
    unsigned entry = (model->selected - 0x10) / 2;
    if (model->selected < 0x10 || entry >= model->inputs || model->kind == MODEL_STUCK)
        return;
    uint64_t before = model->entries[entry], after;
    if (model->selected & 1) {
        after = (uint32_t)before | (uint64_t)(value & 0xff000000) << 32;
    } else {
        after = (before & ~0xffffffffull) | (value & 0x1afffu) | (before & read_only);
        if (!(value & 0x8000))
            after &= ~0x4000ull; // an edge has no remote IRR
    }
    if (!((before | after) & 0x10000) && (before ^ after) & ~0x5000ull)
        model->changed_unmasked++;
    if (!(after & 0x10000) && (before ^ after) & ~0x15000ull) // unmasking is a step of its own
        model->changed_unmasked++;
    model->entries[entry] = after;
}

void fake_mmio_write(volatile void *address, uint32_t value)
{
    struct model *model = model_of(address);
    unsigned offset = offset_of(model, address);
    if (model->kind == MODEL_ONES || model->kind == MODEL_ZEROS)
        return;
    assert_true(offset == 0 || offset == 0x10);
    if (offset)
        write_entry_half(model, value);
    else
        model->selected = value & 0xff;
}

// --- What the driver asks the kernel for ---------------------------------------------------------

struct lapic lapic;
static uint32_t lapic_registers[1024];
static struct percpu cpus[CPUS];
static struct irq_chip *registered[MODELS];
static unsigned registered_count, allocated, left_mapped;
static bool memory_fails;
static enum status map_fails;
static uint8_t next_vector;

struct percpu *percpu_get(uint32_t cpu)
{
    return cpu < CPUS ? &cpus[cpu] : NULL;
}

void *kcalloc(size_t count, size_t size)
{
    allocated += !memory_fails;
    return memory_fails ? NULL : calloc(count, size);
}

void kfree(void *memory)
{
    allocated -= memory != NULL;
    free(memory);
}

enum status vspace_map_mmio(paddr_t physical, size_t size, unsigned type, const char *name,
                            void **mapped)
{
    (void)name;
    assert_int_equal(type, MAP_UNCACHED);
    assert_in_range(size, 0x14, sizeof(models[0].registers));
    for (unsigned i = 0; i < MODELS && map_fails == OK; i++) {
        if (models[i].address != physical)
            continue;
        *mapped = models[i].registers;
        left_mapped++;
        return OK;
    }
    return NO_MEMORY;
}

void vspace_unmap_physical(const void *mapped)
{
    (void)model_of(mapped);
    left_mapped--;
}

enum status irq_chip_add(struct irq_chip *chip)
{
    for (unsigned i = 0; i < registered_count; i++)
        if (chip->first_gsi < registered[i]->first_gsi + registered[i]->inputs &&
            registered[i]->first_gsi < chip->first_gsi + chip->inputs)
            return BAD_ARGUMENT;
    registered[registered_count++] = chip;
    return OK;
}

void irq_deliver(void *line)
{
    (void)line;
}

enum status vector_alloc(uint32_t cpu, vector_function *run, void *context, const char *name,
                         uint8_t *vector)
{
    assert_true(cpu < CPUS && run == irq_deliver && context && name);
    *vector = next_vector++;
    return OK;
}

static inline void machine_reset(void)
{
    while (ioapics) {
        struct ioapic *next = ioapics->next;
        kfree(ioapics);
        ioapics = next;
    }
    assert_int_equal(allocated, 0);
    memset(models, 0, sizeof(models));
    for (unsigned i = 0; i < MODELS; i++) {
        models[i].inputs = 24;
        models[i].address = 0xfec00000 + 0x1000 * i;
        for (unsigned entry = 0; entry < ENTRIES; entry++)
            models[i].entries[entry] = 0x0500000000000931; // left in force by somebody
    }
    platform.ioapic_count = 0;
    registered_count = left_mapped = 0;
    memory_fails = false;
    map_fails = OK;
    next_vector = 0x30;
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i].arch.apic_id = 2 * i;
    lapic = (struct lapic){.registers = lapic_registers, .is_present = true};
    log_forget();
}
