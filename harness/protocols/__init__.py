"""Protocols: how to ask, where a reply ends, and which reply is right. No socket, no clock.

This is what a protocol file imports:

    from harness.protocols import RequestReply, delimited
"""

from harness.protocols.base import Protocol
from harness.protocols.framing import delimited, length_prefixed
from harness.protocols.oracle import Oracle, WrongReplyError
from harness.protocols.request_reply import Matcher, RequestReply

__all__ = [
    "Matcher",
    "Oracle",
    "Protocol",
    "RequestReply",
    "WrongReplyError",
    "delimited",
    "length_prefixed",
]
