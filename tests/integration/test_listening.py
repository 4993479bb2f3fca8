"""Nothing listens but where it was told to, in whatever way a load is started."""

import contextlib
import ipaddress
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.listening import family_of, listeners_of
from tests.support.server_process import wait_until_ended
from tests.support.servers import Serving, echoing

_TIMEOUT_S = 60
_LOCUSTFILE = Path(__file__).parents[2] / "harness" / "locustfile.py"
_LOCUST = (sys.executable, "-m", "locust", "-f", str(_LOCUSTFILE))
_WIREPROOF = (sys.executable, "-c", "from wireproof.cli import main; main()")
_LOAD = (*_WIREPROOF, "load", "TARGET", "--protocol", "echo", "--for", "60s")
_OWN_TASKS = """
from locust import task
from wireproof import SocketUser

class ByHand(SocketUser):
    @task
    def once(self):
        self.client.request(b"x", length=1)
"""
_SECRET = ("--secret-file", "secret")
_PORTS = ("--web-port", "0", "--master-bind-port", "0")

# Each way of starting, and how many listeners it has beyond the server's: the page, the master.
_WAYS = {
    "load": (_LOAD, 0),
    "load, processes": ((*_LOAD, "--processes", "2"), 1),
    "page": ((*_LOCUST, "-H", "TARGET", *_PORTS), 1),
    "page, processes": ((*_LOCUST, "-H", "TARGET", *_PORTS, "--processes", "2"), 2),
    "page, no target": ((*_LOCUST, *_PORTS, "--processes", "1"), 3),  # and our own server
    "page, master": ((*_LOCUST, "-H", "TARGET", *_PORTS, "--master", *_SECRET), 2),
    "master": ((*_LOCUST, "-H", "TARGET", *_PORTS, "--master", "--headless", *_SECRET), 1),
    "serve": ((*_WIREPROOF, "serve", "--port", "0"), 1),
    "own tasks": (
        (
            *(sys.executable, "-m", "locust", "-f", "own.py", "-H", "TARGET"),
            *_PORTS,
            "--processes=1",
        ),
        2,
    ),
}


@contextlib.contextmanager
def _started(
    command: tuple[str, ...], target: str, folder: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "own.py").write_text(_OWN_TASKS)
    with (folder / "stderr").open("wb") as said:
        process = subprocess.Popen(
            [target if word == "TARGET" else word for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env={**os.environ, **environment},
        )
    try:
        yield process
    finally:
        own = family_of(process.pid)
        process.kill()
        process.wait(_TIMEOUT_S)
        for pid in own:
            wait_until_ended(pid)


def _await_listeners(
    process: subprocess.Popen[bytes], count: int, family: int = 0
) -> set[tuple[str, int]]:
    """Wait until there are so many, and so many processes."""
    deadline = time.monotonic() + _TIMEOUT_S
    while len(found := listeners_of(process.pid)) < count or len(family_of(process.pid)) < family:
        assert process.poll() is None
        assert time.monotonic() < deadline, found
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    return found


@pytest.mark.parametrize("way", _WAYS)
def test_what_was_not_told_where_to_listen_listens_on_loopback(way: str, tmp_path: Path) -> None:
    """Page, master and our own server, however they were started."""
    command, count = _WAYS[way]
    with (
        Serving(echoing) as server,
        _started(command, str(server.target), tmp_path) as process,
    ):
        found = _await_listeners(process, count, 2 if way == "load" else 0)
        assert len(found) == count
        assert all(ipaddress.ip_address(host).is_loopback for host, _ in found), found
    assert b"other machines" not in (tmp_path / "stderr").read_bytes()


def test_a_variable_or_a_file_tells_nobody_where_to_listen(tmp_path: Path) -> None:
    """What lies in a folder or an environment is followed by no port, and that is said."""
    (tmp_path / "locust.conf").write_text("web-host = 0.0.0.0\nmaster-bind-host = *\n")
    everywhere = {"LOCUST_WEB_HOST": "0.0.0.0", "LOCUST_MASTER_BIND_HOST": "*"}
    command = (*_LOCUST, "-H", "TARGET", *_PORTS, "--processes", "1")
    with (
        Serving(echoing) as server,
        _started(command, str(server.target), tmp_path, **everywhere) as process,
    ):
        found = _await_listeners(process, 2)
        assert {host for host, _ in found} == {"127.0.0.1"}
    said = (tmp_path / "stderr").read_text()
    assert "LOCUST_WEB_HOST is not followed; write --web-host 0.0.0.0" in said


def test_where_it_was_told_to_it_listens_and_says_what_that_means(tmp_path: Path) -> None:
    """A line for each port that other machines reach."""
    told = ("--web-host", "0.0.0.0", "--master-bind-host", "*", "--processes", "1")
    with (
        Serving(echoing) as server,
        _started(
            (*_LOCUST, "-H", "TARGET", *_PORTS, *told), str(server.target), tmp_path
        ) as process,
    ):
        found = _await_listeners(process, 2)
        assert {ipaddress.ip_address(host).is_unspecified for host, _ in found} == {True}
    lines = [
        line
        for line in (tmp_path / "stderr").read_text().splitlines()
        if line.startswith("wireproof: ")
    ]
    assert len(lines) == 2
    assert "the master listens on *:" in lines[0]
    assert "only holders of the run's secret can report to it" in lines[0]
    assert "the web page listens on 0.0.0.0:" in lines[1]
    assert "can start and stop this load" in lines[1]
