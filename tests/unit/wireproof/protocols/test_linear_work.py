"""What an oracle does for a byte does not grow with the conversation: counted, not timed.

A judge whose work is quadratic blames the server for its own slowness.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice

import pytest

from tests.support.counted_work import Work, counted_buffers, work_of
from tests.support.right_replies import STAMP, pieces, right_replies
from wireproof.protocols.base import Protocol, as_sent
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.exchange import Exchange
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
from wireproof.protocols.loading.self_check import check_code
from wireproof.protocols.oracle import WrongReplyError

FEW, TIMES = 40, 4
MOST_GROWTH = 1.25
"""Of the work for a byte, where everything is four times as long; quadratic work grows by 4."""

ANSWERING = [name for name in BUILT_IN if find_protocol(name).exchange is Exchange.REQUEST_REPLY]
ARRIVALS = {"whole": 10**9, "octets": 1, "pieces": 1000}


def assert_linear(act: Callable[[int, Work], int]) -> None:
    """Assert that an act which touches `n` of something costs about as much for each byte.

    Args:
        act: does it, counts into the work, and returns how many bytes it was about.

    """
    costs = []
    for count in (FEW, FEW * TIMES):
        work = Work()
        with counted_buffers(work):
            about_bytes = act(count, work)
        costs.append(work.steps / about_bytes)
    assert costs[1] < costs[0] * MOST_GROWTH, costs


@cache
def drawn_requests(name: str) -> list[bytes]:
    """Return what the protocol draws."""
    return check_code(find_protocol(name), FEW)


def conversation(protocol: Protocol, count: int) -> tuple[list[bytes], list[bytes]]:
    """Return what one connection sends, its opening first, and the right replies."""
    drawn = drawn_requests(protocol.name) * (count // FEW)
    requests = as_sent(protocol, [*protocol.opening(), *drawn], 7)
    return requests, right_replies(protocol, requests)


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("name", ANSWERING)
def test_pipelined(name: str, arrival: str):
    """However replies arrive, one to a deep queue of requests costs what it does to a short one."""

    def act(count: int, work: Work) -> int:
        protocol = find_protocol(name)
        requests, replies = conversation(protocol, count)
        stream = b"".join(replies)
        oracle = protocol.oracle()

        def judge() -> None:
            for request in requests:
                oracle.announce(request)
                oracle.sent(len(request))
            for piece in pieces(stream, ARRIVALS[arrival]):
                oracle.receive_data(piece)

        work_of(judge, work)
        assert oracle.settled
        return sum(map(len, requests)) + len(stream)

    assert_linear(act)


@pytest.mark.parametrize("name", ANSWERING)
def test_in_turn(name: str):
    """The thousandth request of a connection costs what the first does, sent octet by octet."""

    def act(count: int, work: Work) -> int:
        protocol = find_protocol(name)
        requests, replies = conversation(protocol, count)
        oracle = protocol.oracle()
        greeting = replies[: len(replies) - len(requests)]

        def judge() -> None:
            for reply in greeting:
                oracle.receive_data(reply)
            for request, reply in zip(requests, replies[len(greeting) :], strict=True):
                oracle.announce(request)
                for _ in request:
                    oracle.sent(1)
                oracle.receive_data(reply)

        work_of(judge, work)
        assert oracle.settled
        return sum(map(len, requests)) + sum(map(len, replies))

    assert_linear(act)


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
@pytest.mark.parametrize("name", ["dns", "modbus-tcp"])
def test_out_of_order(name: str, order: str):
    """Where replies may overtake each other, the request of each is found without a search."""

    def act(count: int, work: Work) -> int:
        protocol = find_protocol(name)
        requests, (_, *replies) = conversation(protocol, count)
        replies.reverse()
        if order == "shuffled":
            random.Random(7).shuffle(replies)
        oracle = protocol.oracle()

        def judge() -> None:
            for request in requests:
                oracle.announce(request)
                oracle.sent(len(request))
            for reply in replies:
                oracle.receive_data(reply)

        work_of(judge, work)
        assert oracle.settled
        return sum(map(len, requests)) + sum(map(len, replies))

    assert_linear(act)


@pytest.mark.parametrize("last", ["acknowledgements", "deliveries", "nothing"])
def test_deliveries_behind_or_before_all_acknowledgements(last: str):
    """MQTT orders neither among the other: each is found at once, and one that is lost costs none.

    A message at QoS 0 may be lost, so its delivery may never come.
    """

    def act(count: int, work: Work) -> int:
        protocol = find_protocol("mqtt")
        publish = protocol.sized_request(100)
        assert publish
        opening = list(protocol.opening())
        requests = as_sent(protocol, [*opening, *[publish] * count], 7)
        replies = right_replies(protocol, requests)[1:]
        acknowledged = [reply[:4] for reply in replies[len(opening) :]]
        delivered = [reply[4:] for reply in replies[len(opening) :]]
        stream = b"".join(replies[: len(opening)])
        if last == "acknowledgements":
            stream += b"".join(delivered + acknowledged)
        else:
            stream += b"".join(acknowledged + (delivered if last == "deliveries" else []))
        oracle = protocol.oracle()

        def judge() -> None:
            for request in requests:
                oracle.announce(request)
                oracle.sent(len(request))
            oracle.receive_data(stream)

        work_of(judge, work)
        assert oracle.settled
        return sum(map(len, requests)) + len(stream)

    assert_linear(act)


def long_replies(name: str, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield requests, and a reply to each that is well framed, long, and may be a wrong one."""
    match name:
        case "redis":
            value = b"*2\r\n$5\r\nabcde\r\n:12\r\n"
            yield b"*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n", b"*%d\r\n" % count + value * count
            yield b"*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n", b"-" + b"ERR no " * count + b"\r\n"
        case "memcached":
            yield b"version\r\n", b"VALUE a 0 5\r\nab\r\nc\r\n" * count + b"END\r\n"
            yield b"version\r\n", b"VERSION " + b"1.6.18 " * count + b"\r\n"
        case "smtp":
            yield b"EHLO a\r\n", b"250-PIPELINING\r\n" * count + b"250 fine\r\n"
            yield b"EHLO a\r\n", b"250 " + b"fine and " * count + b"\r\n"
        case "http1":
            get, status = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n"
            chunked = status + b"Transfer-Encoding: chunked\r\n\r\n"
            yield get, chunked + b"5\r\nabcde\r\n" * count + b"0\r\n\r\n"
            body = b"abcde" * count
            yield get, status + b"Content-Length: %d\r\n\r\n" % len(body) + body
            yield get, b"HTTP/1.1 103 Early Hints\r\n\r\n" * count + status + b"\r\n"
        case "mqtt":
            yield b"\xc0\x00", b"\x30\xff\x7f\x00\x01a" + bytes(0x3FFF - 3)
        case "mllp":
            message = b"\x0bMSH|^~\\&|A|B|C|D|20261123144116||ADT^A01|7|P|2.5\r\x1c\r"
            head = b"\x0bMSH|^~\\&|\r"
            yield message, head + b"NTE|1|text\r" * count + b"MSA|AA|7\r\x1c\r"
        case "line-echo":
            line = b"abcdefg" * count + b"\n"
            yield line, line
        case "modbus-tcp":
            yield (
                b"\x00\x09\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01",
                b"\0\x09\0\0\xff\xff" + bytes(0xFFFF),
            )


