import pytest
from hypothesis import strategies as st

from tests.support.servers import Shout
from tests.zoo.upgrading import Upgraded
from wireproof.conformance.drawing import checked, draw_requests, plain_request
from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols.built_in.dns import Dns
from wireproof.target import parse_target, resolve

TARGET = resolve(parse_target("tcp://127.0.0.1:7"))[0]


def test_the_requests_are_reproducible_and_ordered() -> None:
    """The same seed, the same requests, the smallest of all first."""
    requests = draw_requests(Shout(), TARGET, 7)
    assert requests == draw_requests(Shout(), TARGET, 7)
    assert requests[0] == b"\n"
    assert list(requests) == sorted(set(requests), key=lambda request: (len(request), request))


@pytest.mark.parametrize("drawn", ["text", b"", None])
def test_a_request_is_bytes(drawn: object) -> None:
    """What the user's strategy draws is looked at, and named if it is no request."""
    with pytest.raises(ProtocolCodeError, match=r"Shout\.requests drew"):
        checked(Shout(), drawn)


def test_a_transport_that_the_protocol_does_not_know() -> None:
    """It is told which ones it is spoken over."""
    with pytest.raises(UsageError, match="shout is not spoken over udp") as error:
        draw_requests(Shout(), parse_target("udp://127.0.0.1:7"), 0)
    assert "tcp" in error.value.instead


def test_a_strategy_is_one() -> None:
    """A list of requests is no strategy; what to return is said."""

    class Listed(Shout):
        def requests(self) -> st.SearchStrategy[bytes]:
            return [b"a\n"]  # type: ignore[return-value]

    with pytest.raises(ProtocolCodeError, match="returned list") as error:
        draw_requests(Listed(), TARGET, 0)
    assert "Hypothesis strategy" in error.value.instead


def test_a_strategy_that_raises_is_the_users() -> None:
    """The user's exception is named."""

    class Raising(Shout):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.integers().map(lambda number: b"x" * (number // 0))

    with pytest.raises(ProtocolCodeError, match="ZeroDivisionError"):
        draw_requests(Raising(), TARGET, 0)


@pytest.mark.parametrize(("scheme", "framed"), [("tcp", True), ("udp", False)])
def test_the_plain_request_is_one_of_the_transport(scheme: str, framed: bool) -> None:
    """Over UDP the plain datagram is asked for, not the stream's request, which is framed."""
    protocol, target = Dns(), parse_target(f"{scheme}://127.0.0.1:53")
    datagram = protocol.datagram_example()
    right = protocol.frame(datagram) if framed else datagram
    assert plain_request(protocol, target, ()) == right


@pytest.mark.parametrize("named", ["tls://127.0.0.1:7", "exec:cat"])
def test_tls_begins_inside_a_connection_in_clear_alone(named: str) -> None:
    """Not inside TLS, nor on pipes: that is told with what to write instead."""
    target = resolve(parse_target(named))[0]
    with pytest.raises(UsageError, match="TLS cannot begin"):
        draw_requests(Upgraded(), target, seed=1)
