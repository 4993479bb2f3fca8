"""Requests that leave together, and the reply to them where it is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Self

RECEIVE_BYTES = 65536
Steps = tuple[tuple[int, int, int], ...]


class Batch:
    """Requests that leave together, at one place of a ring.

    Attributes:
        requests: each by itself.
        payload: all of them.
        size: of the payload, in bytes.
        first: what the first send takes: all, or the first piece of a payload that is cut.
        cuts: the offsets at which later pieces begin.
        count: how many requests.
        answered: how many of them have a reply.
        begins: whether it begins a conversation, so that it is the first on its connection.
        silent: how many have none.
        waits: whether the client waits for replies within it.
        shares: of each kind, how many of them have a reply; none where kinds are not told apart.
        reply: the right reply to all of them, as far as it is known now.
        accepted: the reply that was right last, whether it still counts as known or not.
        kinds: of the requests, by number, in the order in which they are answered.
        learnt_ns: when the oracle accepted `reply`, on the monotonic clock; 0 where it was
            foretold.
        ends: where in `reply` the reply to each request ends; none where that is not known.
        receive_bytes: how many bytes to ask for: one more than the reply, so that surplus shows.
        left: what a send returns after which the reply can be awaited by itself: `size`, where the
            reply is known, and else nothing that a send returns.
        next: what a connection sends after it.
        previous: what it sent before it.
        steps: by how much each counter in the reply grows from lap to lap, each as the offset, the
            size in bytes and the step; None where what is known of the ring has no counters.
        passes: how often the reply came as it was known, since `steps` are.

    """

    __slots__ = (
        "accepted",
        "answered",
        "begins",
        "count",
        "cuts",
        "ends",
        "first",
        "kinds",
        "learnt_ns",
        "left",
        "next",
        "passes",
        "payload",
        "previous",
        "receive_bytes",
        "reply",
        "requests",
        "shares",
        "silent",
        "size",
        "steps",
        "waits",
    )

    def __init__(
        self, requests: Sequence[bytes], cuts: Sequence[int] = (), kinds: Sequence[int] = ()
    ) -> None:
        """Link to itself, with no reply known.

        Args:
            requests: what leaves together.
            cuts: the offsets at which later pieces begin.
            kinds: by number, of each request in the order in which they are answered, those
                without a reply last; none where kinds are not told apart.

        """
        self.kinds = tuple(kinds)
        self.shares = shares_of(self.kinds)
        self.requests = tuple(requests)
        self.payload = b"".join(requests) if len(self.requests) != 1 else self.requests[0]
        self.size = len(self.payload)
        self.cuts = tuple(cuts)
        self.first = self.payload[: self.cuts[0]] if self.cuts else self.payload
        self.count = self.answered = len(self.requests)
        self.silent = 0
        self.begins = self.waits = False
        self.reply: bytes | None = None
        self.accepted: bytes | None = None
        self.ends: Sequence[int] = ()
        self.learnt_ns = 0
        self.left = -1
        self.receive_bytes = RECEIVE_BYTES
        self.steps: Steps | None = None
        self.passes = 0
        self.next = self
        self.previous = self

    def made_of(self, requests: Sequence[bytes]) -> Self:
        """Return the same with other requests of the same sizes and kinds."""
        made = type(self)(requests, self.cuts, self.kinds)
        made.begins = self.begins
        return made

    def are_answered(self, count: int) -> None:
        """Say that so many of the requests have a reply."""
        if count != self.answered:
            self.answered, self.silent = count, self.count - count
            self.shares = shares_of(self.kinds[:count])

    def know(self, reply: bytes | None, learnt_ns: int = 0, ends: Sequence[int] = ()) -> None:
        """Take `reply` for the right one from now on; None where the oracle is to judge."""
        self.reply = reply
        self.learnt_ns = learnt_ns
        self.left = -1 if reply is None else self.size
        if reply is None:
            self.receive_bytes = RECEIVE_BYTES
            return
        self.accepted = reply
        self.ends = ends
        self.receive_bytes = len(reply) + 1

    def grow(self, steps: Steps) -> None:
        """Say that counters in the reply, which is known, are higher in the next lap."""
        self.steps, self.passes = steps, 0
        self._go_on()

    def passed(self) -> None:
        """Take note that the reply came as it is known; `compiled_turn.pyx` has the same in C."""
        if self.steps is not None:
            self.passes += 1
            self._go_on()

    def _go_on(self) -> None:
        assert self.reply is not None
        heard = self.reply
        if self.steps:
            self.know(grown(heard, self.steps), self.learnt_ns, self.ends)
        self.accepted = heard


def grown(reply: bytes, steps: Steps) -> bytes | None:
    """Return a reply whose counters are so much higher; None where one has no room for that."""
    filled = bytearray(reply)
    for at, size, step in steps:
        number = int.from_bytes(filled[at : at + size]) + step
        if number >> (8 * size):
            return None
        filled[at : at + size] = number.to_bytes(size)
    return bytes(filled)


def shares_of(kinds: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return each kind with how often it is there."""
    return tuple(Counter(kinds).items())
