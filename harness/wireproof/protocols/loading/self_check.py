"""Does a protocol class agree with itself? Asked before any server is.

A class that frames replies otherwise than it expects them accuses every server. So its own right
replies go through its own framing first: each must end exactly where it ends, and no sooner.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, product
from math import inf
from typing import TYPE_CHECKING, Any

from wireproof.errors import ProtocolCodeError
from wireproof.protocols.base import Protocol
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Reply, replies_of
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import call_user_code, code_error, takes_request
from wireproof.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

_EXAMPLES = 20
_MOST_SERIAL = 10**8 - 1
"""Of connections; no run makes as many, and eight digits hold it."""
_SIZES = (1, 2, 255, 256, 257, 1024, 4096)
_MOST_PREFIXES = 64


def check_code(protocol: Protocol, examples: int = _EXAMPLES) -> list[bytes]:
    """Try a protocol's methods on requests of its own.

    Args:
        protocol: with its settings.
        examples: how many requests to draw.

    Returns:
        The requests that were drawn.

    Raises:
        ProtocolCodeError: a method raised, returned what it must not, or contradicts another; with
            file and line.

    """
    drawn = _drawn(protocol.requests, examples)
    opening: list[Any] = list(call_user_code(protocol.opening))
    for request in [*opening, *drawn]:
        _check_personal(protocol, request)
    if any(call_user_code(protocol.is_last, request) for request in drawn):
        did = "drew a request that is_last() ends the connection with"
        raise code_error(protocol.requests, did, "leave it to kinds()")
    _check_kinds(protocol)
    _check_example(protocol, opening)
    if (malformed := call_user_code(protocol.malformed)) is not None:
        _drawn(lambda: malformed, 2, protocol.malformed)
    for size in _SIZES:
        sized = call_user_code(protocol.sized_request, size)
        if sized is not None and len(sized) != size:
            did = f"returned {len(sized)} bytes for {size}"
            raise code_error(protocol.sized_request, did, "return exactly so many, or None")
        _check_sized(protocol, size, opening)
    if isinstance(protocol, RequestReply):
        _check_conversation(protocol.session(), [*opening, *drawn])
    if isinstance(protocol, Datagrams):
        oracle = protocol.datagram_oracle()
        for datagram in _drawn(protocol.datagrams, examples, empty=True):
            oracle.sent(datagram)
    return drawn


def _drawn(
    strategy_of: Callable[[], SearchStrategy[bytes] | None],
    count: int,
    blame: Callable[..., object] | None = None,
    *,
    empty: bool = False,
) -> list[bytes]:
    """Draw from a strategy, the same each time."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.strategies import SearchStrategy

    blame = blame or strategy_of
    strategy = call_user_code(strategy_of)
    if not isinstance(strategy, SearchStrategy):
        did = f"returned {type(strategy).__name__}, no Hypothesis strategy"
        raise code_error(blame, did, "return one, such as strategies.binary(min_size=1)")
    drawn: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: object) -> None:
        drawn.append(value)

    try:
        collect()
    except ProtocolCodeError:
        raise
    except Exception as error:
        raise code_error(blame, f"cannot be drawn from: {error}", "fix the strategy") from error
    for value in drawn:
        if not isinstance(value, bytes) or not (value or empty):
            raise code_error(blame, f"drew {value!r:.80}", "draw bytes, at least one")
    return drawn


def _check_personal(protocol: Protocol, request: Any) -> None:
    if not isinstance(request, bytes) or not request:
        raise code_error(protocol.opening, f"returned {request!r:.80}", "return whole requests")
    with_serials = product([protocol.personalise], (0, 4095, _MOST_SERIAL))
    with_numbers = product([protocol.numbered], (0, 4095, 2**31))
    for change, serial in chain(with_serials, with_numbers):
        changed = call_user_code(change, request, serial)
        if len(changed) != len(request):
            raise code_error(
                change,
                f"made {len(changed)} bytes of {len(request)} with {serial}",
                "return as many as there were",
            )
    pauses = list(call_user_code(protocol.pauses, request))
    if pauses != sorted({at for at in pauses if 0 < at < len(request)}):
        raise code_error(
            protocol.pauses, f"returned {pauses!r:.80}", "return rising offsets within the request"
        )