LONG = ("redis", "memcached", "smtp", "http1", "mllp", "line-echo")


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("name", LONG)
def test_one_long_reply(name: str, arrival: str):
    """The end of a reply is found without reading again what was read, right or wrong."""
    for which in range(len(list(long_replies(name, 1)))):

        def act(count: int, work: Work, which: int = which) -> int:
            protocol = find_protocol(name)
            request, reply = list(long_replies(name, count))[which]
            oracle = protocol.oracle()
            for each in right_replies(protocol, [])[:1]:
                oracle.receive_data(each)

            def judge() -> None:
                oracle.announce(request)
                oracle.sent(len(request))
                try:
                    for piece in pieces(reply, ARRIVALS[arrival]):
                        oracle.receive_data(piece)
                except WrongReplyError:
                    pass

            work_of(judge, work)
            return len(request) + len(reply)

        assert_linear(act)


DATAGRAMS = [name for name in ANSWERING if "udp" in find_protocol(name).transports]


@pytest.mark.parametrize("order", ["in order", "reversed", "every second lost"])
@pytest.mark.parametrize("name", DATAGRAMS)
def test_datagrams(name: str, order: str):
    """A reply finds its datagram among many, those included that were lost long ago."""

    def act(count: int, work: Work) -> int:
        protocol = find_protocol(name)
        assert isinstance(protocol, Datagrams)
        exchanges = list(islice(_datagrams(name), count))
        oracle = protocol.datagram_oracle()

        def judge() -> None:
            for datagram, _ in exchanges:
                oracle.sent(datagram)
            answered: Sequence[tuple[bytes, bytes]] = exchanges
            if order != "in order":
                answered = exchanges[::-1] if order == "reversed" else exchanges[1::2]
            for _, reply in answered:
                oracle.receive(reply)

        work_of(judge, work)
        return sum(len(datagram) + len(reply) for datagram, reply in exchanges)

    assert_linear(act)


def _datagrams(name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield different datagrams of one size, and the right reply to each."""
    import dns.message

    for number in range(10**6):
        datagram = b"%016d\n" % number
        reply = STAMP + datagram if name == "timestamp-echo" else datagram
        if name == "dns":
            query = dns.message.make_query("a.example.com", "A", id=number)
            datagram, reply = query.to_wire(), dns.message.make_response(query).to_wire()
        yield datagram, reply
