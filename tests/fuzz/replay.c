// A fuzz target without its fuzzer: every file of its seeds once, and every beginning of each, as a
// test. FUZZ_TARGET is the target's source and FUZZ_SEEDS the folder.

#include <dirent.h>

#include FUZZ_TARGET

static size_t read_file(const char *name, uint8_t *bytes, size_t max)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/%s", FUZZ_SEEDS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, max, file);
    fclose(file);
    return size;
}

static void the_seeds_pass(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 16];
    unsigned files = 0;
    DIR *folder = opendir(FUZZ_SEEDS);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        size_t size = read_file(entry->d_name, bytes, sizeof(bytes));
        for (size_t cut = 0; cut <= size; cut++)
            assert_int_equal(LLVMFuzzerTestOneInput(bytes, cut), 0);
        files++;
    }
    closedir(folder);
    assert_in_range(files, 1, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_seeds_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
