"""Does a protocol class agree with itself? Asked before any server is.

A class that frames replies otherwise than it expects them accuses every server. So its own right
replies go through its own framing first: each must end exactly where it ends, and no sooner.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from wireproof.errors import ProtocolCodeError
from wireproof.protocols.base import Protocol
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.oracle import MalformedReplyError, printable
from wireproof.protocols.replies import Reply, replies_of
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.user_code import call_user_code, code_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

_EXAMPLES = 20
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
    if (malformed := call_user_code(protocol.malformed)) is not None:
        _drawn(lambda: malformed, 2, protocol.malformed)
    for size in _SIZES:
        sized = call_user_code(protocol.sized_request, size)
        if sized is not None and len(sized) != size:
            did = f"returned {len(sized)} bytes for {size}"
            raise code_error(protocol.sized_request, did, "return exactly so many, or None")
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
        raise code_error(blame, f"cannot be drawn from: {error}", "mend the strategy") from error
    for value in drawn:
        if not isinstance(value, bytes) or not (value or empty):
            raise code_error(blame, f"drew {value!r:.80}", "draw bytes, at least one")
    return drawn


def _check_personal(protocol: Protocol, request: Any) -> None:
    if not isinstance(request, bytes) or not request:
        raise code_error(protocol.opening, f"returned {request!r:.80}", "return whole requests")
    for change, serial in product((protocol.personalise, protocol.numbered), (0, 4095, 2**31)):
        changed = call_user_code(change, request, serial)
        if len(changed) != len(request):
            raise code_error(
                change,
                f"made {len(changed)} bytes of {len(request)}",
                "return as many as there were",
            )
    pauses = list(call_user_code(protocol.pauses, request))
    if pauses != sorted({at for at in pauses if 0 < at < len(request)}):
        raise code_error(
            protocol.pauses, f"returned {pauses!r:.80}", "return rising offsets within the request"
        )


def _check_conversation(session: RequestReply, requests: list[bytes]) -> None:
    """Frame each right reply that is known to the byte."""
    _check_framing(session, replies_of(call_user_code(session.greeting), session.greeting))
    for request in requests:
        parts = list(call_user_code(session.parts, request))
        if b"".join(parts) != request:
            raise code_error(session.parts, "returned other bytes than the request's", "cut only")
        for part in parts:
            expected = call_user_code(session.expected, part)
            _check_framing(session, replies_of(expected, session.expected))


def _check_framing(session: RequestReply, replies: list[Reply]) -> None:
    for right in (reply.matcher for reply in replies):
        if not isinstance(right, bytes):
            continue
        try:
            problem = _framing_problem(type(session)(), right)
        except MalformedReplyError as error:
            problem = f"refuses it: {error}"
        if problem:
            raise code_error(
                session.expected,
                f"returned {printable(right, 60)}, {len(right)} bytes; reply_length {problem}",
                "let both agree",
            )


def _framing_problem(session: RequestReply, right: bytes) -> str:
    """Return in which way the framing disagrees with a whole right reply; empty where it agrees."""
    step = max(1, len(right) // _MOST_PREFIXES)
    for size in [*range(1, len(right), step), len(right)]:
        length: Any = call_user_code(session.reply_length, bytearray(right[:size]))
        if length is not None and length.__class__ is not int:
            return f"says {length!r}"
        if size < len(right) and length is not None and length <= size:
            return f"ends it after {length}"
        if size == len(right) and not session.eof_ends_reply and length != size:
            return f"says {length}"
    return ""
