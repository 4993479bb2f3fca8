"""DNS: id, question and, where asked for, the address."""

import string

import dns.flags
import dns.message
import dns.rrset
import pytest

from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.built_in.dns import Dns
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code
from wireproof.protocols.replies import shown

QUERY = dns.message.make_query("Name.example.com", "A", id=7)


def reply(
    number: int = 7,
    name: str = "name.EXAMPLE.com",
    address: str = "192.0.2.1",
    *,
    owner: str = "",
    alias: str = "",
    rcode: int = 0,
    opcode: int = 0,
) -> bytes:
    """Return a response."""
    response = dns.message.make_response(dns.message.make_query(name, "A", id=number))
    if alias:
        response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{alias}."))
    response.answer.append(dns.rrset.from_text(f"{owner or name}.", 60, "IN", "A", address))
    response.set_rcode(rcode)
    response.flags |= opcode << 11
    return bytes(response.to_wire())


@pytest.mark.parametrize(
    ("response", "right"),
    [
        (reply(), True),
        (reply(number=8), False),
        (reply(name="other.example.com"), False),
        (reply(address="192.0.2.2"), False),
        (reply(alias="www.example.com", owner="www.example.com"), True),
        (reply(alias="www.example.com", owner="ftp.example.com"), False),
        (reply(alias="name.example.com", owner="www.example.com"), False),
        (reply(owner="other.example.com"), False),
        (reply(rcode=2), False),
        (reply(opcode=4), False),
        (QUERY.to_wire(), False),
        (b"\x00\x07", False),
    ],
    ids=[
        "right",
        "id",
        "question",
        "address",
        "alias",
        "not of the alias",
        "alias of itself",
        "of another name",
        "error",
        "opcode",
        "a query",
        "no message",
    ],
)
def test_a_response_is_judged_over_both_transports(response: bytes, right: bool):
    """Case does not matter, everything else does; over TCP the length stands in front."""
    protocol = Dns()
    protocol.address = "192.0.2.1"
    datagrams, stream = protocol.datagram_oracle(), protocol.oracle()
    datagrams.sent(QUERY.to_wire())
    framed = protocol.frame(QUERY.to_wire())
    stream.announce(framed)
    stream.sent(len(framed))
    if right:
        datagrams.receive(response)
        assert stream.receive_data(protocol.frame(response)) == 1
    else:
        with pytest.raises(WrongReplyError):
            datagrams.receive(response)
        with pytest.raises(WrongReplyError):
            stream.receive_data(protocol.frame(response))


def test_queries_for_addresses_in_the_zone_are_drawn():
    """Each is for the A records of one name below the zone, with its length in front.

    Names are short, or have labels or a number of them at the limit.
    """
    protocol = find_protocol("dns", {"zone": "example.org"})
    ids: set[int] = set()
    letters = ""
    longest = most = 0
    sizes: set[int] = set()
    for framed in check_code(protocol, 250):
        assert int.from_bytes(framed[:2]) == len(framed) - 2
        query = dns.message.from_wire(framed[2:])
        (question,) = query.question
        name = question.name.to_text().removesuffix(".")
        assert name.endswith(".example.org")
        sizes.add(len(name))
        label, *_ = labels = name.split(".")[:-2]
        assert all(1 <= len(each) <= 63 for each in labels)
        longest, most = max(longest, len(label)), max(most, len(labels))
        assert (question.rdtype, question.rdclass, query.opcode()) == (1, 1, 0)
        ids.add(query.id)
        letters += label
    assert longest == 63
    assert most > 60
    assert max(sizes) == 253
    assert set(letters) == set(string.ascii_lowercase + string.digits)
    assert max(ids) > 255
    assert check_code(protocol, 5) == check_code(protocol, 5)  # no id comes from elsewhere
    assert protocol.sized_request(100) is None


def test_ids_count_up_and_begin_anew():
    """The id stands behind the length, and is all that changes."""
    framed = Dns().frame(QUERY.to_wire())
    for number, wanted in ((258, b"\1\2"), (65535, b"\xff\xff"), (65536, b"\0\0")):
        assert Dns().numbered(framed, number) == framed[:2] + wanted + framed[4:]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "a response with id 7 about Name.example.com."),
        ("192.0.2.1", "a response with id 7 about Name.example.com., address 192.0.2.1"),
    ],
)
def test_what_is_right_is_said(address: str, says: str):
    """The id, the name, and the address where one is set."""
    protocol = find_protocol("dns", {"address": address})
    assert isinstance(protocol, Dns)
    assert shown(protocol.expected_datagram(QUERY.to_wire())) == says
    assert shown(protocol.expected(protocol.frame(QUERY.to_wire()))) == says


def without_answer(*, truncated: bool = False, rcode: int = 0) -> bytes:
    """Return a response without a record."""
    response = dns.message.make_response(QUERY)
    response.flags |= dns.flags.TC if truncated else 0
    response.set_rcode(rcode)
    return bytes(response.to_wire())


def two_addresses() -> bytes:
    """Return a response with two records."""
    response = dns.message.make_response(QUERY)
    response.answer.append(
        dns.rrset.from_text("name.example.com.", 60, "IN", "A", "192.0.2.9", "192.0.2.1")
    )
    return bytes(response.to_wire())


@pytest.mark.parametrize(
    ("response", "any_answer", "with_address"),
    [
        (without_answer(), True, False),
        (without_answer(truncated=True), True, True),
        (without_answer(rcode=3), True, False),
        (two_addresses(), True, True),
        (reply(address="192.0.2.2"), True, False),
        (reply(rcode=2), True, False),
        (reply(number=8), False, False),
        (reply(opcode=4), False, False),
        (reply(name="other.example.com"), False, False),
        (bytes(QUERY.to_wire()), False, False),
    ],
    # Not the bytes: in which order a response's records stand is dnspython's whim.
    ids=[
        *("none", "truncated", "no such name", "two addresses", "another address", "failure"),
        *("another id", "another opcode", "another name", "a query"),
    ],
)
def test_an_answer_is_asked_for_only_with_an_address(
    response: bytes, any_answer: bool, with_address: bool
):
    """Without an address any answer will do; with one a truncated response, or the address."""
    for address, right in (("", any_answer), ("192.0.2.1", with_address)):
        protocol = Dns()
        protocol.address = address
        assert protocol.expected_datagram(QUERY.to_wire())(response) == right


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (b"\x00\x07", "^no DNS message: .*too short"),
        (reply(alias="name.example.com", owner="www.example.com"), "^aliases without end: .*chain"),
    ],
)
def test_what_is_malformed_is_said(response: bytes, says: str):
    """The error has the words of the library that reads messages."""
    protocol = Dns()
    protocol.address = "192.0.2.1"
    with pytest.raises(MalformedReplyError, match=says):
        protocol.expected_datagram(QUERY.to_wire())(response)
