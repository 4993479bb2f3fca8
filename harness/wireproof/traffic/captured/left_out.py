"""What a capture holds and can't be used, with the reason."""

from dataclasses import dataclass

from wireproof.traffic.captured.link_layers import Endpoint


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A connection, or what passed between two datagram sockets, that can't be used.

    Attributes:
        name: which, for people.
        reason: why.
        instead: what to do about it.

    """

    name: str
    reason: str
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.reason}"


def shown(end: Endpoint) -> str:
    """Return how an end is written.

    >>> shown(("::1", 53))
    '[::1]:53'
    """
    return f"[{end[0]}]:{end[1]}" if ":" in end[0] else f"{end[0]}:{end[1]}"
