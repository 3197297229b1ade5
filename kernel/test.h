// Tests inside the running kernel.
//
//   KTEST(string, compares_unsigned)
//   {
//       KTEST_CHECK(strcmp("\xff", "a") > 0);
//   }
//
// A failed check reports itself and ends its test. Run by the option ktest[=PATTERN] or the command
// of that name.
#pragma once

#include "lib/compiler.h"
#include "lib/table.h"
#include "lib/types.h"

enum ktest_result { KTEST_PASSED, KTEST_FAILED, KTEST_SKIPPED };

struct ktest {
    const char *name; // "group.name"
    enum ktest_result (*run)(void);
};

TABLE_DECLARE(struct ktest, ktest);

#define KTEST(group, test)                                                           \
    static void ktest_body_##group##_##test(enum ktest_result *ktest_result);        \
    static enum ktest_result ktest_run_##group##_##test(void)                        \
    {                                                                                \
        enum ktest_result result = KTEST_PASSED;                                     \
        ktest_body_##group##_##test(&result);                                        \
        return result;                                                               \
    }                                                                                \
    TABLE_ENTRY(struct ktest, ktest, group##_##test) = {#group "." #test,            \
                                                        ktest_run_##group##_##test}; \
    static void ktest_body_##group##_##test(unused enum ktest_result *ktest_result)

void ktest_report(const char *file, int line, const char *format, ...) printf_like(3, 4);

// In the debug build a test fails in which kernel/lock_check.h has found something, but for as much
// as the test says that it has provoked.
void ktest_provoked(unsigned lock_faults);

#define KTEST_FAIL(...)                                \
    do {                                               \
        ktest_report(__FILE__, __LINE__, __VA_ARGS__); \
        *ktest_result = KTEST_FAILED;                  \
        return;                                        \
    } while (0)

#define KTEST_CHECK(condition)            \
    do {                                  \
        if (!(condition))                 \
            KTEST_FAIL("%s", #condition); \
    } while (0)

#define KTEST_EQUAL(actual, expected)                                                         \
    do {                                                                                      \
        unsigned long ktest_actual = (unsigned long)(actual);                                 \
        unsigned long ktest_expected = (unsigned long)(expected);                             \
        if (ktest_actual != ktest_expected)                                                   \
            KTEST_FAIL("%s is 0x%lx, expected 0x%lx", #actual, ktest_actual, ktest_expected); \
    } while (0)

#define KTEST_SKIP(...)                                \
    do {                                               \
        ktest_report(__FILE__, __LINE__, __VA_ARGS__); \
        *ktest_result = KTEST_SKIPPED;                 \
        return;                                        \
    } while (0)

// Runs the tests whose name matches the pattern, prints the summary line
// "N passed, N failed, N skipped", and returns whether some ran and none failed. Before each one
// `stopped` is asked whether that was enough; NULL: nobody is.
bool ktest_run(const char *pattern, bool (*stopped)(void));

// Runs what the option ktest asked for, if it did, and leaves the emulator if that was asked too.
void ktest_run_requested(void);
