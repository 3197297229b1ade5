// How loaders introduce themselves to the entry stub, for C and assembly.
#pragma once

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6 // in our header [MB2 3.1.1]
#define MULTIBOOT2_MAGIC        0x36d76289 // in EAX [MB2 3.5]
#define PVH_MAGIC               0x336ec578 // first word of the start information; the stub's word for it
