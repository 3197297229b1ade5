// How threads are shown to people.
#pragma once

#include "kernel/cpu_set.h"
#include "kernel/thread.h"
#include "lib/compiler.h"

enum { THREAD_TEXT_MAX = 64 };

// "runs", "ready", "waits", "throttled", ...
const char *thread_state_name(const struct thread_info *info);

// "fair 1024", "real time 16", "idle", and a cap behind it: "fair 1024, 25 %". Returns `text`.
char *thread_schedule_text(char text[THREAD_TEXT_MAX], const struct schedule *schedule);

// "0-3,5", "all", "none"; what is too long ends in "...". Returns `text`.
char *cpu_set_text(char text[THREAD_TEXT_MAX], const struct cpu_set *set);

// The same the other way round; false for anything else, and processors that aren't there.
must_use bool cpu_set_parse(struct cpu_set *set, const char *text);
