"""Leaving a plan that is over, or has failed, so that the server is not harmed by it."""

from collections.abc import Collection

from wireproof.conformance.execution.judged_connection import JudgedConnection
from wireproof.deadline import Deadline

_ABANDON_S = 0.2


def abandon(connections: Collection[JudgedConnection]) -> None:
    """Give the sockets of a plan back, without a word in the transcript.

    What a failed plan leaves unread would turn a plain close into a reset (RFC 2525, 2.17), and
    the next plan would meet a server that our own reset may have ended.
    """
    for connection in connections:
        connection.leave()
    soon = Deadline(_ABANDON_S)
    for connection in connections:
        connection.drain_and_close(soon)
