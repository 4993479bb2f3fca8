"""Judges one MQTT connection, and has the client acknowledge what the server sends by its names.

A request is announced with any identifier in the client's acknowledgements. There is a blank, which
is filled once the message has come that it acknowledges: the oldest that none names yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from wireproof.protocols.built_in.mqtt.broker import Receiver
from wireproof.protocols.built_in.mqtt.packets import ACKS, identifier_at, kind_of, split
from wireproof.protocols.hooks import RequestReplyHooks
from wireproof.protocols.judging.request_reply_oracle import RequestReplyOracle


class MqttOracle(RequestReplyOracle):
    """Judges one connection."""

    def __init__(self, session: RequestReplyHooks, receiver: Receiver) -> None:
        """Judge by `session`, this connection's alone, as is `receiver`, which it tells."""
        super().__init__(session)
        self._receiver = receiver
        self._announced_bytes = 0
        self._blanks: deque[tuple[int, int]] = deque()  # where, and of which kind

    def announce(self, request: bytes) -> None:
        """Take note of the blanks in a request, too."""
        super().announce(request)
        at = self._announced_bytes
        for part in split(request):
            found = identifier_at(part) if kind_of(part) in ACKS else None
            if found is not None:
                self._blanks.append((at + found, kind_of(part)))
            at += len(part)
        self._announced_bytes = at

    @property
    def carries(self) -> bool:
        """Whether requests repeat what the server said: identifiers."""
        return True

    @property
    def blank_at(self) -> int | None:
        """Where the first identifier must stand that is not known yet."""
        return self._blanks[0][0] if self._blanks else None

    def given(self) -> Sequence[tuple[int, bytes]]:
        """Return the identifiers that are known since the last call, each with its place."""
        found = []
        while self._blanks and (known := self._receiver.waiting(self._blanks[0][1])):
            at, _ = self._blanks.popleft()
            found.append((at, known.popleft()))
        return found
