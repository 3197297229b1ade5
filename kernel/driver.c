// Starts the drivers.

#include "kernel/driver.h"
#include "kernel/log.h"
#include "lib/types.h"

static void start(const struct driver *driver)
{
    enum status status = driver->start();
    if (status != OK && status != NOT_FOUND)
        log_warn("driver: %s failed: %s", driver->name, status_name(status));
}

void consoles_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    const struct driver *driver;
    TABLE_FOREACH (driver, console_driver) {
        start(driver);
    }
}

void drivers_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    const struct driver *driver;
    TABLE_FOREACH (driver, driver) {
        start(driver);
    }
}
