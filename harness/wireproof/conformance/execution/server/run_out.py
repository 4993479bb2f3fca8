"""A server that has run out of descriptors: it waits, and serves again once some are given back.

accept(2) fails with EMFILE and leaves the connection in the queue, so whoever asks again at once
asks without end; and whoever takes the error for the end of the listener never accepts again.
"""

import contextlib
from collections.abc import Callable, Iterator

from wireproof.conformance.execution.failure import ConversationFailedError
from wireproof.conformance.execution.judged_connection import JudgedConnection, abandon
from wireproof.conformance.execution.server.burden import ServerBurden
from wireproof.conformance.execution.server.released import Complaint, look_again_soon
from wireproof.conformance.plans.plan import Look, RunOut
from wireproof.deadline import Deadline
from wireproof.target import Target
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.kernel.descriptor_limit import few_descriptors

_ANSWER_S = 0.5
"""A server that takes longer for a plain request has no descriptor for it."""
_SERVES_AGAIN_S = 5.0
"""Some let a second pass before they accept again."""
_MOST = 1024
_PAST = 4
"""Connections beyond the first that is not served."""
_CONNECT_S = 0.1
_MOMENTS = 5
_SPINS = 0.6
"""Of the time in each moment: a loop that never sleeps runs, or waits for its turn, in all of it;
one that tries again every few milliseconds in a tenth of it."""
Ask = Callable[[Deadline], JudgedConnection]
"""Opens a connection that is answered, and left open; raises where it is not answered."""


def run_out(action: RunOut, target: Target, burden: ServerBurden, ask: Ask) -> Complaint | None:
    """Connect past the server's descriptors, let go, and say what is wrong then or meanwhile.

    Raises:
        ConversationFailedError: nobody is served, at first or any more.

    """
    held: list[JudgedConnection] = []
    share = 0.0
    with few_descriptors(burden.accepting, action.more) as most:
        try:
            held.append(ask(Deadline(_SERVES_AGAIN_S)))
            looks = action.look is Look.WORK and burden.least_busy_share(1) <= _SPINS
            if _connect_past(min(most, _MOST), held, ask):
                with _waiting(target):
                    share = burden.least_busy_share(_MOMENTS) if looks else 0.0
        finally:
            abandon(held)
        _await_service(ask)
    if share <= _SPINS:
        return None
    return Complaint(
        "the server works without a pause while it has no descriptor for the next connection",
        "a wait until one is given back",
        f"at work for {share:.0%} of the time",
    )


def _connect_past(most: int, held: list[JudgedConnection], ask: Ask) -> bool:
    """Connect until one is not served; say whether one was not."""
    for _ in range(most):
        try:
            held.append(ask(Deadline(_ANSWER_S)))
        except ConversationFailedError:
            return True
    return False


@contextlib.contextmanager
def _waiting(target: Target) -> Iterator[None]:
    """Have some more connections wait to be accepted."""
    with contextlib.ExitStack() as waiting:
        for _ in range(_PAST):
            with contextlib.suppress(ConnectError):
                waiting.enter_context(Connection.open(target, Deadline(_CONNECT_S)))
        yield


def _await_service(ask: Ask) -> None:
    """Ask until it is answered.

    Raises:
        ConversationFailedError: it is not, in time.

    """
    deadline = Deadline(_SERVES_AGAIN_S)
    while True:
        try:
            abandon([ask(deadline)])
        except ConversationFailedError:
            if deadline.expired:
                raise
            look_again_soon()
        else:
            return
