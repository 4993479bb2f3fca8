"""The timestamp-echo oracle against a judge so simple that it is plainly right."""

import re
import runpy
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts
from wireproof.protocols.built_in import timestamp_judge
from wireproof.protocols.built_in.timestamp_echo import TimestampEcho, TimestampOracle
from wireproof.protocols.oracle import WrongReplyError
from wireproof.words import printable

STAMP = b"[Mon Nov 23 14:41:16 2026] "
LATER = b"[Mon Nov 23 14:41:17 2026] "
A_TIMESTAMP = "a timestamp in brackets and a space"
FORM = re.compile(rb"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ 123][0-9] [0-9:]{8} [0-9]{4}\] ")


def is_right(payload: bytes, reply: bytes, limit: int) -> bool:
    """Try every division of `payload` into chunks of 1 to `limit` bytes."""

    @cache
    def right_from(offset: int, position: int) -> bool:
        if offset == len(payload):
            return position == len(reply)
        if not FORM.fullmatch(reply[position : position + 27]):
            return False
        start = position + 27
        return any(
            reply[start : start + size] == payload[offset : offset + size]
            and right_from(offset + size, start + size)
            for size in range(1, min(limit, len(payload) - offset) + 1)
        )

    return right_from(0, 0)


fragments = st.sampled_from([STAMP, LATER, STAMP[:5], STAMP[5:], b"[", b"a", b"ab"])
payloads = st.lists(fragments, min_size=1, max_size=7).map(b"".join)


@st.composite
def replies(draw: st.DrawFn, payload: bytes, limit: int) -> bytes:
    """Draw a right reply to `payload`, sometimes with a mistake in it."""
    reply = b""
    offset = 0
    while offset < len(payload):
        size = draw(st.integers(1, min(limit, len(payload) - offset)))
        reply += draw(st.sampled_from([STAMP, LATER])) + payload[offset : offset + size]
        offset += size
    mistake = draw(st.sampled_from(["none", "none", "drop", "insert", "change", "double"]))
    at = draw(st.integers(0, len(reply) - 1))
    match mistake:
        case "drop":
            return reply[:at] + reply[at + 1 :]
        case "insert":
            return reply[:at] + draw(fragments) + reply[at:]
        case "change":
            return reply[:at] + b"#" + reply[at + 1 :]
        case "double":
            return reply[:at] + reply[max(0, at - 27) :]
    return reply


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, int, bytes, list[bytes]]:
    """Draw payload, chunk limit, reply and the reply cut into pieces."""
    payload = draw(payloads)
    limit = draw(st.sampled_from([1, 2, 26, 27, 28, 54, 1024]))
    reply = draw(replies(payload, limit))
    cuts = sorted(draw(st.sets(st.integers(0, len(reply)), max_size=8)))
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    return payload, limit, reply, pieces


@given(conversations())
def test_agrees_with_every_division_tried(conversation: tuple[bytes, int, bytes, list[bytes]]):
    """The oracle accepts exactly what some division into chunks yields, however it is fed."""
    payload, limit, reply, pieces = conversation
    assert accepts(TimestampOracle(limit), [payload], pieces) == is_right(payload, reply, limit)


@given(conversations())
def test_settled_as_soon_as_some_division_fits(
    conversation: tuple[bytes, int, bytes, list[bytes]],
):
    """After any prefix of the reply, settled says whether that prefix is a whole right reply."""
    payload, limit, reply, _ = conversation
    oracle = TimestampOracle(limit)
    oracle.announce(payload)
    oracle.sent(len(payload))
    for at in range(len(reply)):
        try:
            oracle.receive_data(reply[at : at + 1])
        except WrongReplyError:
            assert not is_right(payload, reply[: at + 1], limit)
            return
        assert oracle.settled == is_right(payload, reply[: at + 1], limit)


