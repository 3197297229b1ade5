// monitor/thread_text: sets of processors as people write them, there and back.

#include "tests/host/lib.h"

#include "monitor/thread_text.c"

static uint32_t processors = 16;

uint32_t percpu_count(void)
{
    return processors;
}

static int begin(void **state)
{
    (void)state;
    processors = 16;
    return 0;
}

static const char *text_of(const char *written)
{
    static char text[THREAD_TEXT_MAX];
    struct cpu_set set;
    return cpu_set_parse(&set, written) ? cpu_set_text(text, &set) : "refused";
}

static void sets_are_shown_as_they_are_written(void **state)
{
    static const char *const sets[] = {"0", "15", "0-1", "3-5", "0,2,4", "0-3,5,7-15", "14-15"};
    (void)state;
    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        assert_string_equal(text_of(sets[i]), sets[i]);
}

static void sets_are_shown_in_one_way(void **state)
{
    static const struct {
        const char *written, *shown;
    } sets[] = {{"all", "all"}, {"0-15", "all"},    {"5,4,3", "3-5"},
                {"7,7", "7"},   {"0-4,2-6", "0-6"}, {"8-15,0-7", "all"}};
    (void)state;
    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        assert_string_equal(text_of(sets[i].written), sets[i].shown);
}

static void what_is_no_set_is_refused(void **state)
{
    static const char *const words[] = {
        "",      "16",   "0-16", "4294967296", "18446744073709551616",
        "x",     "-",    "1-",   "-1",         "1,",
        ",1",    "1,,2", "1 2",  "0x1",        "none",
        "all,1", "1-2-3"};
    (void)state;
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct cpu_set set = cpu_set_one(9), before = set;
        if (cpu_set_parse(&set, words[i]))
            fail_msg("'%s' is taken", words[i]);
        assert_memory_equal(&set, &before, sizeof(set));
    }
}

static void a_set_of_nobody_is_none(void **state)
{
    char text[THREAD_TEXT_MAX];
    struct cpu_set set = {0};
    (void)state;
    assert_string_equal(cpu_set_text(text, &set), "none");
    cpu_set_add(&set, 16); // there is no such processor
    assert_string_equal(cpu_set_text(text, &set), "none");
}

// Every second one of a thousand.
static void long_sets_are_cut_with_a_mark(void **state)
{
    char text[THREAD_TEXT_MAX];
    struct cpu_set set = {0};
    (void)state;
    processors = CPU_SET_MAX;
    for (uint32_t cpu = 0; cpu < CPU_SET_MAX; cpu += 2)
        cpu_set_add(&set, cpu);
    cpu_set_text(text, &set);
    assert_true(strlen(text) < THREAD_TEXT_MAX);
    assert_string_equal(text + strlen(text) - 4, ",...");
    set = cpu_set_one(CPU_SET_MAX - 1);
    assert_string_equal(cpu_set_text(text, &set), "1023");
    assert_string_equal(text_of("1000-1023"), "1000-1023");
}

// There may be more processors than sets can hold.
static void more_processors_than_a_set_has(void **state)
{
    (void)state;
    processors = CPU_SET_MAX + 10;
    assert_string_equal(text_of("1022-1023"), "1022-1023");
    assert_string_equal(text_of("1024"), "refused");
    assert_string_equal(text_of("0-1023"), "all");
}

static void schedules_are_shown_whole(void **state)
{
    char text[THREAD_TEXT_MAX];
    struct schedule schedule = SCHEDULE_DEFAULT;
    (void)state;
    schedule.weight = 65536;
    schedule.cap = 25;
    assert_string_equal(thread_schedule_text(text, &schedule), "fair 65536, 25 %");
    schedule.class = SCHEDULE_REAL_TIME;
    schedule.priority = 31;
    schedule.cap = 0;
    assert_string_equal(thread_schedule_text(text, &schedule), "real time 31");
    schedule.class = SCHEDULE_IDLE;
    assert_string_equal(thread_schedule_text(text, &schedule), "idle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sets_are_shown_as_they_are_written, begin),
        cmocka_unit_test_setup(sets_are_shown_in_one_way, begin),
        cmocka_unit_test_setup(what_is_no_set_is_refused, begin),
        cmocka_unit_test_setup(a_set_of_nobody_is_none, begin),
        cmocka_unit_test_setup(long_sets_are_cut_with_a_mark, begin),
        cmocka_unit_test_setup(more_processors_than_a_set_has, begin),
        cmocka_unit_test_setup(schedules_are_shown_whole, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
