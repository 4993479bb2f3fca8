"""A load from several machines: three hosts, each a network namespace with its own address."""

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.hosts import Machine, hosts
from tests.support.network import unsupported_reason
from wireproof.results import LoadResult, load_results

_TIMEOUT_S = 90
_PROJECT = Path(__file__).parents[2]
_PORT = 5557
_REASON = unsupported_reason()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=str(_REASON))
# Python runs a file of this name in every process that finds it: this host's clock is ten minutes
# ahead, but for the one that people do not read.
_OTHER_CLOCK = """
import time
true_time = time.time
time.time = lambda: true_time() + 600
"""


@dataclasses.dataclass(slots=True)
class _Machines:
    """One that leads and has the server, and two whose workers load it."""

    lead: Machine
    workers: list[Machine]
    target: str
    folder: Path
    server: subprocess.Popen[str]

    def folder_of(self, host: Machine) -> Path:
        """Each host has files of its own: the protocol's, and the secret once it is copied."""
        folder = self.folder / host.name
        if not folder.exists():
            folder.mkdir()
            shutil.copy(servers.__file__, folder / "shout.py")
        return folder

    @contextlib.contextmanager
    def running(
        self, host: Machine, *arguments: str, **environment: str
    ) -> Iterator[subprocess.Popen[str]]:
        """`wireproof` on a host; killed at the end in any case."""
        process = subprocess.Popen(
            host.command("-c", "from wireproof.cli import main; main()", *arguments),
            cwd=self.folder_of(host),
            env={**os.environ, "PYTHONPATH": str(_PROJECT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=_TIMEOUT_S)

    def leading(self, *options: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        """The master, which waits for both."""
        meet = ("--master", "--bind", self.lead.address, "--expect-workers", "2")
        load = ("--users", "4", "--warm-up", "0s", "--out", "out", *options)
        return self.running(self.lead, "load", *self._what(), *meet, *load)

    def working(
        self, host: Machine, **environment: str
    ) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        """A worker."""
        return self.running(
            host, "worker", f"{self.lead.address}:{_PORT}", *self._what(), **environment
        )

    def copy_secret(self) -> None:
        """Copy it, as its user does, once the master has made it."""
        secret = self.folder_of(self.lead) / "secret"
        _await(secret.exists)
        for host in self.workers:
            shutil.copy(secret, self.folder_of(host) / "secret")

    def result(self) -> LoadResult:
        """What the master has written."""
        found = load_results(self.folder_of(self.lead) / "out" / "results.json").load
        assert found is not None
        return found

    def reported(self) -> int:
        """How many requests the master has been told of so far."""
        path = self.folder_of(self.lead) / "out" / "results.json"
        load = load_results(path).load if path.exists() else None
        return load.requests if load else 0

    def answered(self) -> int:
        """How many requests the server has answered in all."""
        return int(self.server.communicate(timeout=_TIMEOUT_S)[0])

    def _what(self) -> tuple[str, ...]:
        allowed = ("--allow-host", self.lead.address, "--protocol", "shout.py:Shout")
        return (self.target, *allowed, "--secret-file", "secret")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[_Machines]:
    """Three hosts and a server on the first."""
    with hosts(3) as (lead, *workers):
        server = subprocess.Popen(
            lead.command("-m", "tests.support.counting_server", lead.address),
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            target = f"tcp://{lead.address}:{int(server.stdout.readline())}"
            yield _Machines(lead, workers, target, tmp_path, server)
        finally:
            server.kill()
            server.communicate()


def _await(happened: object) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < deadline
        os.sched_yield()


def test_the_merge_is_exact_and_nobody_else_has_a_part(machines: _Machines, tmp_path: Path) -> None:
    """Ten thousand requests of two machines, one with another clock; strangers are refused."""
    one, two = machines.workers
    (tmp_path / "ahead").mkdir()
    (tmp_path / "ahead" / "sitecustomize.py").write_text(_OTHER_CLOCK)
    ahead = {"PYTHONPATH": f"{tmp_path / 'ahead'}:{_PROJECT}"}
    with machines.leading("--rate", "2500", "--for", "4s") as master:
        machines.copy_secret()
        secret = machines.folder_of(one) / "secret"
        right = secret.read_text()
        secret.write_text("x" * len(right))
        with machines.working(one) as rogue:
            said = rogue.communicate(timeout=_TIMEOUT_S)[1]
            assert rogue.returncode == 2
            assert "does not hold this run's secret" in said
        secret.write_text(right)
        with (machines.folder_of(one) / "shout.py").open("a") as file:
            file.write("# another version\n")
        with machines.working(one) as other:
            said = other.communicate(timeout=_TIMEOUT_S)[1]
            assert other.returncode == 2
            assert "its protocol's file is not the master's (SHA-256 " in said
        shutil.copy(servers.__file__, machines.folder_of(one) / "shout.py")
        with machines.working(one) as first, machines.working(two, **ahead) as second:
            said = master.communicate(timeout=_TIMEOUT_S)[1]
            assert master.returncode == 0, said
            assert (first.wait(_TIMEOUT_S), second.wait(_TIMEOUT_S)) == (0, 0)
    found = machines.result()
    assert (found.requests, found.failures) == (10_000, {})
    assert machines.answered() == 10_000
    assert not found.partial
    assert found.details["workers"] == 2
    assert f"{machines.lead.address}:{_PORT}; only holders of the secret" in said
    assert f"somebody at {one.address} without this run's secret was refused" in said


def test_a_machine_that_is_lost_is_told_with_its_share(machines: _Machines) -> None:
    """The others' figures are kept; what it had, and had reported, is said."""
    one, two = machines.workers
    with machines.leading("--rate", "200", "--for", "6s") as master:
        machines.copy_secret()
        with machines.working(one), machines.working(two) as lost:
            _await(lambda: machines.reported() >= 200)  # so each of the two has told something
            lost.send_signal(signal.SIGKILL)
            master.communicate(timeout=_TIMEOUT_S)
            assert master.returncode == 3
    found = machines.result()
    assert found.partial
    assert found.requests > 600  # of the 1200, one's own half, and what the other had reported
    (told,) = [note for note in found.notes if "is lost" in note]
    share = re.search(
        r"it had 2 of 4 connections, and had reported ([\d,]+) of ([\d,]+) replies \(\d+ %\);"
        r" what it had not reported is missing",
        told,
    )
    assert share, told
    reported, of = (int(number.replace(",", "")) for number in share.groups())
    assert 0 < reported < of <= found.requests


def test_a_master_whose_workers_do_not_come_says_so(tmp_path: Path) -> None:
    """In two lines, without a result."""
    with hosts(1) as (alone,):
        machines = _Machines(alone, [], "tcp://198.51.100.1:9", tmp_path, None)  # type: ignore[arg-type]
        with machines.leading("--wait", "1s") as master:
            said = master.communicate(timeout=_TIMEOUT_S)[1]
            assert master.returncode == 3
    assert "0 of 2 workers came in 1 s" in said
    assert not (machines.folder_of(alone) / "out").exists()
