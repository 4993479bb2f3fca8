"""Markdown for a pull request: the answer, what needs attention, the figures."""

from collections.abc import Iterator

from wireproof.reporting.digest import (
    BOTTLENECK_WORDS,
    Story,
    by_verdict,
    causes,
    effort,
    ladder_models,
    leading_latency,
    length,
    place,
    reasons,
    steady_stages,
    stories,
)
from wireproof.reporting.figures import duration, rate, short
from wireproof.reporting.learnt import learnt_lines
from wireproof.reporting.text import escaped, one_line
from wireproof.results import (
    BacklogResult,
    BetweenResult,
    CheckResult,
    Environment,
    KindResult,
    LoadResult,
    Outcome,
    Results,
    Verdict,
    outcome,
)
from wireproof.words import counted

_MESSAGE_CHARACTERS = 500
# What GitHub-flavoured Markdown acts on, an `@` that would notify a stranger included.
_ACTIVE = frozenset("\\`*_{}[]<>()#+-!|~&@$:")


def markdown(results: Results) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    found = outcome(results)
    lines = [
        f"## Wireproof: {found.word}",
        "",
        f"{reasons(found)} — {code(place(results))}",
    ]
    if results.check is not None:
        lines += _check(results.check, results.between, found)
    if results.load is not None:
        lines += _load(results.load)
    if results.backlog is not None:
        lines += _backlog(results.backlog)
    lines += ["", f"<sub>{plain(environment_line(results.environment))}</sub>"]
    return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """Return text of unknown origin so that Markdown shows it and does nothing with it."""
    shown = one_line(text, limit=_MESSAGE_CHARACTERS)
    return "".join(
        f"&#{ord(character)};" if character in _ACTIVE else character for character in shown
    )


def code(text: str) -> str:
    """Return text of unknown origin as a code span, which no backtick in it can end.

    HTML's own element: a Markdown code span in a table cell is cut at `|`.
    """
    return f"<code>{plain(text)}</code>"


def table(header: list[str], rows: list[list[str]], *, right_from: int = 1) -> list[str]:
    """Return a table; columns from `right_from` on are aligned to the right."""
    rule = ["---" if index < right_from else "--:" for index in range(len(header))]
    return ["", *(f"| {' | '.join(row)} |" for row in (header, rule, *rows))]


def environment_line(environment: Environment) -> str:
    """Return where it was measured, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    return (
        f"{environment.kernel}, {environment.cpu}, {counted(environment.cpus, 'core')}, "
        f"{environment.python}, {versions}"
    )


def _check(check: CheckResult, between: BetweenResult | None, found: Outcome) -> Iterator[str]:
    name = between.command if between else check.protocol
    yield f"  \n{plain(name)}: {plain(effort(check, between))}"
    for words in learnt_lines(check, found):
        yield f"  \n{plain(words)}"
    passed = by_verdict(check.requirements).get(Verdict.PASS, [])
    rows = [_finding(story) for story in stories(check)]
    if rows:
        yield from table(["", "requirement", "level", "found"], rows, right_from=9)
    if passed:
        yield from ("", f"<details><summary>{len(passed)} passed</summary>")
        names = [[code(line.id), plain(line.title)] for line in passed]
        yield from table(["requirement", ""], names, right_from=9)
        yield from ("", "</details>")


def _finding(story: Story) -> list[str]:
    line = story.lines[0]
    found = plain(story.message)
    if line.expected or line.actual:
        found += f"<br>expected {code(line.expected)}<br>actual {code(line.actual)}"
    if story.cause is not None:
        found += f"<br>cause {plain(story.cause.id)}, confirmed {plain(story.cause.confirmed)}"
    title = plain(line.title) if len(story.lines) == 1 or story.cause else ""
    first, *others = (code(one.id) for one in story.lines)
    if story.cause is None:
        name = f"{', '.join([first, *others])} {title}"
    else:
        name = f"{first} {title}" + (f"<br>and {', '.join(others)}" if others else "")
    return [f"**{story.verdict.value}**", name.strip(), line.level.value, found]


def _load(load: LoadResult) -> Iterator[str]:
    open_loop = load.rate_per_s is not None
    rows = []
    kind = ""
    for stage in steady_stages(load):
        named = leading_latency(stage, open_loop=open_loop)
        figures = ["", "", "", ""]
        if named is not None:
            kind, found = named
            figures = [duration(us) for us in (found.p50, found.p99, found.p99_9, found.max)]
        bound = BOTTLENECK_WORDS.get(stage.bottleneck, plain(stage.bottleneck))
        failed = f"{sum(stage.failures.values()):,}"
        asked = "" if stage.rate_per_s is None else f" of {rate(stage.rate_per_s)}"
        reached = f"{rate(stage.throughput_per_s)}{asked}"
        rows.append([f"{stage.users:,}", reached, *figures, failed, bound])
    yield from ("", "### Load")
    header = ["connections", "requests/s", f"{kind} p50".strip(), "p99", "p99.9", "max"]
    yield from table([*header, "failed", "bound by"], rows, right_from=0)
    yield from ("", f"Steady for {length(load)}.")
    if load.kinds:
        yield from table(
            ["request", "requests/s", "service p50", "p99", "failed"], list(map(_kind, load.kinds))
        )
    if load.failures:
        yield from ("", f"Failures: {plain(causes(load.failures))}")
    for objective in load.slo:
        word = "met" if objective["met"] else "**MISSED**"
        expression, measured = str(objective["expression"]), str(objective["measured"])
        yield from ("", f"- {word}: {code(expression)}, measured {plain(measured)}")


def _kind(each: KindResult) -> list[str]:
    found = each.service_us
    figures = [duration(found.p50), duration(found.p99)] if found else ["", ""]
    failed = f"{sum(each.failures.values()):,}"
    return [code(each.kind), rate(each.throughput_per_s), *figures, failed]


def _backlog(backlog: BacklogResult) -> Iterator[str]:
    yield from ("", "### Accept queue")
    for sentence in backlog.explanation:
        yield from ("", f"- {plain(sentence)}")
    models = ladder_models(backlog)
    columns = sorted({rung.connections for rung in backlog.ladder})
    rows = []
    for model, rungs in models.items():
        cells = []
        for at in columns:
            rung = rungs.get(at)
            bound = "" if rung is None else plain(rung.bottleneck)
            cells.append("" if rung is None else f"{short(rung.throughput_per_s)} {bound}")
        rows.append([escaped(plain(model)), *cells])
    if rows:
        yield from table(["requests/s, bound by", *map(str, columns)], rows)
