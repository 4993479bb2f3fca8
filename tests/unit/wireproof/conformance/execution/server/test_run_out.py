"""Servers that run out of descriptors, and are let go."""

import pytest

from tests.zoo.protocol import Store
from tests.zoo.serving import started
from wireproof.conformance.execution.executor import Executor
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.execution.server import run_out
from wireproof.conformance.plans.plan import Look, Plan, RunOut
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
