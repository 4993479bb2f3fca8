"""One run of the catalogue against one target, from options to records."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from wireproof.conformance.catalogue import catalogue_for, select
from wireproof.conformance.evidence.files import write_evidence
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.runner import Runner
from wireproof.conformance.subject import DEPTHS
from wireproof.conformance.verdict import Judged
from wireproof.errors import CannotRunError
from wireproof.protocols import base
from wireproof.results import BoundaryMap, CheckResult, RequirementResult
from wireproof.target import Target
from wireproof.wire.started_server import StartedServer


class Progress(Protocol):
    """Who wants to know how far the check is."""

    def update(
        self, *, position: int, total: int, requirement: str, executed: int, failures: int
    ) -> None:
        """Hear that a conversation was executed; `position` counts requirements from 1."""

    def finished(self, result: RequirementResult) -> None:
        """Hear of a verdict."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """What to check.

    Attributes:
        protocol: judges.
        protocol_name: as given with `--protocol`; replay files name it.
        settings: as given with `--set`.
        depth: a key of `DEPTHS`.
        seed: of everything that is drawn.
        only: requirements to try; all, if empty.
        skip: requirements to leave out.
        time_budget_s: after which nothing more is tried; None for no limit.

    """

    protocol: base.Protocol
    protocol_name: str
    settings: dict[str, str]
    depth: str
    seed: int
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    time_budget_s: float | None = None


def run_check(
    target: Target,
    spec: CheckSpec,
    folder: Path,
    progress: Progress,
    on_result: Callable[[CheckResult], None] = lambda _: None,
    *,
    server: StartedServer | None = None,
) -> tuple[CheckResult, bool]:
    """Judge a server, and write the evidence for what is found.

    Args:
        target: resolved and reachable.
        spec: what to check.
        folder: receives `evidence/`.
        progress: told of each conversation and each verdict.
        on_result: given the result so far after each verdict.
        server: the process, where it is ours to start again when it has died.

    Returns:
        The result, and whether every requirement was tried: Ctrl-C ends the run, not the result.

    Raises:
        UsageError: a requirement is named that there is not.
        ProtocolCodeError: the protocol's own code is at fault.
        CannotRunError: this machine lacks what the check needs.

    """
    begun = time.monotonic()
    requirements = select(catalogue_for(spec.protocol), spec.only, spec.skip)
    diag = open_diag()
    lines: list[RequirementResult] = []
    maps: list[BoundaryMap] = []
    complete = True

    def tell() -> None:
        number = min(len(lines), len(requirements) - 1)
        progress.update(
            position=number + 1,
            total=len(requirements),
            requirement=requirements[number].id,
            executed=runner.executor.executed,
            failures=sum(line.verdict.is_finding for line in lines),
        )

    def so_far() -> CheckResult:
        return CheckResult(
            protocol=spec.protocol_name,
            depth=spec.depth,
            seed=spec.seed,
            seconds=round(time.monotonic() - begun, 3),
            plans=runner.executor.distinct,
            requirements=list(lines),
            boundary_maps=list(maps),
        )

    runner = Runner(
        target,
        spec.protocol,
        DEPTHS[spec.depth],
        seed=spec.seed,
        diag=diag,
        time_budget_s=spec.time_budget_s,
        server=server,
        on_executed=tell,
    )
    try:
        for judged in runner.judge(requirements):
            line = _with_evidence(judged, target, spec, folder, runner.executor.timeout_s)
            lines.append(line)
            if judged.boundary_map:
                maps.append(judged.boundary_map)
            progress.finished(line)
            on_result(so_far())
    except KeyboardInterrupt:
        complete = False
    finally:
        if diag is not None:
            diag.close()
    return so_far(), complete


def _with_evidence(
    judged: Judged, target: Target, spec: CheckSpec, folder: Path, timeout_s: float
) -> RequirementResult:
    if judged.finding is None:
        return judged.result
    try:
        evidence = write_evidence(
            folder,
            judged.finding,
            target=target,
            protocol=spec.protocol,
            protocol_name=spec.protocol_name,
            settings=spec.settings,
            timeout_s=timeout_s,
        )
    except OSError as error:
        raise CannotRunError(
            f"cannot write the evidence to {folder}: {error.strerror}",
            "name another folder with --out",
        ) from None
    return msgspec.structs.replace(judged.result, evidence=evidence)
