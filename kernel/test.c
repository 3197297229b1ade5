// Tests inside the running kernel: the runner.

#include "kernel/test.h"
#include "kernel/console.h"
#include "kernel/lock_check.h"
#include "kernel/option.h"
#include "kernel/power.h"
#include "lib/format.h"
#include "lib/string.h"

static char requested[64];

OPTION(ktest, "[PATTERN]", "run the self-tests (those whose names match) before the prompt")
{
    const char *pattern = value[0] ? value : "*";
    if (string_copy(requested, sizeof(requested), pattern, strlen(pattern)))
        return OK;
    requested[0] = 0; // half a pattern means something else
    return BAD_ARGUMENT;
}

void ktest_report(const char *file, int line, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print("  %s:%d: %s\n", file, line, text);
}

// --- Running -------------------------------------------------------------------------------------

static unsigned provoked;

void ktest_provoked(unsigned lock_faults)
{
    provoked += lock_faults;
}

static unsigned lock_faults(void)
{
    unsigned count = 0;
    for (enum lock_fault fault = 0; fault < LOCK_FAULTS; fault++)
        count += lock_check_count(fault);
    return count;
}

static enum ktest_result run_one(const struct ktest *test)
{
    unsigned before = lock_faults();
    provoked = 0;
    enum ktest_result result = test->run();
    if (lock_faults() == before + provoked)
        return result;
    print("  locks were misused, the log tells how\n");
    return KTEST_FAILED;
}

bool ktest_run(const char *pattern, bool (*stopped)(void))
{
    static const char *const verdicts[] = {"ok", "FAILED", "skipped"};
    unsigned counts[3] = {0};
    const struct ktest *test;
    TABLE_FOREACH (test, ktest) {
        if (!string_matches(test->name, pattern))
            continue;
        if (stopped && stopped())
            break;
        enum ktest_result result = run_one(test);
        counts[result]++;
        print("ktest %s %s\n", test->name, verdicts[result]);
    }
    print("%u passed, %u failed, %u skipped\n", counts[KTEST_PASSED], counts[KTEST_FAILED],
          counts[KTEST_SKIPPED]);
    return counts[KTEST_PASSED] > 0 && counts[KTEST_FAILED] == 0;
}

void ktest_run_requested(void)
{
    if (requested[0])
        power_exit(ktest_run(requested, NULL));
}
