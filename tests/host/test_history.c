// monitor/history against a plain list. Catches a ring that is off by one where it wraps, repeats
// that are kept, and a search that misses or goes the wrong way.

#include "tests/host/lib.h"

#include "monitor/history.c"

static struct history history;

static int start(void **state)
{
    (void)state;
    history = (struct history){0};
    return 0;
}

static void an_empty_history_has_nothing(void **state)
{
    (void)state;
    assert_null(history_get(&history, 0));
    assert_null(history_get(&history, 1));
    assert_int_equal(history_search(&history, "", 1), 0);
}

static void blank_lines_and_repeats_are_left_out(void **state)
{
    (void)state;
    static const char *const typed[] = {"", "a", "a", "  ", "\t", "b", "a", "a"};
    for (unsigned i = 0; i < ARRAY_SIZE(typed); i++)
        history_add(&history, typed[i]);
    assert_string_equal(history_get(&history, 1), "a");
    assert_string_equal(history_get(&history, 2), "b");
    assert_string_equal(history_get(&history, 3), "a");
    assert_null(history_get(&history, 4));
}

static void the_newest_are_kept(void **state)
{
    (void)state;
    char line[16];
    for (unsigned count = 1; count <= 3 * HISTORY_LINES; count++) {
        snprintf(line, sizeof(line), "line %u", count);
        history_add(&history, line);
        unsigned kept = count < HISTORY_LINES ? count : HISTORY_LINES;
        for (unsigned age = 1; age <= kept; age++) {
            snprintf(line, sizeof(line), "line %u", count + 1 - age);
            assert_string_equal(history_get(&history, age), line);
        }
        assert_null(history_get(&history, kept + 1));
    }
    assert_null(history_get(&history, 0xffffffff));
}

static void a_line_of_full_length_is_kept_whole(void **state)
{
    (void)state;
    char line[HISTORY_LINE_MAX + 1];
    memset(line, 'x', HISTORY_LINE_MAX);
    line[HISTORY_LINE_MAX] = 0;
    history_add(&history, line);
    history_add(&history, "y");
    assert_string_equal(history_get(&history, 2), line);
}

static void search_goes_back(void **state)
{
    (void)state;
    static const char *const typed[] = {"peek 1", "memory", "poke 1 2", "peek 2"};
    for (unsigned i = 0; i < ARRAY_SIZE(typed); i++)
        history_add(&history, typed[i]);
    assert_int_equal(history_search(&history, "peek", 1), 1);
    assert_int_equal(history_search(&history, "peek", 2), 4);
    assert_int_equal(history_search(&history, "peek", 5), 0);
    assert_int_equal(history_search(&history, "mor", 0), 3);
    assert_int_equal(history_search(&history, "2", 2), 2);
    assert_int_equal(history_search(&history, "nothing", 1), 0);
    const char *line = "poke 1 2";
    assert_ptr_equal(history_find_text(line, "1 2"), line + 5);
    assert_null(history_find_text(line, "1 23"));
    assert_ptr_equal(history_find_text(line, ""), line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_history_has_nothing, start),
        cmocka_unit_test_setup(blank_lines_and_repeats_are_left_out, start),
        cmocka_unit_test_setup(the_newest_are_kept, start),
        cmocka_unit_test_setup(a_line_of_full_length_is_kept_whole, start),
        cmocka_unit_test_setup(search_goes_back, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
