"""What Locust leaves out at its end: times below a millisecond, and the last second of its CSV."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from locust import events
from locust import stats as locust_stats
from locust.env import Environment
from locust.runners import WorkerRunner

from wireproof.load.on_locust.stats import use_fine_buckets

_console = logging.getLogger("locust.stats_logger")  # where Locust's own tables go
_PERCENTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
_COLUMNS = ("p50", "p90", "p99", "p99.9", "max")
_LONGEST_NAME = 40


@functools.cache  # once in a process
def install() -> None:
    """Have Locust tell microseconds, in a table of ours at the end, and write its CSV whole."""
    use_fine_buckets()
    writer: Any = locust_stats.StatsCSVFileWriter
    writer.close_files = _with_last_rows(writer.close_files)
    events.init.add_listener(_tell_at_the_end)


def table_of(stats: Any) -> list[str]:
    """Return the lines of a table of Locust's entries, with times in microseconds."""
    entries = [entry for _, entry in sorted(stats.entries.items()) if entry.num_requests]
    if not entries:
        return []
    lines = [f"{'response times in µs':40} {'# reqs':>11}" + "".join(f"{c:>11}" for c in _COLUMNS)]
    for entry in entries:
        name = ascii(f"{entry.method} {entry.name}")[1:-1][:_LONGEST_NAME]
        times = [1000 * entry.get_response_time_percentile(share) for share in _PERCENTILES]
        figures = "".join(f"{time_us:11,.0f}" for time_us in times)
        lines.append(f"{name:40} {entry.num_requests:11,}{figures}")
    return lines


def _tell_at_the_end(environment: Environment, **_: Any) -> None:
    environment.events.quit.add_listener(lambda **_: _tell(environment))


def _tell(environment: Environment) -> None:
    options: Any = environment.parsed_options
    is_read = options is not None and options.headless and not options.json
    if is_read and not isinstance(environment.runner, WorkerRunner):
        for line in table_of(environment.stats):
            _console.info(line)


def _with_last_rows(close_files: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return what writes the rows once more before it closes; Locust writes one a second."""

    @functools.wraps(close_files)
    def close(writer: Any) -> None:
        file = writer.requests_csv_filehandle
        file.seek(0)
        writer.requests_csv_writer.writerow(writer.requests_csv_columns)
        writer._requests_data_rows(writer.requests_csv_writer)  # noqa: SLF001 - it has no other
        file.truncate()
        history = writer.stats_history_csv_writer
        writer._stats_history_data_rows(history, time.time())  # noqa: SLF001 - nor this
        close_files(writer)

    return close
