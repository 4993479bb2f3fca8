"""Wireproof: does your socket server hold up on the wire?

What a protocol file, a test or a locustfile of one's own needs is imported from here:

    from wireproof import Delimited, RequestReply, conformance_suite, SocketUser

Names are looked up when they are asked for: every pytest run where Wireproof is installed imports
this package, and importing Locust patches the process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wireproof.version import __version__

if TYPE_CHECKING:
    from wireproof.conformance import replay
    from wireproof.conformance.pytest_suite import conformance_suite
    from wireproof.load.on_locust.users import SocketUser, SwarmUser
    from wireproof.protocols import (
        DatagramProtocol,
        Datagrams,
        Delimited,
        Exchange,
        Expected,
        FixedSize,
        HeaderWithLength,
        Judge,
        LengthPrefixed,
        Level,
        MalformedReplyError,
        Matcher,
        Oracle,
        Protocol,
        RawStream,
        Reply,
        RequestReply,
        Rule,
        SecondLogin,
        VarintLengthPrefixed,
        WrongReplyError,
        delimited,
        header_with_length,
        length_prefixed,
    )

_ELSEWHERE = {
    "SocketUser": "wireproof.load.on_locust.users",
    "SwarmUser": "wireproof.load.on_locust.users",
    "conformance_suite": "wireproof.conformance.pytest_suite",
    "replay": "wireproof.conformance",
}
"""Where a name is that `wireproof.protocols` does not have."""

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
    "SocketUser",
    "SwarmUser",
    "VarintLengthPrefixed",
    "WrongReplyError",
    "__version__",
    "conformance_suite",
    "delimited",
    "header_with_length",
    "length_prefixed",
    "replay",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "wireproof.protocols")), name)


def __dir__() -> list[str]:
    return __all__
