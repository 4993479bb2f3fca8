"""Why a request failed: one name a cause, and what to do about it."""

import errno

from wireproof.load.tally import Sample

REFUSED = "refused"
CONNECT_TIMEOUT = "connect timeout"
RESET_BEFORE_REPLY = "reset before reply"
RESET_MID_FRAME = "reset mid-frame"
EOF_BEFORE_REPLY = "EOF before reply"
EOF_MID_FRAME = "EOF mid-frame"
TIMEOUT = "timeout"
WRONG_REPLY = "wrong reply"
NO_PORTS = "no local ports left"
NO_DESCRIPTORS = "no descriptors left"
UNREACHABLE = "unreachable"
TLS = "TLS handshake"
LOST = "lost"
LATE = "late reply"
DUPLICATE = "duplicate reply"
NEVER_SENT = "never sent"
OTHER = "other"

HINTS = {
    REFUSED: "nothing listens there, or the server has closed its listener",
    CONNECT_TIMEOUT: "SYNs had no answer: the accept queue was full (try a larger backlog), or the "
    "network lost them",
    RESET_BEFORE_REPLY: "the server closed with our request unread, or it died",
    RESET_MID_FRAME: "the server closed with data unread while it was replying",
    EOF_BEFORE_REPLY: "the server closed the connection instead of answering",
    EOF_MID_FRAME: "the server closed in the middle of a reply; does it ignore a short send()?",
    TIMEOUT: "no reply in time; the server is stuck, or waits for bytes that never come",
    WRONG_REPLY: "the samples show what was expected and what came; try wireproof check",
    NO_PORTS: "our own ephemeral ports are used up; try --source-addresses",
    NO_DESCRIPTORS: "our own limit of open files; raise ulimit -n",
    UNREACHABLE: "no way to the server's host: a route, a cable or the host itself is missing",
    LOST: "a datagram had no reply in time; UDP may lose it on either way, or in a full buffer",
    LATE: "the reply came after its datagram had been given up; --timeout may be too short",
    DUPLICATE: "more than one reply to one datagram",
    NEVER_SENT: "no connection was free before the end; the server, or --users, is too small",
    TLS: "the certificate or the protocol version does not suit; see the sample",
}

_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)

_CONNECT_CAUSES = {
    errno.ECONNREFUSED: REFUSED,
    errno.ENOENT: REFUSED,  # a Unix socket whose path is gone
    errno.ETIMEDOUT: CONNECT_TIMEOUT,
    errno.EAGAIN: CONNECT_TIMEOUT,  # a Unix listener's full queue says so at once
    errno.ECONNRESET: RESET_BEFORE_REPLY,
    errno.EADDRNOTAVAIL: NO_PORTS,
    errno.EADDRINUSE: NO_PORTS,
    errno.EMFILE: NO_DESCRIPTORS,
    errno.ENFILE: NO_DESCRIPTORS,
    **dict.fromkeys(_NO_WAY, UNREACHABLE),
}


class ConnectionFailedError(Exception):
    """The connection or the batch failed.

    Attributes:
        cause: one of the names above.
        sample: what to show of it.
        closes: whether the connection is of no more use.

    """

    def __init__(
        self, cause: str, problem: str = "", sample: Sample | None = None, *, closes: bool = True
    ) -> None:
        """Keep the cause."""
        super().__init__(cause)
        self.closes = closes
        self.cause = cause
        self.sample = sample or Sample(cause=cause, problem=problem or cause)


def connect_cause(number: int | None) -> str:
    """Return why a connect failed, from its errno."""
    return _CONNECT_CAUSES.get(number or 0, OTHER)


def transfer_cause(number: int | None, *, mid_frame: bool) -> str:
    """Return why sending or receiving failed, from its errno.

    Args:
        number: the errno.
        mid_frame: whether a part of the reply had come.

    """
    if number in {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}:
        return RESET_MID_FRAME if mid_frame else RESET_BEFORE_REPLY
    if number == errno.ECONNREFUSED:  # a Unix or UDP peer that is gone
        return REFUSED
    if number == errno.ETIMEDOUT:
        return TIMEOUT
    if number in _NO_WAY:
        return UNREACHABLE
    return OTHER
