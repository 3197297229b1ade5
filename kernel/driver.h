// Drivers register in a table and are started once, in the order of their names.
//
//   DRIVER(uart16550)
//   {
//       return device_is_there ? OK : NOT_FOUND;
//   }
//
// A driver that finds no device returns NOT_FOUND, which nobody complains about; any other failure
// is logged by name, and boot goes on.
#pragma once

#include "lib/status.h"
#include "lib/table.h"

struct driver {
    const char *name;
    enum status (*start)(void);
};

TABLE_DECLARE(struct driver, driver);

#define DRIVER(driver_name)                                                                       \
    static enum status driver_start_##driver_name(void);                                          \
    TABLE_ENTRY(struct driver, driver, driver_name) = {#driver_name, driver_start_##driver_name}; \
    static enum status driver_start_##driver_name(void)

void drivers_start(void);
