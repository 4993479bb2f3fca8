"""How tests are shared out among the processes of pytest-xdist.

What shares a costly fixture goes to one process, or each would make it anew. Of the rest, most of
those outside `tests/unit` wait for servers and timeouts, and most of those within compute: side by
side they take less time than one kind behind the other. Files of few tests come last, so that all
processes end together.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_UNIT = "tests/unit/"
_WAITING_UNTIL = 0.85
"""Of the tests that compute, the share beside which those that wait are begun."""
_IS_SHARED = re.compile(r'^@pytest\.fixture\(.*scope="(module|session)"', re.MULTILINE)


def unit_of_work(nodeid: str) -> str:
    """Return what goes to one process as a whole: a test, or a file that shares something."""
    name = nodeid.partition("::")[0]
    return name if name.startswith(_UNIT) or _shares(name) else nodeid


@cache
def _shares(name: str) -> bool:
    path = _ROOT / name
    return path.is_file() and _IS_SHARED.search(path.read_text(encoding="utf-8")) is not None


def in_order(nodeids: Sequence[str]) -> list[int]:
    """Return the order in which to begin tests, as their places in the sequence."""
    names = [nodeid.partition("::")[0] for nodeid in nodeids]
    size = Counter(names)
    computing = [at for at, name in enumerate(names) if name.startswith(_UNIT)]
    waiting = [at for at, name in enumerate(names) if not name.startswith(_UNIT)]
    computing.sort(key=lambda at: (-size[names[at]], names[at], at))
    waiting.sort(key=lambda at: (not _shares(names[at]), at))  # these are long
    begun = {at: place / len(computing) for place, at in enumerate(computing)}
    begun |= {at: place / len(waiting) * _WAITING_UNTIL for place, at in enumerate(waiting)}
    return sorted(begun, key=lambda at: (begun[at], at))
