import pytest
from hypothesis import strategies as st

from tests.support.servers import Shout
from tests.zoo.upgrading import Upgraded
from wireproof.conformance.drawing import checked, draw_long, draw_requests, plain_request
from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.protocols.built_in.dns import Dns
from wireproof.protocols.datagram import DatagramProtocol
from wireproof.protocols.framed import FixedSize, LengthPrefixed
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


class _Limited(LengthPrefixed):
    length_bytes = 2

    def requests(self) -> st.SearchStrategy[bytes]:
        return st.one_of(
            st.binary(max_size=2000), st.text("ab", max_size=300).map(str.encode), st.binary()
        ).map(self.frame)

    def expected(self, request: bytes) -> bytes:
        return request


def test_long_requests_are_as_long_as_the_strategy_allows() -> None:
    """Bytes and texts with a limit reach it; what has none stays short, and all are alike again."""
    long = draw_long(_Limited(), TARGET)
    lengths = [*map(len, long)]
    assert lengths == sorted(lengths)
    assert {302, 2002} <= {*lengths}
    assert max(lengths) == 2002
    assert long == draw_long(_Limited(), TARGET)
    assert max(map(len, draw_requests(_Limited(), TARGET, 7))) < 302


def test_no_long_requests_where_any_size_can_be_had() -> None:
    """Those that the protocol makes to measure are better."""

    class Sized(_Limited):
        def sized_request(self, size_bytes: int) -> bytes | None:
            return None

    assert draw_long(Sized(), TARGET) == ()
    assert draw_long(Flags(), TARGET) == ()


class Flags(FixedSize):
    """Has short requests alone."""

    def requests(self) -> st.SearchStrategy[bytes]:
        """Return one byte."""
        return st.binary(min_size=1, max_size=1)

    def expected(self, request: bytes) -> bytes:
        """Return it."""
        return request


def test_long_datagrams_are_drawn_as_long() -> None:
    """Up to what a datagram may have; those are made to measure where the protocol does so."""

    class Lookup(DatagramProtocol):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.binary(min_size=1, max_size=900)

        def expected(self, datagram: bytes) -> bytes:
            return datagram

    over_udp = resolve(parse_target("udp://127.0.0.1:7"))[0]
    assert 900 in {*map(len, draw_long(Lookup(), over_udp))}
    assert draw_long(Dns(), over_udp) == ()
