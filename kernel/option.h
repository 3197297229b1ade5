// Kernel options: words of the loader's command line, `name` or `name=value`. An option is defined
// where it is used:
//
//   OPTION(loglevel, "error|warn|info|debug", "what of the log is shown on the consoles")
//   {
//       return log_level_parse(value, &console_level) ? OK : BAD_ARGUMENT;
//   }
//
// The body sees `const char *value`: the text behind `=`, "" where there is none. It must not keep
// the pointer. Whatever it returns but OK makes the parser warn and go on.
#pragma once

#include "lib/status.h"
#include "lib/table.h"
#include "lib/types.h"

struct option {
    const char *name;
    const char *values; // what may stand behind `=`, for people; "" where nothing does
    const char *help;
    enum status (*set)(const char *value);
};

TABLE_DECLARE(struct option, option);

#define OPTION(option_name, option_values, option_help)             \
    static enum status option_set_##option_name(const char *value); \
    TABLE_ENTRY(struct option, option, option_name) = {             \
        .name = #option_name,                                       \
        .values = option_values,                                    \
        .help = option_help,                                        \
        .set = option_set_##option_name,                            \
    };                                                              \
    static enum status option_set_##option_name(const char *value)

// Applies a whole command line, once, early. Unknown options and bad values are logged.
void options_apply(const char *command_line);
