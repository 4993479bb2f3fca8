"""How a connection or a batch failed: from what the kernel said to a cause."""

import errno

from wireproof.causes import Cause
from wireproof.load.figures.tally import Sample

_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)

_CONNECT_CAUSES = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.ENOENT: Cause.REFUSED,  # a Unix socket whose path is gone
    errno.ETIMEDOUT: Cause.CONNECT_TIMEOUT,
    errno.EAGAIN: Cause.CONNECT_TIMEOUT,  # a Unix listener's full queue says so at once
    errno.ECONNRESET: Cause.RESET_BEFORE_REPLY,
    errno.EADDRNOTAVAIL: Cause.NO_PORTS,
    errno.EADDRINUSE: Cause.NO_PORTS,
    errno.EMFILE: Cause.NO_DESCRIPTORS,
    errno.ENFILE: Cause.NO_DESCRIPTORS,
    **dict.fromkeys(_NO_WAY, Cause.UNREACHABLE),
}


class ConnectionFailedError(Exception):
    """The connection or the batch failed.

    Attributes:
        cause: why.
        sample: what to show of it.
        closes: whether the connection is of no more use.
        is_fate: whether it is what became of the requests under way.

    """

    def __init__(
        self,
        cause: Cause,
        problem: str = "",
        sample: Sample | None = None,
        *,
        closes: bool = True,
        is_fate: bool = True,
    ) -> None:
        """Keep the cause."""
        super().__init__(cause)
        self.closes = closes
        self.is_fate = is_fate
        self.cause = cause
        self.sample = sample or Sample(cause=cause, problem=problem or cause)


def connect_cause(number: int | None) -> Cause:
    """Return why a connect failed, from its errno."""
    return _CONNECT_CAUSES.get(number or 0, Cause.OTHER)


def transfer_cause(number: int | None, *, mid_frame: bool) -> Cause:
    """Return why sending or receiving failed, from its errno.

    Args:
        number: the errno.
        mid_frame: whether a part of the reply had come.

    """
    if number in {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}:
        return Cause.RESET_MID_FRAME if mid_frame else Cause.RESET_BEFORE_REPLY
    if number == errno.ECONNREFUSED:  # a Unix or UDP peer that is gone
        return Cause.REFUSED
    if number == errno.ETIMEDOUT:
        return Cause.TIMEOUT
    if number in _NO_WAY:
        return Cause.UNREACHABLE
    return Cause.OTHER
