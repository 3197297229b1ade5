// Starts the drivers.

#include "kernel/driver.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "lib/types.h"

static void start(const struct driver *driver)
{
    console_show(); // whatever hangs, what was said before can be read
    enum status status = driver->start();
    if (status != OK && status != NOT_FOUND)
        log_warn("driver: %s failed: %s", driver->name, status_name(status));
}

// `next` goes on before each start: a panic inside one goes on with those behind it.
static void start_all(const struct driver **next, const struct driver *end)
{
    while (*next != end)
        start((*next)++);
}

void consoles_start(void)
{
    static const struct driver *next = console_driver_table_start;
    static const struct driver *next_input = input_driver_table_start;
    start_all(&next, console_driver_table_end);
    start_all(&next_input, input_driver_table_end);
    console_ensure();
}

void drivers_start(void)
{
    static const struct driver *next = driver_table_start;
    start_all(&next, driver_table_end);
}
