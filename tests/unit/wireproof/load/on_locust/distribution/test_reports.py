from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from wireproof.load.figures.tally import Phase, Sample, Tally
from wireproof.load.on_locust.distribution.reports import FROM_A_WORKER, Reports, shape_problem


class _Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> _Clock:
    """The master's."""
    return _Clock()


@pytest.fixture
def read(clock: _Clock) -> Callable[..., Tally]:
    """Read a tally of worker `w`, a sound one but for what is said otherwise."""
    reports = Reports(clock)

    def call(in_stage: int = 0, sender: str = "w", **changes: Any) -> Tally:
        sound = Tally(
            worker="what it calls itself",
            second=1,
            stage=0,
            phase=Phase.STEADY,
            length_s=0.25,
            users=2,
            counts={"service": [10, 3, 12, 1], "wire": [9, 2]},
            sent=6,
            unreplied=1,
            failures={"timeout": 1, "late reply": 2},
            incidents={"late reply": 2},
            samples=[Sample(cause="timeout", problem="p")],
            stamped=2,
        )
        return reports.read(sender, {**msgspec.to_builtins(sound), **changes}, in_stage)

    return call


def test_kinds_are_parts_of_the_whole(read: Callable[..., Tally]) -> None:
    """What a tally says of kinds is no more than it says of all."""
    sound = {"kind": "get", "counts": [10, 3], "unreplied": 1, "failures": {"timeout": 1}}
    assert read(kinds=[sound]).kinds[0].failures == {"timeout": 1}
    for change in (
        {"counts": [10, 5]},
        {"counts": [10]},
        {"counts": [10, -1]},
        {"unreplied": 2},
        {"unreplied": -1},
        {"failures": {"timeout": 2}},
        {"failures": {"late reply": 1}},
        {"failures": {"timeout": -1}},
        {"kind": "x" * 1000},
    ):
        with pytest.raises(ValueError, match=r"kind|negative|histogram"):
            read(kinds=[sound | change])
    with pytest.raises(ValueError, match="2 kinds"):
        read(kinds=[sound, sound])


def test_a_sound_tally_is_the_workers(read: Callable[..., Tally], clock: _Clock) -> None:
    """It counts as of the connection that it came by, whatever name it has."""
    clock.now_s += 1
    assert read().worker == "w"
    assert read(second=1).counts["service"] == [10, 3, 12, 1]
    assert read(1, second=2, stage=1, counts={}, stamped=0).stage == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"counts": {"service": [10, -3]}}, "not a histogram"),
        ({"counts": {"service": [10, 0]}}, "not a histogram"),
        ({"counts": {"service": [10]}}, "not a histogram"),
        ({"counts": {"service": [-1, 3]}}, "not a histogram"),
        ({"counts": {"service": [17 * 1024, 3]}}, "not a histogram"),
        ({"counts": {"service": [10, 1, 10, 1]}}, "not a histogram"),
        ({"counts": {"service": [12, 1, 10, 1]}}, "not a histogram"),
        ({"counts": {"service": [10, "3"]}}, "counts"),
        ({"counts": {"invented": [10, 3]}}, "kinds that there are not"),
        ({"counts": {"service": [10, 3], "wire": [9, 4]}}, "more latencies than its 3 replies"),
        ({"counts": {"service": [10, 3]}, "stamped": 4}, "more latencies"),
        ({"counts": {"service": [10, 10**12]}}, "replies in 0.2 s"),
        ({"length_s": -1.0}, "length_s"),
        ({"length_s": float("nan")}, "length_s"),
        ({"length_s": 1e6}, "s of a run of"),
        ({"cpu_s": float("inf")}, "cpu_s"),
        ({"users": -1}, "users"),
        ({"second": -1}, "second"),
        ({"second": 10**6}, "s of a run of"),
        ({"stage": 1}, "stage 1 in stage 0"),
        ({"stage": -1}, "stage"),
        ({"failures": {"timeout": 0}}, "failures of the cause"),
        ({"failures": {"timeout": -5}}, "failures of the cause"),
        ({"failures": {"timeout": 10**12}}, "failures of the cause"),
        ({"failures": {"\x1b[2J": 5}}, "failures"),
        ({"samples": [{"cause": "timeout", "problem": "p"}] * 1000}, "1000 samples"),
        ({"sent": -1}, "sent"),
        ({"sent": 5}, "6 fates of 5 requests"),
        ({"failures": {"timeout": 2}, "incidents": {}}, "7 fates of 6 requests"),
        ({"incidents": {"late reply": 3}}, "3 incidents of the cause late reply"),
        ({"incidents": {"refused": 1}}, "1 incidents of the cause refused"),
        ({"phase": "invented"}, "phase"),
        ({"samples": [{"cause": 1}]}, "samples"),
        ({"worker": None}, "worker"),
    ],
)
def test_what_cannot_be_is_refused(
    changes: dict[str, Any], told: str, read: Callable[..., Tally], clock: _Clock
) -> None:
    """Shape, bounds and sums; and a tally that is refused leaves nothing behind."""
    clock.now_s += 1
    with pytest.raises(ValueError, match=told):
        read(**changes)
    assert read().worker == "w"


