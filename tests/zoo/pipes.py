"""Echoes of lines on standard input and output: with the mistakes of such servers, and sound ones.

Each is a program by itself; `python pipes.py NAME` runs it.
"""

import os
import select
import sys
from collections.abc import Callable

_READ_BYTES = 65536


def sound() -> None:
    """Each line comes back once it is whole, and the rest at no time."""
    got = b""
    while data := os.read(0, _READ_BYTES):
        *lines, got = (got + data).split(b"\n")
        for line in lines:
            os.write(1, line + b"\n")


def byte_by_byte() -> None:
    """Reads and writes a byte at a time, as a program without buffers does."""
    got = b""
    while byte := os.read(0, 1):
        got += byte
        if byte == b"\n":
            for one in got:
                os.write(1, bytes([one]))
            got = b""


def talkative() -> None:
    """Tells on standard error of all that it does, a page each time."""
    while line := sys.stdin.buffer.readline():
        sys.stderr.write("read a line\n" * 400)
        if line.endswith(b"\n"):
            os.write(1, line)


def one_read_one_line() -> None:
    """Takes what a read returns for a whole line."""
    while data := os.read(0, _READ_BYTES):
        os.write(1, data if data.endswith(b"\n") else b"half a line\n")


def never_flushes() -> None:
    """Leaves replies in a buffer of its own, as a program does that was tried at a terminal."""
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):
            sys.stdout.buffer.write(line)


def logs_to_its_output() -> None:
    """Prints a word of its own between replies, now and then."""
    for number, line in enumerate(sys.stdin.buffer):
        if number % 3 == 2:
            os.write(1, b"still here\n")
        if line.endswith(b"\n"):
            os.write(1, line)


def ends_with_its_input() -> None:
    """Is gone with the end of its input, whatever it has not answered yet."""
    lines: list[bytes] = []
    got = b""
    while data := os.read(0, _READ_BYTES):
        *more, got = (got + data).split(b"\n")
        for line in lines:
            os.write(1, line + b"\n")
        lines = more
        if lines and not _more_soon():
            os.write(1, b"".join(line + b"\n" for line in lines))
            lines = []


def _more_soon() -> bool:
    return bool(select.select([0], [], [], 0.1)[0])


SOUND: dict[str, Callable[[], None]] = {
    "sound": sound,
    "byte-by-byte": byte_by_byte,
    "talkative": talkative,
}
DEFECTS: dict[str, tuple[Callable[[], None], str]] = {
    "one-read-one-line": (one_read_one_line, "SEG-SINGLE"),
    "never-flushes": (never_flushes, "BASE-ANSWER"),
    "logs-to-its-output": (logs_to_its_output, "FRAME-EXACT"),
    "ends-with-its-input": (ends_with_its_input, "CLOSE-HALF"),
}
"""Each with the requirement that finds it."""

if __name__ == "__main__":
    name = sys.argv[1]
    (SOUND[name] if name in SOUND else DEFECTS[name][0])()