def _check_kinds(protocol: Protocol) -> None:
    """Draw of each kind, rare ones among them, and of each that makes up the load."""
    for hook in (protocol.workload, protocol.kinds):  # by default these are those
        said: Any = call_user_code(hook)
        if not isinstance(said, Mapping) or not said:
            raise code_error(hook, f"returned {said!r:.80}", "return a dict by kind")
        for kind, strategy in said.items():
            if hook == protocol.workload:
                if not _has_weight(strategy):
                    did = f"returned {strategy!r:.80} for {kind!r}"
                    raise code_error(hook, did, "return (strategy, weight), a weight above 0")
                strategy, _ = strategy  # noqa: PLW2901
            for request in _drawn(lambda each=strategy: each, 2, hook):  # type: ignore[misc]
                _check_personal(protocol, request)


def _has_weight(entry: Any) -> bool:
    return (
        isinstance(entry, tuple)
        and len(entry) == 2
        and isinstance(entry[1], int | float)
        and 0 < entry[1] < inf
    )


def _check_example(protocol: Protocol, opening: list[bytes]) -> None:
    """Ask for the plain request, and see that it has a reply."""
    example: Any = call_user_code(protocol.example)
    if example is None:
        return
    if not isinstance(example, bytes) or not example:
        raise code_error(protocol.example, f"returned {example!r:.80}", "return bytes, or None")
    _check_personal(protocol, example)
    if isinstance(protocol, RequestReply) and protocol.exchange is Exchange.REQUEST_REPLY:
        session = protocol.session()
        _check_conversation(session, opening)
        if not _replies_to(session, example):
            did = "returned a request that expected() has no reply to"
            raise code_error(protocol.example, did, "return one that is answered, or None")


def _check_sized(protocol: Protocol, size: int, opening: list[bytes]) -> None:
    said: Any = call_user_code(protocol.sized_conversation, size)
    if said is None:
        return
    requests = list(said)
    if not requests or not all(isinstance(each, bytes) and each for each in requests):
        did = f"returned {said!r:.80} for {size}"
        raise code_error(protocol.sized_conversation, did, "return whole requests, or None")
    for request in requests:
        _check_personal(protocol, request)
    if isinstance(protocol, RequestReply):
        _check_conversation(protocol.session(), [*opening, *requests])


def _replies_to(session: RequestReply, request: bytes) -> list[Reply]:
    """Return what a right server must answer."""
    return [
        reply
        for part in call_user_code(session.parts, request)
        for reply in replies_of(call_user_code(session.expected, part), session.expected)
        if not reply.optional
    ]


def _check_conversation(session: RequestReply, requests: list[bytes]) -> None:
    """Frame each right reply that is known to the byte."""
    greeting = call_user_code(session.greeting)
    _check_framing(session, b"", replies_of(greeting, session.greeting))
    for request in requests:
        parts = list(call_user_code(session.parts, request))
        if b"".join(parts) != request:
            raise code_error(session.parts, "returned other bytes than the request's", "cut only")
        for part in parts:
            expected = call_user_code(session.expected, part)
            _check_framing(session, part, replies_of(expected, session.expected))


def _check_framing(session: RequestReply, request: bytes, replies: list[Reply]) -> None:
    for right in (reply.matcher for reply in replies):
        if not isinstance(right, bytes):
            continue
        try:
            problem = _framing_problem(type(session)(), request, right)
        except MalformedReplyError as error:
            problem = f"refuses it: {error}"
        if problem:
            raise code_error(
                session.expected,
                f"returned {printable(right, 60)}, {len(right)} bytes; reply_length {problem}",
                "let both agree",
            )


def _framing_problem(session: RequestReply, request: bytes, right: bytes) -> str:
    """Return in which way the framing disagrees with a whole right reply; empty where it agrees."""
    step = max(1, len(right) // _MOST_PREFIXES)
    reply_length: Callable[..., int | None] = session.reply_length
    given = (request,) if takes_request(reply_length) else ()
    for size in [*range(1, len(right), step), len(right)]:
        length: Any = call_user_code(reply_length, bytearray(right[:size]), *given)
        if length is not None and length.__class__ is not int:
            return f"says {length!r}"
        if size < len(right) and length is not None and length <= size:
            return f"ends it after {length}"
        if size == len(right) and not session.eof_ends_reply and length != size:
            return f"says {length}"
    return ""
