"""What a terminal makes of the serial console's text, so that a screen can be compared with it."""

import re

PIECE = re.compile(r"\x1b\[(\d*)([A-Za-z])|([\r\n\b])|([^\x00-\x1f\x7f])|.", re.S)


class Paper:
    """An endless roll of rows of `columns` characters. Knows what a line editor needs: CR, LF, BS,
    CUF, CUB, CHA, EL and ED 0; a sequence with several parameters draws nothing and is left out."""

    def __init__(self, columns, text=""):
        self.columns = columns
        self.grid = [[]]
        self.row = self.column = 0
        self.write(text)

    def write(self, text):
        for match in PIECE.finditer(re.sub(r"\x1b\[\d*;[\d;]*[A-Za-z]", "", text)):
            number, final, control, character = match.groups()
            if character:
                self._put(character)
            elif control:
                self._control(control)
            elif final:
                self._sequence(final, int(number or 0))

    def rows(self):
        """Right ends stripped."""
        return ["".join(row).rstrip() for row in self.grid]

    def last(self, count):
        """What a screen of so many rows shows."""
        rows = self.rows()[-count:]
        return rows + [""] * (count - len(rows))

    def cursor(self, count):
        """Row and column of the cursor on such a screen."""
        return (self.row - max(len(self.grid) - count, 0), min(self.column, self.columns - 1))

    def _put(self, character):
        if self.column == self.columns:
            self._control("\n")
        line = self.grid[self.row]
        line += " " * (self.column + 1 - len(line))
        line[self.column] = character
        self.column += 1

    def _control(self, control):
        if control == "\b":
            self.column = max(self.column - 1, 0)
            return
        self.column = 0
        if control == "\n":
            self.row += 1
            if self.row == len(self.grid):
                self.grid.append([])

    def _sequence(self, final, number):
        if final in "CDG":
            column = {"C": self.column + (number or 1), "D": self.column - (number or 1),
                      "G": (number or 1) - 1}[final]
            self.column = min(max(column, 0), self.columns - 1)
        elif final in "JK":
            assert number == 0, f"ED or EL {number} isn't known here"
            del self.grid[self.row][self.column:]
            if final == "J":
                del self.grid[self.row + 1:]
        else:
            assert final == "m", f"the sequence {final!r} isn't known here"
