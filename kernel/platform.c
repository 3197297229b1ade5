// The machine as it is taken for until its tables have been read.

#include "kernel/platform.h"

#define ISA_LINE(line) [line] = {.gsi = (line)}

struct platform platform = {
    .has_pic = true,
    .has_i8042 = true,
    .has_rtc = true,
    .sci_gsi = PLATFORM_NO_GSI,
    .sci_is_level = true, // unless an override says otherwise [ACPI 5.2.9]
    .sci_is_low = true,
    .isa = {ISA_LINE(0), ISA_LINE(1), ISA_LINE(2), ISA_LINE(3), ISA_LINE(4), ISA_LINE(5),
            ISA_LINE(6), ISA_LINE(7), ISA_LINE(8), ISA_LINE(9), ISA_LINE(10), ISA_LINE(11),
            ISA_LINE(12), ISA_LINE(13), ISA_LINE(14), ISA_LINE(15)},
};
