"""Which protocol judges by what was learnt."""

from collections.abc import Callable

from wireproof.learnt.datagrams import LearntDatagrams
from wireproof.learnt.half_closed import HalfClosedProtocol
from wireproof.learnt.protocol import LearntProtocol, VariedProtocol
from wireproof.learnt.scripts import Scripts


def protocol_of(scripts: Scripts, clock: Callable[[], float]) -> LearntProtocol:
    """Return what judges by `scripts`; `clock` tells seconds of the epoch."""
    if scripts.datagrams:
        return LearntDatagrams(scripts, clock)
    if scripts.behind_end:
        return HalfClosedProtocol(scripts, clock)
    return (VariedProtocol if scripts.vary else LearntProtocol)(scripts, clock)
