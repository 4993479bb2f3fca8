"""Wireproof and a server on two hosts, with a network between them that loses, delays, reorders.

The hosts are network namespaces (tests/support/network.py). WIREPROOF_EXTENDED=1 checks the whole
catalogue through each bad cable instead of a few requirements.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.cable import Quality
from tests.support.network import (
    SERVER_ADDRESS,
    TIMEOUT_S,
    Host,
    Network,
    ip,
    network,
    remove_left_behind,
    unsupported_reason,
)

EXTENDED = bool(os.environ.get("WIREPROOF_EXTENDED"))
PROJECT = Path(__file__).parents[2]
FEW = ("BASE-ANSWER", "COAL-MANY", "FRAME-EARLY", "ISO-PARTS", "RESET-MID")
SMALL_MTU = 296  # of old serial lines; a frame of 1,051 bytes is five segments

_missing = unsupported_reason()
pytestmark = [
    pytest.mark.skipif(_missing is not None, reason=str(_missing)),
    pytest.mark.timeout(900 if EXTENDED else 120),
]

BAD_CABLES = {
    "loss": Quality(loss=0.02, delay_ms=2),
    "delay": Quality(delay_ms=10),
    "reordering": Quality(delay_ms=2, jitter_ms=6),
    "small MTU": Quality(),
}


@contextmanager
def serving(hosts: Network) -> Iterator[dict[str, str]]:
    """The reference server on the server's host; its targets by scheme."""
    options = ("--host", SERVER_ADDRESS, "--port", "0", "--workers", "1", "--udp")
    process = subprocess.Popen(
        hosts.server.command("-P", "-m", "reference_server", *options),
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
    )
    try:
        assert process.stdout is not None
        targets = process.stdout.readline().split()[2:]
        yield {target.partition(":")[0]: target for target in targets}
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)


