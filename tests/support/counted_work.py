"""Work, counted: lines of Python that ran, and bytes that buffers looked at, copied or moved.

No clock is read, so that the count is the same on every machine, busy or not.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any, SupportsIndex
from unittest.mock import patch

from wireproof.protocols import raw_stream
from wireproof.protocols.built_in import timestamp_echo
from wireproof.protocols.judging import remembered, request_reply_oracle


class Work:
    """What was counted.

    Attributes:
        lines: of Python that ran, a turn of a loop one each.
        bytes_touched: what buffers compared, searched, copied and appended.

    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.lines = self.bytes_touched = 0

    @property
    def steps(self) -> float:
        """Both together; a line of Python takes about as long as C takes for a hundred bytes."""
        return self.lines + self.bytes_touched / 100

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Count a line; a tracing function as `sys.settrace` wants it."""
        del frame, arg
        if event == "line":
            self.lines += 1
        return self.trace


def counting(base: type[bytearray], work: Work) -> type[bytearray]:
    """Return a kind of buffer that counts what is done with it.

    Dropping bytes from its front is free: CPython moves its start.
    """

    class Counted(base):  # type: ignore[valid-type,misc]
        __slots__ = ()

        def __getitem__(self, key: SupportsIndex | slice) -> Any:
            found = super().__getitem__(key)
            work.bytes_touched += len(found) if isinstance(found, bytearray) else 1
            return found

        def __delitem__(self, key: SupportsIndex | slice) -> None:
            if not isinstance(key, slice) or key.start:
                work.bytes_touched += len(self)
            super().__delitem__(key)

        def __iadd__(self, data: Any) -> Any:
            work.bytes_touched += len(data)
            return super().__iadd__(data)

        def __eq__(self, other: object) -> bool:
            work.bytes_touched += len(self)
            return bool(super().__eq__(other))

        def __bytes__(self) -> bytes:
            work.bytes_touched += len(self)
            with memoryview(self) as view:
                return view.tobytes()

        def find(self, sub: Any, start: Any = 0, end: Any = None) -> int:
            found = super().find(sub, start, len(self) if end is None else end)
            work.bytes_touched += max(0, (len(self) if found < 0 else found) - start)
            return found

        def startswith(self, prefix: Any, *where: Any) -> bool:
            work.bytes_touched += len(prefix)
            return super().startswith(prefix, *where)

        __hash__ = None  # type: ignore[assignment]

    return Counted


class _CountedPattern:
    """A pattern that counts how much of a buffer it searched."""

    def __init__(self, pattern: Any, work: Work) -> None:
        self._pattern, self._work = pattern, work

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def search(self, data: bytearray, position: int = 0) -> Any:
        found = self._pattern.search(data, position)
        self._work.bytes_touched += (found.end() if found else len(data)) - position
        return found


def _buffers() -> Iterator[tuple[ModuleType, str]]:
    """Yield where the oracles, and the library that parses HTTP for them, get their buffers."""
    import h11._receivebuffer

    yield raw_stream, "bytearray"
    yield timestamp_echo, "bytearray"
    yield h11._receivebuffer, "bytearray"
    yield request_reply_oracle, "ReplyBuffer"


@contextmanager
def counted_buffers(work: Work) -> Iterator[None]:
    """Have the oracles that are made meanwhile count what their buffers do."""
    patches = [
        patch.object(module, name, counting(getattr(module, name, bytearray), work), create=True)
        for module, name in _buffers()
    ]
    # As if each message came for the first time.
    patches.append(patch.object(remembered, "LONGEST_REMEMBERED_BYTES", -1))
    patches.append(
        patch.object(timestamp_echo, "HEADER", _CountedPattern(timestamp_echo.HEADER, work))
    )
    try:
        for each in patches:
            each.start()
        yield
    finally:
        for each in patches:
            each.stop()


def work_of(act: Callable[[], object], work: Work) -> None:
    """Do something, and count the lines that it takes."""
    before = sys.gettrace()
    sys.settrace(work.trace)
    try:
        act()
    finally:
        sys.settrace(before)
