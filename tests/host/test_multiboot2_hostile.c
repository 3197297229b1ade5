// kernel/multiboot2 on blocks that no sane loader writes. Whatever the bytes, the parser must end,
// must not read outside the block (each ends where its allocation does), and must leave a structure
// that the rest of the kernel can believe: sorted memory, terminated text, a screen that is where
// it says. machine_check() asserts all of that after every single parse here.

#include "tests/host/multiboot2_block.h"

static struct block block;
static const char *const recorded[] = {"tests/host/fixtures/grub_bios.bin",
                                       "tests/host/fixtures/grub_uefi.bin"};

// The offset of the first tag of a type, 0 where there is none.
static uint32_t find_tag(const struct block *in, uint32_t wanted)
{
    for (uint32_t at = 8, head[2]; at + 8 <= in->size; at += (head[1] + 7) & ~7u) {
        memcpy(head, in->bytes + at, 8);
        if (head[0] == wanted)
            return at;
        if (head[0] == 0)
            break;
    }
    return 0;
}

static void every_truncation(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(recorded); i++) {
        block_read(&block, recorded[i]);
        uint32_t whole = block.size;
        assert_int_equal(block_parse(&block), OK);
        for (block.size = 0; block.size < whole; block.size++) {
            assert_int_equal(block_parse(&block), MALFORMED); // it claims more than is there
            struct block cut = block;
            block_set32(&cut, 0, cut.size);
            enum status status = block_parse(&cut);
            assert_int_equal(status, cut.size < 16 ? MALFORMED : OK);
            assert_true(cut.size < 16 || parsed.complaints); // the end tag, at least, is missing
        }
    }
}

static uint8_t *exact;

static void change_byte(size_t at, uint8_t value)
{
    uint8_t old = exact[at];
    exact[at] = value;
    (void)block_parse_bytes(exact, block.size);
    exact[at] = old;
}

static void change_bytes(size_t from, size_t to, bool all)
{
    static const uint8_t changes[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
    for (size_t at = from; at < to; at++) {
        if (all) {
            for (unsigned change = 1; change < 256; change++)
                change_byte(at, exact[at] ^ (uint8_t)change);
            continue;
        }
        for (unsigned i = 0; i < ARRAY_SIZE(changes); i++)
            change_byte(at, exact[at] ^ changes[i]);
        change_byte(at, 0x00);
        change_byte(at, 0xff);
        change_byte(at, (uint8_t)(exact[at] + 1));
        change_byte(at, (uint8_t)(exact[at] - 1));
    }
}

static void with_exact_copy(void (*body)(void))
{
    exact = malloc(block.size);
    memcpy(exact, block.bytes, block.size);
    body();
    free(exact);
}

static void change_all(void)
{
    change_bytes(0, block.size, true);
}

static void every_single_byte_of_a_bios_block(void **state)
{
    (void)state;
    block_read(&block, recorded[0]);
    with_exact_copy(change_all);
}

// The EFI map isn't read while there is an E820 map: what is behind its header gets less.
static void change_around_efi_map(void)
{
    uint32_t map = find_tag(&block, 17);
    assert_true(map);
    change_bytes(0, map + 16, true);
    change_bytes(map + 16, block.size - 8, false);
    change_bytes(block.size - 8, block.size, true);
}

static void every_single_byte_of_a_uefi_block(void **state)
{
    (void)state;
    block_read(&block, recorded[1]);
    with_exact_copy(change_around_efi_map);
}

static void change_efi_map(void)
{
    uint32_t map = find_tag(&block, 17);
    change_bytes(map, map + 16, true);
    change_bytes(map + 16, block.size, false);
}

static void every_single_byte_of_an_efi_map(void **state)
{
    (void)state;
    block_read(&block, recorded[1]);
    block_set32(&block, find_tag(&block, 6), 100); // nobody reads a tag of this type
    assert_int_equal(block_parse(&block), OK);
    assert_true(memory_map_total(&parsed.memory, MEMORY_USABLE) > 0x10000000);
    with_exact_copy(change_efi_map);
}

// Several changes at once: bytes, words and edges of numbers, mostly in the tags' headers.
static void random_mutations(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0, 1, 7, 8, 9, 0x7fffffff, 0x80000000, 0xfffffff7, 0xffffffff};
    static struct block original[2];
    block_read(&original[0], recorded[0]);
    block_read(&original[1], recorded[1]);
    random_seed(40);
    for (unsigned round = 0; round < 100000; round++) {
        const struct block *from = &original[round % 2];
        uint8_t *copy = malloc(from->size);
        memcpy(copy, from->bytes, from->size);
        for (uint64_t changes = 1 + random_below(8); changes--;) {
            size_t at = random_below(random_below(2) ? from->size : from->size / 4);
            uint32_t value = edges[random_below(ARRAY_SIZE(edges))];
            if (random_below(2))
                copy[at] = (uint8_t)random_u64();
            else
                memcpy(copy + at / 4 * 4, &value, 4);
        }
        memcpy(copy, &from->size, 4);
        (void)block_parse_bytes(copy, from->size);
        free(copy);
    }
}

