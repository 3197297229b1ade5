// Any bytes as a Multiboot2 information block: from the parser to what is reserved. The total size
// is put right, or nearly all inputs would end at the first check.

#include "tests/host/multiboot2_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t total = (uint32_t)size;
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    memcpy(exact, &total, size < sizeof(total) ? size : sizeof(total));
    machine_map(exact, BLOCK_ADDRESS, size);
    machine_zero(&boot_info, sizeof(boot_info));
    block_place_kernel();
    boot_info_init(MULTIBOOT2_MAGIC, BLOCK_ADDRESS);
    machine_check(&boot_info);
    for (unsigned i = 0; i < boot_info.module_count; i++) {
        const struct memory_range *range =
            memory_map_find(&boot_info.memory, boot_info.modules[i].start);
        CHECK_TRUE(boot_info.memory.lost || (range && range->kind >= MEMORY_MODULE));
    }
    free(exact);
    return 0;
}
