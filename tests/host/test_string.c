// lib/string against naive references. Catches word-wise copies that lose or overwrite bytes at odd
// alignments and lengths, a memmove that reads what it has just overwritten, comparisons by signed
// bytes, bounded functions that look one byte too far (each text ends where its allocation does),
// and a wildcard match that backtracks exponentially.
//
// Also built with the kernel's optimisation and without sanitizers: what the optimiser makes of
// overlapping word accesses is seen only there.

#include "tests/host/host.h"

#include "lib/string.c"

enum { ROUNDS = 200000, ARENA = 256 };

static uint8_t arena[ARENA], expected[ARENA];

static void fill_arena(void)
{
    for (unsigned i = 0; i < ARENA; i++)
        arena[i] = expected[i] = (uint8_t)random_u64();
}

static void assert_arena(void)
{
    for (unsigned i = 0; i < ARENA; i++)
        assert_int_equal(arena[i], expected[i]);
}

static void memcpy_moves_exactly_its_bytes(void **state)
{
    (void)state;
    random_seed(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t size = random_below(ARENA / 2 - 16), from = random_below(16),
               to = ARENA / 2 + random_below(16);
        fill_arena();
        for (size_t i = 0; i < size; i++)
            expected[to + i] = expected[from + i];
        assert_ptr_equal(memcpy(arena + to, arena + from, size), arena + to);
        assert_arena();
    }
}

// Every distance from -40 to 40 at every length to 80, then random places.
static void check_memmove(size_t to, size_t from, size_t size)
{
    uint8_t copy[ARENA];
    fill_arena();
    for (size_t i = 0; i < size; i++)
        copy[i] = arena[from + i];
    for (size_t i = 0; i < size; i++)
        expected[to + i] = copy[i];
    assert_ptr_equal(memmove(arena + to, arena + from, size), arena + to);
    assert_arena();
}

static void memmove_survives_every_overlap(void **state)
{
    (void)state;
    random_seed(2);
    for (int distance = -40; distance <= 40; distance++)
        for (size_t size = 0; size <= 80; size++)
            check_memmove((size_t)(100 + distance), 100, size);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t to = random_below(ARENA), from = random_below(ARENA);
        size_t highest = to > from ? to : from;
        check_memmove(to, from, random_below(ARENA - highest + 1));
    }
}

static void memset_fills_exactly_its_bytes(void **state)
{
    (void)state;
    random_seed(3);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t at = random_below(24), size = random_below(ARENA - 24);
        int byte = (int)random_u64(); // only its low 8 bits count
        fill_arena();
        for (size_t i = 0; i < size; i++)
            expected[at + i] = (uint8_t)byte;
        assert_ptr_equal(memset(arena + at, byte, size), arena + at);
        assert_arena();
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static int reference_compare(const uint8_t *a, const uint8_t *b, size_t size, bool stop_at_nul)
{
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
        if (stop_at_nul && !a[i])
            return 0;
    }
    return 0;
}

// An allocation that ends where the bytes do: one byte too far is reported.
static void *exact(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    for (size_t i = 0; i < size; i++)
        copy[i] = ((const uint8_t *)bytes)[i];
    return copy;
}

static void comparisons_agree_with_the_reference(void **state)
{
    (void)state;
    random_seed(4);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t size = random_below(24);
        uint8_t a[32], b[32];
        for (size_t i = 0; i < size; i++) {
            a[i] = (uint8_t)(random_below(8) ? 'a' : random_u64());
            b[i] = random_below(16) ? a[i] : (uint8_t)random_u64();
        }
        uint8_t *x = exact(a, size), *y = exact(b, size);
        assert_int_equal(sign(memcmp(x, y, size)), reference_compare(a, b, size, false));
        if (size)
            x[size - 1] = y[size - 1] = 0;
        char *s = (char *)x, *t = (char *)y;
        assert_int_equal(sign(strncmp(s, t, size)), reference_compare(x, y, size, true));
        if (size)
            assert_int_equal(sign(strcmp(s, t)), reference_compare(x, y, size, true));
        free(x);
        free(y);
    }
}

static void bytes_compare_unsigned(void **state)
{
    (void)state;
    assert_true(memcmp("\x80", "\x7f", 1) > 0);
    assert_true(strcmp("\xff", "a") > 0);
    assert_true(strncmp("a", "\xff", 1) < 0);
    assert_true(strcmp("", "a") < 0);
    assert_true(strcmp("ab", "a") > 0);
    assert_int_equal(strncmp("abc", "abd", 2), 0);
    assert_int_equal(strncmp("a", "b", 0), 0);
    assert_int_equal(memcmp("a\0b", "a\0b", 3), 0);
    assert_true(memcmp("a\0b", "a\0c", 3) < 0);
}

