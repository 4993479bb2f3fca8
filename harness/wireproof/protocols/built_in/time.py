"""The time protocol (RFC 868)."""

from __future__ import annotations

import time
from collections.abc import Callable

from wireproof.protocols.announcement import Announcement
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Matcher

SECONDS_1900_TO_1970 = 2_208_988_800


class Time(Announcement, Datagrams):
    """The server says the seconds since 1900 in four bytes, and closes."""

    name = "time"
    source = "RFC 868"
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})
    skew_s: float = 2.0
    """How far the server's clock may be from the harness's."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Take the clock: seconds since 1970. The one protocol about it has to read one."""
        self._clock = clock

    def greeting(self) -> Matcher:
        """Return four bytes that hold the time."""
        return self._is_now

    def expected_datagram(self, datagram: bytes) -> Matcher:
        """Return four bytes that hold the time, whatever was sent."""
        del datagram
        return self._is_now

    def _is_now(self, reply: bytes) -> bool:
        if len(reply) != 4:
            raise MalformedReplyError(f"{len(reply)} bytes, not 4")
        ahead_s = int.from_bytes(reply) - (self._clock() + SECONDS_1900_TO_1970)
        ahead_s = (ahead_s + 2**31) % 2**32 - 2**31  # the count begins anew in 2036
        if abs(ahead_s) > self.skew_s:
            raise MalformedReplyError(f"{ahead_s:+.0f} s from the harness's clock")
        return True
