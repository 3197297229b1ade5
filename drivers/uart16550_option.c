// What the option serial= can say.

#include "drivers/uart16550_priv.h"
#include "kernel/option.h"
#include "lib/parse.h"
#include "lib/string.h"

static struct uart_config config = {UART_PORT, COM1, BAUD_MAX, false, false};

OPTION(serial, "com1|com2|0xPORT|mmio:0xADDR|mmio32:0xADDR[,BAUD|,keep]",
       "where the serial console is; COM1 at 115200 baud if not said")
{
    return uart_parse(value, &config) ? OK : BAD_ARGUMENT;
}

const struct uart_config *uart_wanted(void)
{
    return &config;
}

static bool parse_address(const char *text, struct uart_config *parsed)
{
    return string_starts_with(text, "0x") && parse_u64(text, &parsed->address) &&
           parsed->address != 0;
}

static bool parse_place(const char *text, struct uart_config *parsed)
{
    static const struct {
        const char *prefix;
        enum uart_access access;
    } spaces[] = {{"mmio:", UART_MMIO}, {"mmio32:", UART_MMIO32}};
    if (string_equal(text, "com1") || string_equal(text, "com2")) {
        parsed->address = text[3] == '1' ? COM1 : COM2;
        return true;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(spaces); i++) {
        if (!string_starts_with(text, spaces[i].prefix))
            continue;
        parsed->access = spaces[i].access;
        uint64_t alignment = parsed->access == UART_MMIO32 ? 4 : 1;
        return parse_address(text + strlen(spaces[i].prefix), parsed) &&
               is_aligned(parsed->address, alignment);
    }
    return parse_address(text, parsed) && parsed->address <= 0x10000 - REG_COUNT;
}

static bool parse_speed(const char *text, struct uart_config *parsed)
{
    uint64_t baud;
    if (string_equal(text, "keep"))
        return parsed->keep = true;
    if (!parse_u64(text, &baud) || baud == 0 || baud > BAUD_MAX || BAUD_MAX % baud != 0 ||
        BAUD_MAX / baud > UINT16_MAX)
        return false;
    parsed->baud = (uint32_t)baud;
    return true;
}

bool uart_parse(const char *text, struct uart_config *result)
{
    struct uart_config parsed = {UART_PORT, 0, BAUD_MAX, false, true};
    char place[32];
    const char *comma = strchr(text, ',');
    size_t length = comma ? (size_t)(comma - text) : strlen(text);
    if (!string_copy(place, sizeof(place), text, length) || !parse_place(place, &parsed) ||
        (comma && !parse_speed(comma + 1, &parsed)))
        return false;
    *result = parsed;
    return true;
}
