"""The gallery without protocol files beside the same with them: what is lost without.

What is known of a server is a file or two of requests, which `traffic.py` writes. Each server is
judged by them once for each seed, and once by its protocol, at the same depth.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real_servers.gallery import Server, version
from tests.real_servers.running import judge
from wireproof.results import RequirementResult, Verdict, load_results

_MOST_NAMED = 4
_WITH, _WITHOUT = "with", "without"


@dataclass(frozen=True, slots=True)
class Run:
    """What one check said.

    Attributes:
        lines: the verdict matrix; empty where nothing was judged.
        said: why nothing was, or nothing.
        judged_share: of the reply bytes, exactly or by kind; 1.0 by a protocol.

    """

    lines: tuple[RequirementResult, ...]
    said: str = ""
    judged_share: float = 1.0

    @property
    def failed(self) -> list[str]:
        """The requirements that failed."""
        return [line.id for line in self.lines if line.verdict.is_finding]

    def finds(self, server: Server) -> list[str]:
        """Return what counts as a finding of a server that misbehaves.

        What is only recommended does where the catalogue names it.
        """
        noted = [
            line.id
            for line in self.lines
            if line.verdict is Verdict.NON_STRICT
            and "*" not in server.must
            and server.asks_for(line.id)
        ]
        return self.failed + noted


@dataclass(frozen=True, slots=True)
class Compared:
    """A server judged both ways.

    Attributes:
        server: which.
        by_protocol: with its protocol.
        by_requests: without, once for each seed.

    """

    server: Server
    by_protocol: Run
    by_requests: tuple[Run, ...]

    @property
    def caught(self) -> int:
        """In how many runs without its protocol something was found."""
        return sum(bool(run.finds(self.server)) for run in self.by_requests)

    @property
    def problem(self) -> str:
        """Why this is not right: a false alarm, or a fault that is seen with the protocol alone."""
        runs = self.by_requests
        if self.server.is_sound:
            alarms = sorted({one for run in runs for one in run.failed})
            return f"false alarm: {', '.join(alarms)}" if alarms else ""
        by_protocol = self.by_protocol.finds(self.server)
        missed = by_protocol and self.caught < len(runs)
        return f"caught in {self.caught} of {len(runs)} runs" if missed else ""


def compare(server: Server, depth: str, out: Path, seeds: Sequence[int]) -> Compared:
    """Judge a server by its protocol and without it; what is judged already is read."""
    ways = [(out / _WITH, seeds[0], False)]
    ways += [(out / _WITHOUT / f"seed-{seed}", seed, True) for seed in seeds]
    for folder, seed, from_traffic in ways:
        if not _read(folder).lines:
            judge(server, depth, folder, seed=seed, from_traffic=from_traffic)
    found = read_both(server, out)
    assert found is not None
    return found


def read_both(server: Server, out: Path) -> Compared | None:
    """Return what lies in a server's folder, or None where that is nothing."""
    folders = sorted((out / _WITHOUT).glob("seed-*"))
    if not folders:
        return None
    return Compared(server, _read(out / _WITH), tuple(map(_read, folders)))


def as_rows(compared: Sequence[Compared]) -> Iterator[str]:
    """Yield the table in Markdown, behind two sentences of what it comes to."""
    yield from _sums(compared)
    yield ""
    yield "| server | version | with its protocol | without | bytes judged |"
    yield "|---|---|---|---|---|"
    for one in compared:
        share = min((run.judged_share for run in one.by_requests if run.lines), default=0.0)
        cells = (
            one.server.name,
            version(one.server),
            _verdict(one.server, [one.by_protocol]),
            _verdict(one.server, one.by_requests),
            f"{share:.0%}" if share else "",
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _sums(compared: Sequence[Compared]) -> Iterator[str]:
    wrong = [one for one in compared if not one.server.is_sound]
    sound = [one for one in compared if one.server.is_sound]
    runs = sum(len(one.by_requests) for one in wrong)
    by_protocol = sum(bool(one.by_protocol.finds(one.server)) for one in wrong)
    always = sum(one.caught == len(one.by_requests) for one in wrong)
    caught = sum(one.caught for one in wrong)
    yield (
        f"{len(wrong)} servers misbehave: {by_protocol} were caught with their protocol,"
        f" {always} without it in every run ({caught} of {runs} runs, {caught / max(1, runs):.0%})."
    )
    runs = sum(len(one.by_requests) for one in sound)
    alarms = sum(bool(run.failed) for one in sound for run in one.by_requests)
    unjudged = sum(not run.lines for one in sound for run in one.by_requests)
    yield (
        f"{len(sound)} servers are sound: {alarms} of {runs} runs without a protocol had a FAIL,"
        f" and in {unjudged} nothing could be judged, which was said."
    )


def _verdict(server: Server, runs: Sequence[Run]) -> str:
    judged = [run for run in runs if run.lines]
    if not judged:
        return f"not judged: {runs[0].said}" if runs else "not judged"
    often = Counter(one for run in judged for one in run.finds(server))
    found = sum(bool(run.finds(server)) for run in runs)
    if not often:
        return "sound" if server.is_sound else "nothing found"
    named = sorted(often, key=lambda one: (not server.asks_for(one), -often[one]))
    shown = ", ".join(named[:_MOST_NAMED])
    rest = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    share = f" ({found} of {len(runs)} runs)" if found < len(runs) else ""
    return f"FAIL {shown}{rest}{share}"


def _read(folder: Path) -> Run:
    path = folder / "results.json"
    results = load_results(path) if path.exists() else None
    if results is not None and not results.partial:
        check = results.check
        assert check is not None
        share = check.learnt.judged_share if check.learnt else 1.0
        return Run(tuple(check.requirements), judged_share=share)
    printed = folder / "check.txt"
    said = printed.read_text(errors="backslashreplace").splitlines() if printed.exists() else []
    told = " ".join(" ".join(x for x in said if not x.startswith("learning from")).split())
    reason = told.partition(" from this: ")[2] or told  # without where the server listened
    return Run((), reason[:160] or "no result")
