// The MCFG [PCIFW 4.1.2]: where PCI Express configuration space is in memory.
#pragma once

enum { MCFG_ENTRIES = 44, MCFG_ENTRY_SIZE = 16 };
