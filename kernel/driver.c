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

static void start_all(const struct driver *first, const struct driver *end, bool *started)
{
    if (*started)
        return;
    *started = true;
    for (const struct driver *driver = first; driver != end; driver++)
        start(driver);
}

void consoles_start(void)
{
    static bool started;
    start_all(console_driver_table_start, console_driver_table_end, &started);
}

void drivers_start(void)
{
    static bool started;
    start_all(driver_table_start, driver_table_end, &started);
}
