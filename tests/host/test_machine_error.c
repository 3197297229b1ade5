// arch/x86_64/machine_error against the manuals' tables [SDM3 16.9] [APM2 9.5]. Catches a code that
// is taken for another kind's, a field read from the wrong bits, an error that is called harmless
// although data is lost, or fatal although nothing has happened yet, and a text that is too long.

#include "tests/host/lib.h"

#include "arch/x86_64/machine_error.c"

#define VAL   (1ull << 63)
#define OVER  (1ull << 62)
#define UC    (1ull << 61)
#define EN    (1ull << 60)
#define MISCV (1ull << 59)
#define ADDRV (1ull << 58)
#define PCC   (1ull << 57)
#define S     (1ull << 56)
#define AR    (1ull << 55)
#define DEFER (1ull << 44)

static void expect_words(uint64_t status, bool is_amd, const char *expected)
{
    char text[MACHINE_ERROR_TEXT_MAX];
    struct machine_error error = {.status = status | VAL, .is_amd = is_amd};
    machine_error_words(text, &error);
    assert_string_equal(text, expected);
}

// [SDM3 table 16-9]
static void simple_codes(void **state)
{
    (void)state;
    expect_words(0x0000, false, "no error code");
    expect_words(0x0001, false, "unclassified");
    expect_words(0x0002, false, "parity error in the microcode");
    expect_words(0x0003, false, "reported by another processor");
    expect_words(0x0004, false, "functional redundancy check");
    expect_words(0x0005, false, "internal parity error");
    expect_words(0x0006, false, "SMM code outside of its memory");
    expect_words(0x0400, false, "internal timer");
    expect_words(0x0400, true, "internal, unclassified"); // [APM2 9.5.1]
    expect_words(0x0e0b, false, "I/O");
    expect_words(0x0402, false, "internal, unclassified");
    expect_words(0x07ff, false, "internal, unclassified");
    expect_words(0x0007, false, "unknown code 0x7");
    expect_words(0x8000, false, "unknown code 0x8000");
    expect_words(0xffff, false, "unknown code 0xffff");
}

// [SDM3 table 16-10]: what stands in front of the fields, as binary digits there.
static void compound_codes(void **state)
{
    (void)state;
    expect_words(0x000c, false, "cache hierarchy, L0");            // 0000 0000 0000 11LL
    expect_words(0x000f, false, "cache hierarchy, generic");       //
    expect_words(0x0010, false, "L0 code TLB");                    // 0000 0000 0001 TTLL
    expect_words(0x0015, false, "L1 data TLB");                    //
    expect_words(0x001a, false, "L2 generic TLB");                 //
    expect_words(0x0080, false, "memory, any request, channel 0"); // 0000 0000 1MMM CCCC
    expect_words(0x0095, false, "memory, read, channel 5");        //
    expect_words(0x00af, false, "memory, write");                  // a channel isn't said
    expect_words(0x00b1, false, "memory, address or command, channel 1");
    expect_words(0x00cf, false, "memory, scrubbing"); // an SRAO error [SDM3 table 16-14]
    expect_words(0x00de, false, "memory, unknown request, channel 14");
    expect_words(0x0100, false, "L0 code cache, any request"); // 0000 0001 RRRR TTLL
    expect_words(0x0134, false, "L0 data cache, data read");   // SRAR [SDM3 table 16-16]
    expect_words(0x0150, false, "L0 code cache, code read");   // SRAR
    expect_words(0x017a, false, "L2 generic cache, eviction"); // SRAO
    expect_words(0x0145, false, "L1 data cache, data write");
    expect_words(0x0166, false, "L2 data cache, prefetching");
    expect_words(0x018b, false, "generic generic cache, snoop");
    expect_words(0x01fc, false, "L0 unknown cache, unknown request");
    expect_words(0x0290, false, "memory used as a cache, read, channel 0"); // 0000 0010 1MMM CCCC
    expect_words(0x02cf, false, "memory used as a cache, scrubbing");
    expect_words(0x0800, false,
                 "bus, any request of memory, asked here, L0"); // 0000 1PPT RRRR IILL
    expect_words(0x0a1a, false, "bus, read of I/O, answered here, L2");
    expect_words(0x0d2f, false, "bus, write of something else, observed here, generic, timed out");
    expect_words(0x0f04, false, "bus, any request of what is reserved, by anybody, L0, timed out");
}

// Bit 12 [SDM3 16.9.2.1].
static void left_out_errors_change_nothing(void **state)
{
    (void)state;
    expect_words(0x1095, false, "memory, read, channel 5");
    expect_words(0x1134, false, "L0 data cache, data read");
    expect_words(0x1015, false, "L1 data TLB");
    expect_words(0x1a1a, false, "bus, read of I/O, answered here, L2");
}

