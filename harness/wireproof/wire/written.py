"""Connections whose replies are lines of a file that the server writes, not bytes that it sends.

A log or a metric is answered by nobody: what arrived stands in the server's file. There a line
belongs to the connection whose key is in it, ten octets such as `wp00000012` that the connection
has sent. What a server sends on the connection itself is taken, too.
"""

import contextlib
import os
import re
import select
import socket
import ssl
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final, Self

from wireproof.deadline import Deadline
from wireproof.errors import UsageError
from wireproof.target import Target
from wireproof.wire.connection import Connection
from wireproof.wire.observations import Data, Observation

_KEY: Final = re.compile(rb"wp[0-9]{8}")
_KEY_BYTES: Final = 10
_LOOK_AGAIN_S: Final = 0.002
"""Nobody tells us when a file grows."""
_LATE_S: Final = 0.5
"""Where the connection has ended, a line that lacks is waited for so long."""
_LONGEST_LINE_BYTES: Final = 4 * 1024 * 1024
_READ_BYTES: Final = 256 * 1024
_RECEIVE_BYTES: Final = 65536
_following: Final[dict[tuple[int, str], "_Follower"]] = {}
_one_at_a_time: Final = threading.Lock()


def readable(path: str) -> str:
    """Return `path`, if a file stands there or can be made there; nothing for nothing.

    Raises:
        UsageError: it can't be read, or is something else.

    """
    file = Path(path)
    if path and not file.is_file():
        if file.exists():
            raise UsageError(f"{path} is not a file", "name the file that the server writes to")
        if not file.absolute().parent.is_dir():
            raise UsageError(f"there is no folder for {path}", "name the file that is written to")
    elif path and not os.access(file, os.R_OK):
        raise UsageError(f"{path} cannot be read by us", "have it opened to this user")
    return path


