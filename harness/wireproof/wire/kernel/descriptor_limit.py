"""How many descriptors a process may have open, changed while it runs (prlimit(2)).

Only the soft limit, which whoever may lower may raise again.
"""

import contextlib
import resource
from collections.abc import Collection, Iterator
from pathlib import Path


@contextlib.contextmanager
def few_descriptors(processes: Collection[int], more: int) -> Iterator[int]:
    """Let processes open a few descriptors more than the highest that they have, for a while.

    Args:
        processes: by id; one that is gone, or another user's, is left as it is.
        more: how far above the highest.

    Yields:
        How many they may have open now, all together: those that they have, too, since one may
        be given back at any time. 0 where no limit was lowered.

    """
    before: dict[int, tuple[int, int]] = {}
    most = 0
    try:
        for pid in processes:
            with contextlib.suppress(OSError):
                used = [int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()]
                soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                limit = max(used, default=0) + 1 + more
                if limit < soft:
                    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
                    before[pid] = (soft, hard)
                    most += limit
        yield most
    finally:
        for pid, limits in before.items():
            with contextlib.suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
