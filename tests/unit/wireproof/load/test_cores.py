"""A load takes the cores that its server leaves."""

import os
import socket
from collections.abc import Iterator

import pytest

from wireproof.load.cores import processes_for
from wireproof.load.swarm.measuring.usage import ServerProcesses
from wireproof.target import Target, parse_target, resolve


@pytest.fixture
def server() -> Iterator[Target]:
    """A server in this process, of one process as far as is seen."""
    listening = socket.create_server(("127.0.0.1", 0))
    with listening:
        yield resolve(parse_target(f"tcp://127.0.0.1:{listening.getsockname()[1]}"), ())[0]


def cores(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the machine have so many."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(count)))


@pytest.mark.parametrize(
    ("seen", "has", "users", "takes"),
    [(1, 8, 50, 7), (4, 8, 50, 4), (9, 8, 50, 1), (0, 8, 50, 7), (1, 1, 50, 1), (1, 8, 3, 3)],
)
def test_each_process_of_a_server_on_this_machine_keeps_a_core(
    monkeypatch: pytest.MonkeyPatch,
    server: Target,
    *,
    seen: int,
    has: int,
    users: int,
    takes: int,
):
    """One at least is left to it, and one at least is ours; none is without a connection."""
    cores(monkeypatch, has)
    monkeypatch.setattr(ServerProcesses, "count", seen)
    assert processes_for(server, users) == takes


def test_a_server_elsewhere_leaves_all_cores(monkeypatch: pytest.MonkeyPatch):
    """Its address is none of ours (RFC 5737 keeps it for documentation)."""
    cores(monkeypatch, 8)
    elsewhere = resolve(parse_target("tcp://192.0.2.9:7"), ("192.0.2.9",))[0]
    assert processes_for(elsewhere, 50) == 8


def test_the_processes_of_a_server_are_counted(server: Target):
    """This one serves."""
    assert ServerProcesses(server).count >= 1
