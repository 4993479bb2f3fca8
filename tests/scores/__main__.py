"""`make scores`: the kill matrix over both zoos, and false alarms over their sound variants.

python -m tests.scores                        everything; runs made before are not repeated, and
                                              what quick depth leaves unclear is run at default
python -m tests.scores --faults utc greets    these faults (all, if none is named)
python -m tests.scores --sound nagle --runs 5 these sound variants, with seeds 0 to 4
python -m tests.scores --first-kill           each fault until its first kill
python -m tests.scores --table                what the records say; nothing is run

Records and the page `scores.md` go to reports/scores/.
"""

import argparse
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

import msgspec

from tests.scores import table, zone
from tests.scores.judging import judge
from tests.scores.record import REPORT, Record, Run, code_digest, kept
from tests.scores.zoos import FAULTS, SOUND
from wireproof.conformance.subject import DEPTHS

_JOBS_A_CORE = 3
"""Most of a run is waiting, above all for replies that a fault does not send."""
_BUSY = "while True: pass"
_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> int:
    """Run what is missing, print all, and say by the exit code whether it is perfect."""
    options = _options()
    runs = list(_runs(options))
    REPORT.mkdir(parents=True, exist_ok=True)
    zone.enter(REPORT / "zone")
    code = code_digest()
    found = _run(runs, options, code)
    if options.depth == "quick" and not options.first_kill:
        deeper = {run: msgspec.structs.replace(run, depth="default") for run in _unclear(found)}
        deepened = _run(deeper.values(), options, code)
        found |= {run: deepened[deep] for run, deep in deeper.items() if deep in deepened}
    records = [found[run] for run in runs if run in found]
    print(f"\n{len(records)} of {len(runs)} runs, code {code}")
    for line in table.scores(records):
        print(line)
    (REPORT / "scores.md").write_text(table.markdown(records))
    return 0 if table.is_perfect(records) and len(records) == len(runs) else 1


def _run(runs: Iterable[Run], options: argparse.Namespace, code: str) -> dict[Run, Record]:
    """Return the records of some runs; what is not kept is run, unless only the table is wanted."""
    found = {run: record for run in runs if not options.again and (record := kept(run, code))}
    missing = [] if options.table else [run for run in runs if run not in found]
    with _busy(options.under_load and bool(missing)), _pool(options.jobs) as pool:
        for future in as_completed([pool.submit(_judged, run, code) for run in missing]):
            record = future.result()
            record.keep()
            found[record.run] = record
            _show(record)
    return found


def _judged(run: Run, code: str) -> Record:
    """Judge; a process of the pool that is to end does so behind its servers, and takes no more."""
    try:
        return judge(run, code)
    except SystemExit:
        os._exit(1)


def _pool(jobs: int) -> ProcessPoolExecutor:
    """Return a pool whose processes end with us, and their servers with them."""

    def prepare() -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    return ProcessPoolExecutor(jobs, initializer=prepare)


def _unclear(found: dict[Run, Record]) -> list[Run]:
    """Return the runs of faults that were missed at quick depth, or not made small enough."""
    return [
        run
        for run, record in found.items()
        if table.of_faults([record]) and not (record.findings and table.is_small(record))
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.scores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    faults, sound = ([one.name for one in variants] for variants in (FAULTS, SOUND))
    parser.add_argument("--faults", nargs="*", choices=faults, metavar="FAULT")
    parser.add_argument("--sound", nargs="*", choices=sound, metavar="VARIANT")
    parser.add_argument("--depth", default="quick", choices=DEPTHS)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--runs", type=int, default=20, help="of each sound variant")
    parser.add_argument("--first-kill", action="store_true", help="end each fault at its first")
    parser.add_argument("--no-scripts", action="store_true", help="leave out evidence scripts")
    parser.add_argument("--under-load", action="store_true", help="beside two busy processes")
    parser.add_argument("--again", action="store_true", help="repeat what was run before")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--jobs", type=int, default=_JOBS_A_CORE * (os.cpu_count() or 1))
    return parser.parse_args()


def _runs(options: argparse.Namespace) -> Iterator[Run]:
    """Yield what is asked for: faults once each, sound variants with several seeds."""
    all_of_it = options.faults is None and options.sound is None
    variants = (
        (FAULTS, all_of_it, options.faults, 1),
        (SOUND, all_of_it and not options.first_kill, options.sound, options.runs),
    )
    for family, by_default, named, runs in variants:
        if not by_default and named is None:
            continue
        for variant in family:
            if named and variant.name not in named:
                continue
            for seed in range(options.seed, options.seed + runs):
                yield Run(
                    variant=variant.name,
                    depth=options.depth,
                    seed=seed,
                    loaded=options.under_load,
                    first_kill=options.first_kill,
                    scripts=not options.no_scripts,
                )


def _show(record: Record) -> None:
    print(table.line(record))
    for note in record.notes:
        print(f"    {note[:150]}")
    sys.stdout.flush()


@contextlib.contextmanager
def _busy(wanted: bool) -> Iterator[None]:
    """Keep the machine busy with two processes, meanwhile."""
    command = [sys.executable, "-c", _BUSY]
    busy = [subprocess.Popen(command) for _ in range(2 if wanted else 0)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
