// drivers/acpi/aml: the reader of \_S5_. Catches encodings of small integers and package lengths
// that are taken for one another, a name of another scope or one that is only mentioned, a term
// that it gets stuck at or loses its place behind, and reading past the end of a block that stops
// in the middle.

#include "tests/host/acpi_fixture.h"

#include "drivers/acpi/aml.c"

// The reader sees `size` bytes and nothing behind them.
static bool find_exact(const void *aml, size_t size, struct aml_s5 *s5)
{
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, aml, size);
    bool found = aml_find_s5(exact, size, s5);
    free(exact);
    return found;
}

static struct walk walk_of(const void *aml, size_t size)
{
    return (struct walk){.aml = aml, .blocks = {{size, 0}}, .open = 1, .is_whole = true};
}

// The terms of a definition block: some before, Name (\_S5_, PACKAGE), some behind.
struct block {
    uint8_t bytes[1024];
    size_t size;
};

static void put(struct block *block, const void *bytes, size_t size)
{
    assert_true(block->size + size <= sizeof(block->bytes));
    memcpy(block->bytes + block->size, bytes, size);
    block->size += size;
}

#define PUT(block, text) put(block, text, sizeof(text) - 1)

static void expect(const struct block *block, int a, int b)
{
    struct aml_s5 s5 = {99, 99};
    if (!find_exact(block->bytes, block->size, &s5))
        fail_msg("types %d and %d aren't found", a, b);
    assert_int_equal(s5.type_a, a);
    assert_int_equal(s5.type_b, b);
}

static void expect_none(const struct block *block)
{
    struct aml_s5 s5;
    if (find_exact(block->bytes, block->size, &s5))
        fail_msg("types %d and %d are found", s5.type_a, s5.type_b);
}

#define EXPECT_PACKAGE(package, a, b)      \
    do {                                   \
        struct block block = {.size = 0};  \
        PUT(&block, "\x08\\_S5_" package); \
        expect(&block, a, b);              \
    } while (0)

#define EXPECT_NO_PACKAGE(package)         \
    do {                                   \
        struct block block = {.size = 0};  \
        PUT(&block, "\x08\\_S5_" package); \
        expect_none(&block);               \
    } while (0)

// [ACPI 20.2.3, 20.2.5.4]: PackageOp, PkgLength, NumElements, elements.
static void integers_in_every_encoding(void **state)
{
    (void)state;
    EXPECT_PACKAGE("\x12\x06\x04\x00\x00\x00\x00", 0, 0);
    EXPECT_PACKAGE("\x12\x06\x04\x01\x01\x00\x00", 1, 1);
    EXPECT_PACKAGE("\x12\x06\x04\x01\x00\x00\x00", 1, 0);
    EXPECT_PACKAGE("\x12\x06\x04\x00\x01\xff\xff", 0, 1);
    EXPECT_PACKAGE("\x12\x08\x04\x0a\x05\x0a\x05\x00\x00", 5, 5);
    EXPECT_PACKAGE("\x12\x08\x04\x0a\x07\x0a\x03\x00\x00", 7, 3);
    EXPECT_PACKAGE("\x12\x07\x04\x0a\x06\x00\x00\x00", 6, 0);
    EXPECT_PACKAGE("\x12\x07\x04\x01\x0a\x06\x00\x00", 1, 6);
    EXPECT_PACKAGE("\x12\x06\x02\x0a\x05\x0a\x02", 5, 2);
    EXPECT_PACKAGE("\x12\x09\x02\x0b\x05\x00\x0b\x02\x00\x00", 5, 2);
    EXPECT_PACKAGE("\x12\x0c\x02\x0c\x05\x00\x00\x00\x0c\x02\x00\x00\x00", 5, 2);
    EXPECT_PACKAGE("\x12\x0d\x02\x0e\x03\x00\x00\x00\x00\x00\x00\x00\x0a\x04", 3, 4);
    EXPECT_PACKAGE("\x12\x05\x01\x0b\x05\x06", 5, 6); // one number with a byte for each
    EXPECT_PACKAGE("\x12\x04\x01\x0a\x05", 5, 0);
    EXPECT_PACKAGE("\x12\x04\x04\x0a\x05", 5, 5); // what isn't given is as the first
}

