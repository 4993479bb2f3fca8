"""Adds the accept queue's depth to a run's seconds, where the server is on this machine.

The seconds are counted in the load's processes and reach us late, by a report's interval; the queue
is watched here. The least late of the reports tells best when the run began on our clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from wireproof.errors import CannotRunError
from wireproof.results import LoadResult, Second
from wireproof.target import Target
from wireproof.wire.kernel.queue_sampler import QueueSampler
from wireproof.wire.kernel.queue_watch import QueueWatch

_SECONDS_IN_FLUX = 10


class QueueSeries:
    """Stands between a run and whoever follows its seconds."""

    def __init__(
        self,
        on_second: Callable[[Second], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Pass the seconds on to `on_second`, each with the queue's depth."""
        self._on_second = on_second
        self._clock = clock
        self._watch: QueueWatch | None = None
        self._begun_s = float("inf")
        self._placed: list[Second] = []  # those that no later report moves any more

    @contextmanager
    def watching(self, targets: Sequence[Target]) -> Iterator[None]:
        """Watch the listener of the first target that has one here; without one, do nothing."""
        sampler = next(filter(None, map(_sampler_of, targets)), None)
        if sampler is None:
            yield
            return
        with sampler, QueueWatch(sampler) as self._watch:
            yield

    def add(self, second: Second) -> None:
        """Take a second of the run when it is reported."""
        self._begun_s = min(self._begun_s, self._clock() - second.at_s)
        if self._on_second is not None:
            self._on_second(self._with_queue(second))

    def complete(self, result: LoadResult) -> LoadResult:
        """Return the result with the queue's depth in its seconds."""
        begun = len(self._placed)
        fresh = [self._with_queue(second) for second in result.series[begun:]]
        series = self._placed + fresh
        self._placed += fresh[:-_SECONDS_IN_FLUX]
        return msgspec.structs.replace(result, series=series)

    def _with_queue(self, second: Second) -> Second:
        if self._watch is None:
            return second
        end_s = self._begun_s + second.at_s
        seen = self._watch.between(end_s - 1.0, end_s)
        if seen is None:
            return second
        depth, overflows = seen
        return msgspec.structs.replace(second, queue_depth=depth, overflows=overflows)


def _sampler_of(target: Target) -> QueueSampler | None:
    if not target.is_stream:
        return None
    try:
        return QueueSampler(target)
    except (LookupError, CannotRunError):
        return None
