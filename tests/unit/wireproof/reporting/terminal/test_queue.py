import io

import pytest
from rich.console import Console, Group, RenderableType

from wireproof.reporting.terminal.figures import backlog_lines
from wireproof.reporting.terminal.queue import comb_table, queue_line, sentence_list
from wireproof.results import BacklogResult, Burst, Queue, Rung

PERCENTILES = {"p50": 250, "p90": 1, "p99": 1, "p99_9": 1, "max": 1200, "mean": 1, "count": 10}


def _text(view: RenderableType, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def _burst(connections: int, retries: dict[str, int], **more: object) -> Burst:
    fields: dict[str, object] = {"failed": {}, "connect_us": {}} | more
    return Burst(
        connections=connections,
        completed_at_once=retries.get("0", 0),
        retransmitted=0,
        retries=retries,
        **fields,  # type: ignore[arg-type]
    )


def test_the_comb_has_a_column_for_each_retry_that_occurred() -> None:
    """Columns are named by the times at which this machine sends a SYN again."""
    lines = _text(
        comb_table(
            BacklogResult(
                queue=Queue(limit=50, depth=51, source="sock_diag"),
                burst=[
                    _burst(10, {"0": 10}, connect_us={"percentiles": PERCENTILES}),
                    _burst(200, {"0": 52, "1": 40, "3": 98}, failed={"no answer": 10}),
                ],
                syn_retries_at_s=[1.0, 2.0, 3.0],
            ),
            "us",
        )
    )
    assert lines[0].split("   ") == [
        "burst of",
        "at once",
        "after 1 s",
        "after 3 s",
        "failed",
        "median",
        "slowest",
    ]
    assert lines[1].split()[:5] == ["10", "10", "·", "·", "·"]
    assert lines[2].split() == ["200", "52", "40", "98", "10"]


@pytest.mark.parametrize(
    ("queue", "line"),
    [
        (
            Queue(limit=50, depth=51, source="sock_diag"),
            "Accept queue  holds 51, backlog 50  counted while the server was paused",
        ),
        (
            Queue(limit=None, depth=None, source="unknown"),
            (
                "Accept queue  depth unknown, backlog unknown"
                "  not overflowed by connects, and not paused"
            ),
        ),
        (
            Queue(limit=10, depth=12, source="connects", listeners=2),
            (
                "Accept queue  holds 12, backlog 10, 2 listeners"
                "  found by overflowing it with connects"
            ),
        ),
    ],
)
def test_the_queue_in_one_line(queue: Queue, line: str) -> None:
    """Limit and depth come with how they are known; what is unknown is said."""
    assert _text(queue_line(queue)) == [line]


def test_sentences_wrap_under_themselves() -> None:
    """Each sentence is an item of its own; nothing in it is markup."""
    lines = _text(sentence_list(["one [bold]two[/bold] three four", "five"]), width=24)
    assert lines == ["- one [bold]two[/bold]", "  three four", "- five"]


def _ladder(models: list[str]) -> BacklogResult:
    rungs = [
        Rung(
            model=model,
            connections=connections,
            throughput_per_s=900.0,
            latency_us={},
            failures={},
            bottleneck="server",
            served=1 if model == "iterative" else connections,
        )
        for model in models
        for connections in (1, 50)
    ]
    return BacklogResult(
        queue=Queue(limit=50, depth=51, source="sock_diag"),
        ladder=rungs,
        explanation=["one", "two", "three", "four"],
    )


def test_connections_that_are_not_served_stand_beside_the_throughput() -> None:
    """A rung on which not all were served says how many, or is marked where models are compared."""
    single = "\n".join(_text(Group(*backlog_lines(_ladder(["iterative"]), 100, "us"))))
    assert "50 (1 served)" in single
    assert "1 (1 served)" not in single
    both = "\n".join(_text(Group(*backlog_lines(_ladder(["fork", "iterative"]), 100, "us"))))
    assert "! not all connections served" in both
    assert both.count("900!") == 1
    assert "!" not in "\n".join(_text(Group(*backlog_lines(_ladder(["fork"]), 100, "us"))))


def test_all_sentences_where_nothing_else_is_on_the_screen() -> None:
    """A summary of several parts has the first sentences; the whole view has all, and last."""
    result = _ladder(["fork"])
    short = _text(Group(*backlog_lines(result, 100, "us")))
    assert "four" not in short
    whole = _text(Group(*backlog_lines(result, 100, "us", whole=True)))
    assert whole[-4:] == ["- one", "- two", "- three", "- four"]
