"""How many processes a load is best parted into on this machine."""

import os

from wireproof.load.swarm.measuring.usage import ServerProcesses
from wireproof.target import Target
from wireproof.wire.kernel.listening import is_ours


def processes_for(target: Target, users: int) -> int:
    """Return a process for each core that we may use, less those of a server on this machine.

    A core is left to each of the server's processes that are seen, and one to a server that is here
    and not to be seen, such as another user's. There is one at least, and none without a
    connection.

    Args:
        target: resolved.
        users: connections.

    """
    cores = len(os.sched_getaffinity(0))
    if target.address and is_ours(target):
        cores -= max(1, ServerProcesses(target).count)
    return max(1, min(cores, users))
