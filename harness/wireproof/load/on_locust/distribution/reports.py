"""What a worker may tell its master: checked for shape, bounds, order and sums before it counts.

A worker that holds the run's secret is one of the run, but it may be another version, have been
stopped for a minute, or be broken. What it says that cannot be is dropped and told.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from wireproof.causes import Cause
from wireproof.histogram import LENGTH
from wireproof.load.figures.tally import Tally

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
_Name = Annotated[str, msgspec.Meta(max_length=300)]
_Text = Annotated[str, msgspec.Meta(max_length=100_000)]

_KINDS = {"service", "scheduled", "wire"}
_MOST_PER_S = 100_000_000
_MOST_SAMPLES = 100
_MOST_KINDS = 300
_LONGEST_KIND = 200
_SLACK_S = 3.0
"""By how much a worker may have measured longer than the master has run: messages take a while."""


class _Heartbeat(msgspec.Struct):
    state: Annotated[str, msgspec.Meta(pattern="^[a-z]{1,20}$")]
    current_cpu_usage: _Number
    current_memory_usage: _Count = 0


class _Users(msgspec.Struct):
    user_classes_count: dict[_Name, _Count]
    user_count: _Count


class _Entry(msgspec.Struct):
    name: _Text
    method: _Name
    num_requests: _Count
    num_none_requests: _Count
    num_failures: _Count
    total_response_time: _Number
    max_response_time: _Number | None
    min_response_time: _Number | None
    total_content_length: _Count
    response_times: dict[float, _Count]
    num_reqs_per_sec: dict[int, _Count]
    num_fail_per_sec: dict[int, _Count]
    start_time: float
    last_request_timestamp: float | None


class _Error(msgspec.Struct):
    method: _Name | None
    name: _Text
    error: Any
    occurrences: _Count


class _Stats(_Users):
    stats: list[_Entry]
    stats_total: _Entry
    errors: dict[str, _Error]


class _Logs(msgspec.Struct):
    worker_id: _Name
    logs: Annotated[list[_Text], msgspec.Meta(max_length=10_000)]


class _Exception(msgspec.Struct):
    msg: _Text
    traceback: _Text


_SHAPES: dict[str, Any] = {
    "client_ready": _Name | int,
    "client_stopped": None,
    "heartbeat": _Heartbeat,
    "stats": _Stats,
    "spawning": None,
    "spawning_complete": _Users,
    "logs": _Logs,
    "quit": None,
    "exception": _Exception,
}
"""Locust's own messages of a worker. `locustfile` is not among them: nobody is sent our files."""

FROM_A_WORKER = frozenset(_SHAPES)


def shape_problem(kind: str, data: object) -> str:
    """Return why one of Locust's own messages cannot be a worker's; empty if it can."""
    try:
        msgspec.convert(data, _SHAPES[kind])
    except msgspec.ValidationError as error:
        return str(error)
    return ""


@dataclass(slots=True)
class Share:
    """What a worker has had of a run.

    Attributes:
        number: counted from 1, in the order in which they came.
        users: its connections.
        requests: its replies that were counted.
        under_way: requests that it has sent and told no fate of.
        measured_s: sum of the lengths of its tallies.
        second: of the latest.
        stage: of the latest.

    """

    number: int
    users: int = 0
    requests: int = 0
    under_way: int = 0
    measured_s: float = 0.0
    second: int = 0
    stage: int = 0


class Reports:
    """The tallies of one run, by the worker that sent them: each is checked against what it said.

    Attributes:
        shares: by worker.

    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Begin a run now; `now_s` is a monotonic clock of the master's."""
        self._now_s = now_s
        self._began_s = now_s()
        self.shares: dict[str, Share] = {}

    def read(self, worker: str, data: object, stage: int) -> Tally:
        """Return the tally that a worker has sent.

        Args:
            worker: who, by its connection.
            data: as it came.
            stage: that the run is in.

        Raises:
            ValueError: it cannot be; the message says what of it.

        """
        try:
            tally = msgspec.convert(data, Tally)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        share = self.shares.get(worker) or Share(len(self.shares) + 1)
        for problem in (
            _bounds_problem(tally),
            _counts_problem(tally),
            _kinds_problem(tally),
            _fates_problem(tally, share),
            self._order_problem(tally, share, stage),
        ):
            if problem:
                raise ValueError(problem)
        self.shares[worker] = share
        share.users = tally.users
        share.requests += _total(tally.counts.get("service", []))
        share.under_way += tally.sent - _fates(tally)
        share.measured_s += tally.length_s
        share.second = tally.second
        share.stage = max(share.stage, tally.stage)
        return msgspec.structs.replace(tally, worker=worker)

    def share_of(self, worker: str) -> str:
        """Return what a worker's share of the run was, as a clause."""
        share = self.shares.get(worker)
        if share is None:
            return "it had reported nothing"
        users = sum(one.users for one in self.shares.values())
        requests = sum(one.requests for one in self.shares.values())
        percent = 100 * share.requests / requests if requests else 0.0
        return (
            f"it had {share.users:,} of {users:,} connections, and had reported"
            f" {share.requests:,} of {requests:,} replies ({percent:.0f} %)"
        )

    def _order_problem(self, tally: Tally, share: Share, stage: int) -> str:
        is_late = tally.length_s == 0  # what became of requests of an earlier stage
        if not (tally.stage >= share.stage or is_late) or tally.stage > max(stage, 0):
            return f"stage {tally.stage} in stage {stage}, after stage {share.stage}"
        if tally.second < share.second:
            return f"second {tally.second} after second {share.second}"
        lasted_s = self._now_s() - self._began_s + _SLACK_S
        measured_s = share.measured_s + tally.length_s
        if tally.second > lasted_s or measured_s > lasted_s:
            return f"{max(tally.second, measured_s):.0f} s of a run of {lasted_s:.0f} s"
        return ""


