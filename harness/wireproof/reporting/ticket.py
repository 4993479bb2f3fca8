"""Ten lines of a whole run for a ticket: what was found, how to see it, on what machine."""

from collections.abc import Iterator
from pathlib import Path

from wireproof.reporting.digest import (
    BOTTLENECK_WORDS,
    first_evidence,
    leading_latency,
    place,
    reasons,
    replay_command,
    steady_stages,
    stories,
    when,
)
from wireproof.reporting.figures import duration, rate
from wireproof.reporting.text import escaped, one_line
from wireproof.results import LoadResult, Results, outcome
from wireproof.words import counted

LINES = 10
"""No more than these; findings give way to the rest."""
_CHARACTERS = 160


def ticket_lines(results: Results, path: Path) -> list[str]:
    """Return the lines for the result file at `path`."""
    found = outcome(results)
    version = results.environment.versions.get("wireproof", "")
    about = f"wireproof {version} {results.command} {place(results)}".replace("  ", " ")
    first = [escaped(about), f"{found.word}: {reasons(found)}"]
    last = [*_measured(results), *_where(results, path)]
    room = LINES - len(first) - len(last)
    findings = list(_findings(results))
    if len(findings) > room:
        findings = [*findings[: room - 1], f"- and {len(findings) - room + 1} more, in the report"]
    return [line[:_CHARACTERS] for line in [*first, *findings, *last]]


def _findings(results: Results) -> Iterator[str]:
    for story in stories(results.check) if results.check else []:
        line = story.lines[0]
        names = escaped(line.id)
        if len(story.lines) > 1:
            names += f" and {counted(len(story.lines) - 1, 'more requirement')}"
        yield f"- {story.verdict.value} {names}: {one_line(story.message or line.title)}"


def _measured(results: Results) -> Iterator[str]:
    if results.load is not None:
        yield _load(results.load)
    if results.backlog is not None:
        depth, limit = results.backlog.queue.depth, results.backlog.queue.limit
        holds = "depth unknown" if depth is None else f"holds {depth:,}"
        yield f"accept queue: {holds}, backlog {'unknown' if limit is None else f'{limit:,}'}"


def _load(load: LoadResult) -> str:
    best = max(steady_stages(load), key=lambda stage: stage.throughput_per_s)
    words = (
        f"load: {rate(best.throughput_per_s)} requests/s at {counted(best.users, 'connection')}, "
        f"{BOTTLENECK_WORDS.get(best.bottleneck, escaped(best.bottleneck))}"
    )
    latency = leading_latency(best, open_loop=load.rate_per_s is not None)
    return words if latency is None else f"{words}, p99 {duration(latency[1].p99)} {latency[0]}"


def _where(results: Results, path: Path) -> Iterator[str]:
    machine = results.environment
    if results.check is not None:
        replay, _ = first_evidence(results.check, path.parent)
        if replay is not None:
            yield f"replay: {escaped(replay_command(replay, results.check))}"
        depth = f"depth {results.check.depth}, seed {results.check.seed}"
        yield f"protocol: {one_line(results.check.protocol)}, {depth}"
    yield f"result: {escaped(str(path))}, {when(results.started_at)}"
    yield escaped(f"machine: {machine.cpus} x {machine.cpu}, {machine.kernel}, {machine.python}")
