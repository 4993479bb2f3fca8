"""What all reports say alike: the answer, the order of verdicts, what to do next.

Pure: from the records alone, without a format.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wireproof.reporting.figures import seconds
from wireproof.reporting.text import escaped
from wireproof.results import (
    BacklogResult,
    BetweenResult,
    CauseResult,
    CheckResult,
    LoadResult,
    LoadStage,
    Outcome,
    Percentiles,
    RequirementResult,
    Results,
    Rung,
    Verdict,
)
from wireproof.words import counted

_SAID = {
    Verdict.FAIL: "failed",
    Verdict.FLAKY: "flaky",
    Verdict.ERROR: "in error",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NON_STRICT: "not strict",
    Verdict.UNSUPPORTED: "unsupported",
}
LATENCY_KINDS = {
    "service": "send to reply",
    "scheduled": "intended send to reply",
    "wire": "send to the kernel's receive time",
}
_NOTABLE_DRAIN_S = 0.1
BOTTLENECK_MARKS = {"server": "", "generator": "*", "shared core": "="}
"""Beside a figure where the word has no room; what is not in here gets a question mark."""
QUEUE_SOURCES = {
    "sock_diag": "counted while the server was paused",
    "connects": "found by overflowing it with connects",
    "unknown": "not overflowed by connects, and not paused",
}
"""How the depth of an accept queue is known."""
BOTTLENECK_WORDS = {
    "server": "server-bound",
    "generator": "generator-bound",
    "shared core": "bound by a shared core",
    "undetermined": "undetermined",
}


def reasons(found: Outcome) -> str:
    """Return what the outcome's word rests on."""
    said = []
    if found.causes:
        said.append(f"{counted(found.causes, 'cause')}, {counted(found.broken, 'requirement')}")
    if found.verdicts:
        said.append(_check_sentence(found.verdicts))
    if found.objectives:
        total = counted(found.objectives, "objective")
        said.append(f"{found.missed} of {total} missed" if found.missed else f"{total} met")
    if found.wrong_replies:
        said.append(counted(found.wrong_replies, "wrong reply", "wrong replies"))
    elif found.failures and not found.unanswered:
        said.append(f"measured, {counted(found.failures, 'failure')} that no --slo judges")
    if found.unanswered:
        said.append("nothing was answered under load")
    if found.partial:
        said.append("interrupted, so this is incomplete")
    return ", ".join(said) or "measured"


def when(started_at: str) -> str:
    """Return an ISO 8601 time of UTC as `2025-11-23 14:52 UTC`."""
    try:
        return datetime.fromisoformat(started_at).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:  # a file that someone else wrote
        return escaped(started_at, limit=40)


def _check_sentence(verdicts: Mapping[Verdict, int]) -> str:
    parts = [
        f"{number} {_SAID[verdict]}" for verdict, number in verdicts.items() if verdict in _SAID
    ]
    total = counted(sum(verdicts.values()), "requirement")
    return ", ".join([f"{verdicts.get(Verdict.PASS, 0)} of {total} passed", *parts])


def effort(check: CheckResult, between: BetweenResult | None = None) -> str:
    """Return how much was tried: conversations, or runs of a command; time, depth, seed."""
    tried = counted(check.plans, "conversation")
    if between is not None:
        runs = f"{counted(between.runs, 'run')}, {between.baseline_runs} of them first and uncut"
        if between.jobs > 1:
            runs += f", {between.jobs} at once"
        tried = f"{counted(between.schedules, 'schedule')}, judged by {between.judge}, {runs},"
    return f"{tried} in {seconds(check.seconds)}, depth {check.depth}, seed {check.seed}"


def by_verdict(
    requirements: Iterable[RequirementResult],
) -> dict[Verdict, list[RequirementResult]]:
    """Return the requirements under their verdicts, what needs attention first."""
    groups: dict[Verdict, list[RequirementResult]] = {verdict: [] for verdict in Verdict}
    for line in requirements:
        groups[line.verdict].append(line)
    return {verdict: lines for verdict, lines in groups.items() if lines}


@dataclass(frozen=True, slots=True)
class Story:
    """What is told together: requirements not kept for one cause, or lines that say the same.

    Attributes:
        verdict: the gravest of the lines'.
        lines: what it is told under first.
        cause: None where there is none.

    """

    verdict: Verdict
    lines: tuple[RequirementResult, ...]
    cause: CauseResult | None = None

    @property
    def message(self) -> str:
        """What was found, once for all lines."""
        return self.cause.sentence if self.cause else self.lines[0].message


