"""Writes down what a relay passes on."""

from typing import Final

from wireproof.traffic.forwarding import Arrival, Side
from wireproof.traffic.recordings import RecordingWriter, What
from wireproof.wire.observations import Data, EndOfStream

_BYTES: Final[dict[Side, What]] = {Side.CLIENT: "client", Side.SERVER: "server"}
_ENDS: Final[dict[Side, What]] = {Side.CLIENT: "client-end", Side.SERVER: "server-end"}
_RESETS: Final[dict[Side, What]] = {Side.CLIENT: "client-reset", Side.SERVER: "server-reset"}


class Recorder:
    """An observer that appends to a recording.

    Attributes:
        passed_bytes: how much each side sent.
        last_refusal: why the server could not be reached last; empty if it always could.

    """

    def __init__(self, writer: RecordingWriter) -> None:
        """Append to what `writer` writes."""
        self.passed_bytes = dict.fromkeys(Side, 0)
        self.last_refusal = ""
        self._writer = writer

    def opened(self, connection: int, peer: str) -> None:
        """Write that a client has connected."""
        self._writer.add(connection, "open", note=peer)

    def arrived(self, connection: int, source: Side, arrival: Arrival) -> None:
        """Write what came from a side."""
        if isinstance(arrival, Data):
            self.passed_bytes[source] += len(arrival.data)
            self._writer.add(connection, _BYTES[source], arrival.data)
        else:
            ends = _ENDS if isinstance(arrival, EndOfStream) else _RESETS
            self._writer.add(connection, ends[source])

    def refused(self, connection: int, reason: str) -> None:
        """Write that the server can't be reached."""
        self.last_refusal = reason
        self._writer.add(connection, "refused", note=reason)