class _Follower:
    """Reads a file as it grows, and hands its lines to whom they belong."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._owners: dict[bytes, WrittenConnection] = {}
        self._begun = b""
        self._file, self._at = self._found()
        self._is_wanted = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def add(self, key: bytes, owner: "WrittenConnection") -> None:
        """Hand lines with that key to a connection from now on."""
        self._owners[key] = owner
        self._is_wanted.set()

    def remove(self, key: bytes, owner: "WrittenConnection") -> None:
        """Hand it no more."""
        if self._owners.get(key) is owner:
            del self._owners[key]

    def _found(self) -> tuple[int, int]:
        """Return which file stands under the name, and its size; zeros while there is none."""
        with contextlib.suppress(OSError):
            found = self._path.stat()
            return found.st_ino, found.st_size
        return 0, 0

    def _follow(self) -> None:
        while True:
            self._is_wanted.wait()
            self._is_wanted.clear()
            while self._owners:
                if not self._read():
                    time.sleep(_LOOK_AGAIN_S)
                for owner in [*self._owners.values()]:
                    owner.look()

    def _read(self) -> bool:
        """Hand out the lines that are new; say whether there was anything."""
        with contextlib.suppress(OSError):
            file_now, size = self._found()
            if file_now != self._file or size < self._at:  # a new one, or one that was emptied
                self._file, self._at, self._begun = file_now, 0, b""
            if size == self._at:
                return False
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._at)
                data = file.read(_READ_BYTES)
            self._at += len(data)
            *lines, self._begun = (self._begun + data).split(b"\n")
            self._begun = self._begun[-_LONGEST_LINE_BYTES:]
            for line in lines:
                self._hand_out(line + b"\n")
            return bool(data)
        return False

    def _hand_out(self, line: bytes) -> None:
        key = _KEY.search(line)
        owner = self._owners.get(key[0]) if key else None
        if owner is not None:
            owner.take(line)


def _follower(path: str) -> _Follower:
    """Return who follows a file in this process: a fork of it has its own."""
    key = os.getpid(), path
    with _one_at_a_time:
        if key not in _following:
            _following[key] = _Follower(path)
        return _following[key]


class WrittenConnection(Connection):
    """A connection that receives what the server writes of it into a file."""

    def __init__(self, connected: socket.socket) -> None:
        """Take over a connected socket; nothing is known of its key yet."""
        super().__init__(connected)
        self._follower: _Follower | None = None
        self._key = self._last_sent = b""
        self._messages = self._lines_taken = 0
        self._lines: deque[bytes] = deque()
        self._told = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closing = threading.Lock()
        self._end: Observation | None = None
        self._moved_at_s = 0.0

    @classmethod
    def adopt(
        cls,
        raw: socket.socket,
        target: Target,
        deadline: Deadline | None = None,
        prelude_cut: int = 0,
    ) -> Self:
        """Take over a socket, as `Connection.adopt` does, and follow the target's file."""
        follower = _follower(target.written)  # what is written from now on may be ours
        connection = super().adopt(raw, target, deadline, prelude_cut)
        connection.follow(follower)
        return connection

    def follow(self, follower: _Follower) -> None:
        """Take lines from that file."""
        self._follower = follower

    def take(self, line: bytes) -> None:
        """Take a line, in the thread that follows the file."""
        self._lines.append(line)
        self._lines_taken += 1
        self._moved_at_s = time.monotonic()
        self._tell()

    def look(self) -> None:
        """See whether the end may be told now, in the same thread."""
        if self._end is not None and self._is_all_there():
            self._tell()

    def send(self, data: bytes | memoryview, *, more_follows: bool = False) -> int | None:
        """Hand bytes to the kernel, as `Connection.send` does, and count the keys in them."""
        self._claim(self._last_sent + bytes(data))  # before its line can stand there
        sent = super().send(data, more_follows=more_follows)
        seen = self._last_sent + bytes(data[: sent or 0])
        self._messages += len(_KEY.findall(seen))
        self._last_sent = seen[-(_KEY_BYTES - 1) :]
        return sent

    def _claim(self, seen: bytes) -> None:
        """Ask for the lines with our key, once it is known."""
        if not self._key and self._follower is not None and (found := _KEY.search(seen)):
            self._key = found[0]
            self._follower.add(self._key, self)

    def receive(self, limit_bytes: int = _RECEIVE_BYTES) -> Observation | None:
        """Take lines, what the server sends, or the end: once what was sent has been written."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._told)
        if self._end is None:
            seen = super().receive(limit_bytes)
            if isinstance(seen, Data):
                return seen
            self._end = seen
            self._moved_at_s = time.monotonic()
        is_over = self._end is not None and self._is_all_there()
        if self._lines:
            return Data(self._lines.popleft())
        return self._end if is_over else None

    def wait(self, deadline: Deadline, *, readable: bool = True, writable: bool = False) -> bool:
        """Wait, as `Connection.wait` does, for lines too."""
        if readable and (
            self._lines or (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending())
        ):
            return True
        poll = select.poll()
        if readable:
            poll.register(self._told, select.POLLIN)
        reads = readable and self._end is None
        if reads or writable:
            poll.register(self.socket, select.POLLIN * reads | select.POLLOUT * writable)
        return bool(poll.poll(deadline.remaining_s() * 1000))

    def close(self) -> None:
        """Give the socket back, and follow nothing any more."""
        super().close()
        if self._follower is not None:
            self._follower.remove(self._key, self)
            self._follower = None
        with self._closing:
            if self._told >= 0:
                os.close(self._told)
            self._told = -1

    def _is_all_there(self) -> bool:
        """Say whether each message has its line, or the file has been quiet for long."""
        is_late = time.monotonic() - self._moved_at_s > _LATE_S
        return self._lines_taken >= self._messages or is_late

    def _tell(self) -> None:
        with self._closing:  # its number may be another's then
            if self._told >= 0:
                os.eventfd_write(self._told, 1)