def stories(check: CheckResult) -> list[Story]:
    """Return all that needs attention, the gravest first; of one verdict causes before the rest."""
    order = list(Verdict)
    known = {line.id: line for line in check.requirements}
    told: list[Story] = []
    for cause in check.causes:
        lines = tuple(known[one] for one in cause.requirements if one in known)
        if lines:
            told.append(Story(min((one.verdict for one in lines), key=order.index), lines, cause))
    of_causes = {line.id for story in told for line in story.lines}
    for verdict, group in by_verdict(check.requirements).items():
        if verdict not in {Verdict.PASS, Verdict.UNSUPPORTED}:
            rest = [line for line in group if line.id not in of_causes]
            told += [Story(verdict, tuple(same)) for same in alike(rest)]
    return sorted(told, key=lambda story: order.index(story.verdict))


def alike(lines: Iterable[RequirementResult]) -> list[list[RequirementResult]]:
    """Return the lines, those together that say the same and have nothing of their own to show.

    A server that died leaves thirty requirements with one reason: that is one thing to read.
    """
    groups: dict[object, list[RequirementResult]] = {}
    for line in lines:
        same = (line.verdict, line.message)
        alone = line.evidence or line.expected or line.actual or not line.message
        groups.setdefault(line.id if alone else same, []).append(line)
    return list(groups.values())


def family(requirement: str) -> str:
    """Return the part of an ID that names its group: `SEG` of `SEG-03`."""
    return requirement.rpartition("-")[0] or requirement


def steady_stages(load: LoadResult) -> list[LoadStage]:
    """Return the stages, or the whole as the only one."""
    return list(load.stages) or [load]


def leading_latency(stage: LoadStage | Rung, *, open_loop: bool) -> tuple[str, Percentiles] | None:
    """Return the latency that answers for the server's users, and its name.

    Under an open loop that is the scheduled one: it counts what a request waited before it could
    be sent.
    """
    order = ("scheduled", "service", "wire") if open_loop else ("service", "scheduled", "wire")
    return next(
        ((kind, stage.latency_us[kind]) for kind in order if kind in stage.latency_us), None
    )


def length(load: LoadResult) -> str:
    """Return how long the load was steady, and how long the last replies took where that counts."""
    if load.drain_seconds < _NOTABLE_DRAIN_S:
        return seconds(load.seconds)
    return f"{seconds(load.seconds)}, and {seconds(load.drain_seconds)} until the last replies"


def causes(failures: dict[str, int]) -> str:
    """Return `timeout 3, refused 1`, most frequent first."""
    ordered = sorted(failures.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{cause} {number:,}" for cause, number in ordered if number)


def ladder_models(backlog: BacklogResult) -> dict[str, dict[int, Rung]]:
    """Return the ladder as model, connections, rung; models in the order in which they ran."""
    models: dict[str, dict[int, Rung]] = {}
    for rung in backlog.ladder:
        models.setdefault(rung.model, {})[rung.connections] = rung
    return models


def first_evidence(check: CheckResult, folder: Path) -> tuple[Path | None, Path | None]:
    """Return the replay file and the script of the first finding that has them.

    The paths stay below `folder`: a result file is data that someone else may have written.
    """
    for story in stories(check):
        names = next((line.evidence for line in story.lines if line.evidence), [])
        inside = [path for name in names if (path := evidence_path(folder, name))]
        if names:
            replays = [path for path in inside if path.suffix == ".json"]
            runnable = (path for path in inside if not path.stem.startswith("test_"))
            scripts = [path for path in runnable if path.suffix == ".py"]
            return next(iter(replays), None), next(iter(scripts), None)
    return None, None


def replay_command(case: Path, check: CheckResult) -> str:
    """Return what runs a recorded case again; a protocol that is code has to be named."""
    words = ["wireproof", "replay", str(case)]
    if check.protocol == "between":
        words.append("--run-command")
    elif ":" in check.protocol or check.protocol.endswith(".py"):
        words += ["--protocol", check.protocol]
    return shlex.join(words)


def evidence_path(folder: Path, name: str) -> Path | None:
    """Return the path of an evidence file, or None when it would lead out of the folder."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return None
    return folder / path


def place(results: Results) -> str:
    """Return the target, and the server behind it where what stands between was judged."""
    behind = results.check.behind if results.check else ""
    return f"{results.target} before {behind}" if behind else results.target
