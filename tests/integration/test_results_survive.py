"""What was measured is on disk a moment later, however the run ends.

WIREPROOF_EXTENDED=1 kills at fifty moments of each kind instead of four.
"""

import contextlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.commands import command
from tests.support.server_process import wait_until_ended
from tests.support.servers import Serving, echoing
from wireproof.cli import invoke
from wireproof.results import Results, load_results

_KILLS = 50 if os.environ.get("WIREPROOF_EXTENDED") else 4
_TIMEOUT_S = 60
_RATE_PER_S = 200


@contextlib.contextmanager
def _command(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process of its own, killed at the end in any case."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from wireproof.cli import main; main()", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(_TIMEOUT_S)


def _written(path: Path, process: subprocess.Popen[bytes]) -> Results:
    """Wait for the first partial result of a run."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    return load_results(path)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class _Counted:
    """An echo server that counts what it has answered."""

    def __init__(self) -> None:
        self._answers: list[int] = []  # its threads append to it, which loses none

    def __call__(self, peer: socket.socket) -> None:
        while data := peer.recv(65536):
            peer.sendall(data)
            self._answers.append(len(data))

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return len(self._answers)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("seed", range(_KILLS))
def test_a_load_that_is_killed_loses_a_second_at_most(
    seed: int, processes: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed at a random moment, it has on disk all replies but those of the last second.

    The replies tell: the load sends so many a second, the server counts those it has answered when
    the kill is sent, and the file says how many of them it has. No clock of ours comes into it.
    """
    path = tmp_path / "results.json"
    counted = _Counted()
    with Serving(counted) as server:
        options = ["--users", "3", "--rate", str(_RATE_PER_S), "--for", "60s", "--warm-up", "0s"]
        arguments = ["--protocol", "echo", *options, "--processes", str(processes)]
        with _command("load", str(server.target), *arguments, "--out", str(tmp_path)) as process:
            _written(path, process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(random.Random(seed).uniform(0.0, 2.0))
            left = _children(process.pid)
            answered = counted.answered
            process.kill()
            process.wait(_TIMEOUT_S)
            for pid in left:
                wait_until_ended(pid)
    found = load_results(path)
    assert found.partial
    assert found.load is not None
    assert found.load.notes == ["the run was cut off here"]
    lost_s = (answered - found.load.requests) / _RATE_PER_S
    with capfd.disabled():
        print(f"{processes} process(es), kill {seed}: {lost_s:.2f} s lost")  # noqa: T201
    assert lost_s <= 1.0
    assert invoke(["report", str(path)]) == 0
    assert "interrupted, so this is incomplete" in capfd.readouterr().out


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("rate", [None, _RATE_PER_S])
def test_an_interrupted_load_accounts_for_every_request(
    rate: int | None, processes: int, tmp_path: Path
) -> None:
    """After Ctrl-C the result has all that the server received, and each of it was right."""
    path = tmp_path / "results.json"
    counted = _Counted()
    with Serving(counted) as server:
        options = ["--protocol", "echo", "--users", "4", "--for", "60s", "--warm-up", "0.1s"]
        options += ["--rate", str(rate)] if rate else []
        arguments = [*options, "--processes", str(processes), "--out", str(tmp_path)]
        with _command("load", str(server.target), *arguments) as process:
            _written(path, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(_TIMEOUT_S) == 3
        answered = counted.answered
    found = load_results(path).load
    assert found is not None
    assert (found.partial, found.notes[0]) == (True, "interrupted")
    assert found.failures == {}
    assert found.requests == found.right
    assert found.requests + found.details["requests_while_warming_up"] == answered


@pytest.mark.parametrize("seed", range(_KILLS))
def test_a_check_that_is_killed_keeps_its_verdicts(
    seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """After SIGKILL at a random moment every verdict that was reached is in the result file."""
    path = tmp_path / "results.json"
    with Serving(echoing) as server:
        options = ["--protocol", "echo", "--depth", "default", "--out", str(tmp_path)]
        with _command("check", str(server.target), *options) as process:
            _written(path, process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(random.Random(seed).uniform(0.0, 1.0))
            process.kill()
    found = load_results(path)
    assert found.check is not None
    assert found.check.requirements
    assert invoke(["report", str(path)]) == 0
    count = len(found.check.requirements)
    assert f"of {count} requirement" in capfd.readouterr().out


def test_a_ladder_that_is_killed_keeps_its_rungs(tmp_path: Path) -> None:
    """The rungs that were climbed are in the result file before the ladder's end."""
    path = tmp_path / "results.json"
    with Serving(echoing) as server:
        rungs = ["--connections", "1,2,3", "--for", "1"]
        options = ["--protocol", "echo", *rungs, "--out", str(tmp_path)]
        with _command("backlog", str(server.target), *options) as process:
            while (found := _written(path, process).backlog) is None or len(found.ladder) < 2:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)
            process.kill()
    results = load_results(path)
    assert results.partial
    assert results.backlog is not None
    assert [rung.connections for rung in results.backlog.ladder][:2] == [1, 2]


@pytest.mark.parametrize("role", ["leader", "worker"])
def test_a_load_process_that_is_killed_is_told(role: str, tmp_path: Path) -> None:
    """Killing Locust's master or one of its workers ends in a partial result that says so."""
    path = tmp_path / "results.json"
    with Serving(echoing) as server:
        options = ["--protocol", "echo", "--users", "4", "--for", "8s", "--processes", "2"]
        with _command("load", str(server.target), *options, "--out", str(tmp_path)) as process:
            _written(path, process)
            leader, *workers = sorted(_children(process.pid))
            os.kill(leader if role == "leader" else workers[0], signal.SIGKILL)
            assert process.wait(_TIMEOUT_S) == 3
    found = load_results(path)
    assert found.partial
    assert found.load is not None
    assert found.load.requests > 0
    assert any(
        "ended before its time" in note or "was killed by signal 9" in note
        for note in found.load.notes
    )


def _no_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


@pytest.mark.parametrize("kind", ["check", "load", "backlog"])
def test_a_full_disk_ends_the_run_cleanly(kind: str, tmp_path: Path) -> None:
    """What cannot be written is told in two lines, without a traceback, with exit code 3."""
    options = {
        "check": ["--protocol", "echo", "--depth", "quick", "--only", "BASE-*", "--only", "SEG-*"],
        "load": ["--protocol", "echo", "--users", "2", "--for", "1s"],
        "backlog": ["--queue-only"],
    }[kind]
    with Serving(echoing) as server:
        arguments = [kind, str(server.target), *options, "--out", "out"]
        ended = command(arguments, tmp_path, prepare=_no_room)
    assert ended.code == 3, ended
    assert "cannot write" in ended.err
    assert "Traceback" not in ended.err
    for file in (tmp_path / "out").rglob("*.json"):
        json.loads(file.read_bytes())  # whole, or not there


@pytest.mark.parametrize("kind", ["check", "load", "backlog", "run"])
def test_a_folder_that_cannot_be_written_is_told_before_the_run(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No measurement is made whose result has nowhere to go."""
    (tmp_path / "file").touch()
    with Serving(echoing) as server:
        arguments = [kind, str(server.target), "--protocol", "echo"]
        assert invoke([*arguments, "--out", str(tmp_path / "file" / "out")]) == 3
    assert "cannot write to" in capfd.readouterr().err


def test_no_result_is_overwritten_unasked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same --out a second time is refused before anything is sent, and --force replaces it."""
    with Serving(echoing) as server:
        target = str(server.target)
        options = ["--protocol", "echo", "--only", "BASE-ANSWER", "--out", str(tmp_path)]
        assert invoke(["check", target, *options]) == 0
        first = (tmp_path / "results.json").read_bytes()
        for kind, more in (("check", options), ("backlog", ["--queue-only", *options[4:]])):
            assert invoke([kind, target, *more]) == 2
            said = capfd.readouterr().err
            assert "results.json already exists" in said
            assert "--force" in said
        assert (tmp_path / "results.json").read_bytes() == first
        assert invoke(["check", target, *options, "--force"]) == 0
    assert (tmp_path / "results.json").read_bytes() != first