def _bounds_problem(tally: Tally) -> str:
    """Return what of a tally's numbers cannot be."""
    for name in tally.__struct_fields__:
        value = getattr(tally, name)
        if isinstance(value, int | float) and not (0 <= value < math.inf):
            return f"{name} {value}"
    for cause, count in tally.failures.items():
        if not 0 < count <= _MOST_PER_S * max(1.0, tally.length_s):
            return f"{count} failures of the cause {cause}"
    return f"{len(tally.samples)} samples" if len(tally.samples) > _MOST_SAMPLES else ""


def _counts_problem(tally: Tally) -> str:
    """Return what of a tally's counts cannot be."""
    if not tally.counts.keys() <= _KINDS:
        return f"latencies of kinds that there are not: {ascii(sorted(tally.counts))[:100]}"
    for kind, counts in tally.counts.items():
        if not _is_histogram(counts):
            return f"counts of {kind} that are not a histogram's"
    replies = _total(tally.counts.get("service", []))
    if any(_total(counts) > replies for counts in tally.counts.values()) or tally.stamped > replies:
        return f"more latencies than its {replies:,} replies"
    if replies > _MOST_PER_S * max(1.0, tally.length_s):
        return f"{replies:,} replies in {tally.length_s:.1f} s"
    return ""


def _is_histogram(counts: Sequence[int]) -> bool:
    indexes, numbers = counts[::2], counts[1::2]
    rising = all(low < high for low, high in itertools.pairwise(indexes))
    inside = not indexes or (indexes[0] >= 0 and indexes[-1] < LENGTH)
    return len(indexes) == len(numbers) and rising and inside and min(numbers, default=1) >= 1


def _kinds_problem(tally: Tally) -> str:
    """Return why its requests cannot have been of the kinds that a tally says."""
    names = [one.kind for one in tally.kinds]
    if len(names) > _MOST_KINDS or len(set(names)) < len(names):
        return f"{len(names)} kinds of requests"
    if any(len(name) > _LONGEST_KIND for name in names):
        return "a kind with too long a name"
    failures: Counter[Cause] = Counter()
    replies = unreplied = 0
    for one in tally.kinds:
        if not _is_histogram(one.counts):
            return f"counts of {one.kind!a} that are not a histogram's"
        if min(one.unreplied, *one.failures.values(), 0) < 0:
            return f"a negative count of {one.kind!a}"
        failures.update(one.failures)
        replies += _total(one.counts)
        unreplied += one.unreplied
    known = Counter(tally.failures) - Counter(tally.incidents)
    if replies > _total(tally.counts.get("service", [])) or unreplied > tally.unreplied:
        return "more replies by kind than in all"
    return "more failures by kind than in all" if failures - known else ""


def _fates_problem(tally: Tally, share: Share) -> str:
    """Return why requests cannot have become what a tally says."""
    for cause, count in tally.incidents.items():
        if not 0 < count <= tally.failures.get(cause, 0):
            return f"{count} incidents of the cause {cause}"
    told, known = _fates(tally), share.under_way + tally.sent
    return f"{told:,} fates of {known:,} requests" if told > known else ""


def _fates(tally: Tally) -> int:
    failed = sum(tally.failures.values()) - sum(tally.incidents.values())
    return _total(tally.counts.get("service", [])) + tally.unreplied + tally.turned_away + failed


def _total(counts: Sequence[int]) -> int:
    return sum(counts[1::2])
