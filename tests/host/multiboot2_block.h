// Multiboot2 information blocks for tests: recorded, hand-built, and given to the parser at the end
// of an allocation of exactly their size.
#pragma once

#include "tests/host/lib.h"

#include "tests/host/fake_log.h"
#include "tests/host/fake_machine.h"

#include "kernel/boot_info.c"
#include "kernel/multiboot2.c"
#include "kernel/pvh.c"
#include "mm/memory_map.c"

// Only their addresses are used.
char kernel_image_start[1];
__asm__(".globl kernel_image_end\n.set kernel_image_end, kernel_image_start + 0x123456");

enum { BLOCK_ADDRESS = 0x10000, BLOCK_MAX = 0x20000, KERNEL_PHYSICAL = 0x3200000 };

// As if the loader had put the image there.
static inline void block_place_kernel(void)
{
    kernel_slide = KERNEL_PHYSICAL - (uint64_t)kernel_image_start + KERNEL_BASE;
}

struct block {
    uint32_t size;
    uint8_t bytes[BLOCK_MAX];
};

static inline void block_put(struct block *block, const void *bytes, size_t size)
{
    CHECK_TRUE(block->size + size <= BLOCK_MAX);
    memcpy(block->bytes + block->size, bytes, size);
    block->size += (uint32_t)size;
}

static inline void block_set32(struct block *block, size_t offset, uint32_t value)
{
    memcpy(block->bytes + offset, &value, sizeof(value));
}

static inline void block_begin(struct block *block)
{
    block->size = 0;
    block_put(block, (const uint32_t[]){8, 0}, 8);
}

// A tag: header, payload, padding [MB2 3.6.2].
static inline void block_tag(struct block *block, uint32_t type, const void *payload, size_t size)
{
    static const uint8_t padding[8];
    block_put(block, (const uint32_t[]){type, (uint32_t)size + 8}, 8);
    block_put(block, payload, size);
    block_put(block, padding, -size % 8);
    block_set32(block, 0, block->size);
}

static inline void block_end(struct block *block)
{
    block_tag(block, 0, "", 0);
}

static struct boot_info parsed;

// The parser's view of `size` bytes at BLOCK_ADDRESS, with nothing behind them.
static inline enum status block_parse_bytes(const uint8_t *bytes, size_t size)
{
    machine_map(bytes, BLOCK_ADDRESS, size);
    machine_zero(&parsed, sizeof(parsed));
    enum status status = multiboot2_parse(BLOCK_ADDRESS, &parsed);
    CHECK_TRUE(status == OK || status == MALFORMED);
    machine_check(&parsed);
    return status;
}

static inline enum status block_parse(const struct block *block)
{
    uint8_t *exact = malloc(block->size ? block->size : 1);
    memcpy(exact, block->bytes, block->size);
    enum status status = block_parse_bytes(exact, block->size);
    free(exact);
    return status;
}

static inline void block_read(struct block *block, const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK_TRUE(file);
    block->size = (uint32_t)fread(block->bytes, 1, BLOCK_MAX, file);
    fclose(file);
    CHECK_TRUE(block->size > 100);
}
