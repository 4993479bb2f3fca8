"""DNS: id, question and, where asked for, the address."""

import dns.message
import dns.rrset
import pytest

from harness.protocols import WrongReplyError
from harness.protocols.dns import Dns

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
