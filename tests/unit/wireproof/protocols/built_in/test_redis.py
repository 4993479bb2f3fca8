"""The model of Redis: strings, counters and lists."""

import re

import pytest
from hypothesis import find

from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.built_in.redis import Redis, bulk, command
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

KEY = b"wp00000000a"
KEYS = (KEY, b"wp00000000b", b"wp00000000c")
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


def judge(replies: list[tuple[bytes, bytes]]) -> None:
    """Show each command and its reply to one oracle."""
    oracle = Redis().oracle()
    for request, reply in replies:
        oracle.announce(request)
        oracle.sent(len(request))
        oracle.receive_data(reply)
        assert oracle.settled


def on(name: bytes, *arguments: bytes) -> bytes:
    """Return a command on the key."""
    return command(name, KEY, *arguments)


def test_strings_and_counters():
    """Counters count, and only what is written as an integer is one."""
    judge(
        [
            (on(b"INCR"), b":1\r\n"),
            (on(b"APPEND", b"0"), b":2\r\n"),
            (on(b"INCRBY", b"-3"), b":7\r\n"),
            (on(b"SET", b"007"), b"+OK\r\n"),
            (on(b"INCR"), b"-ERR value is not an integer or out of range\r\n"),
            (on(b"SET", b""), b"+OK\r\n"),
            (on(b"INCR"), b"-ERR value is not an integer or out of range\r\n"),
            (on(b"SET", b"9223372036854775807"), b"+OK\r\n"),
            (on(b"INCR"), b"-ERR increment or decrement would overflow\r\n"),
            (on(b"LLEN"), b"-WRONGTYPE Operation against a key\r\n"),
            (on(b"DEL"), b":1\r\n"),
            (on(b"GET"), b"$-1\r\n"),
        ]
    )


def test_lists():
    """Lists grow at both ends, are sliced by negative indices, and end when they are empty."""
    judge(
        [
            (on(b"RPUSH", b"b"), b":1\r\n"),
            (on(b"LPUSH", b"a", b"z"), b":3\r\n"),
            (on(b"LRANGE", b"-3", b"1"), b"*2\r\n$1\r\nz\r\n$1\r\na\r\n"),
            (on(b"LRANGE", b"2", b"1"), b"*0\r\n"),
            (on(b"LPOP"), b"$1\r\nz\r\n"),
            (on(b"LPOP"), b"$1\r\na\r\n"),
            (on(b"LPOP"), b"$1\r\nb\r\n"),
            (on(b"EXISTS"), b":0\r\n"),
        ]
    )


@pytest.mark.parametrize("wrong", [b":2\r\n", b"$1\r\n1\r\n", b":1\r\n:1\r\n"])
def test_wrong_replies_are_refused(wrong: bytes):
    """Another number, another type and one reply too many are wrong."""
    with pytest.raises(WrongReplyError):
        judge([(on(b"INCR"), wrong)])


@pytest.mark.parametrize(
    "malformed", [b"?\r\n", b"$x\r\n", b"$1_0\r\n", b"$+5\r\n", b"$ 5\r\n", b"$-2\r\n"]
)
def test_what_is_no_resp_is_malformed(malformed: bytes):
    """Where the reply is not known to the byte, what is no RESP is refused as such."""
    with pytest.raises(WrongReplyError, match="malformed"):
        judge([(command(b"DEL", KEY, KEY), malformed)])


def test_a_connection_begins_with_a_login_and_without_its_keys():
    """AUTH comes first where a password is set; how many keys DEL finds nobody knows."""
    protocol = find_protocol("redis")
    deletes = command(b"DEL", *KEYS)
    assert list(protocol.opening()) == [deletes]
    protocol = find_protocol("redis", {"password": "secret"})
    assert list(protocol.opening()) == [command(b"AUTH", b"secret"), deletes]
    login = (command(b"AUTH", b"secret"), b"+OK\r\n")
    judge([login, (on(b"RPUSH", b"a"), b":1\r\n"), (deletes, b":7\r\n"), (on(b"GET"), bulk(None))])
    assert protocol.personalise(on(b"GET"), 12) == command(b"GET", b"wp00000012a")


