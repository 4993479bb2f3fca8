"""Small services, and every protocol's datagrams, against slow judges.

Streams: what is sent is thrown away, and one reply, or none, is right. Datagrams: each has one
reply at most, in any order; every assignment of replies to what was sent is tried.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations, product
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import slow_dns
from tests.support.slow_judges import Several, accepts, cut, drawn_replies, fits, spoilt
from wireproof.protocols import Protocol, WrongReplyError
from wireproof.protocols.built_in.time import Time
from wireproof.protocols.datagram import Datagrams
from wireproof.protocols.loading.registry import find_protocol

NOW_S = 1_795_444_876
SINCE_1900_S = NOW_S + (70 * 365 + 17) * 24 * 60 * 60


def _is_daytime(reply: bytes) -> bool:
    """One line of what can be printed; how it ends, with a NUL or not, is the server's affair."""
    for end in (b"\x00", b"\n", b"\r"):
        if reply.endswith(end):
            reply = reply[:-1]
    return bool(reply) and all(0x20 <= byte < 0x7F for byte in reply)


DAYTIME = Several(_is_daytime, [b"a\r\n", b"Mon 23 Nov", b"x y\n", b"~ \r\n\x00", b"1\n\x00"])
TIMES = [(SINCE_1900_S + skew_s).to_bytes(4) for skew_s in (-2, -1, 0, 1, 2)]
TIME = Several(TIMES.__contains__, TIMES)
WRONG = Several(bool, [b"\x7f", b"a\tb\r\n", b"a\nb\n", b"\r\n", b"\x00", b"a\n\r"])


def _time() -> Time:
    return Time(clock=lambda: float(NOW_S))


SERVICES: dict[str, tuple[Callable[[], Protocol], list[Several]]] = {
    "daytime": (lambda: find_protocol("daytime"), [DAYTIME]),
    "time": (_time, [TIME]),
    "discard": (lambda: find_protocol("discard"), []),
}


@pytest.mark.parametrize("name", SERVICES)
@given(data=st.data())
def test_a_service_says_one_right_thing_or_nothing(name: str, data: st.DataObject) -> None:
    """The oracle accepts a stream exactly if it is what the service says, whatever was sent."""
    protocol, way = SERVICES[name]
    source = data.draw(st.sampled_from([way, [], [DAYTIME], [TIME], [WRONG]]))
    stream = spoilt(data, b"".join(drawn_replies(data, [source])))
    sent = data.draw(st.lists(st.sampled_from([b"a", b"bc"]), max_size=3))
    assert accepts(protocol().oracle(), sent, cut(data, stream)) == fits(way, stream)


@given(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(-9, 9).map(lambda near: near % 2**32)),
    st.integers(-20, 20),
    st.sampled_from([0, 0.25, 0.5]),
    st.sampled_from([0.0, 0.5, 2.0, 3.75]),
)
def test_time_is_any_second_within_the_skew(
    now: int, ahead: int, part_s: float, skew_s: float
) -> None:
    """Right are the whole seconds not further from the clock than the skew, also in 2036."""
    clock = Fraction(now) + Fraction(part_s)
    near = range(floor(clock) - 5, floor(clock) + 7)
    right = {second % 2**32 for second in near if abs(second - clock) <= Fraction(skew_s)}
    reply = (now + ahead) % 2**32
    protocol = Time(clock=lambda: float(clock - 2_208_988_800))
    protocol.skew_s = skew_s
    assert accepts(protocol.oracle(), [], [reply.to_bytes(4)]) == (reply in right)


def _is_stamped(datagram: bytes, reply: bytes) -> bool:
    """27 bytes of a header, and the first 1024 of the datagram."""
    return _is_header(reply[:27]) and reply[27:] == datagram[:1024]


def _is_header(text: bytes) -> bool:
    if len(text) != 27 or text[:1] + text[25:] != b"[] ":
        return False
    weekday, month, day, time, year = text[1:4], text[5:8], text[9:11], text[12:20], text[21:25]
    blanks = {text[at : at + 1] for at in (4, 8, 11, 20)}
    return (
        weekday in b"Mon Tue Wed Thu Fri Sat Sun".split()
        and month in b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
        and day in [b"%2d" % number for number in range(32)] + [b"%02d" % n for n in range(10, 32)]
        and re.fullmatch(rb"\d\d:\d\d:\d\d", time) is not None
        and year.isdigit()
        and blanks == {b" "}
    )


