"""Conformance: the catalogue, the engine that executes it, and the evidence.

In one's own test files:

    from wireproof.conformance import replay
    from wireproof.conformance.pytest_suite import conformance_suite
"""

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from wireproof.conformance.evidence.case import Replayed


def replay(
    path: "Path",
    target: str = "",
    runs: int = 5,
    allow_hosts: "Collection[str]" = (),
    protocol: str = "",
    *,
    behind: str = "",
) -> "Replayed":
    """Run a recorded failure again.

    Args:
        path: of a `replay.json`.
        target: where the server is now; as recorded, if empty.
        runs: how often.
        allow_hosts: hosts beyond this machine that you own.
        protocol: as recorded, if empty; to be given where it is not built in, because the file may
            be a stranger's and would have us import what it names.
        behind: where the server is now to which the target leads; as recorded, if empty.

    Raises:
        UsageError: the file is not one, its protocol is not known, or is code and was not given.
        CannotRunError: nothing listens there.

    """
    from wireproof.conformance.evidence.case import read_case, run_case
    from wireproof.conformance.execution.behind import executor_through
    from wireproof.conformance.execution.controlled import executor_for
    from wireproof.conformance.execution.executor import open_diag
    from wireproof.errors import UsageError
    from wireproof.learnt.scripts import FILE_NAME, read_scripts
    from wireproof.protocols.base import Protocol
    from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
    from wireproof.target import parse_target, resolve
    from wireproof.wire.connecting import reachable

    case = read_case(path)
    reference = None
    judge: Protocol
    if case.protocol == FILE_NAME and protocol in {"", FILE_NAME}:
        scripts = read_scripts(path.with_name(FILE_NAME))
        judge = find_protocol(str(path.with_name(FILE_NAME)), case.settings)
        if scripts.reference:
            reference = reachable(resolve(parse_target(scripts.reference), allow_hosts))
    elif not protocol and case.protocol not in BUILT_IN:
        raise UsageError(
            f"{path} was recorded with the protocol {case.protocol!r}, which is code",
            f"if you trust it, add --protocol {case.protocol!r}",
        )
    else:
        judge = find_protocol(protocol or case.protocol, case.settings)
    if not target and case.target.startswith("exec:"):
        raise UsageError(
            f"{path} runs a command: {case.target}", "if you trust it, name it with --target"
        )
    found = reachable(resolve(parse_target(target or case.target), allow_hosts))
    found = dataclasses.replace(found, prelude=case.prelude)
    diag = open_diag()
    try:
        if case.behind:
            server = reachable(resolve(parse_target(behind or case.behind), allow_hosts))
            return run_case(case, executor_through(found, server, judge, diag), judge, runs)
        return run_case(case, executor_for(found, judge, diag, reference=reference), judge, runs)
    finally:
        if diag is not None:
            diag.close()