@pytest.mark.parametrize(
    ("limit", "pieces", "words"),
    [
        (1024, [STAMP + b"a", b"x"], ("wrong reply", "b'bc'", "b'x'", 28)),
        (1024, [STAMP + b"a", b"b", b"x"], ("wrong reply", "b'c'", "b'x'", 29)),
        (1024, [STAMP + b"ax"], ("wrong reply", "b'bc'", "b'x'", 28)),
        (1024, [STAMP + b"abc", b"d"], ("wrong reply", "nothing more", "b'd'", 30)),
        (2, [STAMP + b"ab", b"c"], ("wrong reply", A_TIMESTAMP, "b'c'", 29)),
        (2, [STAMP + b"abc"], ("wrong reply", A_TIMESTAMP, "b'c'", 29)),
        (1024, [STAMP, STAMP + b"a"], ("a frame without payload", "b'abc'", printable(STAMP), 27)),
        (1024, [STAMP, b"xy[M"], ("wrong reply", "b'abc'", "b'xy'", 27)),
        (1024, [b"ab"], ("wrong reply", A_TIMESTAMP, "b'ab'", 0)),
    ],
)
def test_a_refusal_tells_both_sides_and_where(
    limit: int, pieces: list[bytes], words: tuple[str, str, str, int]
):
    """What came, what would have been right, and the offset in all that was received."""
    oracle = TimestampOracle(limit)
    oracle.announce(b"abc")
    oracle.sent(3)
    for piece in pieces[:-1]:
        oracle.receive_data(piece)
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(pieces[-1])
    wrong = caught.value
    assert (wrong.problem, wrong.expected, wrong.actual, wrong.offset_bytes) == words


def test_the_parse_that_got_furthest_is_told():
    """Where the payload imitates a header, the refusal is that of the likelier reading."""
    oracle = TimestampOracle()
    payload = b"a" + STAMP + b"b"
    oracle.announce(payload)
    oracle.sent(len(payload))
    oracle.receive_data(STAMP + b"a" + STAMP)
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(b"bz")
    wrong = caught.value
    assert (wrong.expected, wrong.actual) == ("nothing more", "b'z'")
    assert wrong.offset_bytes == 27 + len(payload)


@pytest.mark.parametrize(
    ("received", "expected", "actual", "offset_bytes"),
    [
        (b"", A_TIMESTAMP, "nothing", 0),
        (STAMP, "b'a[b'", "nothing", 27),
        (STAMP + b"a", "b'[b'", "nothing", 28),
        (STAMP + b"a[", "b'b'", "nothing", 29),
    ],
)
def test_an_end_of_stream_names_what_is_missing(
    received: bytes, expected: str, actual: str, offset_bytes: int
):
    """At the end of the stream every byte must be back; the refusal says which one is not."""
    oracle = TimestampOracle()
    oracle.announce(b"a[b")
    oracle.sent(3)
    oracle.receive_data(received)
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_eof()
    wrong = caught.value
    assert wrong.problem == "end of stream with bytes not answered"
    assert (wrong.expected, wrong.actual) == (expected, actual)
    assert wrong.offset_bytes == offset_bytes


def test_owed_are_requests_that_are_sent_whole():
    """A request is owed from its last byte sent to its last byte back."""
    oracle = TimestampOracle()
    oracle.announce(b"ab")
    states = [(oracle.owed, oracle.settled)]
    for sent, received in ((1, b""), (1, b""), (0, STAMP + b"a"), (0, b"b")):
        oracle.sent(sent)
        oracle.receive_data(received)
        states.append((oracle.owed, oracle.settled))
    assert states == [(0, True), (0, False), (1, False), (1, False), (0, True)]


def test_what_is_sent_after_all_came_back_comes_in_another_chunk():
    """A server that has answered everything cannot have read what is sent afterwards."""
    oracle = TimestampOracle()
    for request in (b"a", b"b"):
        oracle.announce(request)
    oracle.sent(1)
    assert oracle.receive_data(STAMP + b"a") == 1
    oracle.sent(1)
    with pytest.raises(WrongReplyError, match="a timestamp in brackets"):
        oracle.receive_data(b"b")


