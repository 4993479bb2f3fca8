"""The daytime protocol (RFC 867)."""

import re

from wireproof.protocols.announcement import Announcement
from wireproof.protocols.datagram import Datagrams

_LINE = re.compile(rb"[\x20-\x7e]+\r?\n?(?:\x00)?")


class Daytime(Announcement, Datagrams):
    """The server says date and time in one line of text, and closes.

    The RFC leaves the form of the line open, and recommends printable ASCII.
    """

    name = "daytime"
    source = "RFC 867"
    transports = frozenset({"tcp", "tls", "unix", "exec", "udp"})

    def greeting(self) -> re.Pattern[bytes]:
        """Return one line of printable text."""
        return _LINE

    def expected_datagram(self, datagram: bytes) -> re.Pattern[bytes]:
        """Return one line of printable text, whatever was sent."""
        del datagram
        return _LINE
