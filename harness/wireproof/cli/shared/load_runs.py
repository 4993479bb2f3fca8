"""One load run that is watched, and many of them in search of the knee."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from msgspec import structs

from wireproof.load.spec import LoadSpec
from wireproof.results import LoadResult, Second

if TYPE_CHECKING:
    from wireproof.load.objectives import Objective
    from wireproof.load.processes import Elsewhere


def run_watched(
    spec: LoadSpec,
    on_result: Callable[[LoadResult], None] | None = None,
    elsewhere: "Elsewhere | None" = None,
    *,
    quiet: bool,
) -> LoadResult:
    """Run a load, show each second on the terminal, and return what was measured."""
    from wireproof.load.launch import run_load
    from wireproof.reporting.terminal.progress import LoadProgress

    total_s = len(spec.users) * (spec.warm_up_s + spec.seconds)
    with LoadProgress(enabled=not quiet) as progress:

        def show(second: Second) -> None:
            progress.update(second, total_s)

        return run_load(spec, show, on_result, elsewhere)


def run_to_knee(spec: LoadSpec, objective: "Objective", *, quiet: bool) -> LoadResult:
    """Return the last good run, with the interval as its objective's line."""
    from wireproof.load.knee import find_knee

    best: list[LoadResult] = []
    latest: list[LoadResult] = []

    def holds(size: int) -> bool:
        changed = (
            structs.replace(spec, users=[max(size, spec.processes)])
            if spec.rate_per_s is None
            else structs.replace(spec, rate_per_s=float(size))
        )
        result = run_watched(changed, quiet=quiet)
        judged = objective.judge(result)
        latest[:] = [result]
        if judged["met"]:
            best[:] = [result]
        if not quiet:
            word = "holds" if judged["met"] else "fails"
            click.echo(f"{size:>8}  {judged['measured']}  {word}", err=True)
        return bool(judged["met"])

    start = spec.processes if spec.rate_per_s is None else max(1, int(spec.rate_per_s))
    knee = find_knee(holds, start)
    unit = "connections" if spec.rate_per_s is None else "requests/s"
    upper = "and no limit was found" if knee.fails_at is None else f"fails at {knee.fails_at}"
    sentence = f"{objective.expression} holds at {knee.holds_at} {unit}, {upper}"
    result = (best or latest)[0]
    judged = {
        "expression": objective.expression,
        "measured": sentence,
        "met": knee.holds_at > 0,
        "holds_at": knee.holds_at,
        "fails_at": knee.fails_at,
        "tried": {str(size): f"{good} of {runs}" for size, (good, runs) in knee.tried.items()},
    }
    return structs.replace(result, slo=[judged], notes=[*result.notes, sentence])
