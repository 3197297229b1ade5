// What the loader has told us, put together: parse, then reserve.

#include "kernel/boot_info.h"
#include "arch/arch.h"
#include "kernel/log.h"
#include "kernel/multiboot2.h"
#include "kernel/option.h"
#include "kernel/pvh.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "lib/string.h"
#include "mm/layout.h"

struct boot_info boot_info;

OPTION(mem, "SIZE", "use only the memory below this address, as in mem=512M")
{
    uint64_t end;
    if (!parse_size(value, &end))
        return BAD_ARGUMENT;
    memory_map_limit(&boot_info.memory, end);
    return OK;
}

void boot_complain(struct boot_info *boot, const char *format, ...)
{
    if (boot->complaints++ >= BOOT_COMPLAINTS_MAX)
        return;
    char text[100];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    log_warn("boot: %s", text);
}

void boot_add_module(struct boot_info *boot, paddr_t start, paddr_t end, const char *command_line,
                     size_t length)
{
    if (start >= end || end > arch_physical_limit()) {
        boot_complain(boot, "module %lx..%lx is empty, inverted or out of reach", start, end);
        return;
    }
    if (boot->module_count == BOOT_MODULES_MAX) {
        boot_complain(boot, "more than %d modules: %lx..%lx is ignored", BOOT_MODULES_MAX, start,
                      end);
        return;
    }
    struct boot_module *module = &boot->modules[boot->module_count++];
    module->start = start;
    module->end = end;
    if (!string_copy(module->command_line, sizeof(module->command_line), command_line, length))
        boot_complain(boot, "a module's command line was cut at %zu characters",
                      sizeof(module->command_line) - 1);
}

static void reserve(struct boot_info *boot, paddr_t start, paddr_t end, enum memory_kind kind)
{
    if (end > start)
        memory_map_add(&boot->memory, start, end - start, kind, UINT64_MAX);
}

static void reserve_all(struct boot_info *boot)
{
    const struct boot_framebuffer *screen = &boot->framebuffer;
    reserve(boot, 0, PAGE_SIZE, MEMORY_RESERVED); // the BIOS data area, and NULL
    reserve(boot, kernel_image_phys(kernel_image_start), kernel_image_phys(kernel_image_end),
            MEMORY_KERNEL);
    reserve(boot, boot->info_start, boot->info_end, MEMORY_BOOT_INFO);
    for (unsigned i = 0; i < boot->module_count; i++)
        reserve(boot, boot->modules[i].start, boot->modules[i].end, MEMORY_MODULE);
    if (screen->kind != FRAMEBUFFER_NONE)
        reserve(boot, screen->address, screen->address + (uint64_t)screen->pitch * screen->height,
                MEMORY_FRAMEBUFFER);
}

void boot_info_init(uint32_t magic, paddr_t info)
{
    struct boot_info *boot = &boot_info;
    enum status status = magic == PVH_MAGIC ? pvh_parse(info, boot) : multiboot2_parse(info, boot);
    if (status != OK)
        log_error("boot: the loader's information at 0x%lx is unusable: %s", info,
                  status_name(status));
    if (boot->complaints > BOOT_COMPLAINTS_MAX)
        log_warn("boot: %u more complaints like these", boot->complaints - BOOT_COMPLAINTS_MAX);
    if (boot->memory.lost)
        log_warn("boot: the memory map is too long: %u ranges lost", boot->memory.lost);
    reserve_all(boot);
    if (memory_map_total(&boot->memory, MEMORY_USABLE) == 0)
        log_error("boot: the loader has given no usable memory");
}
