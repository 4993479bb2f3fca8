"""Servers that run out of descriptors, and are let go."""

import contextlib
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.support.relaying import wait_until
from tests.zoo.protocol import Store
from tests.zoo.serving import started
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.execution.server import run_out
from wireproof.conformance.plans.plan import Look, Plan, RunOut
from wireproof.wire.kernel.descriptor_limit import few_descriptors
from wireproof.wire.kernel.sock_diag import SockDiag


@pytest.mark.parametrize(
    ("name", "look", "kind"),
    [
        ("sound", Look.DESCRIPTORS, None),
        ("sound", Look.WORK, None),
        ("stops-accepting", Look.DESCRIPTORS, FailureKind.SILENCE),
        ("asks-again-at-once", Look.DESCRIPTORS, None),
        ("asks-again-at-once", Look.WORK, FailureKind.RULE),
    ],
)
def test_a_server_waits_and_serves_again(
    name: str,
    look: Look,
    kind: FailureKind | None,
    diag: SockDiag,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who does not is told: for what it does meanwhile, or for serving nobody afterwards."""
    monkeypatch.setattr(run_out, "_SERVES_AGAIN_S", 1.0)
    protocol = Store()
    plan = Plan(((protocol.example(),),), (RunOut(0, 24, look),))
    with started(name) as server:
        failure = Executor(server.target, protocol, diag, 0.5).execute(plan).failure
    assert (failure and failure.kind) is kind


def test_a_descriptor_that_is_given_back_meanwhile_hides_nothing(
    diag: SockDiag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of before may end only now: then one more is served than were free."""
    protocol = Store()
    plan = Plan(((protocol.example(),),), (RunOut(0, 24, Look.WORK),))
    with started("asks-again-at-once") as server, contextlib.ExitStack() as before:
        descriptors = Path(f"/proc/{server.pid}/fd")

        def count() -> int:
            return len(list(descriptors.iterdir()))

        idle = count()
        for _ in range(3):
            before.enter_context(socket.create_connection(server.target.address))
        wait_until(lambda: count() == idle + 3)

        @contextlib.contextmanager
        def given_back(processes: Collection[int], more: int) -> Iterator[int]:
            with few_descriptors(processes, more) as most:
                before.close()
                wait_until(lambda: count() == idle)
                yield most

        monkeypatch.setattr(run_out, "few_descriptors", given_back)
        failure = Executor(server.target, protocol, diag, 0.5).execute(plan).failure
    assert failure is not None
    assert failure.kind is FailureKind.RULE
