"""What holds for every built-in protocol."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protocols.datagram import Datagrams
from harness.protocols.registry import BUILT_IN, find_protocol
from harness.protocols.self_check import check_code

each = pytest.mark.parametrize("name", BUILT_IN)


@each
def test_agrees_with_itself(name: str):
    """Each class frames its own right replies, keeps sizes, and draws what it should."""
    assert check_code(find_protocol(name))


@each
def test_says_what_it_is(name: str):
    """Each has its name, a summary, a source, and UDP exactly where it judges datagrams."""
    protocol = find_protocol(name)
    assert protocol.name == name
    assert protocol.summary.endswith(".")
    assert protocol.source
    assert ("udp" in protocol.transports) == isinstance(protocol, Datagrams)


@each
def test_rules_can_be_judged(name: str):
    """The conversations of each rule are valid to its protocol's oracle; its id names it."""
    protocol = find_protocol(name)
    prefix = name.upper().split("-")[0]
    for rule in protocol.rules():
        assert rule.id.startswith(prefix)
        for conversation in rule.conversations:
            oracle = protocol.oracle()
            for request in [*protocol.opening(), *conversation]:
                oracle.announce(protocol.personalise(request, 7))
                oracle.sent(len(request))
            assert oracle.owed


@each
@settings(max_examples=20)
@given(data=st.data())
def test_personal_requests_stay_valid(name: str, data: st.DataObject):
    """A request made private to a connection has its length, and differs between connections."""
    protocol = find_protocol(name)
    request = data.draw(protocol.requests())
    one, other = (protocol.personalise(request, serial) for serial in (1, 2))
    assert len(one) == len(other) == len(request)
    assert (one == other) == (protocol.personalise(request, 5) == one)


def test_sized_requests_reach_the_borders():
    """Protocols with a payload of any size have requests around the usual buffer sizes."""
    for name in ("echo", "line-echo", "redis", "memcached", "mllp", "mqtt", "http1", "smtp"):
        protocol = find_protocol(name)
        sizes = range(1000, 1100)
        found = [size for size in sizes if protocol.sized_request(size) is not None]
        assert len(found) >= 98, name  # a length that gains a digit leaves a size out
