"""Faults at the borders of buffers."""

from reference_server.variants.base import (
    ChunkFramer,
    Fault,
    SteppedConnection,
    open_,
    say,
    worker_of,
)


class OneHeaderForAll(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        return [data]


class EmptyFrameAfterFull(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        full = len(data) % self.buffer_bytes == 0
        return super().cut(data) + [b""] * full


class DropsFullChunk(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        return [chunk for chunk in super().cut(data) if len(chunk) != self.buffer_bytes]


class WaitsAfterFullChunk(SteppedConnection):
    held = b""

    def answer(self, data: bytes) -> None:
        data = self.held + data
        full = len(data) % self._framer.buffer_bytes == 0
        self.held = data if full else b""
        if not full:
            super().answer(data)

    def end_of_input(self) -> None:
        if self.held:
            super().answer(self.held)
        self.close()


class RoomForTerminator(ChunkFramer):
    def payload(self, chunk: bytes) -> bytes:
        return chunk[: self.buffer_bytes - 1]


class OneTooMany(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        size = self.buffer_bytes + 1
        return [data[start : start + size] for start in range(0, len(data), size)]


class ScratchOf4096(ChunkFramer):
    def frames(self, data: bytes) -> bytes:
        return super().frames(data[:4096])


class RingOf4096(SteppedConnection):
    total = 0

    def answer(self, data: bytes) -> None:
        room = 4096 - self.total % 4096
        self.total += len(data)
        if len(data) > room:  # the wrapped part is copied from one too far
            data = data[:room] + data[room + 1 :]
        super().answer(data)


class Counter16Bit(SteppedConnection):
    total = 0

    def answer(self, data: bytes) -> None:
        before, self.total = self.total, self.total + len(data)
        if before < 65536 <= self.total:
            data = data[: 65535 - before] + data[65536 - before :]
        if data:
            super().answer(data)


FULL = b"x" * 1024

FAULTS = (
    Fault(
        "one-header-for-all",
        "borders",
        "reads more than the buffer and answers with one frame",
        "a larger recv than the specification's",
        (say(FULL + b"x"),),
        service=worker_of(framer=OneHeaderForAll),
    ),
    Fault(
        "empty-frame-after-full",
        "borders",
        "after a full chunk an empty one is answered too",
        "loops until a short read, and frames it even if empty",
        (say(FULL),),
        service=worker_of(framer=EmptyFrameAfterFull),
    ),
    Fault(
        "drops-full-chunk",
        "borders",
        "`n < size` where `n <= size` was meant",
        "truncation guards around recv",
        (say(FULL),),
        service=worker_of(framer=DropsFullChunk),
    ),
    Fault(
        "waits-after-full-chunk",
        "borders",
        "`while len(data) == size: data += recv(size)`",
        'the commonest answer to "how do I receive everything"',
        (say(FULL),),
        service=worker_of(connection=WaitsAfterFullChunk),
    ),
    Fault(
        "room-for-terminator",
        "borders",
        "a full buffer loses its last byte to a NUL",
        "`buffer[sizeof buffer - 1] = 0`",
        (say(FULL),),
        service=worker_of(framer=RoomForTerminator),
    ),
    Fault(
        "one-too-many",
        "borders",
        "the chunk may be one byte longer than the buffer",
        "`<=` in the copying loop",
        (say(FULL + b"x"),),
        service=worker_of(framer=OneTooMany),
    ),
    Fault(
        "scratch-of-4096",
        "borders",
        "what exceeds a page in one read is cut off",
        "fixed scratch buffers behind a larger read",
        (say(b"x" * 4097),),
        service=worker_of(framer=ScratchOf4096),
    ),
    Fault(
        "ring-of-4096",
        "borders",
        "a read that wraps around the ring loses a byte",
        "home-made ring buffers",
        (say(b"x" * 4095), say(b"abc")),
        service=worker_of(connection=RingOf4096),
    ),
    Fault(
        "counter-of-16-bits",
        "borders",
        "the 65,536th byte of a connection is lost",
        "length kept in an unsigned short",
        (open_(0), *[say(b"x" * 8192)] * 8, say(b"y")),
        service=worker_of(connection=Counter16Bit),
    ),
)
