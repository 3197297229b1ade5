// Page tables of the boot, as the entry stub has filled them.
#pragma once

// Takes the stacks' guard pages out of the map.
void paging_init(void);
