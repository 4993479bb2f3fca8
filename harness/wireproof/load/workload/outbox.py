"""What a connection of a swarm still has to send, cut into the pieces that leave apart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence


class Outbox:
    """Requests on their way.

    Truthy while something is left.

    Attributes:
        payload: all of them, sent or not.

    """

    __slots__ = ("_cuts", "_left", "_pauses", "payload")

    def __init__(
        self, requests: Sequence[bytes] = (), pauses: Sequence[int] = (), cuts: Sequence[int] = ()
    ) -> None:
        """Hold `requests`.

        Args:
            requests: in order.
            pauses: offsets at which the protocol has the client wait for replies.
            cuts: offsets at which later pieces begin.

        """
        self.payload = b"".join(requests)
        self._left = memoryview(self.payload)
        self._pauses = pauses
        self._cuts = cuts

    def __bool__(self) -> bool:
        """Whether something is left."""
        return bool(self._left)

    @property
    def pauses(self) -> bool:
        """Whether the protocol has the client wait somewhere on the way."""
        return bool(self._pauses)

    def may_go_on(self, *, settled: bool) -> bool:
        """Whether the next piece may leave; `settled` when all replies so far are here."""
        return bool(self._left) and (settled or self._sent_bytes not in self._pauses)

    def next_piece(self) -> memoryview:
        """Return what leaves next."""
        sent = self._sent_bytes
        ends = [len(self.payload), *(pause for pause in self._pauses if pause > sent)]
        at = bisect_right(self._cuts, sent)
        return self._left[: min([*ends, *self._cuts[at : at + 1]]) - sent]

    def put(self, values: Iterable[tuple[int, bytes]]) -> None:
        """Put values in the place of what is there, each at its offset."""
        filled = bytearray(self.payload)
        for at, value in values:
            filled[at : at + len(value)] = value
        sent = self._sent_bytes
        self.payload = bytes(filled)
        self._left = memoryview(self.payload)[sent:]

    def took(self, count: int) -> None:
        """Strike off the first `count` bytes."""
        self._left = self._left[count:]

    @property
    def _sent_bytes(self) -> int:
        return len(self.payload) - len(self._left)
