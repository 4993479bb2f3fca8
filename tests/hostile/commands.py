"""Commands run in processes of their own, forked from one that has imported everything already.

Starting an interpreter a hundred times would take longer than all that the commands do.
"""

import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.hostile.preloaded"])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; None if it had to be killed, or died.
        out: its standard output.
        err: its standard error.
        peak_mb: the most memory that it, or a process that it started, had resident.
        seconds: how long it took.

    """

    code: int | None
    out: str
    err: str
    peak_mb: float
    seconds: float


def command(
    arguments: list[str],
    folder: Path,
    *,
    timeout_s: float = 60,
    prepare: Callable[[], None] | None = None,
) -> Ended:
    """Run `wireproof` with `arguments` in `folder`; `prepare` is called in its process before."""
    folder.mkdir(parents=True, exist_ok=True)
    process = _FORKS.Process(target=_run, args=[arguments, str(folder), prepare])
    begun = time.monotonic()
    process.start()
    process.join(timeout_s)
    seconds = time.monotonic() - begun
    if process.is_alive():
        process.kill()
        process.join()
    # Not `process.exitcode`: another thread that starts a process asks after this one too, and of
    # two threads that read the fork server's one word, the second gets 255.
    ending = folder / "ending.json"
    code, peak_mb = json.loads(ending.read_text()) if ending.exists() else (None, float("inf"))
    return Ended(
        code,
        (folder / "stdout").read_text(errors="replace"),
        (folder / "stderr").read_text(errors="replace"),
        peak_mb,
        seconds,
    )


def impatient() -> None:
    """Have this process's checks wait for less, so that a test of silence is short."""
    from wireproof.conformance import settling, subject

    quick = subject.DEPTHS["quick"]
    subject.DEPTHS["quick"] = replace(quick, timeout_s=0.25, shrink_s=0.2, confirmations=2)
    settling._TIMEOUT_S = 0.2


def _run(arguments: list[str], folder: str, prepare: Callable[[], None] | None) -> None:
    os.chdir(folder)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
    if prepare is not None:
        prepare()
    from wireproof.cli import invoke

    code = invoke(arguments)
    sys.stdout.flush()
    peak_kb = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    Path("ending.json").write_text(json.dumps([code, peak_kb / 1024]))
