"""DNS over UDP and over TCP, where each message has its length in front.

Over TCP a server may answer in any order (RFC 7766, section 6.2.1.1). What is compared: id, the QR
bit, the opcode, the question (names without regard to case) and, if `address` is set, the answer:
no error, and that address of that name or of what it is an alias of. Time to live, the order of
records and compression are the server's own affair.
"""

from __future__ import annotations

import string
from functools import lru_cache
from typing import TYPE_CHECKING

from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.framed import LengthPrefixed
from wireproof.protocols.judging.remembered import MOST_REMEMBERED, remembered
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Judge, Matcher
from wireproof.protocols.sizes import integers
from wireproof.results import Level
from wireproof.words import counted

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


_HEADER_BYTES = 12
_MOST_NAME_CHARACTERS = 253


class Dns(LengthPrefixed, Datagrams):
    """DNS queries for A records of names below `zone`."""

    name = "dns"
    source = "RFC 1035 sections 4.1 and 4.2; RFC 7766 section 6.2"
    transports = frozenset({"tcp", "tls", "udp"})
    modules = ("dns",)
    half_close = Level.MAY
    ordered = False
    length_bytes = 2
    max_request_bytes: int = 512
    zone: str = "example.com"
    """The names asked for are of this zone."""
    address: str = ""
    """The IPv4 address that every one of them has; where it is not set, any answer will do."""

    def requests(self) -> SearchStrategy[bytes]:
        """Return one query with its length in front."""
        return self.datagrams().map(self.frame)

    def datagrams(self) -> SearchStrategy[bytes]:
        """Return one query."""
        from hypothesis import strategies as st

        return st.one_of(*self._queries().values())

    def example(self) -> bytes:
        """Return a query for `www` of the zone."""
        return self.frame(self.datagram_example())

    def datagram_example(self) -> bytes:
        """Return a query for `www` of the zone."""
        return self._query(1, "www")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return queries for usual names, and for those with long labels and with many."""
        return {kind: queries.map(self.frame) for kind, queries in self._queries().items()}

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return queries for names of a few letters, with their length in front."""
        return {
            kind: (queries.map(self.frame), weight)
            for kind, (queries, weight) in self.datagram_workload().items()
        }

    def datagram_workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return queries for names of a few letters."""
        from hypothesis import strategies as st

        names = st.integers(0, 999).map(lambda number: f"host{number}")
        return {"a": (st.builds(self._query, st.integers(0, 65535), names), 1)}

    def fed(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return a query for a name, with its length in front."""
        return {
            kind: (self.frame(query), weight)
            for kind, (query, weight) in self.fed_datagram(value).items()
        }

    def fed_datagram(self, value: bytes) -> dict[str, tuple[bytes, float]]:
        """Return a query for a name; none where it is no name."""
        import dns.exception

        try:
            return {"a": (bytes(2) + _question(value.decode()), 1)}
        except (dns.exception.DNSException, UnicodeError):
            return {}

    def _queries(self) -> dict[str, SearchStrategy[bytes]]:
        from hypothesis import strategies as st

        ids = integers(0, 65535)
        letters = string.ascii_lowercase + string.digits
        room = max(1, _MOST_NAME_CHARACTERS - len(self.zone) - 1)
        labels = {
            "name": st.text(letters, min_size=1, max_size=20),
            "long-label": st.sampled_from([62, 63]).map(lambda size: "l" * size),
            "long-name": st.just(".".join(["n" * 63] * 4)),
            "many-labels": st.integers(2, 100).map(lambda count: ".".join("m" * count)),
        }
        return {
            kind: st.builds(self._query, ids, label.map(lambda text: text[:room].strip(".")))
            for kind, label in labels.items()
        }

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return None: names have at most 255 octets."""
        del size_bytes
        return None

    def numbered(self, request: bytes, number: int) -> bytes:
        """Set the id: none may be used twice at a time (RFC 7766, section 6.2.1)."""
        return request[:2] + (number % 65536).to_bytes(2) + request[4:]

    def message_id(self, message: bytes) -> bytes:
        """Return the id, which query and response share."""
        return message[2:4]

    def datagram_id(self, datagram: bytes) -> bytes:
        """Return the id, which query and response share."""
        return datagram[:2]

    def refused(self, reply: bytes) -> bool:
        """Say whether the response is an error."""
        return len(reply) > 5 and reply[5] & 0x0F != 0

    def in_words(self, reply: bytes) -> str:
        """Return the response code, and how many answers there are."""
        return self.datagram_in_words(self.payload(reply))

    def datagram_in_words(self, datagram: bytes) -> str:
        """Return the response code, and how many answers there are."""
        import dns.rcode

        if len(datagram) < _HEADER_BYTES:
            return ""
        if not datagram[2] & 0x80:
            return "a query"
        answers = counted(int.from_bytes(datagram[6:8]), "answer", "answers")
        return f"{dns.rcode.to_text(dns.rcode.Rcode(datagram[3] & 0x0F))}, {answers}"

    def expected(self, request: bytes) -> Matcher:
        """Return a judge of the reply, whose length stands in front."""
        right = self.expected_datagram(self.payload(request))
        return Judge(lambda reply: right(self.payload(reply)), right.description)

    def expected_datagram(self, datagram: bytes) -> Judge:
        """Return a judge of the reply."""

        def description() -> str:
            import dns.message

            query = dns.message.from_wire(datagram)
            about = f"a response with id {query.id} about {query.question[0].name}"
            return about + (f", address {self.address}" if self.address else "")

        def accepts(reply: bytes) -> bool:
            same_id = reply[:2] == datagram[:2]
            return same_id and _answers(reply[2:], datagram[2:], self.address)

        return Judge(accepts, description)

    def _query(self, number: int, label: str) -> bytes:
        return number.to_bytes(2) + _question(f"{label}.{self.zone}")


@lru_cache(maxsize=MOST_REMEMBERED)
def _question(name: str) -> bytes:
    """Return a query for the address of a name, without the id."""
    import dns.message

    return bytes(dns.message.make_query(name, "A", id=0).to_wire()[2:])


@remembered
def _answers(reply: bytes, asked: bytes, address: str) -> bool:
    """Say whether one message answers the other; both are without their ids."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode

    query = dns.message.from_wire(b"\0\0" + asked)
    try:
        response = dns.message.from_wire(b"\0\0" + reply)
    except (dns.exception.DNSException, ValueError) as error:
        raise MalformedReplyError(f"no DNS message: {error}") from None
    if (
        not response.flags & dns.flags.QR
        or response.opcode() != query.opcode()
        or response.question != query.question
    ):
        return False
    if not address or response.flags & dns.flags.TC:
        return True
    if response.rcode() != dns.rcode.NOERROR:
        return False
    assert isinstance(response, dns.message.QueryMessage)  # as its opcode says
    try:
        found = response.resolve_chaining().answer
    except dns.exception.DNSException as error:
        raise MalformedReplyError(f"aliases without end: {error}") from None
    return found is not None and address in [record.to_text() for record in found]