def test_requests_imitate_timestamps():
    """Whole and broken timestamps are drawn, in a row and behind other bytes."""
    requests = TimestampEcho().requests()
    for wanted in (
        lambda request: len(request) == 1,
        lambda request: request.startswith(STAMP),
        lambda request: request.endswith(STAMP[:20]),
        lambda request: STAMP + STAMP in request,
        lambda request: STAMP in request and request[0] not in b"[]",
    ):
        assert find(requests, wanted)


def test_a_request_of_a_size_is_all_octets():
    """A sized request has exactly its size, and every octet in turn."""
    for size in (1, 256, 257, 100_000):
        request = TimestampEcho().sized_request(size)
        assert len(request) == size
        assert all(octet == at % 256 for at, octet in enumerate(request))


def test_what_no_server_may_answer_begins_as_a_reply_does():
    """Each datagram without a reply has a header of its own, with and without payload behind it."""
    protocol = TimestampEcho()
    datagrams = protocol.unanswered_datagrams()
    assert all(protocol.expected_datagram(datagram) is None for datagram in datagrams)
    assert {len(datagram) > 27 for datagram in datagrams} == {False, True}
    assert protocol.expected_datagram(b"x" + datagrams[0]) is not None


def test_the_right_reply_to_a_datagram():
    """Any header and the first buffer of the datagram, whatever octets it has."""
    protocol = TimestampEcho()
    protocol.buffer = 4
    right = protocol.expected_datagram(b"a.\n[b")
    assert right is not None
    assert right.fullmatch(STAMP + b"a.\n[")
    assert right.fullmatch(LATER + b"a.\n[")
    for wrong in (STAMP + b"a.\n[b", STAMP + b"ax\n[", b"a.\n[", STAMP + b"a.\n"):
        assert not right.fullmatch(wrong)


def test_scripts_get_the_servers_numbers(tmp_path: Path):
    """The judge that goes into scripts knows the buffer and the clock's skew that were set."""
    protocol = TimestampEcho()
    protocol.buffer, protocol.skew_s = 7, 1.5
    (tmp_path / "judge.py").write_text(protocol.judge_source())
    complete = runpy.run_path(str(tmp_path / "judge.py"))["complete"]
    now = time.time()

    def stamp(ahead_s: float) -> bytes:
        return time.strftime("[%a %b %e %H:%M:%S %Y] ", time.localtime(now + ahead_s)).encode()

    assert complete(b"1234567", stamp(0) + b"1234567", now)
    assert not complete(b"12345678", stamp(0) + b"12345678", now)
    assert not complete(b"1", stamp(3) + b"1", now)


def test_nothing_is_answered_by_a_timestamp_alone():
    """A header, whole or not, answers no request, though it be right so far."""
    oracle = TimestampOracle()
    oracle.announce(b"a")
    oracle.sent(1)
    assert oracle.receive_data(STAMP[:5]) == 0
    assert oracle.receive_data(STAMP[5:]) == 0
    assert oracle.receive_data(b"a") == 1
    assert oracle.receive_data(b"") == 0


def test_a_bracket_that_begins_no_header_is_payload():
    """As soon as as many bytes as a header has are no header, they are compared."""
    oracle = TimestampOracle()
    payload = b"[" + b"a" * 30
    oracle.announce(payload)
    oracle.sent(len(payload))
    oracle.receive_data(STAMP + b"[" + b"b" * 25)
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(b"b")
    assert caught.value.offset_bytes == 28


def test_a_chunk_has_1024_bytes_at_most():
    """Who names no limit judges by the reference server's."""
    payload = b"a" * 1025
    assert accepts(TimestampOracle(), [payload], [STAMP + payload[:1024] + STAMP + b"a"])
    assert not accepts(TimestampOracle(), [payload], [STAMP + payload])