// Each type at each length, with nothing behind the tag, and random content.
static void every_tag_at_every_length(void **state)
{
    (void)state;
    uint8_t payload[900];
    random_seed(41);
    for (uint32_t type = 1; type <= 23; type++)
        for (uint32_t size = 0; size < sizeof(payload); size++) {
            for (unsigned i = 0; i < size; i++)
                payload[i] = random_below(4) ? (uint8_t)random_below(4) : (uint8_t)random_u64();
            block_begin(&block);
            block_put(&block, (const uint32_t[]){type, size + 8}, 8);
            block_put(&block, payload, size);
            block_set32(&block, 0, block.size);
            enum status status = block_parse(&block);
            assert_int_equal(status, OK);
            assert_true(parsed.complaints); // no end tag
        }
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0,          1,          7,         8, 9, 15, 17 * 1024 * 1024,
                                     0x7fffffff, 0xfffffff8, 0xffffffff};
    block_begin(&block);
    block_end(&block);
    assert_int_equal(block_parse(&block), OK);
    assert_int_equal(parsed.complaints, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        block_set32(&block, 0, sizes[i]);
        machine_map(block.bytes, BLOCK_ADDRESS, 1ull << 33); // a direct map that doesn't end here
        machine_zero(&parsed, sizeof(parsed));
        assert_int_equal(multiboot2_parse(BLOCK_ADDRESS, &parsed), MALFORMED);
        assert_non_null(parsed.protocol);
    }
}

static void impossible_addresses_are_refused(void **state)
{
    (void)state;
    static const paddr_t outside[] = {BLOCK_ADDRESS + 16, 1ull << 40, UINT64_MAX, UINT64_MAX - 7,
                                      UINT64_MAX - 15};
    uint8_t *memory = malloc(64);
    block_begin(&block);
    block_end(&block);
    for (unsigned i = 0; i < ARRAY_SIZE(outside); i++) {
        machine_map(block.bytes, BLOCK_ADDRESS, block.size);
        machine_zero(&parsed, sizeof(parsed));
        assert_int_equal(multiboot2_parse(outside[i], &parsed), MALFORMED);
    }
    for (paddr_t offset = 0; offset < 24; offset++) { // 8-byte aligned [MB2 3.6.1]
        memcpy(memory + offset, block.bytes, block.size);
        machine_map(memory, BLOCK_ADDRESS, 64);
        machine_zero(&parsed, sizeof(parsed));
        enum status status = multiboot2_parse(BLOCK_ADDRESS + offset, &parsed);
        assert_int_equal(status, offset % 8 ? MALFORMED : OK);
    }
    free(memory);
}

// What comes before a tag that breaks the list still counts.
static void tags_that_break_the_list(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 4, 7, 33, 40, 0x7fffffff, 0xfffffff8, 0xffffffff};
    for (uint32_t type = 1; type <= 22; type++)
        for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
            block_begin(&block);
            block_tag(&block, 2, "before", 7);
            uint32_t at = block.size;
            block_tag(&block, type, "0123456789abcdef", 16);
            block_end(&block);
            block_set32(&block, at + 4, sizes[i]);
            assert_int_equal(block_parse(&block), OK);
            assert_string_equal(parsed.loader_name, "before");
            assert_true(parsed.complaints > 0);
        }
}

// The longest list there can be: two million tags.
static void a_list_of_empty_tags_ends(void **state)
{
    (void)state;
    size_t size = MULTIBOOT2_SIZE_MAX;
    uint32_t *words = malloc(size);
    for (uint32_t type = 1; type <= 22; type += 7) {
        words[0] = (uint32_t)size, words[1] = 0;
        for (size_t i = 2; i < size / 4; i += 2)
            words[i] = type, words[i + 1] = 8;
        assert_int_equal(block_parse_bytes((uint8_t *)words, size), OK);
        assert_true(parsed.complaints > 0);
    }
    free(words);
}

// A complaint costs a line in the log: there is an end to that, too.
static void complaints_are_bounded(void **state)
{
    (void)state;
    block_begin(&block);
    for (unsigned i = 0; i < 1000; i++)
        block_tag(&block, 3, (const uint32_t[]){2, 1}, 8);
    block_end(&block);
    log_forget();
    assert_int_equal(block_parse(&block), OK);
    assert_int_equal(parsed.complaints, 1000);
    assert_int_equal(log_lines[LOG_WARN], BOOT_COMPLAINTS_MAX);
}

// 4,096 entries at most are read, and a map of so many doesn't make reserved memory usable.
static void a_huge_memory_map_stays_safe(void **state)
{
    (void)state;
    enum { ENTRIES = 5000 };
    struct {
        uint32_t entry_size, version;
        struct {
            uint64_t base, length, type;
        } entries[ENTRIES];
    } *map = malloc(sizeof(*map));
    map->entry_size = 24, map->version = 0;
    for (unsigned i = 0; i < ENTRIES; i++) {
        map->entries[i].base = 0x1000ull * ((i * 2654435761u) % 0x10000);
        map->entries[i].length = 0x3000;
        map->entries[i].type = i % 2 + 1;
    }
    block_begin(&block);
    block_tag(&block, 6, map, sizeof(*map));
    block_end(&block);
    assert_int_equal(block_parse(&block), OK);
    assert_true(parsed.memory.lost > 0);
    for (unsigned i = 1; i < BOOT_MEMORY_ENTRIES_MAX; i += 2) {
        const struct memory_range *range = memory_map_find(&parsed.memory, map->entries[i].base);
        assert_true(!range || range->kind != MEMORY_USABLE);
    }
    free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(every_single_byte_of_a_bios_block),
        cmocka_unit_test(every_single_byte_of_a_uefi_block),
        cmocka_unit_test(every_single_byte_of_an_efi_map),
        cmocka_unit_test(random_mutations),
        cmocka_unit_test(every_tag_at_every_length),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(impossible_addresses_are_refused),
        cmocka_unit_test(tags_that_break_the_list),
        cmocka_unit_test(a_list_of_empty_tags_ends),
        cmocka_unit_test(complaints_are_bounded),
        cmocka_unit_test(a_huge_memory_map_stays_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
