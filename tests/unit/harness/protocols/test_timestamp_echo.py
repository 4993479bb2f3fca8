"""The timestamp-echo oracle against a judge so simple that it is plainly right."""

import re
import time
from functools import cache
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols import timestamp_judge
from harness.protocols.oracle import WrongReplyError
from harness.protocols.timestamp_echo import TimestampOracle

STAMP = b"[Mon Nov 23 14:41:16 2026] "
LATER = b"[Mon Nov 23 14:41:17 2026] "
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


def judge(oracle: TimestampOracle, payload: bytes, pieces: list[bytes]) -> bool:
    """Say whether the oracle accepts `pieces` and then the end of the stream."""
    oracle.announce(payload)
    oracle.sent(len(payload))
    try:
        for piece in pieces:
            oracle.receive_data(piece)
        oracle.receive_eof()
    except WrongReplyError:
        return False
    return True


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
    mistake = draw(st.sampled_from(["none", "none", "drop", "insert", "double"]))
    at = draw(st.integers(0, len(reply) - 1))
    match mistake:
        case "drop":
            return reply[:at] + reply[at + 1 :]
        case "insert":
            return reply[:at] + draw(fragments) + reply[at:]
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
    assert judge(TimestampOracle(limit), payload, pieces) == is_right(payload, reply, limit)


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
    ("payload", "limit", "reply", "expected"),
    [
        (b"ab", 1024, STAMP + b"ax", "b'b'"),
        (b"ab", 1024, STAMP + b"abc", "nothing more"),
        (b"ab", 1, STAMP + b"ab", "a timestamp in brackets and a space"),
        (b"ab", 1024, b"ab", "a timestamp in brackets and a space"),
        (b"ab", 1024, STAMP + b"a", "b'b'"),
    ],
    ids=["wrong byte", "surplus", "chunk too long", "no timestamp", "byte missing"],
)
def test_says_what_was_expected(payload: bytes, limit: int, reply: bytes, expected: str):
    """A refusal names what would have been right at the first wrong byte."""
    oracle = TimestampOracle(limit)
    oracle.announce(payload)
    oracle.sent(len(payload))
    with pytest.raises(WrongReplyError) as caught:
        oracle.receive_data(reply)
        oracle.receive_eof()
    assert caught.value.expected == expected


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
    assert judge(oracle, payload, [reply[at : at + 7] for at in range(0, len(reply), 7)])


def test_collects_timestamps():
    """Each new timestamp is kept once, in order."""
    oracle = TimestampOracle()
    assert judge(oracle, b"abc", [STAMP + b"a" + STAMP + b"b" + LATER + b"c"])
    assert oracle.timestamps == [STAMP[1:-2], LATER[1:-2]]


@given(conversations())
def test_the_judge_of_scripts_agrees(conversation: tuple[bytes, int, bytes, list[bytes]]):
    """The judge that goes into scripts accepts what the simple one does, in the order of time."""
    payload, limit, reply, _ = conversation
    stamps = FORM.findall(reply)
    in_order = b"[" in payload or stamps == sorted(stamps)
    with patch.object(timestamp_judge, "BUFFER_BYTES", limit):
        assert timestamp_judge.complete(payload, reply, 0.0) == (
            is_right(payload, reply, limit) and in_order
        )


@pytest.mark.parametrize(
    ("since_s", "ahead_s", "right"),
    [(0, 0, True), (0, -1, True), (0, -4, False), (-4, -4, True), (0, 1, True), (0, 4, False)],
)
def test_the_judge_of_scripts_knows_the_time(since_s: float, ahead_s: float, right: bool):
    """A timestamp is right from 2 s before its request may have been sent to 2 s after now."""
    now = time.time()
    stamp = time.strftime("[%a %b %e %H:%M:%S %Y] ", time.localtime(now + ahead_s)).encode()
    with patch.object(timestamp_judge, "SKEW_S", 2.0):
        assert timestamp_judge.complete(b"a", stamp + b"a", now + since_s) is right


def test_the_judge_of_scripts_refuses_what_is_no_date():
    """The wrong weekday for the date, and a day that the month lacks."""
    for stamp in (b"[Tue Nov 23 14:41:16 2026] ", b"[Mon Feb 31 14:41:16 2026] "):
        assert not timestamp_judge.complete(b"a", stamp + b"a", 0.0)
    assert timestamp_judge.complete(b"a", STAMP + b"a", 0.0)
