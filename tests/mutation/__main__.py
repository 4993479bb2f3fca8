"""`python -m tests.mutation [PATTERN...]`: mutants of the judges and figures, and who notices them.

Runs mutmut over the modules that pyproject.toml names, or over the mutants that match, such as
`wireproof.pacing*`. Always from scratch: mutmut would let old verdicts stand where only a test has
changed, and would not ask old tests about a new function.
MUTATION_PROCESSES says how many at a time. A survivor that no test is to kill has its reason in
survivors.toml, and counts as a survivor all the same.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from rich.console import Console
from rich.table import Table

LEAST_PERCENT = 90
ROOT = Path(__file__).parents[2]
STAGE = ROOT / "mutants"
"""Where mutmut runs: the project by links, with the package at the root, as it wants it."""
MUTANTS = Path("mutants")
REPORT = ROOT / "reports" / "mutation.txt"
REASONS = Path(__file__).resolve().with_name("survivors.toml")
KILLED = {"killed", "timeout", "segfault"}


class Mutant(NamedTuple):
    """One mutant and what became of it."""

    source: Path
    name: str
    status: str

    def change(self) -> tuple[str, str]:
        """Return the lines of the source, and those of the mutant, each joined to one."""
        diff = get_diff_for_mutant(self.name, path=self.source).splitlines()[2:]
        was, now = ([line[1:].strip() for line in diff if line[:1] == sign] for sign in "-+")
        return " ".join(was), " ".join(now)


def mutants(patterns: Sequence[str]) -> Iterator[Mutant]:
    """Yield the mutants whose names match a pattern, or all."""
    for path in sorted(MUTANTS.glob("wireproof/**/*.meta")):
        source = path.relative_to(MUTANTS).with_suffix("")
        for name, exit_code in json.loads(path.read_text())["exit_code_by_key"].items():
            if not patterns or any(fnmatch(name, pattern) for pattern in patterns):
                yield Mutant(source, name, status_by_exit_code[exit_code])


def reasons() -> dict[tuple[str, str], str]:
    """Return why no test is to kill a mutant, by its source file and its line."""
    entries = tomllib.loads(REASONS.read_text())["survivor"]
    return {(each["source"], line): each["reason"] for each in entries for line in each["lines"]}


def report(found: Sequence[Mutant], console: Console) -> float:
    """Print every survivor and the shares killed; return that of all, in percent."""
    known = reasons()
    with_reason: dict[Path, int] = {}
    for mutant in found:
        if mutant.status not in KILLED:
            was, now = mutant.change()
            reason = known.get((str(mutant.source), now), "")
            with_reason[mutant.source] = with_reason.get(mutant.source, 0) + bool(reason)
            words = f"{mutant.name} {mutant.status}: {reason or 'NO REASON'}\n  - {was}\n  + {now}"
            console.print(words, markup=False, highlight=False, soft_wrap=True)
    table = Table("source", "mutants", "killed", "share", "survivors", "with a reason")
    for source in [*sorted({mutant.source for mutant in found}), None]:
        own = [mutant.status in KILLED for mutant in found if source in {None, mutant.source}]
        explained = with_reason.get(source, 0) if source else sum(with_reason.values())
        share = 100 * sum(own) / max(1, len(own))
        counts = (len(own), sum(own), f"{share:.1f} %", len(own) - sum(own), explained)
        table.add_row(str(source or "all"), *map(str, counts))
    console.print(table)
    return 100 * sum(mutant.status in KILLED for mutant in found) / max(1, len(found))


def stage() -> None:
    """Make `STAGE` anew."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir()
    for name in ("pyproject.toml", "README.md", "reference_server", "reports", "tests"):
        (STAGE / name).symlink_to(ROOT / name)
    (STAGE / "wireproof").symlink_to(ROOT / "harness" / "wireproof")


def main(patterns: Sequence[str]) -> int:
    """Run mutmut and report; returns 1 where too few mutants are killed."""
    stage()
    os.chdir(STAGE)
    processes = os.environ.get("MUTATION_PROCESSES", "2")
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", processes, *patterns]
    if subprocess.run(command, check=False).returncode:
        return 2
    console = Console(record=True, width=None if sys.stdout.isatty() else 110)
    share = report(list(mutants(patterns)), console)
    console.print(f"killed: {share:.1f} %; at least {LEAST_PERCENT} % are asked for")
    console.save_text(str(REPORT))
    return int(share < LEAST_PERCENT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
