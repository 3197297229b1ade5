// The start information of a PVH entry (Xen's public/arch-x86/hvm/start_info.h) into a struct
// boot_info. QEMU's -kernel starts us so.
#pragma once

#include "kernel/boot_info.h"
#include "kernel/loader_magic.h"
#include "lib/status.h"

// As multiboot2_parse().
must_use enum status pvh_parse(paddr_t info, struct boot_info *boot);