@dataclass(frozen=True)
class Case:
    """A protocol of datagrams.

    Attributes:
        protocol: makes it.
        sent: what may be sent.
        received: what may be received, right and wrong.
        is_right: whether the second is a right reply to the first.

    """

    protocol: Callable[[], Protocol]
    sent: Sequence[bytes]
    received: Sequence[bytes]
    is_right: Callable[[bytes, bytes], bool]


STAMP = b"[Mon Nov 23 14:41:16 2026] "
QUERIES = [slow_dns.query(7, b"a"), slow_dns.query(8, b"a"), slow_dns.query(7, b"b")]
CASES = {
    "daytime": Case(
        lambda: find_protocol("daytime"),
        [b"", b"a"],
        [*DAYTIME.examples, *WRONG.examples, b""],
        lambda _, reply: _is_daytime(reply),
    ),
    "time": Case(
        _time,
        [b"", b"a"],
        [*TIMES, (SINCE_1900_S + 3).to_bytes(4), b"", b"\x00" + TIMES[0]],
        lambda _, reply: reply in TIMES,
    ),
    "discard": Case(
        lambda: find_protocol("discard"), [b"", b"a"], [b"", b"a"], lambda _, __: False
    ),
    "chargen": Case(
        lambda: find_protocol("chargen"),
        [b"", b"a"],
        [b"", b"a", b"\r\n", b"~ " * 256, b"x" * 513, b"\x00", b"\x7f", b"\t"],
        lambda _, reply: len(reply) <= 512 and not set(reply) - {10, 13, *range(0x20, 0x7F)},
    ),
    "timestamp-echo": Case(
        lambda: find_protocol("timestamp-echo"),
        [b"", b"a", b"\n", b"x" * 1025, STAMP, STAMP + b"a", STAMP[:-1], b"[Mon Foo" + STAMP[8:]],
        [
            *(STAMP + each for each in (b"", b"a", b"aa", b"\n", b"x" * 1024, STAMP[:-1], STAMP)),
            STAMP + STAMP + b"a",
            STAMP + b"[Mon Foo" + STAMP[8:],
            STAMP + b"x" * 1025,
            b"[Sat Jan  1 00:00:00 2000] a",
            b"[Sat Jan 01 00:00:00 2000] a",
            b"[Sat Jan 32 00:00:00 2000] a",
            b"a",
        ],
        lambda sent, reply: _is_stamped(sent, reply) and not _is_header(sent[:27]),
    ),
    "dns": Case(
        lambda: find_protocol("dns"),
        QUERIES,
        [each for query in QUERIES for each in slow_dns.examples(query, b"")]
        + [each for query in QUERIES for each in slow_dns.wrong_examples(query, b"")],
        lambda query, reply: slow_dns.answers(query, reply, b""),
    ),
    "dns-address": Case(
        lambda: find_protocol("dns", {"address": "192.0.2.1"}),
        QUERIES,
        [each for query in QUERIES for each in slow_dns.examples(query, slow_dns.ADDRESS)]
        + [each for query in QUERIES for each in slow_dns.wrong_examples(query, slow_dns.ADDRESS)],
        lambda query, reply: slow_dns.answers(query, reply, slow_dns.ADDRESS),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_datagram_is_answered_by_the_same_replies(name: str) -> None:
    """Of one datagram, each reply that is known to be right or wrong is judged so."""
    case = CASES[name]
    for sent, received in product(case.sent, case.received):
        assert _accepts(case, [sent], [received]) == case.is_right(sent, received), (sent, received)


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_datagrams_agree_with_every_assignment_tried(name: str, data: st.DataObject) -> None:
    """Replies are right exactly if each can be given a datagram of its own that it answers."""
    case = CASES[name]
    sent = data.draw(st.lists(st.sampled_from(case.sent), max_size=4))
    received = data.draw(st.lists(st.sampled_from(case.received), max_size=3))
    if data.draw(st.booleans()) and received and name != "dns":  # any records will do
        received[-1] = spoilt(data, received[-1])
    expected = any(
        all(case.is_right(*pair) for pair in zip(some, received, strict=True))
        for some in permutations(sent, len(received))
    )
    assert _accepts(case, sent, received) == expected


def _accepts(case: Case, sent: Sequence[bytes], received: Sequence[bytes]) -> bool:
    protocol = case.protocol()
    assert isinstance(protocol, Datagrams)
    judge = protocol.datagram_oracle()
    for datagram in sent:
        judge.sent(datagram)
    try:
        for datagram in received:
            judge.receive(datagram)
    except WrongReplyError:
        return False
    return True
