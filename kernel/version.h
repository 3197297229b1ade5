// Which Keelson this is.
#pragma once

extern const char kernel_version[]; // "0.1.0"

// The linker's build id as 40 hexadecimal digits.
const char *kernel_build_id(void);
