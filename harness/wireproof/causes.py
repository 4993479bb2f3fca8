"""Why something failed under load: one value a cause, and what to do about it."""

from enum import StrEnum


class Cause(StrEnum):
    """A cause, as the result file, the reports and Locust's statistics name it."""

    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect timeout"
    RESET_BEFORE_REPLY = "reset before reply"
    RESET_MID_FRAME = "reset mid-frame"
    EOF_BEFORE_REPLY = "EOF before reply"
    EOF_MID_FRAME = "EOF mid-frame"
    CLOSED_IDLE = "closed while idle"
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
    UNANSWERED = "unanswered"
    CUT_OFF = "cut off"
    OTHER = "other"

    @property
    def hint(self) -> str:
        """What it means, and what to do; empty where the sample alone can tell."""
        return _HINTS.get(self, "")


_HINTS = {
    Cause.REFUSED: "nothing listens there, or the server has closed its listener",
    Cause.CONNECT_TIMEOUT: "SYNs had no answer: the accept queue was full (try a larger backlog), "
    "or the network lost them",
    Cause.RESET_BEFORE_REPLY: "the server closed with our request unread, or it died",
    Cause.RESET_MID_FRAME: "the server closed with data unread while it was replying",
    Cause.EOF_BEFORE_REPLY: "the server closed the connection instead of answering",
    Cause.EOF_MID_FRAME: "the server closed in the middle of a reply; does it ignore a short "
    "send()?",
    Cause.CLOSED_IDLE: "the server closed a connection that owed it nothing; has it an idle limit?",
    Cause.TIMEOUT: "no reply in time; the server is stuck, or waits for bytes that never come",
    Cause.WRONG_REPLY: "the samples show what was expected and what came; try wireproof check",
    Cause.NO_PORTS: "our own ephemeral ports are used up; try --source-addresses",
    Cause.NO_DESCRIPTORS: "our own limit of open files; raise ulimit -n",
    Cause.UNREACHABLE: "no way to the server's host: a route, a cable or the host itself is "
    "missing",
    Cause.TLS: "the certificate or the protocol version does not suit; see the sample",
    Cause.LOST: "a datagram had no reply in time; UDP may lose it on either way, or in a full "
    "buffer",
    Cause.LATE: "the reply came after its datagram had been given up; --timeout may be too short",
    Cause.DUPLICATE: "more than one reply to one datagram",
    Cause.NEVER_SENT: "no connection was free before the end; the server, or --users, is too small",
    Cause.UNANSWERED: "the load was over before a reply came: after --timeout, or when it was "
    "interrupted",
    Cause.CUT_OFF: "in one batch with a wrong reply, for which the connection was closed",
}