def test_counts_a_request_when_its_last_byte_is_back():
    """A request that comes back in several frames is answered once, by the last."""
    oracle = TimestampOracle(4)
    for request in (b"abcdef", b"gh"):
        oracle.announce(request)
        oracle.sent(len(request))
    assert oracle.owed == 2
    assert oracle.receive_data(STAMP + b"abcd") == 0
    assert oracle.receive_data(STAMP + b"efgh") == 2
    assert oracle.owed == 0


def test_payload_that_is_all_timestamps_stays_affordable():
    """A megabyte of reply to an imitating payload is judged, with every parse kept."""
    payload = STAMP * 400
    oracle = TimestampOracle(1024)
    reply = b"".join(STAMP + payload[at : at + 1024] for at in range(0, len(payload), 1024))
    assert accepts(oracle, [payload], [reply[at : at + 7] for at in range(0, len(reply), 7)])


def test_collects_timestamps():
    """Each new timestamp is kept once, in order."""
    oracle = TimestampOracle()
    assert accepts(oracle, [b"abc"], [STAMP + b"a" + STAMP + b"b" + LATER + b"c"])
    assert oracle.timestamps == [STAMP[1:-2], LATER[1:-2]]


SKEW_S = 2.0


def _judge(reply: bytes, since_s: float) -> bool:
    """Whether the judge of scripts takes `reply` as that to `a`."""
    return timestamp_judge.judge(b"a", reply, since_s, 1024, SKEW_S)


@given(conversations())
def test_the_judge_of_scripts_agrees(conversation: tuple[bytes, int, bytes, list[bytes]]):
    """The judge that goes into scripts accepts what the simple one does, in the order of time."""
    payload, limit, reply, _ = conversation
    stamps = FORM.findall(reply)
    in_order = b"[" in payload or stamps == sorted(stamps)
    right = timestamp_judge.judge(payload, reply, 0.0, limit, SKEW_S)
    assert right == (is_right(payload, reply, limit) and in_order)


@pytest.mark.parametrize("day", range(22, 29))
def test_the_judge_of_scripts_knows_the_days_of_the_week(day: int):
    """Of the seven names exactly one is right on a date."""
    names = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"]  # from 22 November 2020
    right = [name for name in names if _judge(b"[%b Nov %d 14:41:16 2020] a" % (name, day), 0.0)]
    assert right == [names[day - 22]]


def test_the_judge_of_scripts_takes_nothing_at_the_border():
    """A timestamp that is the whole skew too early, or too late, is wrong; less is right."""
    moment = datetime(2020, 11, 23, 14, 41, 16).timestamp()  # noqa: DTZ001 - local, as stamps are
    reply = b"[Mon Nov 23 14:41:16 2020] a"
    for since_s, now_s, right in (
        (moment + SKEW_S, moment, False),
        (moment + SKEW_S - 0.5, moment, True),
        (moment, moment - SKEW_S, False),
        (moment, moment - SKEW_S + 0.5, True),
    ):
        with patch.object(timestamp_judge.time, "time", return_value=now_s):
            assert _judge(reply, since_s) is right


@pytest.mark.parametrize(
    ("since_s", "ahead_s", "right"),
    [(0, 0, True), (0, -1, True), (0, -4, False), (-4, -4, True), (0, 1, True), (0, 4, False)],
)
def test_the_judge_of_scripts_knows_the_time(since_s: float, ahead_s: float, right: bool):
    """A timestamp is right from 2 s before its request may have been sent to 2 s after now."""
    now = time.time()
    stamp = time.strftime("[%a %b %e %H:%M:%S %Y] ", time.localtime(now + ahead_s)).encode()
    assert _judge(stamp + b"a", now + since_s) is right


def test_the_judge_of_scripts_refuses_what_is_no_date():
    """The wrong weekday for the date, and a day that the month lacks."""
    for stamp in (b"[Tue Nov 23 14:41:16 2026] ", b"[Mon Feb 31 14:41:16 2026] "):
        assert not _judge(stamp + b"a", 0.0)
    assert _judge(STAMP + b"a", 0.0)
