"""What holds for every built-in protocol."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wireproof.protocols.base import as_sent
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
from wireproof.protocols.loading.self_check import check_code
from wireproof.results import Level

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
    assert protocol.summary().endswith(".")
    assert protocol.source
    assert ("udp" in protocol.transports) == isinstance(protocol, Datagrams)


@each
def test_rules_can_be_judged(name: str):
    """The conversations of each rule are valid to its protocol's oracle; its id names it."""
    protocol = find_protocol(name)
    prefix = name.upper().split("-")[0]
    for rule in protocol.rules():
        assert re.fullmatch(rf"{prefix}-[0-9]{{3}}", rule.id)
        assert isinstance(rule.level, Level)
        for conversation in rule.conversations:
            oracle = protocol.oracle()
            for request in [*protocol.opening(), *conversation]:
                oracle.announce(protocol.personalise(request, 7))
                oracle.sent(len(request))
            assert oracle.owed


SOURCE = re.compile(
    r"RFC [0-9]{4} sections? [0-9. and]+(?:; CVE-[0-9]{4}-[0-9]+)?"
    r"|RESP specification, [A-Z][a-z ]+|memcached, doc/protocol[.]txt, [A-Z][a-z ]+"
)


@each
def test_rules_say_what_where_and_why(name: str):
    """The title and the reason of each rule are a sentence; its source has a place in it."""
    for rule in find_protocol(name).rules():
        for sentence in (rule.title, rule.reason):
            assert re.fullmatch(r"[A-Z].*[A-Za-z0-9][.]", sentence)
            assert not sentence.isupper()
        assert SOURCE.fullmatch(rule.source)


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


IDENTIFIERS = [
    (
        "dns",
        2,
        b"\x00\x1d\x00\x09\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x03com\x00\x00\x01\x00\x01",
    ),
    ("modbus-tcp", 0, b"\x00\x09\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01"),
    ("mqtt", 2, b"\x82\x06\x00\x09\x00\x01a\x00"),
    ("mqtt", 5, b"\x32\x06\x00\x01a\x00\x09X"),
    ("mqtt", None, b"\x30\x04\x00\x01aX"),
    ("mqtt", None, b"\xc0\x00"),
]


@pytest.mark.parametrize(("name", "at", "request_bytes"), IDENTIFIERS)
def test_no_identifier_is_under_way_twice(name: str, at: int | None, request_bytes: bytes):
    """Equal requests of one connection leave with an identifier each, and are else the same."""
    sent = as_sent(find_protocol(name), [request_bytes] * 3, 0, first=65534)
    if at is None:
        assert sent == [request_bytes] * 3
        return
    assert len({each[at : at + 2] for each in sent}) == 3
    assert {each[:at] + each[at + 2 :] for each in sent} == {
        request_bytes[:at] + request_bytes[at + 2 :]
    }
    assert name != "mqtt" or all(each[at : at + 2] != b"\0\0" for each in sent)


def test_sized_requests_reach_the_borders():
    """Protocols with a payload of any size have requests around the usual buffer sizes."""
    for name in ("echo", "line-echo", "redis", "memcached", "mllp", "mqtt", "http1", "smtp"):
        protocol = find_protocol(name)
        sizes = range(1000, 1100)
        found = [size for size in sizes if protocol.sized_request(size) is not None]
        assert len(found) >= 98, name  # a length that gains a digit leaves a size out
