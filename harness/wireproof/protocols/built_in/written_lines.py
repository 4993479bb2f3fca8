"""What nobody answers, and the server writes into a file: logs and metrics.

Each request carries the connection's key and a number of its own. The reply is the line of the file
that has them, whatever else the server writes before it. Several writers may put lines in another
order than that of their messages, which no specification forbids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from wireproof.errors import UsageError
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.framing import delimited
from wireproof.protocols.request_reply import RequestReply

_NUMBER = re.compile(rb"n[0-9]{8}")
_IDENTITY = re.compile(rb"wp[0-9]{8}[ .]n[0-9]{8}")
_SILENT = "the server sends nothing that a slow reader could leave"


class WrittenLines(RequestReply):
    """Messages of which each becomes a line of a file."""

    ordered: ClassVar[bool] = False
    transports: ClassVar[frozenset[str]] = frozenset({"tcp", "tls", "unix"})
    inapplicable: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **dict.fromkeys(
                ("SLOW-LOSS", "SLOW-STALL", "SLOW-OTHERS", "SLOW-MANY", "SLOW-MEMORY"), _SILENT
            ),
            "CLOSE-MID": "what becomes of a part at the end of the stream is left open",
        }
    )
    max_reply_bytes: int = 1024 * 1024
    written: str = ""
    """The file into which the server writes a line for each message."""

    def replies_in(self) -> str:
        """Return the file.

        Raises:
            UsageError: none was named.

        """
        if not self.written:
            raise UsageError(
                f"{self.name} is answered by nobody: which file does the server write to?",
                "write --set written=FILE",
            )
        return self.written

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into its key."""
        return with_serial(request, serial)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Put the number of the request behind the key."""
        return _NUMBER.sub(b"n%08d" % (number % 10**8), request, count=1)

    def message_id(self, message: bytes) -> bytes | None:
        """Return the key and the number, which message and line share."""
        found = _IDENTITY.search(message)
        return found[0] if found else None

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the line ends."""
        return delimited(buffer, b"\n")


def key(joined_by: bytes) -> bytes:
    """Return the place of the connection's key and of the request's number."""
    return PLACEHOLDER + joined_by + b"n00000000"
