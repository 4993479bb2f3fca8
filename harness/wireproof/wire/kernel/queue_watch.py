"""The accept queue of a listener over time: a thread that looks at it 50 times a second."""

import threading
import time
from array import array
from bisect import bisect_left
from typing import Self

from wireproof.errors import CannotRunError
from wireproof.wire.kernel.queue_sampler import INTERVAL_S, QueueSampler, overflows

_SAMPLES_PER_COUNTER_READ = 50


class QueueWatch:
    """Samples until it is left; what it saw can be asked for at any time.

    Attributes:
        cpu_s: CPU time that the thread has used; known once it has ended.

    """

    def __init__(self, sampler: QueueSampler) -> None:
        """Watch with `sampler`, which is the thread's alone until the watch is left."""
        self.cpu_s = 0.0
        self._sampler = sampler
        self._running = threading.Lock()  # half the CPU time of an Event's wait
        self._thread = threading.Thread(target=self._watch, name="queue watch", daemon=True)
        # Appended to by the thread alone, the times last: a reader never sees a time without its
        # sample.
        self._depths = array("l")
        self._overflows = array("q")
        self._times_s = array("d")

    def __enter__(self) -> Self:
        self._running.acquire()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.release()
        self._thread.join()

    def between(self, begin_s: float, end_s: float) -> tuple[int, int] | None:
        """Return the deepest that the queue was, and how often a connect found one full.

        The second number is of the whole network namespace, other listeners included.

        Args:
            begin_s: on the clock of `time.monotonic`, itself included.
            end_s: on the same clock, itself left out.

        Returns:
            None where nothing was seen in that time.

        """
        known = len(self._times_s)
        first = bisect_left(self._times_s, begin_s, 0, known)
        last = bisect_left(self._times_s, end_s, 0, known)
        if first == last:
            return None
        before = self._overflows[max(0, first - 1)]
        return max(self._depths[first:last]), self._overflows[last - 1] - before

    def _watch(self) -> None:
        begun_s = time.thread_time()
        count = 0
        counted = overflows()
        while not self._running.acquire(timeout=INTERVAL_S):
            try:
                depth = self._sampler.sample()
            except CannotRunError:
                break
            if depth is None:  # the listener is gone
                break
            count += 1
            if count % _SAMPLES_PER_COUNTER_READ == 0:
                counted = overflows()
            self._depths.append(depth)
            self._overflows.append(counted)
            self._times_s.append(time.monotonic())
        self.cpu_s = time.thread_time() - begun_s
