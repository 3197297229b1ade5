// Any bytes as a small machine's whole memory, with PVH start information at its beginning. The
// magic is put right, and pointers below 2^56 are brought near the memory; the others stay wild.

#include "tests/host/multiboot2_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void bring_near(uint8_t *pointer, size_t size)
{
    uint64_t value;
    memcpy(&value, pointer, sizeof(value));
    if (!(value >> 56))
        value %= size + 64;
    memcpy(pointer, &value, sizeof(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t magic = PVH_MAGIC;
    static const uint8_t pointers[] = {16, 24, 32, 40};
    uint8_t *memory = malloc(size ? size : 1);
    memcpy(memory, data, size);
    if (size >= 56) {
        memcpy(memory, &magic, sizeof(magic));
        for (unsigned i = 0; i < sizeof(pointers); i++)
            bring_near(memory + pointers[i], size);
    }
    machine_map(memory, 0, size);
    machine_zero(&boot_info, sizeof(boot_info));
    block_place_kernel();
    boot_info_init(PVH_MAGIC, 0);
    machine_check(&boot_info);
    free(memory);
    return 0;
}
