"""HTTP's interim replies, which a server may leave out: who sends the content at once needs none.

A client that expects `100 Continue` and sends the content without waiting gets it or not, as the
content has arrived or hasn't, and so by the cuts. Source: RFC 9110, sections 10.1.1 and 15.2.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from wireproof.learning.memory import Memory
from wireproof.learning.patterns.pattern import Literal, Pattern
from wireproof.learnt.cast import Cast
from wireproof.learnt.oracle import LearntOracle
from wireproof.learnt.scripts import Scripts

_EXPECTS: Final = re.compile(rb"(?i)\r\nexpect:[ \t]*100-continue[ \t]*\r\n")
_INTERIM: Final = re.compile(rb"HTTP/1\.[01] 10[023](?: [^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n")
_BEGUN: Final = re.compile(rb"HTTP/1\.[01] 10[023](?![0-9])")
_HEADS: Final = (b"HTTP/1.1 100", b"HTTP/1.1 102", b"HTTP/1.1 103", b"HTTP/1.0 100")
_MOST_BYTES: Final = 4096
"""Of an interim reply; what is longer is taken for something else."""


def expects_interim(scripts: Scripts) -> bool:
    """Say whether a request of these waits for one."""
    return any(
        _EXPECTS.search(request) for script in scripts.scripts for request in script.requests
    )


def without_interim(scripts: Scripts) -> Scripts:
    """Return the same scripts without the interim replies in what is constant of them."""
    return msgspec.structs.replace(
        scripts,
        scripts=tuple(
            msgspec.structs.replace(
                script,
                lines=tuple(
                    msgspec.structs.replace(line, pattern=_without(line.pattern))
                    for line in script.lines
                ),
            )
            for script in scripts.scripts
        ),
    )


def _without(pattern: Pattern) -> Pattern:
    elements = tuple(
        Literal(_INTERIM.sub(b"", one.data)) if isinstance(one, Literal) else one
        for one in pattern.elements
    )
    return Pattern(pattern.reply, elements)


class InterimOracle(LearntOracle):
    """Compares replies as learnt, without the interim ones of either."""

    def __init__(self, cast: Cast, memory: Memory | None, clock: Callable[[], float]) -> None:
        """Begin a connection; `cast` knows scripts without interim replies."""
        super().__init__(cast, memory, clock)
        self._held = b""

    def receive_data(self, data: bytes) -> int:
        """Compare what is no interim reply, and cannot become one."""
        rest = _INTERIM.sub(b"", self._held + data)
        at = _may_begin(rest)
        self._held = rest[at:]
        return super().receive_data(rest[:at]) if at else 0

    def receive_eof(self) -> None:
        """Take the end of the stream, and what was held back before it."""
        held, self._held = self._held, b""
        if held:
            super().receive_data(held)
        super().receive_eof()


def _may_begin(data: bytes) -> int:
    """Return where an interim reply may have begun of which more is to come."""
    begun = _BEGUN.search(data)
    if begun is not None and len(data) - begun.start() <= _MOST_BYTES:
        return begun.start()
    longest = max(map(len, _HEADS))
    for size in range(min(longest, len(data)), 0, -1):
        if any(head.startswith(data[-size:]) for head in _HEADS):
            return len(data) - size
    return len(data)
