"""How fast a server was so far, and so what is long for it. Pure.

Invariant: what is measured is what went well, so that our patience is never taken for its pace.
"""

import statistics
from collections import deque

from wireproof.conformance.plans.plan import Plan

_PLAIN_REMEMBERED = 15
_USUAL_FACTOR, _SLOWEST_FACTOR = 20, 3
_LEAST_SHRINK_TIMEOUT_S = 0.25
_LEAST_GLANCE_TIMEOUT_S = 0.03
_LONG_BYTES = 4096
_FEW_REQUESTS = 3
_UNKNOWN = float("inf")


class ServerPace:
    """What plain exchanges took, and long requests."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._slowest_s = 0.0
        self._quickest_s = self._byte_s = _UNKNOWN
        self._plain_s: deque[float] = deque(maxlen=_PLAIN_REMEMBERED)

    def plain(self, took_s: float) -> None:
        """Take in that one plain exchange took so long."""
        self._slowest_s = max(self._slowest_s, took_s)
        self._quickest_s = min(self._quickest_s, took_s)
        self._plain_s.append(took_s)

    def whole(self, plan: Plan, took_s: float) -> None:
        """Take in what a plan took; one of many requests tells of requests, and not of bytes."""
        if len(plan.requests) != 1 or len(plan.requests[0]) > _FEW_REQUESTS or not self._plain_s:
            return
        sent_bytes = sum(map(len, plan.requests[0]))
        if sent_bytes >= _LONG_BYTES and not plan.waits_s:
            exchanges_s = len(plan.requests[0]) * self._quickest_s
            self._byte_s = min(self._byte_s, max(0.0, took_s - exchanges_s) / sent_bytes)

    @property
    def exchange_s(self) -> float:
        """How long the quickest plain exchange took: the server's own time; 0 before the first."""
        return 0.0 if self._quickest_s == _UNKNOWN else self._quickest_s

    @property
    def byte_s(self) -> float | None:
        """How long each byte of long requests took at the least; None before the first."""
        return None if self._byte_s == _UNKNOWN else self._byte_s

    @property
    def shrink_timeout_s(self) -> float:
        """How long a reply may take while shrinking: long for this server, short for us."""
        slowest_s = _SLOWEST_FACTOR * self._slowest_s
        return max(_LEAST_SHRINK_TIMEOUT_S, self._long_s, slowest_s)

    @property
    def glance_timeout_s(self) -> float:
        """How long a reply may take where a known silence is only to be recognised."""
        return min(self.shrink_timeout_s, max(_LEAST_GLANCE_TIMEOUT_S, self._long_s))

    @property
    def _long_s(self) -> float:
        """What is long beside the plain exchanges of late, whatever once kept one of them."""
        return _USUAL_FACTOR * statistics.median(self._plain_s) if self._plain_s else 0.0
