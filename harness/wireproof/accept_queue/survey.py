"""The whole look at one listener's accept queue: depth, bursts, counters, and what they mean."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from wireproof.accept_queue.burst import burst_sizes, connect_burst, settle
from wireproof.accept_queue.counters import change, read_counters, read_sysctls, schedule_of
from wireproof.accept_queue.explanation import Measured, depth_by_connects, explain
from wireproof.accept_queue.probe import DepthProbe, accepting_processes, probe_depth
from wireproof.errors import CannotRunError, UsageError
from wireproof.results import BacklogResult, Burst, Queue
from wireproof.target import Target
from wireproof.wire.kernel.process import process_name, unix_listeners
from wireproof.wire.kernel.queue_sampler import QueueSampler

_REST_S = 0.5
_BELOW_TLS = "The queue lies below TLS: these connects were made without a handshake."

Progress = Callable[[int, int, str], None]
"""Told which step comes next, counted from 1, of how many, and what it is."""


class QueueSurvey:
    """Measures a listener's accept queue; what is known so far can be had at any time."""

    def __init__(self, target: Target, pause_pids: Collection[int] = ()) -> None:
        """Prepare, without touching the server.

        Args:
            target: resolved; `tcp`, `tls` or `unix`. TLS is not spoken: the queue lies below it.
            pause_pids: processes that may be stopped for a moment: ours, or named by the user.

        Raises:
            UsageError: a UDP target, or a server on pipes.

        """
        if not target.is_stream:
            raise UsageError(
                f"{target} has no connections, so no accept queue",
                "wireproof load measures datagrams",
            )
        if target.scheme == "exec":
            raise UsageError(
                f"{target} listens nowhere, so it has no accept queue",
                "name a server over tcp, tls or unix",
            )
        self._target = target
        self._pause_pids = pause_pids
        self._sysctls = read_sysctls()
        self._schedule = schedule_of(self._sysctls)
        self._counters: dict[str, int] = {}
        self._local = False
        self._limit: int | None = None
        self._listeners = 1
        self._not_paused_because = "the measurement was ended before"
        self._stuck = 0
        self._probe: DepthProbe | None = None
        self._bursts: list[Burst] = []

    def run(
        self, sizes: Collection[int] | None = None, progress: Progress = lambda *_: None
    ) -> BacklogResult:
        """Measure: the depth first, where the server may be paused, then burst after burst.

        Args:
            sizes: of the bursts; None for the usual ones.
            progress: told of each step.

        Raises:
            UsageError: a process that is to be paused does not serve this target.
            CannotRunError: a process cannot be stopped, or we lack descriptors.

        """
        before = read_counters()
        with _sampler(self._target) as (sampler, blind_because):
            if sampler is not None:
                self._local, self._limit = True, sampler.limit
                self._listeners = sampler.listeners
            pids, self._not_paused_because = _whom_to_pause(
                self._target, sampler, self._pause_pids, blind_because
            )
            wanted = sorted(sizes) if sizes is not None else burst_sizes(self._limit)
            total = len(wanted) + 1
            if pids:
                progress(1, total, "depth of the queue")
                self._probe = probe_depth(self._target, sampler, pids)
                if sampler is not None:
                    self._counters = change(before, read_counters())
            for position, size in enumerate(wanted, 2):
                progress(position, total, f"burst of {size}")
                if sampler is None:
                    time.sleep(_REST_S)  # nothing tells us that the server has caught up
                elif not settle(sampler):
                    self._stuck = sampler.sample() or 0
                    break
                self._bursts.append(connect_burst(self._target, size, self._schedule, sampler))
                if sampler is not None:
                    self._counters = change(before, read_counters())
            if sampler is not None and not self._stuck:
                settle(sampler)  # whoever measures next finds an idle server
        return self.result()

    def result(self) -> BacklogResult:
        """Return what is known so far, and its explanation."""
        tcp = self._target.scheme != "unix"
        queue = _queue(self._limit, self._probe, self._bursts, self._listeners)
        measured = Measured(
            local=self._local,
            tcp=tcp,
            queue=queue,
            not_paused_because=self._not_paused_because,
            bursts=self._bursts,
            counters=self._counters,
            sysctls=self._sysctls,
            schedule=self._schedule,
            stuck=self._stuck,
        )
        below_tls = [_BELOW_TLS] if self._target.scheme == "tls" else []
        return BacklogResult(
            queue=queue,
            burst=list(self._bursts),
            explanation=[*explain(measured), *below_tls],
            counters=self._counters,
            sysctls=self._sysctls,
            syn_retries_at_s=list(self._schedule.at_s) if tcp else [],
        )


@contextmanager
def _sampler(target: Target) -> Iterator[tuple[QueueSampler | None, str]]:
    """Open the view on the queue, or say why there is none."""
    try:
        sampler = QueueSampler(target)
    except LookupError as error:
        yield None, str(error)
        return
    except CannotRunError as error:
        yield None, error.problem
        return
    with sampler:
        yield sampler, ""


def _whom_to_pause(
    target: Target, sampler: QueueSampler | None, allowed: Collection[int], blind_because: str
) -> tuple[tuple[int, ...], str]:
    """Return the processes to stop, or none and the reason."""
    if target.scheme == "unix":
        inodes = unix_listeners(target.path)
    elif sampler is not None:
        inodes = sampler.inodes
    else:
        return (), blind_because
    accepting = accepting_processes(inodes, allowed)
    if allowed and not accepting.pids:
        serving = _names(accepting.others) or "one that this user may not see"
        raise UsageError(
            f"process {', '.join(map(str, allowed))} does not listen on {target};"
            f" its server is {serving}"
        )
    if not accepting.others:
        return accepting.pids, "the server's process is not visible to this user"
    one = len(accepting.others) == 1
    who = f"process{'' if one else 'es'} {_names(accepting.others)}"
    do = f"{'also ' if accepting.pids else ''}accept{'s' if one else ''} here"
    options = " ".join(f"--pause-pid {pid}" for pid in accepting.others)
    them = "it" if one else "them"
    return (), f"{who} {do}; {options} let{'s' if one else ''} Wireproof pause {them} for a moment"


def _names(pids: Collection[int]) -> str:
    return ", ".join(f"{pid} ({process_name(pid)})" for pid in pids)


def _queue(
    limit: int | None, probe: DepthProbe | None, bursts: list[Burst], listeners: int
) -> Queue:
    if probe is not None:
        source = "connects" if limit is None else "sock_diag"  # a Unix socket's is not on the list
        return Queue(
            limit=limit,
            depth=probe.depth,
            source=source if probe.depth is not None else "unknown",
            listeners=listeners,
            completed_at_once=probe.completed_at_once,
            turned_away=probe.turned_away,
            late_us=[round(late_s * 1e6, 1) for late_s in probe.late_s],
        )
    depth = depth_by_connects(bursts)
    source = "unknown" if depth is None else "connects"
    return Queue(limit=limit, depth=depth, source=source, listeners=listeners)
