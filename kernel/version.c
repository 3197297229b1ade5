// Which Keelson this is. The version comes from the Makefile, the build id from the linker's note.

#include "kernel/version.h"
#include "lib/format.h"

const char kernel_version[] = KEELSON_VERSION;

struct build_id_note {
    uint32_t name_size, id_size, type;
    char name[4]; // "GNU"
    uint8_t id[20];
};

extern const struct build_id_note kernel_build_id_note; // linker.ld

const char *kernel_build_id(void)
{
    static char text[2 * sizeof(kernel_build_id_note.id) + 1];
    for (unsigned i = 0; i < sizeof(kernel_build_id_note.id) && !text[2 * i + 1]; i++)
        snprintf(text + 2 * i, 3, "%02x", kernel_build_id_note.id[i]);
    return text;
}