class Run:
    """`wireproof` on the client's host."""

    def __init__(self, hosts: Network, folder: Path, command: str, *options: str) -> None:
        self._out = folder / "out"
        program = "import sys; from wireproof.cli import main; sys.exit(main())"
        wireproof = hosts.client.command("-c", program, command, *options)
        self._process = subprocess.Popen(
            [*wireproof, "--allow-host", SERVER_ADDRESS, "--out", str(self._out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )

    def results(self) -> dict[str, Any]:
        """What it has written so far."""
        try:
            found: dict[str, Any] = json.loads((self._out / "results.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def wait_for_requests(self) -> None:
        """Wait until load has had replies."""
        until_s = time.monotonic() + TIMEOUT_S
        while not self.results().get("load", {}).get("requests"):
            assert time.monotonic() < until_s, "no load"
            assert self._process.poll() is None, self._process.communicate()
            time.sleep(0.05)

    def end(self) -> tuple[int, str]:
        """Wait for its end; the exit code, and what it told of errors."""
        _, told = self._process.communicate(timeout=840 if EXTENDED else 100)
        assert "Traceback" not in told
        return self._process.returncode, told


@pytest.mark.parametrize("fault", BAD_CABLES)
def test_check_blames_no_server_for_its_network(fault: str, tmp_path: Path):
    """No FAIL; and where the server's queue cannot be seen, no delivery is called confirmed."""
    only = () if EXTENDED else [word for name in FEW for word in ("--only", name)]
    with network(BAD_CABLES[fault]) as hosts:
        if fault == "small MTU":
            hosts.set_mtu(SMALL_MTU)
        with serving(hosts) as targets:
            run = Run(hosts, tmp_path, "check", targets["tcp"], "--depth", "quick", *only)
            code, told = run.end()
    assert hosts.counts is not None
    assert (fault == "loss") <= (hosts.counts.lost > 0)
    assert (fault == "reordering") <= (hosts.counts.overtaken > 0)
    requirements = run.results()["check"]["requirements"]
    verdicts = {one["id"]: one["verdict"] for one in requirements}
    assert set(verdicts.values()) <= {"PASS", "INCONCLUSIVE", "UNSUPPORTED"}, (verdicts, told)
    assert list(verdicts.values()).count("PASS") > len(verdicts) / 2, verdicts
    assert code in {0, 3}
    tried = [one["delivery"] for one in requirements if one["verdict"] != "UNSUPPORTED"]
    assert set(tried) <= {"assumed", "held"}


def test_check_blames_no_accept_queue_for_a_lost_syn(tmp_path: Path):
    """That one of fifty connects was late, on a cable that loses, is no finding."""
    with network(Quality(loss=0.05)) as hosts, serving(hosts) as targets:
        run = Run(hosts, tmp_path, "check", targets["tcp"], "--only", "CAP-BURST")
        code, told = run.end()
    (burst,) = run.results()["check"]["requirements"]
    assert (burst["verdict"], code) == ("INCONCLUSIVE", 3), told
    assert "or the network lost the first" in burst["message"]


def test_load_waits_for_what_tcp_sends_again(tmp_path: Path):
    """Lost segments cost time, not replies: all are right, and a loss is no failure."""
    with network(BAD_CABLES["loss"]) as hosts, serving(hosts) as targets:
        run = Run(hosts, tmp_path, "load", targets["tcp"], "--users", "5", "--for", "2s")
        code, _ = run.end()
    found = run.results()["load"]
    assert hosts.counts is not None
    assert hosts.counts.lost > 0
    assert found["requests"] > 0
    assert (found["failures"], code) == ({}, 0)


def test_load_counts_datagrams_that_are_lost(tmp_path: Path):
    """What the cable loses is counted as lost, under that name, and nothing else is.

    A machine that stands still for longer than the timeout makes replies late, which are told too.
    """
    with network(Quality(loss=0.05)) as hosts, serving(hosts) as targets:
        options = ("--users", "5", "--for", "2s", "--warm-up", "0s", "--timeout", "500ms")
        run = Run(hosts, tmp_path, "load", targets["udp"], *options)
        code, _ = run.end()
    found = run.results()["load"]
    assert hosts.counts is not None
    lost, late = found["failures"].pop("lost"), found["failures"].pop("late reply", 0)
    assert not found["failures"]
    assert 0 < lost <= hosts.counts.lost + late
    assert found["requests"] > 0
    assert code in {0, 1}


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_load_names_what_a_pulled_cable_does(scheme: str, tmp_path: Path):
    """Replies stay out, then nothing can be reached: each failure has its own name."""
    with network() as hosts, serving(hosts) as targets:
        options = ("--users", "5", "--for", "5s", "--warm-up", "0s", "--timeout", "500ms")
        run = Run(hosts, tmp_path, "load", targets[scheme], *options)
        run.wait_for_requests()
        hosts.pull(hosts.client)
        run.end()
    failures = run.results()["load"]["failures"]
    assert failures
    assert "timeout" in failures or "lost" in failures
    causes = {"timeout", "lost", "connect timeout", "unreachable", "never sent", "unanswered"}
    assert set(failures) <= causes


@pytest.mark.parametrize("command", ["check", "load"])
def test_a_host_without_a_cable_is_one_line(command: str, tmp_path: Path):
    """Nothing is judged that could not be reached: exit code 3, and what to look at."""
    with network() as hosts, serving(hosts) as targets:
        hosts.pull(hosts.client)
        run = Run(hosts, tmp_path, command, targets["tcp"])
        code, told = run.end()
    assert code == 3
    assert told.startswith("wireproof: ")
    assert len(told.splitlines()) <= 2


def test_what_a_killed_test_leaves_behind_is_removed():
    """Its namespace goes, and what ran in it ends; one whose test still runs stays."""
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    name = f"wireproof{dead.pid}-0-server"
    program = "print('up', flush=True); input()"
    with network() as living:
        ip("netns", "add", name)
        left = subprocess.Popen(
            Host(name, "").command("-c", program), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert left.stdout is not None
        assert left.stdout.readline() == b"up\n"
        remove_left_behind()
        left.communicate(timeout=TIMEOUT_S)
        assert left.returncode == -signal.SIGKILL
        there = ip("netns", "list")
        assert name not in there
        assert all(one in there for one in living.names)


@pytest.mark.skipif(not EXTENDED, reason="takes half a minute: WIREPROOF_EXTENDED=1")
def test_check_blames_no_server_for_a_pulled_cable(tmp_path: Path):
    """When the cable is pulled half-way, what could not be tried is not held against the server."""
    only = ("--only", "BASE-ANSWER", "--only", "OCTET-ALL", "--only", "TS-WEEKDAY")
    with network(BAD_CABLES["delay"]) as hosts, serving(hosts) as targets:
        run = Run(hosts, tmp_path, "check", targets["tcp"], "--depth", "quick", *only)
        until_s = time.monotonic() + TIMEOUT_S
        while len(run.results().get("check", {}).get("requirements", [])) < 1:
            assert time.monotonic() < until_s, "no verdicts"
            time.sleep(0.05)
        hosts.pull(hosts.client)
        code, told = run.end()
    verdicts = {one["id"]: one["verdict"] for one in run.results()["check"]["requirements"]}
    assert set(verdicts.values()) <= {"PASS", "INCONCLUSIVE", "UNSUPPORTED"}, (verdicts, told)
    assert code == 3