WORDS = {
    b"PING": "",
    b"ECHO": "v",
    b"GET": "k",
    b"SET": "kv",
    b"INCR": "k",
    b"INCRBY": "kn",
    b"DECR": "k",
    b"APPEND": "kv",
    b"STRLEN": "k",
    b"RPUSH": "kv",
    b"LPUSH": "kvv",
    b"LPOP": "k",
    b"LLEN": "k",
    b"LRANGE": "kii",
    b"EXISTS": "k",
    b"DEL": "k",
}
"""Of each command its arguments: a key, a value, a number, an index."""


def words(request: bytes) -> list[bytes]:
    """Return the bulk strings of a command."""
    count, _, rest = request[1:].partition(b"\r\n")
    found = []
    while rest:
        size, _, rest = rest[1:].partition(b"\r\n")
        found.append(rest[: int(size)])
        rest = rest[int(size) + 2 :]
    assert len(found) == int(count)
    return found


def test_every_command_is_drawn_with_arguments_that_fit():
    """Each command is asked for, on each key, with numbers and with other values."""
    drawn = [words(request) for request in check_code(Redis(), 300)]
    counts = {len(arguments) for name, *arguments in drawn if name in {b"RPUSH", b"EXISTS"}}
    assert counts > {1, 2, 128, 129, 130, 256, 1001}
    drawn = [each for each in drawn if len(each) < 5]
    assert {name for name, *_ in drawn} == set(WORDS)
    fits = {"k": "|".join(key.decode() for key in KEYS), "v": ".*", "n": "-?[0-9]+", "i": "-?[0-4]"}
    for name, *arguments in drawn:
        assert len(arguments) == len(WORDS[name])
        for kind, argument in zip(WORDS[name], arguments, strict=True):
            assert re.fullmatch(fits[kind].encode(), argument, re.DOTALL)
    values = [arguments[-1] for name, *arguments in drawn if name in {b"SET", b"APPEND", b"ECHO"}]
    assert any(re.fullmatch(rb"-?[0-9]{2,}", value) for value in values)
    assert not all(re.fullmatch(rb"-?[0-9]*", value) for value in values)
    assert {arguments[0] for name, *arguments in drawn if name == b"GET"} == set(KEYS)
    steps = [int(arguments[1]) for name, *arguments in drawn if name == b"INCRBY"]
    assert min(steps) < -(2**31)
    assert max(steps) > 2**31
    indices = {int(arguments[1]) for name, *arguments in drawn if name == b"LRANGE"}
    assert min(indices) < 0 < max(indices)


def test_a_sized_request_is_an_echo():
    """A request of a given size is an ECHO of octets that count up."""
    assert Redis().sized_request(31) == command(b"ECHO", bytes(range(10)))


def test_what_is_malformed_begins_as_an_array():
    """What is sent as malformed gets past the first octet, and has a line end for the server."""
    for beginning in (b"*1\r\n$-5", b"*2\r\n$4\r\n", b"*1\r\n$x", b"*99999999999\r\n"):
        found = find(Redis().malformed(), lambda each, begins=beginning: each.startswith(begins))
        assert found.endswith(b"\r\n")


def test_rules_have_one_right_answer():
    """What each rule asks for is answered right by what its title says."""
    tricky = b"\r\n$5\r\n*1\r\n+OK\r\n"
    exchanges = {
        "REDIS-001": [(on(b"SET", tricky), b"+OK\r\n"), (on(b"GET"), bulk(tricky))],
        "REDIS-002": [
            (on(b"SET", b""), b"+OK\r\n"),
            (on(b"GET"), b"$0\r\n\r\n"),
            (command(b"GET", KEYS[1]), b"$-1\r\n"),
        ],
    }
    rules = Redis().rules()
    assert {rule.id: rule.conversations for rule in rules} == {
        name: (tuple(request for request, _ in each),) for name, each in exchanges.items()
    }
    for each in exchanges.values():
        judge(each)


