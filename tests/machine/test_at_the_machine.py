"""A machine with a screen and a keyboard: what is typed is seen, paged and looked back at."""

import pytest

from images import config, disc
from screen import kernel_text, looks, wait_screen
from test_keyboard import press, type_keys

ROWS = 25  # of VGA text
MORE = "-- more --"


def last_row(screen):
    return next((text for text in reversed(screen.text()) if text), "")


def wait_row(machine, text):
    """Waits until this is the screen's last row that isn't empty."""
    return wait_screen(machine, f"last row {text!r}", lambda screen: last_row(screen) == text)


@pytest.mark.parametrize("mode", ["1024x768x32", "text"])
def test_typing_is_seen(start, mode):
    """Without any serial port. Catches keys that are echoed late, letters that take two cells, and a
    cursor that stays behind."""
    machine = start(iso=disc(config("keyboard=de", f"  set gfxpayload={mode}")), serial=False)
    wait_row(machine, "keelson>")
    press(machine, *"ec", "h", "o", "spc", "apostrophe", "semicolon", "shift-bracket_left", "minus",
          "alt_r-q", "spc", "z")
    screen = wait_row(machine, looks("keelson> echo äöÜß@ y"))
    row = len([text for text in screen.text() if text]) - 1
    assert screen.is_marked(row, len("keelson> echo äöÜß@ y"))
    press(machine, *["left"] * 4, "backspace", "x")
    screen = wait_row(machine, looks("keelson> echo äöxß@ y"))
    assert screen.is_marked(row, len("keelson> echo äöx"))
    assert not screen.is_marked(row, len("keelson> echo äöxß@ y"))
    press(machine, "ret")
    wait_screen(machine, "the echo", lambda shown: looks("äöxß@ y") in shown.text())


def test_looking_back(start):
    """Shift-PageUp and Shift-PageDown, and back at once where something is typed."""
    machine = start()
    machine.wait_prompt()
    machine.command("repeat 6 memory")
    said = [line.rstrip() for line in kernel_text(machine).split("\n")]
    assert len(said) > 3 * ROWS and max(map(len, said)) < 80

    def shows(rows):
        return lambda screen: screen.text() == rows

    for pages in (1, 2):
        press(machine, "shift-pgup")
        end = len(said) - pages * (ROWS - 1)
        screen = wait_screen(machine, f"{pages} pages back", shows(said[end - ROWS:end]))
        assert screen.cursor() is None
    press(machine, "shift-pgdn")
    end = len(said) - (ROWS - 1)
    wait_screen(machine, "a page forward", shows(said[end - ROWS:end]))
    press(machine, "v")
    wait_row(machine, "keelson> v")
    press(machine, *["shift-pgup"] * 50)
    wait_screen(machine, "the oldest line", shows(said[:ROWS]))


def test_pages(start):
    """Long output of a line entered at the keyboard stops after each screenful; that of one over the
    serial port doesn't."""
    machine = start()
    machine.wait_prompt()
    assert MORE not in machine.command("symbol *e*")
    type_keys(machine, "symbol *e*\n")
    screen = wait_row(machine, MORE)
    assert screen.text()[ROWS - 1] == MORE
    seen = screen.text()[:ROWS - 1]
    press(machine, "ret")
    screen = wait_screen(machine, "a line more", lambda shown: shown.text()[:ROWS - 2] == seen[1:]
                         and last_row(shown) == MORE)
    press(machine, "q")
    wait_row(machine, "keelson>")
