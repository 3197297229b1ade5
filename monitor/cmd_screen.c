// The command about the screen.

#include "drivers/screen.h"
#include "kernel/console.h"
#include "lib/string.h"
#include "lib/utf8.h"
#include "monitor/command.h"

enum { FOREGROUNDS = 16, BACKGROUNDS = 8 };

// The characters from the first to the last, `a_line` in a line.
static void show_characters(unsigned first, unsigned last, unsigned a_line)
{
    for (unsigned c = first; c <= last; c++) {
        char text[UTF8_LENGTH_MAX];
        if ((c - first) % a_line == 0)
            print("%s  U+%04X  ", c == first ? "" : "\n", c);
        print("%.*s", (int)utf8_encode(text, c), text);
    }
    print("\n");
}

static void show_colors(void)
{
    for (unsigned background = 0; background < BACKGROUNDS; background++) {
        print("  ");
        for (unsigned foreground = 0; foreground < FOREGROUNDS; foreground++)
            print("\033[%u;%um %x%x ", foreground < 8 ? 30 + foreground : 82 + foreground,
                  40 + background, background, foreground);
        print("\033[0m\n");
    }
}

static enum status show_chart(void)
{
    show_characters(0xa0, 0xff, 48);
    show_characters(0x2500, 0x259f, 40);
    show_colors();
    return OK;
}

COMMAND(screen, "[test]", "the screen; test: a chart, of its characters and colours", "screen test")
{
    struct screen_state state;
    if (argc == 2 && string_equal(argv[1], "test"))
        return show_chart();
    if (argc > 1)
        return BAD_ARGUMENT;
    if (!screen_state(&state)) {
        print("there is no screen\n");
        return NOT_FOUND;
    }
    print("%s\n", state.description);
    print("%u lines can be looked back at\n", state.history);
    print("drawn so far: %lu times, %lu characters, %lu bytes\n", state.redraws, state.cells_drawn,
          state.bytes_written);
    return OK;
}
