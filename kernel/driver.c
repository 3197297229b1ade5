// Starts the drivers.

#include "kernel/driver.h"
#include "kernel/log.h"

void drivers_start(void)
{
    const struct driver *driver;
    TABLE_FOREACH (driver, driver) {
        enum status status = driver->start();
        if (status != OK && status != NOT_FOUND)
            log_warn("driver: %s failed: %s", driver->name, status_name(status));
    }
}
