"""The PS/2 keyboard, typed at by QEMU's monitor; what it types is seen on the serial console."""

import contextlib
import time

import pytest

from images import KERNEL_BASE, build_id, config, disc
from machine import FIRMWARE_SECONDS, SUCCESS

KEYS = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", "[": "bracket_left",
        "]": "bracket_right", ";": "semicolon", "'": "apostrophe", "`": "grave_accent",
        "\\": "backslash", ",": "comma", ".": "dot", "/": "slash"}
SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./"))
DATA, COMMAND = 0x60, 0x64  # the controller's ports
WRITE_CONFIG, CONFIG = 0x60, 0x05  # no translation, the keyboard's interrupt for the firmware


def key_name(character):
    """QEMU's name for what types a character on a US keyboard."""
    if character in SHIFTED:
        return "shift-" + key_name(SHIFTED[character])
    if character.isupper():
        return "shift-" + character.lower()
    return KEYS.get(character, character)


def switch(machine, name, down):
    machine.monitor.execute("input-send-event", events=[
        {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": name}}}])


def press(machine, *names):
    """Presses keys, one after the other, and lets go of them; `shift-a` is two at once. QEMU keeps 16
    bytes for a kernel that is slow to take them, hence the pauses."""
    for name in names:
        keys = name.split("-")
        for key in keys:
            switch(machine, key, True)
        for key in reversed(keys):
            switch(machine, key, False)
        time.sleep(0.02)


def press_last(machine, name):
    """Presses keys that end the machine, of which nothing can be asked afterwards; it may be gone
    before its monitor has answered."""
    with contextlib.suppress(ConnectionError):
        machine.monitor.human(f"sendkey {name}")


def type_keys(machine, text):
    press(machine, *map(key_name, text))


def echo(machine, expected):
    """What was typed is echoed as `expected`; then the line is given up, by Ctrl-C."""
    press(machine, "ctrl-c")
    before = machine.wait_prompt()
    assert before == expected + "^C", f"{before!r} and not {expected!r}"


def at_prompt(start, options="", **arguments):
    machine = start(append=options, **arguments)
    return machine, machine.wait_prompt()


@pytest.mark.parametrize("emulated", ["q35", "pc"])
def test_command(start, emulated):
    """Catches a keyboard that isn't there, and keys that come twice or not at all."""
    machine, before = at_prompt(start, machine=emulated)
    assert "keyboard: PS/2, scan code set 1" in before
    for _ in range(3):
        type_keys(machine, "version\n")
        assert machine.wait_prompt() == f"version\nKeelson 0.1.0, build {build_id()}"
    assert machine.command("log warn") == []


def test_us(start):
    """Catches characters in each other's place, on any key."""
    machine, _ = at_prompt(start)
    for row in ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", "zxcvbnm,./ ",
                "~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', "ZXCVBNM<>?"):
        type_keys(machine, row)
        echo(machine, row)


def test_de(start):
    """Catches the option, AltGr, and what stands elsewhere than on a US keyboard. Keys are named by
    what is on the latter."""
    machine, _ = at_prompt(start, "keyboard=de")
    press(machine, *"qwertyuiop", "bracket_right", "backslash", "slash", "less")
    echo(machine, "qwertzuiop+#-<")
    press(machine, *(f"shift-{name}" for name in "zy1245678900"), "shift-minus", "shift-equal",
          "shift-bracket_right", "shift-backslash", "shift-comma", "shift-dot", "shift-slash",
          "shift-less")
    echo(machine, "YZ!\"$%&/()==?`*';:_>")
    press(machine, *(f"alt_r-{name}" for name in ("q", "7", "8", "9", "0", "minus", "bracket_right",
                                                  "less")))
    echo(machine, "@{[]}\\~|")
    press(machine, "alt_r-x", "alt_r-1", "grave_accent")
    echo(machine, "^")


def test_wrong_layout(start):
    """Catches a layout that is believed to be another."""
    machine, before = at_prompt(start, "keyboard=fr")
    assert "keyboard" in before and "no sense" in before
    type_keys(machine, "version\n")
    assert build_id() in machine.wait_prompt()


def test_locks(start):
    """Catches Caps Lock that holds for digits, that doesn't end, or that Shift doesn't turn around,
    and a keypad that types directions while Num Lock is on."""
    machine, _ = at_prompt(start)
    press(machine, "a", "caps_lock", "a", "1", "shift-a", "shift-1", "caps_lock", "a")
    echo(machine, "aA1a!a")
    press(machine, "num_lock", "kp_1", "kp_9", "kp_0", "kp_decimal", "kp_add", "kp_divide", "num_lock", "kp_5",
          "num_lock", "kp_5")
    echo(machine, "190.+/5")


def test_modifiers_are_let_go(start):
    """Catches a modifier that sticks: right and left, held over several keys."""
    machine, _ = at_prompt(start)
    press(machine, "shift-a-b", "a", "shift_r-a", "a", "ctrl-z", "a", "alt", "a", "ctrl_r", "a")
    echo(machine, "ABaAaaaa")


def test_a_key_held_down(start):
    """A keyboard repeats a key that is held by sending its code again; QEMU doesn't by itself. Catches
    a key that repeats on its own, or one that never can."""
    machine, _ = at_prompt(start)
    switch(machine, "a", True)
    time.sleep(1)
    switch(machine, "a", False)
    for down in (True, True, True, False):
        switch(machine, "b", down)
    echo(machine, "abbb")


def test_typed_while_nobody_listens(start):
    """More than the keyboard's buffer holds. Catches a code cut in the middle that confuses what comes
    next. What is lost may be the release of Shift: a person presses it once more."""
    machine, _ = at_prompt(start)
    machine.type("; ".join(["peek -1 kernel_text_start 4096"] * 6) + "\r")
    machine.wait("\r\n")
    for _ in range(10):
        for key in ("up", "shift", "x"):
            switch(machine, key, True)
            switch(machine, key, False)
    machine.wait_prompt()
    time.sleep(0.2)
    press(machine, "shift", "ctrl-c")
    machine.wait_prompt()
    type_keys(machine, "version\n")
    assert build_id() in machine.wait_prompt()


def test_control_alt_delete(start):
    machine, _ = at_prompt(start)
    press_last(machine, "ctrl-alt-delete")
    machine.wait_exit()
    assert machine.shutdown_reason() == "guest-reset"


def test_untranslated(start):
    """The controller's translation is off before the kernel starts: then the keyboard's own codes
    arrive. Catches a decoder that knows set 1 alone."""
    menu = "serial --unit=0\nterminal_output --append serial\n" + config("keyboard=de")
    machine = start(iso=disc(menu.replace("timeout=0", "timeout=3")))
    machine.wait("GRUB", FIRMWARE_SECONDS)
    machine.monitor.human(f"o /b {COMMAND:#x} {WRITE_CONFIG:#x}")
    machine.monitor.human(f"o /b {DATA:#x} {CONFIG:#x}")
    assert "keyboard: PS/2, scan code set 2" in machine.wait_prompt()
    press(machine, *"qwertyuiop", "shift-a", "f7", "end", "alt_r-q", "print", "pause", "caps_lock",
          "a", "caps_lock", "a")
    echo(machine, "qwertzuiopA@Aa")


@pytest.mark.parametrize("firmware", ["bios", "uefi", "uefi32"])
def test_firmware(start, firmware):
    """Catches a controller in the state that one firmware alone leaves it in."""
    machine = start(iso=disc(config("keyboard=de")), firmware=firmware)
    machine.wait_prompt()
    press(machine, *"versoin", "alt_r-q", *["backspace"] * 4, *"ion", "ret")
    assert build_id() in machine.wait_prompt()


def test_no_controller(start):
    """Catches a wait for hardware that isn't there, on the way to the prompt."""
    machine, before = at_prompt(start, machine="q35,i8042=off")
    assert "keyboard: no controller at port 0x64" in before
    times = [float(line[1:].split("]")[0]) for line in before.splitlines() if line.startswith("[")]
    assert max(times) < 0.5
    assert machine.command("log warn") == []
    assert machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]


def test_left_out(start):
    """Catches keys from a console that wasn't named."""
    machine, _ = at_prompt(start, "console=serial")
    type_keys(machine, "xyz\n")
    machine.assert_silent(0.5)
    assert machine.command("version") == [f"Keelson 0.1.0, build {build_id()}"]


def test_only_the_keyboard(start):
    """Catches a session that listens to the serial line alone: there is none."""
    machine = start(append="console=screen exit=qemu", serial=False)
    machine.wait_until("the kernel runs", lambda: machine.register("RIP") >= KERNEL_BASE)
    time.sleep(1)  # milliseconds from there to the prompt, which nobody sees
    type_keys(machine, "poweroff")
    press_last(machine, "ret")
    assert machine.wait_exit() == SUCCESS
