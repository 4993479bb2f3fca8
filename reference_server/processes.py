"""Starting a child process, in the two respects in which `multiprocessing` leaves gaps."""

import contextlib
import os
import signal
from multiprocessing.context import ForkProcess

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGUSR1})
_DESCRIPTORS_OF_A_START = 4


def start(process: ForkProcess) -> None:
    """Start a child whose `SIGNALS` are blocked until it unblocks them.

    Until the child has handlers of its own, a signal sent to it would run ours, and be written
    into our wake-up socket.

    Raises:
        OSError: no descriptors or no processes are left; nothing is leaked by trying.

    """
    # Process.start opens two pipes, and leaves them open if it fails half-way. So see first that
    # there is room for them; their numbers are then the ones found free here.
    spare: list[int] = []
    try:
        while len(spare) < _DESCRIPTORS_OF_A_START:
            spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in spare:
            os.close(descriptor)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process.start()
    except OSError:
        for descriptor in spare:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
