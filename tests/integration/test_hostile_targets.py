"""Commands against servers that try to hurt them: see tests/hostile/servers.py.

All end in time, with bounded memory, the right verdict and no traceback. WIREPROOF_EXTENDED=1
puts load on every server of the battery, not on a few.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.commands import Ended, command, impatient
from tests.hostile.servers import BATTERY, hostile

MOST_MB = 300
_TIME_BUDGET_S = 2
_TIMEOUT_S = 60  # of a machine on which everything else runs too
_SIDE_BY_SIDE = 6

LOADED = {
    "never answers": "timeout",
    "an endless line": "wrong reply",
    "resets at accept": "reset before reply",
    "thousands of tiny frames": "wrong reply",
    "a length of 2^64-1": "wrong reply",
    "a thousand datagrams for one": "duplicate reply",
}
"""Servers that load goes to in every test run, and the cause that the failures must have."""
UNREACHABLE = [name for name, server in BATTERY.items() if not server.verdict]
QUEUED = ["never answers", "resets at accept", "never accepts", "floods without reading"]


@dataclass(frozen=True, slots=True)
class _Run:
    ended: Ended
    results: dict[str, Any]


Battery = dict[tuple[str, str], Future[_Run]]


def _job(kind: str, name: str, folder: Path) -> _Run:
    server = BATTERY[name]
    with hostile(name) as serving:
        target = str(serving.target)
        protocol = ["--protocol", server.protocol]
        for setting in server.settings:
            protocol += ["--set", setting]
        budget_s = str(_TIME_BUDGET_S)
        check = ["--depth", "quick", "--only", server.only, "--time-budget", budget_s]
        load = ["--users", "5", "--for", "1s", "--warm-up", "0s", "--timeout", "500ms"]
        options = {
            "check": [*protocol, *check],
            "load": [*protocol, *load],
            "backlog": ["--queue-only"],
        }[kind]
        ended = command(
            [kind, target, *options, "--out", "out"],
            folder,
            timeout_s=_TIMEOUT_S,
            prepare=impatient,
        )
    results: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError):
        results = json.loads((folder / "out" / "results.json").read_bytes())
    return _Run(ended, results)


@pytest.fixture(scope="module")
def battery(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Battery]:
    """The commands of all tests that were asked for, several at a time: most of them wait."""
    pool = ThreadPoolExecutor(_SIDE_BY_SIDE)
    jobs: Battery = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.path == request.path and "name" in parameters:
            kind, name = parameters["kind"], parameters["name"]
            folder = tmp_path_factory.mktemp("run")
            jobs[kind, name] = pool.submit(_job, kind, name, folder)
    yield jobs
    pool.shutdown(cancel_futures=True)


def _ended_well(run: _Run) -> None:
    assert run.ended.code is not None, "it did not end in time"
    assert run.ended.peak_mb < MOST_MB
    assert "Traceback" not in run.ended.err
    assert "\x1b[2J" not in run.ended.out + run.ended.err


@pytest.mark.parametrize("kind", ["check"])
@pytest.mark.parametrize("name", [name for name in BATTERY if name not in UNREACHABLE])
def test_check_has_a_verdict(battery: Battery, kind: str, name: str):
    """What a server does to `check` is a verdict with its reason, never an error of ours."""
    server = BATTERY[name]
    run = battery[kind, name].result()
    _ended_well(run)
    (line,) = run.results["check"]["requirements"]
    # Now and then is as bad as always.
    assert line["verdict"].replace("FLAKY", "FAIL") == server.verdict, line
    # A busy machine may take all the time that the check has before the server shows how it fails.
    assert (
        server.why in line["message"] or line["message"] == "after this the server answers nobody"
    )
    assert run.ended.code == (1 if server.verdict == "FAIL" else 0)


@pytest.mark.parametrize("kind", ["check", "load"])
@pytest.mark.parametrize("name", UNREACHABLE)
def test_a_server_that_cannot_be_reached_is_told_so(battery: Battery, kind: str, name: str):
    """No connection, no TLS: the exit code is 3, and the user is told where it ended."""
    run = battery[kind, name].result()
    _ended_well(run)
    assert run.ended.code == 3
    if run.results:  # over UDP, load has to try
        assert "nothing was answered under load" in run.ended.out
        return
    assert run.ended.err.startswith("wireproof: ")
    assert len(run.ended.err.splitlines()) <= 2


@pytest.mark.parametrize("kind", ["load"])
@pytest.mark.parametrize(
    "name",
    [name for name in BATTERY if BATTERY[name].verdict]
    if os.environ.get("WIREPROOF_EXTENDED")
    else LOADED,
)
def test_load_counts_what_happened(battery: Battery, kind: str, name: str):
    """Failures are counted by cause; a run in which nothing was right is no success."""
    run = battery[kind, name].result()
    _ended_well(run)
    found = run.results["load"]
    failures = found["failures"] | found["details"].get("failures_while_warming_up", {})
    if name in LOADED:
        assert LOADED[name] in failures, found
    fates = sum(found["failures"].values()) - sum(found["incidents"].values())
    if found["requests"] == fates or "wrong reply" in failures:
        assert run.ended.code in {1, 3}


@pytest.mark.parametrize("kind", ["backlog"])
@pytest.mark.parametrize("name", QUEUED)
def test_backlog_measures_a_queue_whatever_stands_behind_it(battery: Battery, kind: str, name: str):
    """Connects do not depend on what the server does with them."""
    run = battery[kind, name].result()
    _ended_well(run)
    assert run.ended.code == 0
    assert run.results["backlog"]["queue"]["limit"] == 128
