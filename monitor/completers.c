// Completers for the words that many usages have.

#include "kernel/bench.h"
#include "kernel/symbol.h"
#include "kernel/test.h"
#include "monitor/command.h"
#include "monitor/completion.h"

COMPLETER(COMMAND)
{
    const struct command *command;
    TABLE_FOREACH (command, command) {
        completion_offer(completion, command->name);
    }
}

static bool offer_symbol(void *completion, uintptr_t address, const char *name)
{
    (void)address;
    completion_offer_open(completion, name);
    return true;
}

COMPLETER(ADDRESS)
{
    symbol_match("*", offer_symbol, completion);
}

COMPLETER(TEST)
{
    const struct ktest *test;
    TABLE_FOREACH (test, ktest) {
        completion_offer(completion, test->name);
    }
}

COMPLETER(BENCHMARK)
{
    const struct bench *bench;
    TABLE_FOREACH (bench, bench) {
        completion_offer(completion, bench->name);
    }
}