static void types_have_three_bits(void **state)
{
    (void)state;
    EXPECT_NO_PACKAGE("\x12\x08\x04\x0a\x08\x0a\x05\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x08\x04\x0a\x05\x0a\x08\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x07\x04\xff\x0a\x05\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x09\x02\x0b\x05\x01\x0b\x02\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x0c\x02\x0c\x05\x00\x00\x80\x0c\x02\x00\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x05\x01\x0b\x05\x08");
    EXPECT_NO_PACKAGE("\x12\x02\x00"); // no elements
    EXPECT_NO_PACKAGE("\x12\x06\x04\x0d"
                      "5\x00\x00\x00");                    // a string
    EXPECT_NO_PACKAGE("\x11\x08\x0a\x04\x0a\x05\x0a\x05"); // a buffer
    EXPECT_NO_PACKAGE("\x12\x06\x04"
                      "ABCD"); // a reference
}

static void package_lengths_in_every_encoding(void **state)
{
    (void)state;
    EXPECT_PACKAGE("\x12\x49\x00\x04\x0a\x05\x0a\x04\x00\x00", 5, 4);
    EXPECT_PACKAGE("\x12\x8a\x00\x00\x04\x0a\x05\x0a\x04\x00\x00", 5, 4);
    EXPECT_PACKAGE("\x12\xcb\x00\x00\x00\x04\x0a\x05\x0a\x04\x00\x00", 5, 4);
    EXPECT_NO_PACKAGE("\x12\x09\x04\x0a\x05\x0a\x05\x00\x00"); // a byte beyond the end
    EXPECT_NO_PACKAGE("\x12\x49\x01\x04\x0a\x05\x0a\x04\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x8a\x00\x01\x04\x0a\x05\x0a\x04\x00\x00");
    EXPECT_NO_PACKAGE("\x12\xcb\x00\x00\x01\x04\x0a\x05\x0a\x04\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x00\x04\x0a\x05\x0a\x05\x00\x00"); // that doesn't count itself
    EXPECT_NO_PACKAGE("\x12\x01\x04\x0a\x05\x0a\x05\x00\x00");
    EXPECT_NO_PACKAGE("\x12\x41\x00\x04\x0a\x05\x0a\x04\x00\x00");
}

