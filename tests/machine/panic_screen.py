"""The panic screen, read as a person reads it on a photograph."""

import re

from images import addr2line

ROWS, COLUMNS = 25, 80
REGISTERS = ("rip rfl cs ss rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split())


class PanicScreen:
    """text: what the serial console said from the panic on."""

    def __init__(self, text):
        assert "KEELSON PANIC: " in text, f"no panic screen in {text[-2000:]!r}"
        self.text = text[text.index("KEELSON PANIC: "):]
        self.lines = self.text.rstrip("\n").split("\n")
        self.reason = self.lines[0].removeprefix("KEELSON PANIC: ")

    def field(self, name):
        """A register's or a base's number."""
        match = re.search(rf"\b{name} +([0-9a-f]+)\b", self.text)
        assert match, f"the screen has no {name}:\n{self.text}"
        return int(match[1], 16)

    def place(self):
        """Symbol and offset of RIP; None where the kernel stopped itself."""
        match = re.search(r"^at  (\S+)\+0x([0-9a-f]+)$", self.text, re.M)
        return match and (match[1], int(match[2], 16))

    def backtrace(self):
        """Address and symbol of each line of the backtrace."""
        lines = re.findall(r"^  ([0-9a-f]{16}) (\S+)\+0x[0-9a-f]+$", self.text, re.M)
        return [(int(address, 16), name) for address, name in lines]

    def names(self):
        return [name for _, name in self.backtrace()]

    def command(self):
        """The arguments of the printed addr2line line, whose end a backslash may put off."""
        joined = self.text.replace("\\\n", "")
        match = re.search(r"^addr2line (.*)$", joined, re.M)
        assert match, f"the screen has no addr2line line:\n{self.text}"
        return match[1]

    def source(self):
        """What that line says when it is run: function, file and line number of each place."""
        found = re.findall(r"^(?: \(inlined by\) )?(\S+) at (\S+?):(\d+)",
                           addr2line(self.command()), re.M)
        return [(function, file.removeprefix("./"), int(line)) for function, file, line in found]

    def assert_fits(self):
        assert len(self.lines) < ROWS, f"{len(self.lines)} lines and the cursor's:\n{self.text}"
        for line in self.lines:
            assert len(line) <= COLUMNS, f"{len(line)} columns: {line}"

    def assert_registers(self):
        for name in REGISTERS:
            self.field(name)
