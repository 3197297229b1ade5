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
TABLE_DECLARE(struct driver, console_driver);
TABLE_DECLARE(struct driver, input_driver);

#define DRIVER(driver_name)                                                                       \
    static enum status driver_start_##driver_name(void);                                          \
    TABLE_ENTRY(struct driver, driver, driver_name) = {#driver_name, driver_start_##driver_name}; \
    static enum status driver_start_##driver_name(void)

// The same for what carries the console: started before all other drivers, or by a panic that comes
// still earlier.
#define CONSOLE_DRIVER(driver_name)                                                         \
    static enum status driver_start_##driver_name(void);                                    \
    TABLE_ENTRY(struct driver, console_driver, driver_name) = {#driver_name,                \
                                                               driver_start_##driver_name}; \
    static enum status driver_start_##driver_name(void)

// The same for what only types: started behind those, so that there is something to be seen.
#define INPUT_DRIVER(driver_name)                                                         \
    static enum status driver_start_##driver_name(void);                                  \
    TABLE_ENTRY(struct driver, input_driver, driver_name) = {#driver_name,                \
                                                             driver_start_##driver_name}; \
    static enum status driver_start_##driver_name(void)

// Each starts its table once; later calls do nothing.
void consoles_start(void);
void drivers_start(void);
