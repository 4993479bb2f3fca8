"""Oracles of message protocols against slow judges with parsers of their own.

A slow judge sees the whole stream of replies at once, and tries every division of it into replies.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import slow_dns
from tests.support.slow_http import read_response
from tests.support.slow_judges import (
    Several,
    Way,
    accepts,
    cut,
    drawn_replies,
    fits,
    spoilt,
    variants,
)
from wireproof.protocols.loading.registry import find_protocol


@dataclass(frozen=True)
class Case:
    """A protocol as it is set, what it is asked, and its slow judge.

    Attributes:
        name: the protocol's.
        settings: the protocol's.
        requests: what may be asked.
        ways: all the ways to answer requests.
        wrong: replies that are never right.
        distinct: whether no request is asked twice.

    """

    name: str
    settings: dict[str, str]
    requests: Sequence[bytes]
    ways: Callable[[Sequence[bytes]], Sequence[Way]]
    wrong: Sequence[bytes]
    distinct: bool = False


def _smtp_reply(first: bytes, *codes: bytes) -> Several:
    """Lines with one code, which is one of these; a hyphen behind it on all but the last."""

    def is_right(reply: bytes) -> bool:
        *lines, rest = reply.split(b"\r\n")
        if rest or not lines or lines[0][:3] not in codes:
            return False
        return all(
            line[:3] == lines[0][:3]
            and line[3:4] in ((b"-",) if at < len(lines) - 1 else (b" ", b""))
            and b"\r" not in line
            and b"\n" not in line
            for at, line in enumerate(lines)
        )

    texts = (b"%b ok\r\n", b"%b\r\n", b"%b-a b\r\n%b \r\n", b"%b-\r\n%b-250 x\r\n%b y\r\n")
    return Several(is_right, [text.replace(b"%b", first) for text in texts])


def _smtp(requests: Sequence[bytes]) -> Sequence[Way]:
    """The codes of RFC 5321, section 4.3.2; text with bare CR or LF may be refused.

    With 421 or 521 the server refuses all that follows, too.
    """
    ways: list[list[Several]] = [[_smtp_reply(b"220", b"220")]]
    ended: list[list[Several]] = []
    text: list[bytes] | None = None
    for line in b"".join(requests).split(b"\r\n")[:-1]:
        if text is not None and line != b".":
            text.append(line)
            continue
        if text is not None:
            bare = any(b"\r" in each or b"\n" in each for each in text)
            text = None
            if bare:
                goodbye = _smtp_reply(b"421", b"421", b"521")
                ended += [[*way, goodbye] for way in ways]
                any_code = [b"%03d" % code for code in range(200, 600) if code // 100 != 3]
                right = _smtp_reply(b"554", *(set(any_code) - {b"421", b"521"}))
            else:
                right = _smtp_reply(b"250", b"250")
        elif line == b"DATA":
            right, text = _smtp_reply(b"354", b"354"), []
        elif line.startswith(b"RCPT"):
            right = _smtp_reply(b"251", b"250", b"251")
        else:
            right = _smtp_reply(b"250", b"250")
        ways = [[*way, right] for way in ways]
    return ways + ended


ENVELOPE = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"
SMTP = Case(
    "smtp",
    {},
    [
        b"EHLO client\r\n",
        b"NOOP\r\n",
        b"RSET\r\n",
        ENVELOPE + b".\r\n",
        ENVELOPE + b"..\r\n...\r\nNOOP\r\n. \r\n.\r\n",
        ENVELOPE + b"a\n.\nNOOP\r\n.\r\n",
        ENVELOPE + b"a\r\n.\rNOOP\r\nDATA\r\n.\r\n",
    ],
    _smtp,
    [
        *(b"%d no\r\n" % code for code in (150, 220, 251, 252, 299, 354, 421, 450, 550, 600)),
        b"250-a\r\n251 b\r\n",
        b"25 a\r\n",
        b"250a\r\n",
        b"250 a\n",
    ],
)


def _http_bodies(request: bytes, *, echo: bool) -> bytes:
    """The body that is asked for: method, target, and what was sent."""
    body = {b"G": b"GET /a\n", b"P": b"POST /b\n"}[request[:1]]
    return body + (b"xyz" if echo and request[:1] == b"P" else b"")


def _http(contract: str) -> Callable[[Sequence[bytes]], Sequence[Way]]:
    """Responses in order, one a request; behind one that closes there are none."""

    def reply(request: bytes, *ends: str) -> Several:
        body = _http_bodies(request, echo=contract == "echo")

        def is_right(reply: bytes) -> bool:
            found = read_response(reply)
            if found is None or found[2] not in ends:
                return False
            return found[0] != 400 if contract == "any" else found[:2] == (200, body)

        head = b"HTTP/1.1 200 OK\r\n"
        half, size = len(body) // 2, b"Content-Length: %d\r\n" % len(body)
        chunks = b"%x;x=y\r\n%b\r\n%X\r\n%b\r\n0\r\n" % (
            half,
            body[:half],
            len(body) - half,
            body[half:],
        )
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        old = b"HTTP/1.0 200 OK\r\n"
        examples = [
            head + size + b"\r\n" + body,
            head + CHUNKED + b"\r\n" + chunks + b"X-T: u\r\n\r\n",
            hint + hint + head + b"X-Connection: close\r\n" + size + b"\r\n" + body,
            b"HTTP/1.1 200\nConnection: x\n" + size.strip() + b"\n\n" + body,
            old + b"Connection:Keep-Alive\r\n" + size + b"\r\n" + body,
            head + b"Connection:close\r\n" + size + b"\r\n" + body,
            head + CHUNKED + b"connection: x ,\tClose\r\n\r\n" + chunks + b"\r\n",
            hint + head + b"Connection: close\r\n" + size + b"\r\n" + body,
            hint + old + size + b"\r\n" + body,
            head + b"\r\n" + body,
            old + b"Connection: keep-alive\r\n\r\n" + body,
        ]
        if contract == "any":
            examples += [b"HTTP/1.1 304 Not Modified\r\n" + size + b"\r\n", head + b"\r\n"]
            examples += [b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n"]
        return Several(is_right, [each for each in examples if is_right(each)])

    def ways(requests: Sequence[bytes]) -> Sequence[Way]:
        kept = [reply(request, "open") for request in requests]
        last = [reply(request, "close", "end of stream") for request in requests]
        return [kept, *([*kept[:at], last[at]] for at in range(len(requests)))]

    return ways


CHUNKED = b"Transfer-Encoding: chunked\r\n"
HTTP_REQUESTS = [
    b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz",
    b"POST /b HTTP/1.1\r\nHost: h\r\n" + CHUNKED + b"\r\n1;a\r\nx\r\n2\r\nyz\r\n0\r\n\r\n",
]
HTTP_WRONG = [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 600 Beyond\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switch\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/2.0 200 OK\r\nContent-Length: 7\r\n\r\nGET /a\n",
    b"HTTP/0.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nGET /a\n",
    b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n7\r\nGET /a\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n" + CHUNKED + b"\r\n7\r\nGET /a\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\nGET /a\n",
]


def _mllp(requests: Sequence[bytes]) -> Sequence[Way]:
    """One acknowledgement a message, in order; its fields are separated by what it says itself.

    A segment may end with LF, which many servers write.
    """

    def reply(control_id: bytes) -> Several:
        def is_right(reply: bytes) -> bool:
            if reply[:4] != b"\x0bMSH" or reply.find(b"\x1c\r") != len(reply) - 2:
                return False
            segments = [each.split(reply[4:5]) for each in re.split(b"[\r\n]", reply[1:-2])]
            for segment in segments:
                if segment[0] == b"MSA" and len(segment) >= 3:
                    codes = {b"AA", b"AE", b"AR", b"CA", b"CE", b"CR"}
                    return segment[1] in codes and segment[2] == control_id
            return False

        return Several(
            is_right,
            [
                b"\x0bMSH|^~\\&|S\rMSA|AA|%b\r\x1c\r" % control_id,
                b"\x0bMSH|^~\\&|S\nZZZ|x\nMSA|CR|%b|text\nERR|\n\x1c\r" % control_id,
                b"\x0bMSH#^~\\&#S\rMSA#AE#%b\r\x1c\r" % control_id,
            ],
        )

    return [[reply(request.partition(b"P|")[2].partition(b"-")[0]) for request in requests]]


MLLP = Case(
    "mllp",
    {},
    [
        b"\x0bMSH|^~\\&|A|B|C||20261123||ADT^A01|%b|P|%b-2.5\rEVN|A01\r\x1c\r" % (number, number)
        for number in (b"1", b"2", b"12")
    ],
    _mllp,
    [
        b"\x0bMSH|^~\\&|S\rMSA|A|1\r\x1c\r",
        b"\x0bMSH|^~\\&|S\rMSA|AX|1\r\x1c\r",
        b"\x0bMSH|^~\\&|S\rMSA|AA|3\r\x1c\r",
        b"\x0bMSH|^~\\&|S\rMSA|AA\r\x1c\r",
        b"MSH|^~\\&|S\rMSA|AA|1\r\x1c\r",
    ],
)


def _dns(address: bytes) -> Callable[[Sequence[bytes]], Sequence[Way]]:
    """All orders of the responses, each behind its length."""

    def framed(query: bytes) -> Several:
        return Several(
            lambda reply: (
                int.from_bytes(reply[:2]) == len(reply) - 2
                and slow_dns.answers(query, reply[2:], address)
            ),
            [len(each).to_bytes(2) + each for each in slow_dns.examples(query, address)],
        )

    return lambda requests: [
        [framed(request[2:]) for request in order] for order in permutations(requests)
    ]


QUERIES = [slow_dns.query(7, b"a"), slow_dns.query(8, b"a"), slow_dns.query(9, b"bc")]


def _dns_case(settings: dict[str, str]) -> Case:
    address = bytes(int(part) for part in settings["address"].split(".")) if settings else b""
    wrong = [each for query in QUERIES for each in slow_dns.wrong_examples(query, address)]
    return Case(
        "dns",
        settings,
        [len(each).to_bytes(2) + each for each in QUERIES],
        _dns(address),
        [len(each).to_bytes(2) + each for each in wrong],
        distinct=True,
    )


CASES = {
    "smtp": SMTP,
    "http1-any": Case("http1", {"body": "any"}, HTTP_REQUESTS, _http("any"), HTTP_WRONG),
    "http1-target": Case("http1", {"body": "target"}, HTTP_REQUESTS, _http("target"), HTTP_WRONG),
    "http1-echo": Case("http1", {"body": "echo"}, HTTP_REQUESTS, _http("echo"), HTTP_WRONG),
    "mllp": MLLP,
    "dns-any": _dns_case({}),
    "dns-address": _dns_case({"address": "192.0.2.1"}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_reply_in_its_place_is_judged_alike(name: str) -> None:
    """Of one request, and of two, each reply that is known to be right or wrong is judged so."""
    case = CASES[name]
    for request, following in product(case.requests, case.requests[:2]):
        for requests in ([request], [request, following]):
            if case.distinct and len(set(requests)) < len(requests):
                continue
            ways = case.ways(requests)
            for stream in variants(ways, case.wrong):
                oracle = find_protocol(case.name, case.settings).oracle()
                expected = any(fits(way, stream) for way in ways)
                assert accepts(oracle, requests, [stream]) == expected, stream


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_agrees_with_every_division_tried(name: str, data: st.DataObject) -> None:
    """The oracle accepts a stream exactly if its parts are right replies, however it is cut."""
    case = CASES[name]
    some = st.lists(st.sampled_from(case.requests), min_size=1, max_size=3, unique=case.distinct)
    requests = data.draw(some)
    ways = case.ways(requests)
    source = ways if data.draw(st.integers(0, 4)) else case.ways(data.draw(some))
    replies = drawn_replies(data, source)
    if data.draw(st.booleans()):
        stream = spoilt(data, b"".join(replies))
    else:
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(replies) - 1))
            replies[at] = data.draw(st.sampled_from(case.wrong))
        stream = b"".join(replies)
    expected = any(fits(way, stream) for way in ways)
    oracle = find_protocol(case.name, case.settings).oracle()
    assert accepts(oracle, requests, cut(data, stream)) == expected
