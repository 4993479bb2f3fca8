"""How the parts of `wireproof run` are put together; each is tested where it belongs."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Serving, echoing
from wireproof.cli import invoke
from wireproof.results import BacklogResult, CheckResult, LoadResult, Queue, load_results

CHECK = CheckResult(protocol="echo", depth="quick", seed=0, seconds=0, plans=0, requirements=[])
LOAD = LoadResult(
    users=1,
    seconds=1,
    requests=1,
    failures={},
    throughput_per_s=1,
    latency_us={},
    bottleneck="server",
)
BACKLOG = BacklogResult(queue=Queue(limit=1, depth=1, source="unknown"))


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each part returns; an exception is raised instead, and what ran is noted."""
    from wireproof.cli.run import _Job

    planned: dict[str, Any] = {
        "check": (CHECK, True),
        "load": LOAD,
        "look_at_queue": BACKLOG,
        "climb": BACKLOG,
        "ran": [],
    }

    def part(name: str) -> Any:
        def act(*_: object, **__: object) -> Any:
            planned["ran"].append(name)
            if isinstance(planned[name], BaseException):
                raise planned[name]
            return planned[name]

        return act

    for name in ("check", "load", "look_at_queue", "climb"):
        monkeypatch.setattr(_Job, name, part(name))
    return planned


def _run(tmp_path: Path) -> int:
    with Serving(echoing) as server:
        where = [str(server.target), "--protocol", "echo", "--out", str(tmp_path), "--json"]
        return invoke(["run", *where])


def test_the_whole_job(parts: dict[str, Any], tmp_path: Path) -> None:
    """Check, load, queue and ladder, one after the other, in one result."""
    assert _run(tmp_path) == 0
    assert parts["ran"] == ["check", "load", "look_at_queue", "climb"]
    results = load_results(tmp_path / "results.json")
    assert (results.check, results.load, results.backlog) == (CHECK, LOAD, BACKLOG)
    assert not results.partial


@pytest.mark.parametrize(
    ("part", "outcome", "ran"),
    [
        ("check", (CHECK, False), ["check"]),
        ("load", KeyboardInterrupt(), ["check", "load"]),
        ("climb", KeyboardInterrupt(), ["check", "load", "look_at_queue", "climb"]),
    ],
)
def test_ctrl_c_ends_the_whole_job(
    parts: dict[str, Any], part: str, outcome: object, ran: list[str], tmp_path: Path
) -> None:
    """Not the part alone that was under way; what was measured is written as partial."""
    parts[part] = outcome
    assert _run(tmp_path) == 3
    assert parts["ran"] == ran
    results = load_results(tmp_path / "results.json")
    assert results.partial
    assert results.check == CHECK
