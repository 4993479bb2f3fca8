"""The protocol, without a socket: each chunk of input becomes one frame.

A frame is `[` + the 24 characters of C `ctime` + `] ` + the chunk as it came (PROTOCOL.md,
section 2). All serving models, TCP and UDP alike, answer with this code and no other.
"""

import os
import re
import time

HEADER_BYTES = len("[Sat Jan  1 00:00:00 2000] ")

# What a header looks like; whether the weekday belongs to the date is of no interest here.
_HEADER = re.compile(
    rb"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) "
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    rb"[ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}\] "
)


class Framer:
    """Makes frames, given the time.

    Attributes:
        buffer_bytes: the longest chunk.
        header: `[ctime] ` of the second that `set_time` was last told.
        short_bytes: data up to this length are answered with `header + data`; who is in a hurry
            does that without a call. Below 0 where a subclass has its own `frames`.

    """

    def __init__(self, buffer_bytes: int) -> None:
        self.buffer_bytes = buffer_bytes
        self.short_bytes = buffer_bytes if type(self).frames is Framer.frames else -1
        self.header = b""
        self._second = -1

    def set_time(self, now_s: float) -> None:
        """Take `now_s`, in seconds since the epoch, as the time of the frames to come.

        A worker calls this once for all that one `epoll` call reports; `ctime` runs once a second.
        """
        second = int(now_s)
        if second != self._second:
            self._second = second
            self.header = b"[%b] " % self.ctime(second)

    def ctime(self, second: int) -> bytes:
        """The 24 characters of C `ctime` for a second, in local time."""
        return time.ctime(second).encode("ascii")

    def frames(self, data: bytes) -> bytes:
        """The frames that answer `data`, cut into chunks of `buffer_bytes` and a shorter rest.

        Reading much at once and cutting it here gives the same stream as reading chunk by chunk,
        for a fraction of the system calls. No bytes make one bare header: right for a datagram;
        on a stream no bytes are the end of input, and not for us.
        """
        size = self.buffer_bytes
        if len(data) <= size:
            return self.header + data
        return b"".join(
            [self.header + data[start : start + size] for start in range(0, len(data), size)]
        )


class CountingFramer(Framer):
    """A framer that counts, for `--stats`; without it the hot path counts nothing.

    Attributes:
        chunks: frames made.
        payload_bytes: bytes of the chunks framed, headers not counted.

    """

    def __init__(self, buffer_bytes: int) -> None:
        super().__init__(buffer_bytes)
        self.chunks = 0
        self.payload_bytes = 0

    def frames(self, data: bytes) -> bytes:
        """Count, then frame."""
        self.chunks += -(-len(data) // self.buffer_bytes) or 1
        self.payload_bytes += len(data)
        return super().frames(data)

    def statistics(self, connections: int) -> str:
        """One line about this process."""
        return (
            f"process {os.getpid()}: {connections} connections, "
            f"{self.chunks} chunks, {self.payload_bytes} bytes"
        )


def starts_with_header(datagram: bytes) -> bool:
    """Whether a datagram looks like one of our replies, which must not be answered again."""
    return _HEADER.match(datagram) is not None
