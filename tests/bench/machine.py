"""What the benchmark's parts share: a compiler, pinned processes, where results go."""

import json
import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def compiler() -> str | None:
    """A C compiler, if there is one."""
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def compiled(source: str, into: str) -> Path:
    """The program made from a C file of this folder, in the folder `into`.

    Raises:
        RuntimeError: there is no compiler, or it refuses.

    """
    cc = compiler()
    if cc is None:
        raise RuntimeError("there is no C compiler")
    program = Path(into) / Path(source).stem
    made = subprocess.run(
        [cc, "-O2", "-o", str(program), str(HERE / source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RuntimeError(f"{cc} cannot compile {source}: {made.stderr.strip().splitlines()[:1]}")
    return program


def pinned(cpu: int | None, command: Sequence[str]) -> list[str]:
    """The command, bound to a CPU if the machine has two for us and the tool is there."""
    taskset = shutil.which("taskset")
    if cpu is None or taskset is None:
        return list(command)
    return [taskset, "-c", str(cpu), *command]


def two_cpus() -> tuple[int | None, int | None]:
    """A CPU for the server and one for the client; None where that is not possible."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def write(part: str, results: dict[str, Any]) -> Path:
    """Write `reports/bench/PART.json`, with what the figures depend on."""
    path = ROOT / "reports" / "bench" / f"{part}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
    }
    path.write_text(json.dumps({"machine": machine, **results}, indent=1) + "\n")
    return path
