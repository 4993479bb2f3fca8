"""Load processes that hang, come late, or have another clock: the figures are right, or marked."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import Serving, echoing
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.results import Results, load_results

_TIMEOUT_S = 60
# Python runs a file of this name in every process that finds it. The first worker to make the mark
# lives ten minutes ahead; no clock but the one that people read is another there.
_OTHER_CLOCK = """
import os, sys, time
if "--worker" in sys.argv:
    try:
        os.close(os.open({mark!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        pass
    else:
        true_time = time.time
        time.time = lambda: true_time() + 600
"""


@contextlib.contextmanager
def _load(target: object, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A load of two processes, ended with all its own at the end in any case."""
    arguments = [
        "load",
        str(target),
        "--protocol",
        "echo",
        "--processes",
        "2",
        "--out",
        str(folder),
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "from wireproof.cli import main; main()", *arguments, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        for pid in _children(process.pid) if process.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait(_TIMEOUT_S)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _workers(process: subprocess.Popen[bytes]) -> list[int]:
    """Wait for both workers, which are started after the master."""
    deadline = time.monotonic() + _TIMEOUT_S
    while len(found := sorted(_children(process.pid))) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    return found[1:]


def _await_file(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not path.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)


def _result(folder: Path) -> Results:
    found = load_results(folder / "results.json")
    assert found.load is not None
    assert found.load.requests > 0
    return found


def test_a_worker_that_hangs_is_told(tmp_path: Path) -> None:
    """A load process that is stopped for good ends in a partial result that says so, in time."""
    with (
        Serving(echoing) as server,
        _load(server.target, tmp_path, "--users", "4", "--for", "6s") as process,
    ):
        _await_file(tmp_path / "results.json", process)
        os.kill(_workers(process)[0], signal.SIGSTOP)
        assert process.wait(_TIMEOUT_S) == 3
    found = _result(tmp_path)
    assert found.partial
    assert found.load is not None
    assert any("is lost" in note for note in found.load.notes)


def test_a_worker_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    """The load begins once all its processes are there, and is whole."""
    with (
        Serving(echoing) as server,
        _load(server.target, tmp_path, "--users", "4", "--for", "2s") as process,
    ):
        late = _workers(process)[1]
        os.kill(late, signal.SIGSTOP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)  # as late as this; what begins without it has begun by then
        assert not (tmp_path / "results.json").exists()
        os.kill(late, signal.SIGCONT)
        assert process.wait(_TIMEOUT_S) == 0
    found = _result(tmp_path)
    assert not found.partial
    assert found.load is not None
    assert found.load.details["workers"] == 2
    assert found.load.seconds == pytest.approx(2, rel=0.2)


def test_workers_whose_clocks_differ_count_the_same_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes between two workers' clocks move no reply into another second, nor lose one."""
    mark = tmp_path / "ahead"
    (tmp_path / "sitecustomize.py").write_text(_OTHER_CLOCK.format(mark=str(mark)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Serving(echoing) as server:
        spec = LoadSpec(
            target=str(server.target),
            protocol="echo",
            users=[4],
            seconds=2.0,
            warm_up_s=0.0,
            rate_per_s=200.0,
            processes=2,
        )
        found = run_load(spec)
    assert mark.exists()
    assert not found.partial, found.notes
    assert (found.requests, found.failures) == (400, {})
    assert found.details["workers"] == 2
    assert len(found.series) <= 8
    assert sum(second.requests for second in found.series) == 400
