// Names of status values.

#include "lib/status.h"

const char *status_name(enum status status)
{
    switch (status) {
#define STATUS_CASE(name, value) \
    case name:                   \
        return #name;
        STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "status?";
}
