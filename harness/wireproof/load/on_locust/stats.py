"""Locust's own statistics, fed a tally at a time.

One `events.request.fire` for each reply costs several times the reply. A tally goes in as a
worker's report does at the master: as a `StatsEntry` that extends the entry of that name and the
total. So Locust's console, charts, CSV and `--json` show the swarm's requests; listeners of
`events.request` do not see them.
"""

from __future__ import annotations

import functools
import time
from typing import Any, cast

from locust import stats as locust_stats
from locust.env import Environment
from locust.stats import StatsEntry, StatsError

from wireproof.histogram import highest_at, sum_us
from wireproof.load.figures.tally import Tally


def fine_bucket(milliseconds: float) -> float:
    """Return the bucket of a response time: two digits, not Locust's whole milliseconds."""
    return float(f"{milliseconds:.2g}")


@functools.cache
def _bucket_of(index: int) -> float:
    return fine_bucket(highest_at(index) / 1000)


def use_fine_buckets() -> None:
    """Have Locust's statistics tell 40 µs from 400 µs, in this process and all users' requests."""
    locust_stats.bucket_response_time = cast("Any", fine_bucket)


def feed(environment: Environment, tally: Tally, *, name: str, kind: str) -> None:
    """Add a tally to Locust's statistics.

    Args:
        environment: whose; `clear_all()` replaces its stats, so it is looked up each time.
        tally: of a worker.
        name: of the entry, the protocol's.
        kind: of the entry, the transport.

    """
    counts = tally.counts.get("service", [])
    failures = sum(tally.failures.values())
    if not counts and not failures:
        return
    stats = environment.stats
    entry = StatsEntry(stats, name, kind)
    _fill(entry, counts, failures, tally.length_s)
    stats.entries[name, kind].extend(entry)
    stats.total.extend(entry)
    now = time.time()
    for cause, count in tally.failures.items():
        key = StatsError.create_key(kind, name, cause)
        error = stats.errors.setdefault(key, StatsError(kind, name, cause, first_seen=now))
        error.occurrences += count
        error.last_seen = now


def _fill(entry: Any, counts: list[int], failures: int, length_s: float) -> None:
    requests = sum(counts[1::2])
    now = time.time()
    entry.start_time = now - length_s
    entry.last_request_timestamp = now
    entry.num_requests = requests + failures  # Locust counts a failed request as a request
    entry.num_failures = failures
    entry.num_none_requests = failures  # without a response time, as failures have none here
    entry.num_reqs_per_sec[int(now)] = requests + failures
    if failures:
        entry.num_fail_per_sec[int(now)] = failures
    if requests:
        entry.total_response_time = sum_us(counts) / 1000
        entry.min_response_time = highest_at(counts[0]) / 1000
        entry.max_response_time = highest_at(counts[-2]) / 1000
        for index, count in zip(counts[::2], counts[1::2], strict=True):
            entry.response_times[_bucket_of(index)] += count
