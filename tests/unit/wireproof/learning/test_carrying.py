import struct

from hypothesis import given
from hypothesis import strategies as st

from tests.support.spoken import plays_of, token, words
from wireproof.learning.carrying import Carried, carried_values, excerpt, value_now, with_values
from wireproof.learning.learnt import learn

REQUESTS = [
    b"GET /login HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /home HTTP/1.1\r\nHost: a\r\nCookie: sid=9f3a77; theme=dark\r\n\r\n",
]
REPLIES = [
    b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=9f3a77; Path=/\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\n\r\n",
]


def test_a_token_that_a_later_request_repeats_is_found() -> None:
    """With its place in the reply and in the request."""
    (found,) = carried_values(REQUESTS, REPLIES)
    assert found.value == b"sid=9f3a77"
    assert REPLIES[0][found.reply_offset_bytes :].startswith(found.value)
    assert REQUESTS[1][found.request_offset_bytes :].startswith(found.value)
    assert (found.reply, found.request) == (0, 1)


def test_a_token_is_found_in_every_request_that_repeats_it() -> None:
    """Not in the first alone."""
    found = carried_values([*REQUESTS, REQUESTS[1]], [*REPLIES, REPLIES[1]])
    assert [(one.value, one.request) for one in found] == [(b"sid=9f3a77", 1), (b"sid=9f3a77", 2)]


def test_what_the_client_said_first_is_its_own() -> None:
    """An echo gives it nothing new."""
    assert carried_values([b"ECHO hello1\n", b"SET hello1\n"], [b"hello1\n", b"OK\n"]) == []


def test_the_value_of_now_is_found_where_it_stood_then() -> None:
    """Of another size, and behind other values that differ."""
    (found,) = carried_values(REQUESTS, REPLIES)
    now = REPLIES[0].replace(b"9f3a77", b"00ab4499")
    assert value_now(found, REPLIES[0], now) == b"sid=00ab4499"
    assert with_values(REQUESTS[1], [(found, b"sid=00ab4499")]) == REQUESTS[1].replace(
        b"9f3a77", b"00ab4499"
    )


def test_a_reply_that_has_no_such_place_gives_nothing() -> None:
    """An error instead of a log-in."""
    (found,) = carried_values(REQUESTS, REPLIES)
    assert value_now(found, REPLIES[0], b"HTTP/1.1 500 Oops\r\n\r\n") in {None, b""}
    assert value_now(found, REPLIES[0], b"") is None


def test_a_binary_identifier_is_found() -> None:
    """Four bytes of a handle that was opened."""
    handle, later = b"\x91\x02\x7f\xee", b"\x91\x03\x00\x17"
    requests = [b"\x01open\x00\x00\x00", b"\x02\x00\x00\x00" + handle + b"\x00\xff"]
    replies = [b"\x81\x00" + handle + b"\x00\x00", b"\x82\x00"]
    (found,) = carried_values(requests, replies)
    assert found.value == b"\x00" + handle + b"\x00"
    now = value_now(found, replies[0], b"\x81\x00" + later + b"\x00\x00")
    assert now == b"\x00" + later + b"\x00"


def test_sizes_written_before_a_value_go_with_it() -> None:
    """As in RESP and netstrings."""
    request = b"*2\r\n$4\r\nAUTH\r\n$5\r\nabcde\r\n"
    carried = Carried(b"abcde", 0, 0, 1, request.find(b"abcde"))
    assert with_values(request, [(carried, b"abcdefghijk")]) == (
        b"*2\r\n$4\r\nAUTH\r\n$11\r\nabcdefghijk\r\n"
    )


def test_several_values_of_one_request() -> None:
    """Each is put in its place."""
    request = b"one=aaaa two=bbbb"
    values = [(Carried(b"aaaa", 0, 0, 1, 4), b"A"), (Carried(b"bbbb", 0, 0, 1, 13), b"BBBBBBB")]
    assert with_values(request, values) == b"one=A two=BBBBBBB"


def test_under_load_the_pattern_itself_reads_the_value() -> None:
    """No alignment is needed for each reply."""
    template = [words(b"your id is x-"), token(5), words(b", keep it\r\n")]
    plays = plays_of([template], 7)
    (pattern,) = learn(plays[:6]).patterns
    recorded = plays[0].replies[0]
    value = recorded[len(b"your id is ") : -len(b", keep it\r\n")]
    (found,) = carried_values([b"HELLO\r\n", b"AS " + value + b"\r\n"], [recorded, b""])
    assert found.value == value
    taken = excerpt(found, pattern, recorded)
    assert taken is not None
    assert not taken.is_constant
    assert taken.taken_from(plays[6].replies[0], pattern) == b"x-" + token(5).say(6, 0)
    assert taken.taken_from(b"no such user\r\n", pattern) is None


@given(st.lists(st.binary(max_size=60), min_size=2, max_size=4), st.binary(max_size=60))
def test_any_traffic_is_searched(messages: list[bytes], reply: bytes) -> None:
    """What is found stands where it is said to; what is put back leaves the request as it was."""
    requests, replies = messages, messages[::-1]
    found = carried_values(requests, replies)
    for one in found:
        assert one.reply < one.request
        begin = one.reply_offset_bytes
        assert replies[one.reply][begin : one.reply_end_bytes] == one.value
        assert value_now(one, replies[one.reply], replies[one.reply]) == one.value
        value_now(one, replies[one.reply], reply)
    for number, request in enumerate(requests):
        own = [(one, one.value) for one in found if one.request == number]
        assert with_values(request, own) == request


def test_a_session_number_in_a_field() -> None:
    """Of eight bytes, with zeros in it."""
    session = struct.pack(">Q", 77123456)
    requests = [b"\x10\x00\x00\x01", b"\x11\x00\x00\x02" + session + b"\x01\x01"]
    (found,) = carried_values(requests, [b"\x20\xff" + session + b"\xff\x20", b""])
    assert session.endswith(found.value)
    assert found.value.endswith(session.lstrip(b"\x00"))
