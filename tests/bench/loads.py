"""A load of ours as a process of its own, bound to a CPU."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.bench.machine import pinned

_PROGRAM = (
    "import json, sys\n"
    "from wireproof.load.launch import run_load\n"
    "from wireproof.load.spec import LoadSpec\n"
    "result = run_load(LoadSpec(**json.loads(sys.argv[1])))\n"
    "assert result.requests and not result.failures and not result.partial, result\n"
    "print(json.dumps([result.throughput_per_s, result.bottleneck, result.details['cpu_s'],"
    " result.requests]))\n"
)


@dataclass(frozen=True)
class Load:
    """What a load reached; every reply was right.

    Attributes:
        per_s: verified requests a second.
        bottleneck: the word for what was the limit.
        cpu_us: of the load's process, for each request.

    """

    per_s: float
    bottleneck: str
    cpu_us: float


def load(cpu: int | None, spec: dict[str, Any]) -> Load:
    """Run a load.

    Raises:
        RuntimeError: there was a failure, or no reply.

    """
    command = pinned(cpu, [sys.executable, "-c", _PROGRAM, json.dumps(spec)])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{spec['protocol']}: {done.stderr[-600:]}")
    per_s, bottleneck, cpu_s, requests = json.loads(done.stdout)
    return Load(per_s, bottleneck, 1e6 * cpu_s / requests)