BEGUN: list[tuple[bytes, bytes]] = [
    (command(b"SET", KEYS[1], b"8"), b"+OK\r\n"),
    (command(b"RPUSH", KEYS[2], b"a"), b":1\r\n"),
    (command(b"RPUSH", KEYS[2], b"b"), b":2\r\n"),
]
"""Nothing in the first key, a string in the second, a list in the third."""
TABLE: dict[tuple[bytes, ...], tuple[bytes, bytes, bytes]] = {
    (b"GET",): (b"$-1\r\n", b"$1\r\n8\r\n", WRONG_TYPE),
    (b"STRLEN",): (b":0\r\n", b":1\r\n", WRONG_TYPE),
    (b"APPEND", b"12"): (b":2\r\n", b":3\r\n", WRONG_TYPE),
    (b"INCR",): (b":1\r\n", b":9\r\n", WRONG_TYPE),
    (b"DECR",): (b":-1\r\n", b":7\r\n", WRONG_TYPE),
    (b"INCRBY", b"-10"): (b":-10\r\n", b":-2\r\n", WRONG_TYPE),
    (b"INCRBY", b"0"): (b":0\r\n", b":8\r\n", WRONG_TYPE),
    (b"SET", b"x"): (b"+OK\r\n", b"+OK\r\n", b"+OK\r\n"),
    (b"DEL",): (b":0\r\n", b":1\r\n", b":1\r\n"),
    (b"EXISTS",): (b":0\r\n", b":1\r\n", b":1\r\n"),
    (b"RPUSH", b"c"): (b":1\r\n", WRONG_TYPE, b":3\r\n"),
    (b"LPUSH", b"c", b"d"): (b":2\r\n", WRONG_TYPE, b":4\r\n"),
    (b"LPOP",): (b"$-1\r\n", WRONG_TYPE, b"$1\r\na\r\n"),
    (b"LLEN",): (b":0\r\n", WRONG_TYPE, b":2\r\n"),
    (b"LRANGE", b"0", b"-1"): (b"*0\r\n", WRONG_TYPE, command(b"a", b"b")),
    (b"LRANGE", b"0", b"0"): (b"*0\r\n", WRONG_TYPE, command(b"a")),
    (b"LRANGE", b"1", b"4"): (b"*0\r\n", WRONG_TYPE, command(b"b")),
    (b"LRANGE", b"-1", b"-1"): (b"*0\r\n", WRONG_TYPE, command(b"b")),
    (b"LRANGE", b"-4", b"-4"): (b"*0\r\n", WRONG_TYPE, b"*0\r\n"),
    (b"LRANGE", b"0", b"-3"): (b"*0\r\n", WRONG_TYPE, b"*0\r\n"),
}
"""The replies where there is nothing, a string, and a list."""
ALL_REPLIES = {reply for replies in TABLE.values() for reply in replies}


@pytest.mark.parametrize("words", TABLE)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_each_command_on_each_type_has_one_right_reply(words: tuple[bytes, ...], at: int):
    """Of all replies to any command one alone is right, whatever its key holds."""
    name, *arguments = words
    request, right = command(name, KEYS[at], *arguments), TABLE[words][at]
    for reply in ALL_REPLIES:
        if reply == right:
            judge([*BEGUN, (request, reply)])
        else:
            with pytest.raises(WrongReplyError):
                judge([*BEGUN, (request, reply)])


def test_an_echo_is_what_was_sent():
    """ECHO and PING have one right reply, whatever is stored under the same name."""
    sent = b"a\r\n$1\r\n"
    judge([(command(b"SET", sent, b"x"), b"+OK\r\n"), (command(b"ECHO", sent), bulk(sent))])
    judge([(command(b"PING"), b"+PONG\r\n")])
    for request in (command(b"ECHO", sent), command(b"PING")):
        for wrong in (bulk(None), bulk(b"a"), b"+OK\r\n", b":0\r\n"):
            with pytest.raises(WrongReplyError):
                judge([(request, wrong)])