// [ACPI 20.2.2]. Only what is declared in the root is meant.
static void names_are_resolved(void **state)
{
    (void)state;
#define TYPES "\x12\x06\x04\x01\x01\x00\x00"
    static const struct {
        const char *terms;
        size_t size;
        bool is_it;
    } cases[] = {
#define CASE(terms, is_it) {terms, sizeof(terms) - 1, is_it}
        CASE("\x08_S5_" TYPES, true),
        CASE("\x08\\_S5_" TYPES, true),
        CASE("\x08^_S5_" TYPES, true),                 // nothing is above the root
        CASE("\x08\\\x2e_SB__S5_" TYPES, false),       // \_SB._S5_
        CASE("\x08\x2f\x03_SB_PCI0_S5_" TYPES, false), // \_SB.PCI0._S5_
        CASE("\x08\x2f\x01_S5_" TYPES, true),          // as nobody writes it
        CASE("\x10\x0f\\\x00\x08_S5_" TYPES, true),    // Scope (\)
        CASE("\x10\x11_SB_\x08_S5_" TYPES, false),     // Scope (_SB)
        CASE("\x10\x12_SB_\x08\\_S5_" TYPES, true),
        CASE("\x10\x12_SB_\x08^_S5_" TYPES, true),
        CASE("\x5b\x82\x11PCI0\x08_S5_" TYPES, false), // Device (PCI0)
        CASE("\x5b\x82\x12PCI0\x08^_S5_" TYPES, true),
        CASE("\x10\x19_SB_\x5b\x82\x12PCI0\x08^_S5_" TYPES, false),
        CASE("\x10\x1a_SB_\x5b\x82\x13PCI0\x08^^_S5_" TYPES, true),
        CASE("\x10\x17\x2e_SB_PCI0\x08^_S5_" TYPES, false), // Scope (_SB.PCI0)
        CASE("\x08_S4_" TYPES, false),
        CASE("\x08_S5_\x08_S4_" TYPES, false),                // its value is another's name
        CASE("_S5_" TYPES, false),                            // mentioned
        CASE("\x70_S5_\x60" TYPES, false),                    // Store (_S5_, Local0)
        CASE("\x14\x13OFF_\x00\x08_S5_" TYPES "\x00", false), // in a method
        CASE("\x0d\x08_S5_" TYPES, false),                    // in a string
        CASE("\x11\x0f\x0a\x0c\x08_S5_" TYPES, false),        // in a buffer
        CASE("\x08TEXT\x0d\x08_S5_\x12\x06\x04\x01\x01\x00", false),
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct aml_s5 s5;
        struct walk walk = walk_of(cases[i].terms, cases[i].size);
        if (find_exact(cases[i].terms, cases[i].size, &s5) != cases[i].is_it)
            fail_msg("case %u: %s", i, cases[i].is_it ? "not found" : "found");
        assert_int_equal(walk_terms(&walk, &s5), cases[i].is_it); // without the last resort
        assert_true(walk.is_whole);
    }
}

// What an If declares may not be so, but there is no other to take; a complete block has none then.
static void conditional_declarations_are_a_last_resort(void **state)
{
    (void)state;
    struct block block = {.size = 0};
    PUT(&block, "\xa0\x0f\x01\x08_S5_\x12\x07\x04\x0a\x02\x00\x00\x00"); // If (One)
    expect(&block, 2, 0);
    PUT(&block, "\x08\\_S5_" TYPES);
    expect(&block, 1, 1);
    block.size = 0;
    PUT(&block, "\xa0\x0f\x00\x08_S5_\x12\x07\x04\x0a\x02\x00\x00\x00"); // If (Zero)
    expect_none(&block);
    PUT(&block, "\xa1\x0e\x08_S5_\x12\x07\x04\x0a\x02\x00\x00\x00"); // Else
    expect(&block, 2, 0);
}

// An opcode that isn't known ends the block that it is in. What is behind the block isn't lost.
static void unknown_opcodes_end_their_block(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {0x02, 0x05, 0x07, 0x0f, 0x16, 0x3a, 0x5d, 0x89, 0xfe};
    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        struct block block = {.size = 0};
        PUT(&block, "\x10\x07_SB_?\x08");
        block.bytes[6] = unknown[i];
        PUT(&block, "\x08_S5_" TYPES);
        expect(&block, 1, 1);
        block.size = 0;
        put(&block, &unknown[i], 1);
        PUT(&block, "\x08_S5_" TYPES); // in the same block: found by its bytes
        expect(&block, 1, 1);
    }
    struct block block = {.size = 0};
    PUT(&block, "\x02_S5_" TYPES); // but only as a declaration
    expect_none(&block);
}

static void deep_nesting_ends(void **state)
{
    (void)state;
    static uint8_t aml[4 * 1000 + 16];
    struct aml_s5 s5;
    static const uint8_t name[] = "\x08\\_S5_" TYPES;
    size_t size = 0, levels = 500;
    for (size_t i = 0; i < levels; i++) { // Scope (\) { Scope (\) { ...
        size_t length = (levels - i) * 5 - 1 + sizeof(name) - 1;
        aml[size++] = 0x10;
        aml[size++] = (uint8_t)(0x40 | (length & 0xf));
        aml[size++] = (uint8_t)(length >> 4);
        aml[size++] = '\\';
        aml[size++] = 0;
    }
    memcpy(aml + size, name, sizeof(name) - 1);
    assert_true(find_exact(aml, size + sizeof(name) - 1, &s5)); // by its bytes
    assert_false(find_exact(aml, size, &s5));
}

