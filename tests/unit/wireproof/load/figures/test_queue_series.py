import socket

from wireproof.load.figures.queue_series import QueueSeries
from wireproof.results import LoadResult, Second
from wireproof.target import parse_target, resolve
from wireproof.wire.kernel.queue_watch import QueueWatch


class _Watch(QueueWatch):
    """Has seen one connection in each second of its clock, and an overflow in the third."""

    def __init__(self) -> None:
        pass

    def between(self, begin_s: float, end_s: float) -> tuple[int, int] | None:
        return (round(end_s), int(begin_s <= 102.5 < end_s)) if begin_s >= 99 else None


def _second(at_s: float) -> Second:
    return Second(at_s=at_s, users=1, requests=1, failures=0, p50_us=1, p99_us=1, max_us=1)


def _result(series: list[Second]) -> LoadResult:
    return LoadResult(
        users=1,
        seconds=1,
        requests=1,
        failures={},
        throughput_per_s=1,
        latency_us={},
        bottleneck="server",
        series=series,
    )


def test_seconds_are_placed_by_the_least_late_report() -> None:
    """Reports come late by different times; the earliest one tells when the run began."""
    now_s = iter([104.0, 102.0, 106.0])
    followed: list[Second] = []
    series = QueueSeries(followed.append, clock=lambda: next(now_s))
    series._watch = _Watch()
    seconds = [_second(1), _second(2), _second(3)]
    for second in seconds:
        series.add(second)
    whole = series.complete(_result(seconds)).series
    # The run began at 100, by the second report; the first was three seconds late.
    assert [second.queue_depth for second in whole] == [101, 102, 103]
    assert [second.overflows for second in whole] == [0, 0, 1]
    assert [second.queue_depth for second in followed] == [104, 102, 103]


def test_without_a_listener_here_nothing_is_added() -> None:
    """A datagram target has no queue, and a port without a listener none either."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for text in ("udp://127.0.0.1:9", f"tcp://127.0.0.1:{port}"):
        series = QueueSeries()
        with series.watching(resolve(parse_target(text))):
            series.add(_second(1))
        (second,) = series.complete(_result([_second(1)])).series
        assert (second.queue_depth, second.overflows) == (None, None)


def test_a_listener_here_is_watched() -> None:
    """The depth of a real listener's queue arrives in the seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        series = QueueSeries()
        target = resolve(parse_target(f"tcp://127.0.0.1:{server.getsockname()[1]}"))
        with series.watching(target), socket.create_connection(server.getsockname(), timeout=5):
            assert series._watch is not None
            while (found := series._watch.between(0, float("inf"))) is None or found[0] < 1:
                pass
            series.add(_second(1))
        (second,) = series.complete(_result([_second(1)])).series
    assert second.queue_depth == 1