CHANGES = [
    (command(b"SET", KEYS[0], b"x"), b"+OK\r\n", [bulk(b"x"), bulk(b"8"), WRONG_TYPE]),
    (command(b"SET", KEYS[2], b"x"), b"+OK\r\n", [bulk(None), bulk(b"8"), bulk(b"x")]),
    (command(b"APPEND", KEYS[0], b"x"), b":1\r\n", [bulk(b"x"), bulk(b"8"), WRONG_TYPE]),
    (command(b"APPEND", KEYS[1], b"x"), b":2\r\n", [bulk(None), bulk(b"8x"), WRONG_TYPE]),
    (command(b"INCR", KEYS[1]), b":9\r\n", [bulk(None), bulk(b"9"), WRONG_TYPE]),
    (command(b"DEL", KEYS[2]), b":1\r\n", [bulk(None), bulk(b"8"), bulk(None)]),
    (command(b"RPUSH", KEYS[0], b"x"), b":1\r\n", [WRONG_TYPE, bulk(b"8"), WRONG_TYPE]),
    (command(b"LPOP", KEYS[2]), bulk(b"a"), [bulk(None), bulk(b"8"), WRONG_TYPE]),
    (command(b"LPOP", KEYS[0]), bulk(None), [bulk(None), bulk(b"8"), WRONG_TYPE]),
]


@pytest.mark.parametrize(("request_bytes", "reply", "now"), CHANGES)
def test_what_a_command_changes_is_read_back(request_bytes: bytes, reply: bytes, now: list[bytes]):
    """A command changes its own key and no other."""
    gets = [command(b"GET", key) for key in KEYS]
    judge([*BEGUN, (request_bytes, reply), *zip(gets, now, strict=True)])


@pytest.mark.parametrize(
    ("value", "step", "reply"),
    [
        (b"9223372036854775806", b"1", b":9223372036854775807\r\n"),
        (b"9223372036854775807", b"1", NOT_AN_INTEGER),
        (b"9223372036854775808", b"-1", NOT_AN_INTEGER),
        (b"-9223372036854775807", b"-1", b":-9223372036854775808\r\n"),
        (b"-9223372036854775808", b"-1", NOT_AN_INTEGER),
        (b"-9223372036854775809", b"1", NOT_AN_INTEGER),
        (b"-0", b"1", NOT_AN_INTEGER),
        (b"1x", b"1", NOT_AN_INTEGER),
    ],
)
def test_counters_have_64_bits(value: bytes, step: bytes, reply: bytes):
    """What has no room in 64 bits is refused, before the step or after it, and nothing changes."""
    after = reply[1:-2] if reply.startswith(b":") else value
    judge(
        [
            (on(b"SET", value), b"+OK\r\n"),
            (on(b"INCRBY", step), reply),
            (on(b"GET"), bulk(after)),
        ]
    )


@pytest.mark.parametrize(
    "value",
    [
        b"+OK\r\n",
        b"-ERR\r\n",
        b":1\r\n",
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"$10\r\n\r\n34567\r\n0\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n:1\r\n",
        b"*2\r\n*1\r\n:1\r\n*2\r\n+\r\n$2\r\n\r\n\r\n",
        b"*1\r\n" * 9 + b":1\r\n",
        b"*1\r\n" * 8 + b"$1\r\na\r\n",
    ],
)
def test_a_value_ends_where_it_ends(value: bytes):
    """No prefix of a value is taken for a whole one, and what follows is not looked at."""
    protocol = Redis()
    for following in (b"", b"\r\n", b"?"):
        assert protocol.reply_length(bytearray(value + following)) == len(value)
    for size in range(len(value)):
        length = protocol.reply_length(bytearray(value[:size]))
        assert length is None or length == len(value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"?1\r\n", "no value of RESP2 begins with b'[?]'"),
        (b"\r\n", "no value of RESP2 begins with b'.r'"),
        (b"$12x\r\n", "b'12x' is no length"),
        (b"*\r\n", "b'' is no length"),
        (b"*2\r\n:1\r\n?\r\n", "no value of RESP2 begins with"),
        (b"*1\r\n" * 9 + b"*0\r\n", "no value of RESP2 begins with"),
        (b"*1\r\n" * 9 + b"$1\r\na\r\n", "no value of RESP2 begins with"),
    ],
)
def test_what_is_no_value_is_said(value: bytes, says: str):
    """The error shows what stands where a value, or its length, should; nesting has a bound."""
    with pytest.raises(MalformedReplyError, match=says):
        Redis().reply_length(bytearray(value))
