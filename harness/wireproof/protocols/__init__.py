"""Protocols: how to ask, where a reply ends, and which reply is right. No socket, no clock.

This is what a protocol file imports:

    from wireproof.protocols import RequestReply, delimited
"""

from wireproof.protocols.base import Protocol, Rule
from wireproof.protocols.datagram import DatagramProtocol, Datagrams
from wireproof.protocols.exchange import Exchange, SecondLogin
from wireproof.protocols.framed import (
    Delimited,
    FixedSize,
    HeaderWithLength,
    LengthPrefixed,
    VarintLengthPrefixed,
)
from wireproof.protocols.framing import delimited, header_with_length, length_prefixed
from wireproof.protocols.oracle import MalformedReplyError, Oracle, WrongReplyError
from wireproof.protocols.raw_stream import RawStream
from wireproof.protocols.replies import Expected, Judge, Matcher, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.results import Level

__all__ = [
    "DatagramProtocol",
    "Datagrams",
    "Delimited",
    "Exchange",
    "Expected",
    "FixedSize",
    "HeaderWithLength",
    "Judge",
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
    "SecondLogin",
    "VarintLengthPrefixed",
    "WrongReplyError",
    "delimited",
    "header_with_length",
    "length_prefixed",
]
