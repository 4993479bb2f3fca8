"""Conformance: the catalogue, the engine that executes it, and the evidence.

In one's own test files:

    from harness.conformance import replay
    from harness.conformance.pytest_suite import conformance_suite
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from harness.conformance.case import Replayed


def replay(
    path: "Path", target: str = "", runs: int = 5, allow_hosts: "Collection[str]" = ()
) -> "Replayed":
    """Run a recorded failure again.

    Args:
        path: of a `replay.json`.
        target: where the server is now; as recorded, if empty.
        runs: how often.
        allow_hosts: hosts beyond this machine that you own.

    Raises:
        UsageError: the file is not one, or its protocol is not known.
        CannotRunError: nothing listens there.

    """
    from harness.conformance.case import read_case, run_case
    from harness.conformance.execute import Executor, open_diag
    from harness.protocols.registry import find_protocol
    from harness.target import parse_target, resolve
    from harness.wire.connection import reachable

    case = read_case(path)
    protocol = find_protocol(case.protocol, case.settings)
    found = reachable(resolve(parse_target(target or case.target), allow_hosts))
    diag = open_diag()
    try:
        return run_case(case, Executor(found, protocol, diag), protocol, runs)
    finally:
        if diag is not None:
            diag.close()
