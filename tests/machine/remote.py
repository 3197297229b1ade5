"""A client of GDB's remote protocol that says exactly what it is told to, and counts."""

import socket
import time


def checksum(data):
    return sum(data) & 0xff


def framed(text):
    data = text.encode("latin-1") if isinstance(text, str) else text
    return b"$" + data + b"#%02x" % checksum(data)


def expand(data):
    """Takes runs apart: `0* ` is four zeros."""
    out, at = bytearray(), 0
    while at < len(data):
        if data[at:at + 1] == b"*":
            out += out[-1:] * (data[at + 1] - 29)
            at += 2
        else:
            out.append(data[at])
            at += 1
    return bytes(out)


def unescape(data):
    out, at = bytearray(), 0
    while at < len(data):
        escaped = data[at] == ord("}")
        at += escaped
        out.append(data[at] ^ (0x20 if escaped else 0))
        at += 1
    return bytes(out)


class Remote:
    """By the socket that a serial port is on. Begins as GDB does."""

    def __init__(self, path, seconds=20, greet=True):
        end = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < end, f"{path} doesn't come"
            time.sleep(0.05)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.settimeout(seconds)
        self.data = b""
        self.sent = self.received = 0
        self.quiet = False
        if greet:
            self.features = self.ask("qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+")
            if "QStartNoAckMode+" in self.features:
                assert self.ask("QStartNoAckMode") == "OK"
                self.quiet = True

    def close(self):
        self.socket.close()

    def raw(self, data):
        self.sent += len(data)
        self.socket.sendall(data)

    def byte(self):
        if not self.data:
            self.data = self.socket.recv(65536)
            assert self.data, "the other side is gone"
            self.received += len(self.data)
        first, self.data = self.data[:1], self.data[1:]
        return first

    def reply_bytes(self):
        """The next packet's text, runs taken apart; its checksum is right."""
        while self.byte() != b"$":
            pass
        text = b""
        while (byte := self.byte()) != b"#":
            text += byte
        assert int(self.byte() + self.byte(), 16) == checksum(text), text
        if not self.quiet:
            self.raw(b"+")
        return expand(text)

    def reply(self):
        return self.reply_bytes().decode("latin-1")

    def send(self, text):
        self.raw((b"" if self.quiet else b"+") + framed(text))

    def ask(self, text):
        self.send(text)
        return self.reply()

    def say(self, text):
        """A monitor command; what it prints."""
        self.send("qRcmd," + text.encode().hex())
        said = b""
        while (reply := self.reply()) != "OK":
            assert reply[0] == "O", reply
            said += bytes.fromhex(reply[1:])
        return said.decode()

    def stop(self):
        self.raw(b"\x03")
        return self.reply()

    def drain(self, seconds=0.3):
        """Forgets what comes without having been asked for."""
        while not self.is_silent(seconds):
            if not self.data:
                self.socket.recv(65536)
            self.data = b""

    def is_silent(self, seconds):
        """Whether nothing comes."""
        self.socket.settimeout(seconds)
        try:
            return not self.data and not self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(20)

    # --- What packets mean ---

    def memory(self, address, size):
        reply = self.ask(f"m{address:x},{size:x}")
        assert not reply.startswith("E"), reply
        return bytes.fromhex(reply)

    def number(self, address, size=8):
        return int.from_bytes(self.memory(address, size), "little")

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    def threads(self):
        ids, reply = [], self.ask("qfThreadInfo")
        while reply != "l":
            ids += [int(text, 16) for text in reply[1:].split(",")]
            reply = self.ask("qsThreadInfo")
        return ids


def stop_fields(reply):
    """Of a T packet: its signal, and what follows by name."""
    assert reply[0] == "T", reply
    pairs = [part.split(":", 1) for part in reply[3:].split(";") if part]
    return int(reply[1:3], 16), dict(pairs)


def stop_rip(reply):
    return int.from_bytes(bytes.fromhex(stop_fields(reply)[1]["0"]), "little")


class Throttle:
    """Between a client and a server socket, both ways no faster than a line of so many bytes a second.
    Use as `with Throttle(path, new_path, 11520)`."""

    def __init__(self, server, path, bytes_a_second):
        import threading
        self.server, self.rate = str(server), bytes_a_second
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.make = threading.Thread

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        near, _ = self.listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.server)
        for a, b in ((near, far), (far, near)):
            self.make(target=self.pass_on, args=(a, b), daemon=True).start()

    def pass_on(self, source, target):
        piece = 16  # what a UART's FIFO holds
        try:
            while data := source.recv(piece):
                target.sendall(data)
                time.sleep(len(data) / self.rate)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
