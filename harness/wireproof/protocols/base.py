"""What every protocol has: how to make a request, and what judges a connection."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from wireproof.protocols.exchange import Exchange, SecondLogin
from wireproof.protocols.oracle import Oracle
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

NUMBER_BORDERS = (2**7, 2**8, 2**15, 2**16, 2**31, 2**32)
"""Where identifiers that count up meet the limits of the fields and variables that hold them."""

DEFAULT_MAX_REPLY_BYTES = 16 * 1024 * 1024
DEFAULT_MAX_REQUEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement of one protocol, told by conversations that the oracle can judge.

    Attributes:
        id: stable, never reused, begins with the protocol's name in capitals.
        level: how binding.
        title: the requirement in one sentence.
        source: where it stands.
        reason: why it matters.
        conversations: the requests of each, sent whole and octet by octet.

    """

    id: str
    level: Level
    title: str
    source: str
    reason: str
    conversations: tuple[tuple[bytes, ...], ...]


def as_sent(
    protocol: Protocol, requests: Iterable[bytes], serial: int, first: int = 0
) -> list[bytes]:
    """Return requests as one connection sends them: made private to it, and numbered.

    Args:
        protocol: makes them private.
        requests: as drawn.
        serial: the connection's, see `Protocol.personalise`.
        first: the number of the first: how many requests the connection had before these, or
            more, where its numbers are to begin further up (see `Protocol.numbered`).

    """
    return [
        protocol.numbered(protocol.personalise(request, serial), number)
        for number, request in enumerate(requests, first)
    ]


_OF_REQUESTS = ("example", "kinds", "workload", "fed", "sized_conversation")
"""What a protocol says of its requests; a subclass with other requests says it anew."""


