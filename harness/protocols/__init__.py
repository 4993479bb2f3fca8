"""Protocols: how to ask, where a reply ends, and which reply is right. No socket, no clock.

This is what a protocol file imports:

    from harness.protocols import RequestReply, delimited
"""

from harness.protocols.base import Exchange, Protocol, Rule
from harness.protocols.bases import Delimited, FixedSize, HeaderWithLength, LengthPrefixed
from harness.protocols.datagram import DatagramProtocol, Datagrams
from harness.protocols.framing import delimited, header_with_length, length_prefixed
from harness.protocols.oracle import Oracle, WrongReplyError
from harness.protocols.raw_stream import RawStream
from harness.protocols.replies import Expected, MalformedReplyError, Matcher, Reply
from harness.protocols.request_reply import RequestReply
from harness.results import Level

__all__ = [
    "DatagramProtocol",
    "Datagrams",
    "Delimited",
    "Exchange",
    "Expected",
    "FixedSize",
    "HeaderWithLength",
    "LengthPrefixed",
    "Level",
    "MalformedReplyError",
    "Matcher",
    "Oracle",
    "Protocol",
    "RawStream",
    "Reply",
    "RequestReply",
    "Rule",
    "WrongReplyError",
    "delimited",
    "header_with_length",
    "length_prefixed",
]
