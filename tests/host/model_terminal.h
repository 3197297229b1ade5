// One row of a terminal, as far as a line editor needs one: it interprets what is written to it,
// and fails the test for anything that a dumb terminal wouldn't understand.
#pragma once

#include "tests/host/lib.h"

enum { TERMINAL_MAX = 256 };

static struct {
    unsigned columns, column;
    uint32_t cells[TERMINAL_MAX]; // 0: nothing was ever written there
    uint32_t code;                // of a character in UTF-8 that isn't complete
    unsigned missing;
    char above[TERMINAL_MAX * 4]; // the row before the last line's end
    unsigned rows, beeps, clears;
    char raw[4096]; // everything, as it came, since terminal_forget()
    size_t raw_length;
} terminal;

static inline void terminal_start(unsigned columns)
{
    terminal.columns = columns;
    terminal.column = terminal.missing = terminal.rows = terminal.beeps = terminal.clears = 0;
    for (unsigned i = 0; i < TERMINAL_MAX; i++)
        terminal.cells[i] = 0;
    terminal.raw_length = 0;
    terminal.raw[0] = terminal.above[0] = 0;
}

static inline void terminal_forget(void)
{
    terminal.raw_length = 0;
    terminal.raw[0] = 0;
}

// The row's text without the blanks at its end.
static inline const char *terminal_row(void)
{
    static char text[TERMINAL_MAX * 4 + 1];
    unsigned length = 0, end = 0;
    for (unsigned i = 0; i < terminal.columns; i++) {
        uint32_t code = terminal.cells[i] ? terminal.cells[i] : ' ';
        if (code < 0x80)
            text[length++] = (char)code;
        else if (code < 0x800) {
            text[length++] = (char)(0xc0 | code >> 6);
            text[length++] = (char)(0x80 | (code & 0x3f));
        } else {
            text[length++] = (char)(0xe0 | code >> 12);
            text[length++] = (char)(0x80 | (code >> 6 & 0x3f));
            text[length++] = (char)(0x80 | (code & 0x3f));
        }
        end = code != ' ' ? length : end;
    }
    text[end] = 0;
    return text;
}

static inline void terminal_clear_row(void)
{
    for (unsigned i = 0; i < TERMINAL_MAX; i++)
        terminal.cells[i] = 0;
    terminal.column = 0;
}

static inline void terminal_put(uint32_t code)
{
    if (terminal.column >= terminal.columns - 1)
        fail_msg("0x%x is written to the last column", code);
    terminal.cells[terminal.column++] = code;
}

static inline void terminal_byte(uint8_t byte)
{
    if (terminal.missing) {
        assert_int_equal(byte & 0xc0, 0x80);
        terminal.code = terminal.code << 6 | (byte & 0x3f);
        if (--terminal.missing == 0)
            terminal_put(terminal.code);
    } else if (byte >= 0xc2 && byte < 0xf0) {
        terminal.missing = byte < 0xe0 ? 1 : 2;
        terminal.code = byte & (0x3fu >> terminal.missing);
    } else if (byte == '\b') {
        assert_true(terminal.column > 0);
        terminal.column--;
    } else if (byte == '\r') {
        terminal.column = 0;
    } else if (byte == '\a') {
        terminal.beeps++;
    } else if (byte == '\n') {
        const char *row = terminal_row();
        memcpy(terminal.above, row, strlen(row) + 1);
        terminal.rows++;
        terminal_clear_row();
    } else {
        assert_in_range(byte, ' ', '~');
        terminal_put(byte);
    }
}

static inline void terminal_write(const char *text, size_t length)
{
    static const char clear[] = "\033[2J\033[H";
    for (size_t i = 0; i < length && terminal.raw_length < sizeof(terminal.raw) - 1; i++)
        terminal.raw[terminal.raw_length++] = text[i];
    terminal.raw[terminal.raw_length] = 0;
    if (length == sizeof(clear) - 1 && memcmp(text, clear, length) == 0) {
        terminal.clears++;
        terminal_clear_row();
        return;
    }
    for (size_t i = 0; i < length; i++)
        terminal_byte((uint8_t)text[i]);
}
