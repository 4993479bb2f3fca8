"""The server's accept queue while load runs, where it is a listener of this machine."""

from __future__ import annotations

from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.kernel.queue_sampler import QueueSampler, overflows


class ListenerQueue:
    """The deepest queue, and the overflows, since it was last asked."""

    def __init__(self, target: Target) -> None:
        """Find the listener; without one, there is nothing to see."""
        self._sampler: QueueSampler | None = None
        if target.scheme not in {"tcp", "tls"} or not target.is_loopback:
            return
        try:
            self._sampler = QueueSampler(target)
            self._before = overflows()
        except (LookupError, CannotRunError, OSError):
            self._sampler = None

    def sample(self) -> None:
        """Look once."""
        if self._sampler is not None and self._sampler.sample() is None:
            self.close()

    def take(self) -> tuple[int | None, int | None]:
        """Return the deepest queue and the overflows since the last call; None where unknown."""
        if self._sampler is None:
            return None, None
        now = overflows()
        since, self._before = now - self._before, now
        return self._sampler.take_peak(), since

    def close(self) -> None:
        """Stop looking."""
        if self._sampler is not None:
            self._sampler.close()
            self._sampler = None
