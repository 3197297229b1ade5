// Any bytes as ACPI tables: each is a signature by its number, a length of two bytes, and what
// comes behind the length field of its header. Whatever they say, what lower layers are told makes
// sense.

#include "tests/host/acpi_readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_table(uint8_t kind, const uint8_t *body, size_t size)
{
    static const char signatures[][5] = {"FACP", "APIC", "SRAT", "HPET", "MCFG", "SPCR", "DBG2"};
    enum { BEHIND_LENGTH = 8, HEADER = 36 };
    size_t length = size + BEHIND_LENGTH < HEADER ? HEADER : size + BEHIND_LENGTH;
    uint8_t *bytes = calloc(1, length);
    memcpy(bytes, signatures[kind % ARRAY_SIZE(signatures)], 4);
    memcpy(bytes + BEHIND_LENGTH, body, size);
    machine_add(bytes, length);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    machine_forget();
    while (size >= 3 && machine_table_count < TABLES_AT_ONCE) {
        size_t body = data[1] | (size_t)data[2] << 8;
        if (body > size - 3)
            body = size - 3;
        add_table(data[0], data + 3, body);
        data += 3 + body;
        size -= 3 + body;
    }
    platform_start();
    return 0;
}