static void lengths_stop_at_nul_and_limit(void **state)
{
    (void)state;
    assert_int_equal(strlen(""), 0);
    assert_int_equal(strlen("keelson"), 7);
    assert_int_equal(strnlen("keelson", 100), 7);
    assert_int_equal(strnlen("keelson", 3), 3);
    assert_int_equal(strnlen("", 3), 0);
    char *open = exact("abc", 3); // no NUL: only the limit ends it
    assert_int_equal(strnlen(open, 3), 3);
    assert_int_equal(strnlen(open, 0), 0);
    free(open);
}

static void strchr_finds_the_first_and_the_nul(void **state)
{
    (void)state;
    const char *text = "a,b,c\xe9";
    assert_ptr_equal(strchr(text, ','), text + 1);
    assert_ptr_equal(strchr(text, 'a'), text);
    assert_null(strchr(text, 'x'));
    assert_ptr_equal(strchr(text, 0), text + 6);
    assert_ptr_equal(strchr(text, 0xe9), text + 5); // converted to char, as the standard has it
    assert_null(strchr("", 'a'));
}

static void string_copy_always_terminates(void **state)
{
    (void)state;
    static const char source[] = "0123456789";
    for (size_t size = 1; size <= 14; size++)
        for (size_t length = 0; length <= sizeof(source); length++) {
            char *to = malloc(size);
            char *from = exact(source, length); // not terminated up to a length of 10
            size_t text = length < 10 ? length : 10;
            size_t kept = text < size ? text : size - 1;
            for (size_t i = 0; i < size; i++)
                to[i] = 'x';
            assert_int_equal(string_copy(to, size, from, length), text < size);
            for (size_t i = 0; i < kept; i++)
                assert_int_equal(to[i], source[i]);
            assert_int_equal(to[kept], 0);
            free(from);
            free(to);
        }
}

static void prefixes_and_equality(void **state)
{
    (void)state;
    assert_true(string_equal("", ""));
    assert_true(string_equal("mem", "mem"));
    assert_false(string_equal("mem", "memo"));
    assert_false(string_equal("memo", "mem"));
    assert_true(string_starts_with("mmio32:0x1", "mmio32:"));
    assert_true(string_starts_with("abc", ""));
    assert_true(string_starts_with("abc", "abc"));
    assert_false(string_starts_with("ab", "abc"));
    assert_false(string_starts_with("xabc", "abc"));
}

// The definition, by recursion: exponential, so only for short patterns.
static bool reference_match(const char *text, const char *pattern)
{
    if (!*pattern)
        return !*text;
    if (*pattern == '*')
        return reference_match(text, pattern + 1) || (*text && reference_match(text + 1, pattern));
    return *text && (*pattern == '?' || *pattern == *text) &&
           reference_match(text + 1, pattern + 1);
}

static void random_word(char *text, size_t longest, const char *alphabet, size_t letters)
{
    size_t length = random_below(longest + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[random_below(letters)];
    text[length] = 0;
}

static void matches_agree_with_the_definition(void **state)
{
    (void)state;
    random_seed(5);
    unsigned matched = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[12], pattern[12];
        random_word(text, 9, "abc", 3);
        random_word(pattern, 7, "abc*?*", 6);
        bool expected_match = reference_match(text, pattern);
        matched += expected_match;
        assert_int_equal(string_matches(text, pattern), expected_match);
    }
    assert_in_range(matched, ROUNDS / 50, ROUNDS); // or the words say nothing
}

// 40 stars over 4000 letters: hours where every star backtracks into every other.
static void matches_stay_linear(void **state)
{
    (void)state;
    enum { LENGTH = 4000, STARS = 40 };
    char *text = malloc(LENGTH + 1), pattern[2 * STARS + 2];
    for (unsigned i = 0; i < LENGTH; i++)
        text[i] = 'a';
    text[LENGTH] = 0;
    for (unsigned i = 0; i < STARS; i++) {
        pattern[2 * i] = '*';
        pattern[2 * i + 1] = 'a';
    }
    pattern[2 * STARS] = 'b';
    pattern[2 * STARS + 1] = 0;
    assert_false(string_matches(text, pattern));
    pattern[2 * STARS] = 0;
    assert_true(string_matches(text, pattern));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcpy_moves_exactly_its_bytes),
        cmocka_unit_test(memmove_survives_every_overlap),
        cmocka_unit_test(memset_fills_exactly_its_bytes),
        cmocka_unit_test(comparisons_agree_with_the_reference),
        cmocka_unit_test(bytes_compare_unsigned),
        cmocka_unit_test(lengths_stop_at_nul_and_limit),
        cmocka_unit_test(strchr_finds_the_first_and_the_nul),
        cmocka_unit_test(string_copy_always_terminates),
        cmocka_unit_test(prefixes_and_equality),
        cmocka_unit_test(matches_agree_with_the_definition),
        cmocka_unit_test(matches_stay_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
