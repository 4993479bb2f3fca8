"""One run of the catalogue against one target, from options to records."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from wireproof.choosing import select
from wireproof.conformance.catalogue import tried_for
from wireproof.conformance.evidence.files import write_evidence
from wireproof.conformance.execution.executor import open_diag
from wireproof.conformance.judged_share import as_far_as_judged
from wireproof.conformance.runner import Runner
from wireproof.conformance.search.causes import FoundCause
from wireproof.conformance.search.pursuit import Finding
from wireproof.conformance.subject import DEPTHS
from wireproof.conformance.verdict import Judged
from wireproof.errors import CannotRunError
from wireproof.protocols import base
from wireproof.results import (
    BoundaryMap,
    CauseResult,
    CheckResult,
    LearntResult,
    RequirementResult,
    Verdict,
)
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
        reference: the server that the protocol was learnt from, where it is another.
        reset_command: run before each plan, where the protocol was learnt.
        learnt: what of the replies it judges then.
        behind: the server to which the target leads, where what stands between is judged.

    """

    protocol: base.Protocol
    protocol_name: str
    settings: dict[str, str]
    depth: str
    seed: int
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    time_budget_s: float | None = None
    reference: Target | None = None
    reset_command: tuple[str, ...] = ()
    learnt: LearntResult | None = None
    behind: Target | None = None


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
    between, prelude = spec.behind is not None, bool(target.prelude)
    catalogue = tried_for(spec.protocol, between=between, prelude=prelude)
    requirements = select(catalogue, spec.only, spec.skip)
    diag = open_diag()
    complete = True
    matrix = _Matrix(target, spec, folder)

    def tell() -> None:
        number = min(len(matrix.lines), len(requirements) - 1)
        progress.update(
            position=number + 1,
            total=len(requirements),
            requirement=requirements[number].id,
            executed=runner.executor.executed,
            failures=sum(line.verdict.is_finding for line in matrix.lines.values()),
        )

    def so_far() -> CheckResult:
        return matrix.result(runner, round(time.monotonic() - begun, 3))

    with contextlib.ExitStack() as stack:
        if diag is not None:
            stack.callback(diag.close)
        runner = Runner(
            target,
            spec.protocol,
            DEPTHS[spec.depth],
            seed=spec.seed,
            diag=diag,
            time_budget_s=spec.time_budget_s,
            server=server,
            on_executed=tell,
            reference=spec.reference,
            reset_command=spec.reset_command,
            behind=spec.behind,
        )
        try:
            for judged in runner.judge(requirements):
                progress.finished(matrix.add(judged, runner))
                for line in judged.amended:
                    matrix.add(line, runner)
                on_result(so_far())
        except KeyboardInterrupt:
            complete = False
    return so_far(), complete


class _Matrix:
    """The lines so far, and the evidence of each cause, written once.

    Attributes:
        lines: by requirement, in the order in which they were judged.

    """

    def __init__(self, target: Target, spec: CheckSpec, folder: Path) -> None:
        self.lines: dict[str, RequirementResult] = {}
        self._maps: dict[str, BoundaryMap] = {}
        self._evidence: dict[str, list[str]] = {}
        self._target = target
        self._spec = spec
        self._folder = folder

    def add(self, judged: Judged, runner: Runner) -> RequirementResult:
        """Add a line, or put it in the place of the requirement's own before; return it."""
        line = judged.result
        if judged.finding is not None:
            # Of a cause that is known there is evidence already, under the heading that fits it.
            finding = judged.cause.finding if judged.cause else judged.finding
            key = line.cause or line.id
            if key not in self._evidence:
                self._evidence[key] = self._write(finding, runner.executor.timeout_s)
            line = msgspec.structs.replace(line, evidence=self._evidence[key])
        self.lines[line.id] = line
        if judged.boundary_map:
            self._maps[line.id] = judged.boundary_map
        return line

    def result(self, runner: Runner, seconds: float) -> CheckResult:
        """Return all that there is so far."""
        result = CheckResult(
            protocol=self._spec.protocol_name,
            depth=self._spec.depth,
            seed=self._spec.seed,
            seconds=seconds,
            plans=runner.executor.distinct,
            requirements=list(self.lines.values()),
            causes=list(self._causes(runner.causes)),
            boundary_maps=list(self._maps.values()),
            learnt=self._spec.learnt,
            behind=str(self._spec.behind or ""),
        )
        return as_far_as_judged(result)

    def _causes(self, causes: Iterable[FoundCause]) -> Iterator[CauseResult]:
        """Yield those for which a requirement is not kept."""
        for cause in causes:
            broken = [one for one in cause.requirements if self._is_broken_by(one, cause)]
            if broken:
                yield CauseResult(
                    id=cause.id,
                    sentence=cause.finding.sentence,
                    requirements=broken,
                    evidence=self._evidence.get(cause.id, []),
                    confirmed=f"{cause.finding.failed}/{cause.finding.runs}",
                )

    def _is_broken_by(self, requirement: str, cause: FoundCause) -> bool:
        """Say whether a line stands as broken by a cause: a death may have taken its place."""
        line = self.lines.get(requirement)
        return line is not None and line.cause == cause.id and line.verdict is not Verdict.PASS

    def _write(self, finding: Finding, timeout_s: float) -> list[str]:
        name = finding.requirement.id
        taken = {Path(path).parent.name for paths in self._evidence.values() for path in paths}
        number = sum(one == name or one.startswith(f"{name}_") for one in taken)
        try:
            return write_evidence(
                self._folder,
                finding,
                name=f"{name}_{number + 1}" if number else name,
                target=self._target,
                protocol=self._spec.protocol,
                protocol_name=self._spec.protocol_name,
                settings=self._spec.settings,
                timeout_s=timeout_s,
                behind=str(self._spec.behind or ""),
            )
        except OSError as error:
            raise CannotRunError(
                f"cannot write the evidence to {self._folder}: {error.strerror}",
                "name another folder with --out",
            ) from None