class Protocol(ABC):
    """A protocol as the harness sees it.

    A class that draws other `requests()` than its base inherits none of the base's `example()`,
    `kinds()`, `workload()`, `fed()` and `sized_conversation()`.

    Every public attribute of type int, float, str or bool that is no ClassVar is a setting that
    the user may change with `--set name=value`.
    """

    name: ClassVar[str] = ""
    source: ClassVar[str] = ""
    """Where the protocol is specified."""
    transports: ClassVar[frozenset[str]] = frozenset({"tcp", "tls", "unix", "exec"})
    modules: ClassVar[tuple[str, ...]] = ()
    """What must be importable; the extra that installs it is named after the protocol."""
    exchange: ClassVar[Exchange] = Exchange.REQUEST_REPLY
    half_close: ClassVar[Level] = Level.SHOULD
    """How binding it is that a server answers what it owes after the client's end of stream."""
    pipelining: bool = True
    """Whether a request may follow before the reply to the one before it."""
    opening_ahead: ClassVar[bool] = False
    """Whether a client may send the requests behind `opening()` before that is answered.

    MQTT says so, and whoever pipelines log-ins; SMTP has the client wait for what EHLO allows.
    """
    one_request: bool = False
    """Whether the server answers one request on each connection and then closes."""
    most_requests: int = 1_000_000
    """The most requests that one connection takes; some servers count them, some are slow.

    For a server that closes after a hundred: `--set most_requests=100`, or in the class
    `most_requests = 100`. No conversation is longer, opening requests not counted.
    """
    connections: int = 50
    """How many connections the server must serve at a time."""
    max_request_bytes: int = DEFAULT_MAX_REQUEST_BYTES
    """The most bytes that one request may have."""
    max_reply_bytes: int = DEFAULT_MAX_REPLY_BYTES
    """The most bytes that one reply may have; more is a wrong reply."""

    levels: ClassVar[Mapping[str, Level]] = MappingProxyType({})
    """Requirements that bind this protocol more or less than others, by ID."""
    inapplicable: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Requirements that mean nothing for this protocol, by ID, each with the reason."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Leave what is said of a base's requests to the base, where the class has others."""
        super().__init_subclass__(**kwargs)
        inherited = next((base for base in cls.__mro__[1:] if "requests" in vars(base)), Protocol)
        is_said = not getattr(vars(inherited)["requests"], "__isabstractmethod__", False)
        if is_said and "requests" in vars(cls):
            for hook in _OF_REQUESTS:
                if hook not in vars(cls):
                    setattr(cls, hook, getattr(Protocol, hook))

    @property
    def called(self) -> str:
        """What messages call it: a built-in's name, or the class's."""
        return self.name or type(self).__name__

    @abstractmethod
    def requests(self) -> SearchStrategy[bytes]:
        """Return a Hypothesis strategy for one valid request."""

    @abstractmethod
    def oracle(self) -> Oracle:
        """Return the judge of a new connection."""

    def opening(self) -> Sequence[bytes]:
        """Return the requests that open every connection, such as a log-in.

        They are announced, sent and answered one by one before anything else, and judged by the
        same oracle.
        """
        return ()

    def begins_tls(self, request: bytes) -> bool:
        r"""Say whether TLS begins on the connection once `request` is answered.

        For STARTTLS and its like among `opening()`: the client takes the reply, does the
        handshake, and sends what follows inside TLS.

            def opening(self):
                return [b"a STARTTLS\r\n", b"b LOGIN user word\r\n"]

            def begins_tls(self, request):
                return request == b"a STARTTLS\r\n"
        """
        del request
        return False

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Return `request` made private to one connection, in the same number of bytes.

        Servers that keep what clients store see many connections, side by side and in turn. Here
        a protocol puts the number of the connection into keys and client names, so that no
        connection sees what another one stored. Opening requests pass through here too.

        Args:
            request: as drawn, or one of `opening()`.
            serial: differs for each connection of a run, from 0; eight digits hold it.

        """
        del serial
        return request

    def numbered(self, request: bytes, number: int) -> bytes:
        """Return `request` with an identifier of its own, in the same number of bytes.

        For protocols in which a reply names its request: a client must not use an identifier that
        is still under way on the connection.

            def numbered(self, request, number):  # an identifier of two bytes in front
                return (number % 65536).to_bytes(2) + request[2:]

        Args:
            request: as `personalise` returned it.
            number: 0 or more, without a limit: take the remainder of what the field holds. It
                counts up by one from request to request, opening requests among them. It begins
                at 0 as a rule, and wherever a caller wants to cross one of `NUMBER_BORDERS` on
                one connection a little below it: `as_sent(protocol, requests, 0, 2**16 - 3)`.

        """
        del number
        return request

    def replies_in(self) -> str:
        """Return the file whose new lines are the replies, where the server sends none: logs."""
        return ""

    def pauses(self, request: bytes) -> Sequence[int]:
        r"""Return the offsets in `request` at which the client must wait for the replies owed.

        Rising, and within the request. For a client that may send the text of a mail only once
        the server has said that it will take it:

            def pauses(self, request):
                at = request.find(b"DATA\r\n")
                return [at + 6] if at >= 0 else []
        """
        del request
        return ()

    def is_last(self, request: bytes) -> bool:
        """Say whether nothing may follow `request` on its connection, which the server then ends.

        Such requests are no part of what `requests()` draws; `kinds()` may have them.
        """
        del request
        return False

    def example(self) -> bytes | None:
        r"""Return a plain request, such as an ordinary user would send, or None.

        What a server must answer if it serves at all: a check asks it first, and again to see
        whether the server still lives. Not the shortest there is, nor an odd one.

            def example(self):
                return b"PING\r\n"
        """
        return None

    def kinds(self) -> Mapping[str, SearchStrategy[bytes]]:
        """Return the kinds of requests by name, each with a strategy for one.

        What `requests()` draws, one by one, so that rare kinds can be tried too; and requests
        that nothing may follow (`is_last`). The kinds of `workload()`, unless said otherwise.
        """
        return {name: strategy for name, (strategy, _) in self.workload().items()}

    def workload(self) -> Mapping[str, tuple[SearchStrategy[bytes], float]]:
        """Return what ordinary clients ask: by name, a strategy for a kind of request, its weight.

        `requests()` draws what finds faults; a figure of capacity wants a mix as it occurs. Shares
        are the weights over their sum. One kind of all requests, unless said otherwise.

            def workload(self):
                return {"get": (self.gets(), 80), "set": (self.sets(), 20)}
        """
        return {self.name or type(self).__name__: (self.requests(), 1.0)}

    def fed(self, value: bytes) -> Mapping[str, tuple[bytes, float]]:
        """Return requests about `value`, a line of `load --feed`: by kind, each with its weight.

        A key, a path, a topic. One that carries it as its payload, unless said otherwise; none
        where there is none.
        """
        request = self.payload_request(value)
        return {} if request is None else {self.name or type(self).__name__: (request, 1.0)}

    def forgetting(self, requests: Sequence[bytes]) -> Sequence[bytes]:
        """Return what has a server forget what earlier runs stored by such requests of a user.

        Sent behind `opening()`, which does it for what `requests()` draws.
        """
        del requests
        return ()

    def sized_conversation(self, size_bytes: int) -> Sequence[bytes] | None:
        """Return requests that write a value of exactly `size_bytes` and read it back, or None.

        Each is sent once the one before is answered. The expected replies show the value, so that
        one that is stored wrong is seen. None where the protocol has no such value, or none of
        that size.

            def sized_conversation(self, size_bytes):
                return [self.set(b"x" * size_bytes), self.get()]
        """
        del size_bytes
        return None

    def conversations(self) -> Sequence[Sequence[bytes]]:
        """Return conversations whose requests belong together, the shortest first.

        For a protocol in which a reply depends on what went before, so that requests can't be
        put together at will: these are what is cut, each request after the reply to the one
        before; and they are sent in one segment. None, where any requests make a conversation.
        """
        return ()

    def is_conversation(self, requests: Sequence[bytes]) -> bool:
        """Say whether requests may follow each other on a connection; `requests()` always may."""
        del requests
        return True

    def usual_reply_bytes(self, request: bytes) -> int:
        """Return about how long the reply to a request is; 0 where that is not known.

        Whoever asks without reading asks for no more than is enough to fill all buffers.
        """
        del request
        return 0

    def same_identity(self) -> SecondLogin | None:
        """Return what becomes of a second connection that opens under the name of a first.

        Such a connection sends `opening()` personalised with the serial of the first, while that
        one is open. None where the opening names nobody.
        """
        return None

    def malformed(self) -> SearchStrategy[bytes] | None:
        """Return a strategy for bytes that are no valid request, or None."""
        return None

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a valid request of exactly `size_bytes`, or None where there is none."""
        del size_bytes
        return None

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return a valid request that carries exactly `payload`, or None where none can."""
        del payload
        return None

    def judge_source(self) -> str:
        """Return Python source of a function `complete`, or nothing.

        `complete(sent: bytes, received: bytes, since_s: float) -> bool` says whether `received` is
        all that a right server answers to `sent`, which was sent at `since_s` (seconds of the
        epoch) or later; it needs the standard library only, because it goes into the scripts that
        replay a failure. Protocols of requests and replies need none: their expected replies go
        into the script instead.
        """
        return ""

    def rules(self) -> Sequence[Rule]:
        """Return what this protocol requires on top of what every protocol does."""
        return ()

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the class's docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]


def overrides(protocol: object, base: type, hook: str) -> bool:
    """Say whether a protocol's class, or one between, has replaced what `base` does by default."""
    return getattr(type(protocol), hook) is not getattr(base, hook)
