"""`python -m tests.bench [PART...]`: run the benchmark's parts, all of them by default.

A part is a module of this folder with a function `main() -> int`, which measures, writes
`reports/bench/PART.json` and returns 1 when a floor is missed, else 0.
"""

import importlib
import signal
import sys
from pathlib import Path

PARTS = ("server", "client", "peers", "protocols", "segments", "startup", "traffic", "recorded")


def main(names: list[str]) -> int:
    """Run the parts named, or those that are there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # let each part end its servers
    here = Path(__file__).parent
    found = [part for part in PARTS if (here / f"{part}.py").exists()]
    unknown = [name for name in names if name not in found]
    if unknown:
        sys.stderr.write(f"no part {unknown[0]!r}; there are: {', '.join(found)}\n")
        return 2
    missed = [
        part for part in names or found if importlib.import_module(f"tests.bench.{part}").main()
    ]
    for part in missed:
        sys.stdout.write(f"{part}: a floor was missed, see above\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