static void recorded_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int a, b;
    } blocks[] = {{"q35_DSDT", 0, 0}, {"pc_DSDT", 0, 0}, {"microvm_DSDT", 5, 0}, {"shapes", 5, 6}};
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        struct acpi_header *table = fixture_read(blocks[i].name);
        const uint8_t *aml = (const uint8_t *)(table + 1);
        size_t size = table->length - sizeof(*table);
        struct aml_s5 s5 = {99, 99};
        struct walk walk = walk_of(aml, size);
        assert_true(walk_terms(&walk, &s5)); // without the last resort
        assert_int_equal(s5.type_a, blocks[i].a);
        assert_int_equal(s5.type_b, blocks[i].b);
        free(table);
    }
}

// All that can stand before it in `shapes.asl` is passed over, up to the end: nothing is left.
static void nothing_is_left_of_a_whole_block(void **state)
{
    (void)state;
    static const char *const names[] = {"q35_DSDT", "pc_DSDT", "microvm_DSDT", "shapes"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        struct acpi_header *table = fixture_read(names[i]);
        uint8_t *aml = (uint8_t *)(table + 1);
        size_t size = table->length - sizeof(*table);
        struct aml_s5 s5;
        for (size_t at = 1; at + 4 < size; at++)
            if (memcmp(aml + at, "_S5_", 4) == 0)
                aml[at + 2] = '6';
        struct walk walk = walk_of(aml, size);
        assert_false(walk_terms(&walk, &s5));
        if (!walk.is_whole)
            fail_msg("%s isn't understood as a whole", names[i]);
        free(table);
    }
}

static void every_truncation_ends(void **state)
{
    (void)state;
    struct acpi_header *table = fixture_read("shapes");
    const uint8_t *aml = (const uint8_t *)(table + 1);
    struct aml_s5 s5;
    for (size_t size = 0; size < table->length - sizeof(*table); size++)
        if (find_exact(aml, size, &s5))
            assert_true(s5.type_a == 5 && s5.type_b == 6);
    free(table);
}

static void random_mutations(void **state)
{
    (void)state;
    static const uint8_t tokens[] = {0x00, 0x01, 0x08, 0x0a, 0x0d, 0x10, 0x12, 0x40, 0x5b, 0x82,
                                     0xa0, 0xc0, 0xff, '_',  'S',  '5',  '\\', '^',  0x2e, 0x2f};
    struct acpi_header *table = fixture_read("shapes");
    size_t whole = table->length - sizeof(*table);
    random_seed(95);
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t aml[1024];
        struct aml_s5 s5 = {99, 99};
        memcpy(aml, table + 1, whole);
        for (uint64_t changes = random_below(8); changes--;)
            aml[random_below(whole)] =
                random_below(2) ? (uint8_t)random_u64() : tokens[random_below(sizeof(tokens))];
        if (find_exact(aml, random_below(8) ? whole : random_below(whole + 1), &s5))
            assert_true(s5.type_a < 8 && s5.type_b < 8);
    }
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_in_every_encoding),
        cmocka_unit_test(types_have_three_bits),
        cmocka_unit_test(package_lengths_in_every_encoding),
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(conditional_declarations_are_a_last_resort),
        cmocka_unit_test(unknown_opcodes_end_their_block),
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(recorded_blocks),
        cmocka_unit_test(nothing_is_left_of_a_whole_block),
        cmocka_unit_test(every_truncation_ends),
        cmocka_unit_test(random_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
