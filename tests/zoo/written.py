"""Servers that write what they are sent into a file: each faulty in one way, and sound ones."""

import queue
import re
import socket
import threading
from pathlib import Path

from tests.support.servers import Handler

_COUNTED = re.compile(rb"([0-9]+) ")


class Writer:
    """Sound: frames by newlines, each a line of the file behind a word of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writing = threading.Lock()

    def serve(self, peer: socket.socket) -> None:
        """Take one connection to its end."""
        buffer = b""
        while data := peer.recv(65536):
            buffer = self.take(buffer + data)

    def take(self, buffer: bytes) -> bytes:
        """Write the frames that are whole, and return what is left."""
        *frames, rest = buffer.split(b"\n")
        self.write(*frames)
        return rest

    def write(self, *frames: bytes) -> None:
        """Append lines."""
        with self.writing, self.path.open("ab") as file:
            file.write(b"".join(b"host: " + frame + b"\n" for frame in frames))


class Counted(Writer):
    """Sound: frames by counts of octets."""

    def take(self, buffer: bytes) -> bytes:
        while count := _COUNTED.match(buffer):
            end = count.end() + int(count[1])
            if len(buffer) < end:
                break
            self.write(buffer[count.end() : end])
            buffer = buffer[end:]
        return buffer


class Late(Writer):
    """Sound: another thread writes, a moment later, and so behind the end of the stream, too."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.waiting: queue.SimpleQueue[tuple[bytes, ...]] = queue.SimpleQueue()
        threading.Thread(target=self.write_on, daemon=True).start()

    def write(self, *frames: bytes) -> None:
        if frames:
            self.waiting.put(frames)

    def write_on(self) -> None:
        """Write what waits, for ever."""
        while True:
            frames = self.waiting.get()
            threading.Event().wait(0.02)
            super().write(*frames)


class ReadIsMessage(Writer):
    """One recv() is taken for one message."""

    def take(self, buffer: bytes) -> bytes:
        self.write(buffer.removesuffix(b"\n"))
        return b""


class FirstOnly(Writer):
    """Of several messages in one read the first is written."""

    def take(self, buffer: bytes) -> bytes:
        first, newline, rest = buffer.partition(b"\n")
        if not newline:
            return first
        self.write(first)
        return rest.rpartition(b"\n")[2]


class OneBuffer(Writer):
    """All connections share the buffer of what is not whole yet."""

    shared = b""

    def serve(self, peer: socket.socket) -> None:
        while data := peer.recv(65536):
            self.shared = self.take(self.shared + data)


class LosesLast(Writer):
    """What the end of the stream finds in its queue is thrown away."""

    def serve(self, peer: socket.socket) -> None:
        buffer, waiting = b"", []
        while data := peer.recv(65536):
            self.write(*waiting)
            *waiting, buffer = (buffer + data).split(b"\n")
            if not peer_has_ended(peer):
                self.write(*waiting)
                waiting = []


class Twice(Writer):
    """Writes what is longer than 256 octets twice."""

    def write(self, *frames: bytes) -> None:
        super().write(*(one for frame in frames for one in [frame] * (1 + (len(frame) > 256))))


class LooksInside(Counted):
    """Takes what looks like a frame inside a text for one."""

    def write(self, *frames: bytes) -> None:
        super().write(*(part for frame in frames for part in re.split(rb"(?<=.)(?=<\d+>)", frame)))


class Short(Writer):
    """Cuts what is longer than 256 octets."""

    def write(self, *frames: bytes) -> None:
        super().write(*(frame[:256] for frame in frames))


class Answers(Writer):
    """Says something for each message, which nobody asked it to."""

    def serve(self, peer: socket.socket) -> None:
        buffer = b""
        while data := peer.recv(65536):
            buffer = self.take(buffer + data)
            peer.sendall(b"ok\n")


def peer_has_ended(peer: socket.socket) -> bool:
    """Say whether the end of the stream is there, or comes at once."""
    peer.settimeout(0.05)
    try:
        return peer.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return False
    finally:
        peer.settimeout(None)


def handler(writer: Writer) -> Handler:
    """Return what serves a connection."""

    def serve(peer: socket.socket) -> None:
        with peer:
            writer.serve(peer)

    return serve


SOUND = {"by-newlines": Writer, "by-counts": Counted, "writes-late": Late}
FAULTY = {
    "read-is-message": (ReadIsMessage, "SEG-SINGLE"),
    "first-only": (FirstOnly, "COAL-MANY"),
    "one-buffer": (OneBuffer, "ISO-PARTS"),
    "loses-last": (LosesLast, "CLOSE-HALF"),
    "twice": (Twice, "SIZE-POWERS"),
    "looks-inside": (LooksInside, "SYSLOG-001"),
    "short": (Short, "SYSLOG-002"),
    "answers": (Answers, "BASE-ANSWER"),
}