static void expect_severity(uint64_t status, bool is_amd, bool has_recovery, const char *name)
{
    struct machine_error error = {.status = status, .is_amd = is_amd, .has_recovery = has_recovery};
    assert_string_equal(machine_severity_name(machine_error_severity(&error)), name);
}

// [SDM3 16.6.3, tables 16-7 and 16-8], and without recovery [SDM3 16.3.2.2].
static void intels_severities(void **state)
{
    (void)state;
    expect_severity(0, false, true, "no error");
    expect_severity(UC | PCC, false, true, "no error"); // not valid
    expect_severity(VAL, false, true, "corrected");
    expect_severity(VAL | OVER | EN | DEFER, false, true, "corrected"); // 44 is a count's bit here
    expect_severity(VAL | UC | EN | PCC, false, true, "uncorrected");
    expect_severity(VAL | UC, false, true, "deferred");          // UCNA
    expect_severity(VAL | UC | EN, false, true, "deferred");     // UCNA
    expect_severity(VAL | UC | EN | S, false, true, "deferred"); // SRAO
    expect_severity(VAL | UC | EN | S | OVER, false, true, "uncorrected");
    expect_severity(VAL | UC | EN | S | AR, false, true, "uncorrected"); // SRAR
    expect_severity(VAL | UC | EN, false, false, "uncorrected");         // S and AR mean nothing
    expect_severity(VAL | UC, false, false, "deferred");                 // it isn't enabled
    expect_severity(VAL | UC | PCC, false, false, "deferred");
}

// [APM2 9.3.2.4, 9.3.3]
static void amds_severities(void **state)
{
    (void)state;
    expect_severity(VAL, true, false, "corrected");
    expect_severity(VAL | DEFER, true, false, "deferred");
    expect_severity(VAL | UC | EN, true, false, "uncorrected");
    expect_severity(VAL | UC | EN, true, true, "uncorrected"); // Intel's S isn't there
    expect_severity(VAL | UC | PCC | EN, true, false, "uncorrected");
}

static void expect_flags(uint64_t status, bool is_amd, bool has_recovery, const char *expected)
{
    char text[MACHINE_ERROR_TEXT_MAX];
    struct machine_error error = {.status = status, .is_amd = is_amd, .has_recovery = has_recovery};
    machine_error_flags(text, &error);
    assert_string_equal(text, expected);
}

static void flags_by_their_names(void **state)
{
    (void)state;
    expect_flags(VAL, false, true, "");
    expect_flags(VAL | UC | ADDRV, false, true, "UC ADDRV");
    expect_flags(~0ull, false, true, "OVER UC EN MISCV ADDRV PCC S AR");
    expect_flags(~0ull, false, false, "OVER UC EN MISCV ADDRV PCC");
    expect_flags(~0ull, true, false, "OVER UC EN MISCV ADDRV PCC TCC DEFERRED POISON");
}

static void scalable_banks_have_units(void **state)
{
    (void)state;
    struct machine_error error = {.ipid = 0};
    assert_null(machine_error_unit(&error));
    error.ipid = 0x000700b000000000; // type 7 of hardware 0b0h
    assert_string_equal(machine_error_unit(&error), "L3 cache");
    error.ipid = 0x001000b012345678; // the instance doesn't matter
    assert_string_equal(machine_error_unit(&error), "load-store");
    error.ipid = 0x0000009600250f00;
    assert_string_equal(machine_error_unit(&error), "memory controller");
    error.ipid = 0x0000f0b000000000; // bits 47:44 belong to neither
    assert_string_equal(machine_error_unit(&error), "load-store");
    error.ipid = 0x00ff00b000000000;
    assert_null(machine_error_unit(&error));
}

static void all_codes_fit(void **state)
{
    (void)state;
    for (uint64_t code = 0; code < 0x10000; code++) {
        char text[MACHINE_ERROR_TEXT_MAX];
        struct machine_error error = {.status = code | VAL};
        machine_error_words(text, &error);
        assert_in_range(strlen(text), 3, MACHINE_ERROR_TEXT_MAX - 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_codes),
        cmocka_unit_test(compound_codes),
        cmocka_unit_test(left_out_errors_change_nothing),
        cmocka_unit_test(intels_severities),
        cmocka_unit_test(amds_severities),
        cmocka_unit_test(flags_by_their_names),
        cmocka_unit_test(scalable_banks_have_units),
        cmocka_unit_test(all_codes_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
