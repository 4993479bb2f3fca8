"""Connections that wait a while before their next request, as people do."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

NS_PER_S = 1_000_000_000
Waiter = TypeVar("Waiter")


class Thinking(Generic[Waiter]):
    """Who waits, and until when.

    Attributes:
        is_wanted: whether anybody is to wait.
        due_ns: when the next one has waited long enough; None where nobody waits.

    """

    def __init__(self, think: tuple[float, bool] | None, seed: int = 0) -> None:
        """Have nobody wait yet.

        Args:
            think: how many seconds, and whether only on average (exponential); None for none.
            seed: of the draws.

        """
        self.is_wanted = think is not None
        self._seconds, self._is_exponential = think or (0.0, False)
        self._draw = random.Random(seed)  # noqa: S311 - load, not secrets
        self._heap: list[tuple[int, int, Waiter]] = []
        self._order = count()
        self._latest: dict[Waiter, int] = {}

    @property
    def due_ns(self) -> int | None:
        """When the next one has waited long enough."""
        return self._heap[0][0] if self._heap else None

    def begin(self, waiter: Waiter, now_ns: int) -> None:
        """Have one wait from now on; if it waits already, it does so anew."""
        seconds = self._seconds
        if self._is_exponential:
            seconds = self._draw.expovariate(1 / seconds)
        order = self._latest[waiter] = next(self._order)
        heapq.heappush(self._heap, (now_ns + int(seconds * NS_PER_S), order, waiter))

    def ended(self, now_ns: int) -> Iterator[Waiter]:
        """Yield those that have waited long enough."""
        while self._heap and self._heap[0][0] <= now_ns:
            _, order, waiter = heapq.heappop(self._heap)
            if self._latest.get(waiter) == order:
                del self._latest[waiter]
                yield waiter
