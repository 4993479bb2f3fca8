"""The smallest conversation that was found, beside the one that the zoo notes for a fault."""

from collections.abc import Iterable
from typing import NamedTuple

from reference_server.variants.base import Step


class Extent(NamedTuple):
    """How large a conversation is; a smaller one is no larger in any of the three."""

    connections: int
    payload_bytes: int
    cuts: int

    def within(self, other: "Extent") -> bool:
        """Whether this is larger in nothing."""
        return all(mine <= its for mine, its in zip(self, other, strict=True))

    def __str__(self) -> str:
        return f"{self.connections} conn, {self.payload_bytes} B, {self.cuts} cuts"


def noted(steps: Iterable[Step]) -> Extent | None:
    """Return the extent of a conversation that the zoo notes; None if it notes none.

    Each `say` takes its reply before the next step, so nothing in it is cut; where more is said
    without the reply between, as after a flood, one segment follows the other: that is a cut.
    """
    steps = list(steps)
    if not steps:
        return None
    connections = {step.connection for step in steps if step.act != "hold"}
    flooded: set[int] = set()
    cuts = 0
    for step in steps:
        cuts += step.act in {"say", "last"} and step.connection in flooded
        if step.act == "flood":
            flooded.add(step.connection)
    return Extent(len(connections), sum(len(step.payload) for step in steps), cuts)


def nearest(found: Iterable[Extent], wanted: Extent) -> Extent | None:
    """Return, of several minima for one fault, one within `wanted`, or else the smallest."""
    return min(found, key=lambda one: (not one.within(wanted), one), default=None)
