"""What is given back late, seen on descriptors of the test's own process."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from tests.support import played
from wireproof.conformance.execution.failure import Owed, Phase, Seen
from wireproof.conformance.execution.server.released import Ledger, ServerResources
from wireproof.conformance.plans.plan import Look, Plan, Rounds, Way
from wireproof.conformance.search.pursuit import Finding
from wireproof.conformance.search.release import with_release
from wireproof.target import parse_target, resolve
from wireproof.wire.kernel.process import descriptors_of
from wireproof.wire.kernel.sock_diag import SockDiag

_PLAN = Plan(((b"a",),), (Rounds(0, (Way.RESET,), 1, 4, Look.DESCRIPTORS),))
_CONNECTIONS = 3
"""Which end between its first count and its last."""


def _finding(failed: int, owed: Owed = Owed.RELEASE) -> Finding:
    """Return a finding that was seen again so often in five runs."""
    search, failing = played.failing(lambda _: Seen.LESS, _PLAN, played.subject())
    failure = msgspec.structs.replace(failing.failure, owed=owed, phase=Phase.OVER)
    return Finding(search._requirement, replace(failing, failure=failure), failed, 5, "")


@pytest.fixture
def resources(diag: SockDiag) -> Iterator[ServerResources]:
    """What this process holds, which is the server here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = resolve(parse_target(f"tcp://127.0.0.1:{listener.getsockname()[1]}"))[0]
        yield ServerResources(target, diag, Ledger())


def _kept(resources: ServerResources, complaints: int, *, still: bool) -> list[int]:
    """Enter so many complaints about a connection's descriptor each; return those still open."""
    before = descriptors_of(os.getpid())
    numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(complaints)]
    opened = descriptors_of(os.getpid()) - before
    resources._ledger.kept += [frozenset([one]) for one in opened]
    if still:
        return numbers
    for number in numbers:
        os.close(number)
    return []


def test_what_only_some_left_and_is_gone_was_late(resources: ServerResources) -> None:
    """One run of five failed, and nothing of it is left: that is told as late."""
    _kept(resources, 1, still=False)
    told = with_release(_finding(1), lambda: resources, 0.0).failing.failure
    assert told.seen is Seen.LATE
    assert "none is left 0 s later" in told.message


def test_what_each_run_left_by_some_connections_is_waited_for(resources: ServerResources) -> None:
    """All runs failed by one connection of three: a time limit may end that, too."""
    _kept(resources, 5, still=False)
    told = with_release(_finding(5), lambda: resources, 0.0)
    assert told.failing.failure.seen is Seen.LATE


def test_what_stays_is_told_as_it_was(resources: ServerResources) -> None:
    """A descriptor that is open still was not late."""
    numbers = _kept(resources, 1, still=True)
    finding = _finding(1)
    try:
        assert with_release(finding, lambda: resources, 0.0) is finding
    finally:
        for number in numbers:
            os.close(number)


def test_what_each_connection_leaves_is_not_waited_for(resources: ServerResources) -> None:
    """Where each connection of each run left one, nothing is said of later."""
    all_of_them = frozenset((0, number, "") for number in range(_CONNECTIONS))
    resources._ledger.kept += [all_of_them] * 5
    finding = _finding(5)
    assert with_release(finding, lambda: resources, 0.0) is finding


def test_other_findings_are_left_alone(resources: ServerResources) -> None:
    """A reply that is missing has nothing to do with descriptors."""
    _kept(resources, 1, still=False)
    finding = _finding(1, owed=Owed.REPLY)
    assert with_release(finding, lambda: resources, 0.0) is finding
