// Page tables of the boot, as the entry stub has filled them, and memory types.
#pragma once

// Takes the stacks' guard pages out of the boot's map, and sets the memory types up.
void paging_init(void);