def test_no_tally_is_no_tally(clock: _Clock) -> None:
    """Whatever else a message holds."""
    for data in (None, [], "tally", 5, {}, {"worker": "w"}):
        with pytest.raises(ValueError, match=r"Expected|required"):
            Reports(clock).read("w", data, 0)


def test_time_and_stages_do_not_go_back(read: Callable[..., Tally], clock: _Clock) -> None:
    """Each worker by itself: another one may be behind."""
    clock.now_s += 10
    read(2, second=5, stage=1)
    with pytest.raises(ValueError, match="second 4 after second 5"):
        read(2, second=4, stage=1)
    with pytest.raises(ValueError, match="stage 0"):
        read(2, second=6, stage=0)
    assert read(2, second=6, stage=0, length_s=0.0).stage == 0
    with pytest.raises(ValueError, match="stage 0"):
        read(2, second=6, stage=0)
    assert read(2, "another", second=4, stage=0).second == 4


def test_a_worker_measures_no_longer_than_the_run_lasts(
    read: Callable[..., Tally], clock: _Clock
) -> None:
    """Its lengths add up to no more time than there was."""
    clock.now_s += 10
    for _ in range(50):
        read()
    with pytest.raises(ValueError, match="s of a run of"):
        for _ in range(50):
            read()


def test_a_share_is_told(clock: _Clock, read: Callable[..., Tally]) -> None:
    """Of connections and of what had been reported; nothing where nothing was."""
    reports = Reports(clock)
    assert reports.share_of("w") == "it had reported nothing"
    for worker, replies in (("w", 1), ("v", 3)):
        tally = msgspec.to_builtins(
            read(sender=worker, stamped=0, counts={"service": [5, replies]})
        )
        reports.read(worker, tally, 0)
    assert reports.share_of("w") == (
        "it had 2 of 4 connections, and had reported 1 of 4 replies (25 %)"
    )


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("stats", {}),
        ("stats", None),
        ("stats", {"stats": 1, "stats_total": {}, "errors": {}}),
        ("heartbeat", {"state": "x" * 100, "current_cpu_usage": 1}),
        ("heartbeat", {"state": "ready", "current_cpu_usage": float("nan")}),
        ("heartbeat", {"state": "ready", "current_cpu_usage": "9"}),
        ("spawning_complete", {"user_classes_count": {"A": -1}, "user_count": 1}),
        ("exception", {"msg": "m"}),
        ("logs", {"worker_id": "w", "logs": "text"}),
        ("client_ready", None),
    ],
)
def test_locusts_own_messages_have_a_shape(kind: str, data: object) -> None:
    """What would end Locust's loop, or its page, is refused."""
    assert shape_problem(kind, data)


def test_our_files_are_nobodys() -> None:
    """A worker that asks for the locustfile is not answered."""
    assert "locustfile" not in FROM_A_WORKER


def test_a_request_has_one_fate(read: Callable[..., Tally], clock: _Clock) -> None:
    """What was sent in one tally may have its fate in the next, once."""
    clock.now_s += 1
    read(counts={}, stamped=0, sent=8)  # 2 of 8 have a fate
    assert read(sent=0).sent == 0
    with pytest.raises(ValueError, match="6 fates of 0 requests"):
        read(sent=0)
