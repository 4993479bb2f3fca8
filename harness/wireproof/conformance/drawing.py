"""Requests as a protocol's strategies draw them: some of each kind, reproducibly, and checked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.user_code import call_user_code
from wireproof.target import Target

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_LONG = "wireproof-long"
_USUALLY_BYTES = 64


def plain_request(protocol: Protocol, target: Target, requests: Sequence[bytes]) -> bytes:
    """Return what an ordinary user would send: what the protocol names, else a middling request."""
    named = protocol.example
    if isinstance(protocol, Datagrams) and not target.is_stream:
        named = protocol.datagram_example
    if example := call_user_code(named):
        return checked(protocol, example)
    usual = [one for one in requests if 4 <= len(one) <= 64]
    return usual[len(usual) // 2] if usual else requests[0]


def draw_requests(
    protocol: Protocol, target: Target, seed: int, count: int = 60
) -> tuple[bytes, ...]:
    """Draw valid requests or datagrams, reproducibly, the smallest of all among them.

    Returns:
        Different requests in order of length.

    Raises:
        UsageError: the protocol is not spoken over the target's transport.
        ProtocolCodeError: the protocol's strategy is none, draws no bytes, or raises.

    """
    if target.scheme not in protocol.transports:
        instead = f"it is spoken over {', '.join(sorted(protocol.transports))}"
        if target.scheme == "udp":
            instead += "; a class for datagrams is a DatagramProtocol"
        raise UsageError(f"{protocol.called} is not spoken over {target.scheme}", instead)
    if target.scheme in {"tls", "exec"} and any(map(protocol.begins_tls, protocol.opening())):
        instead = "write tcp://HOST:PORT or unix:/PATH"
        raise UsageError(f"TLS cannot begin inside a connection to {target}", instead)
    if isinstance(protocol, Datagrams) and not target.is_stream:
        return draw_bytes(protocol, protocol.datagrams(), seed, count)
    return draw_bytes(protocol, requests_of(protocol), seed, count)


def draw_bytes(
    protocol: Protocol, strategy: "SearchStrategy[bytes]", seed: int, count: int
) -> tuple[bytes, ...]:
    """Draw from one of the protocol's strategies; see `draw_requests`."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as with_seed

    drawn: set[bytes] = set()

    @with_seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(request: bytes) -> None:
        drawn.add(checked(protocol, request))

    _as_users(protocol, collect)
    return tuple(sorted(drawn, key=lambda request: (len(request), request)))


def draw_long(protocol: Protocol, target: Target, count: int = 24) -> tuple[bytes, ...]:
    """Draw requests, or datagrams, whose texts and bytes are about as long as they may be.

    Hypothesis draws short ones: of `max_size=2000` hardly any has a hundred. What has no limit
    stays short, since whoever set none has not thought of long ones. Always the same are drawn.

    Returns:
        Those that are longer than what is drawn usually, in order of length; none where the
        protocol has requests of any size, or whole conversations.

    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as with_seed

    of_any_size = overrides(protocol, Protocol, "sized_request")
    strategy = requests_of(protocol)
    if isinstance(protocol, Datagrams) and not target.is_stream:
        of_any_size = of_any_size or overrides(protocol, Datagrams, "sized_datagram")
        strategy = protocol.datagrams()
    if of_any_size or protocol.conversations() or not _has_long_provider():
        return ()
    drawn: set[bytes] = set()

    @with_seed(0)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        backend=_LONG,
    )
    @given(strategy)
    def collect(request: bytes) -> None:
        drawn.add(checked(protocol, request))

    _as_users(protocol, collect)
    long = (one for one in drawn if _USUALLY_BYTES < len(one) <= protocol.max_request_bytes)
    return tuple(sorted(long, key=lambda request: (len(request), request)))


def _has_long_provider() -> bool:
    """Tell Hypothesis of the provider that draws long; False where it knows none of its kind."""
    try:
        from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS

        from wireproof.conformance.drawing_long import LongProvider
    except ImportError:  # an older Hypothesis
        return False
    AVAILABLE_PROVIDERS[_LONG] = f"{LongProvider.__module__}.{LongProvider.__qualname__}"
    return True


def requests_of(protocol: Protocol) -> "SearchStrategy[bytes]":
    """Return the protocol's strategy.

    Raises:
        ProtocolCodeError: it is none.

    """
    from hypothesis.strategies import SearchStrategy

    strategy = protocol.requests()
    if not isinstance(strategy, SearchStrategy):
        raise ProtocolCodeError(
            f"{type(protocol).__name__}.requests returned {type(strategy).__name__}",
            "return a Hypothesis strategy, such as hypothesis.strategies.binary(min_size=1)",
        )
    return strategy


def conversations_of(
    protocol: Protocol, min_size: int, max_size: int
) -> "SearchStrategy[list[bytes]]":
    """Return a strategy for conversations: given ones, where requests belong together."""
    from hypothesis import strategies as st

    if given := protocol.conversations():
        return st.sampled_from([list(one) for one in given])
    return st.lists(requests_of(protocol), min_size=min_size, max_size=max_size)


def checked(protocol: Protocol, request: object) -> bytes:
    """Return a drawn request if it is one.

    Raises:
        ProtocolCodeError: it is not bytes, or empty.

    """
    if not isinstance(request, bytes) or not request:
        raise ProtocolCodeError(
            f"{type(protocol).__name__}.requests drew {request!r:.80}",
            "draw bytes, at least one",
        )
    return request


def _as_users(protocol: Protocol, collect: object) -> None:
    """Run the user's strategy; what it raises is the user's fault."""
    try:
        collect()  # type: ignore[operator]  # given() hides the signature
    except UsageError:
        raise
    except Exception as error:
        raise ProtocolCodeError(
            f"{type(protocol).__name__}.requests raised {type(error).__name__}: {error}"
        ) from error
