"""The model of memcached."""

import re

import pytest
from hypothesis import find

from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.built_in.memcached import Memcached, storage
from wireproof.protocols.loading.self_check import check_code

A, B, N = b"wp00000000a", b"wp00000000b", b"wp00000000n"


def judge(*exchanges: tuple[bytes, bytes]) -> None:
    """Show each command and its reply to one oracle."""
    oracle = Memcached().oracle()
    for request, reply in exchanges:
        oracle.announce(request)
        oracle.sent(len(request))
        if reply:
            oracle.receive_data(reply)
        assert oracle.settled


def test_storage_and_retrieval():
    """Values come back with their flags; append keeps the flags that were there."""
    judge(
        (storage(b"append", b"k", b"x"), b"NOT_STORED\r\n"),
        (storage(b"set", b"k", b"a\r\n", 7), b"STORED\r\n"),
        (storage(b"add", b"k", b"x"), b"NOT_STORED\r\n"),
        (storage(b"append", b"k", b"b", 9, b" noreply"), b""),
        (b"get k other\r\n", b"VALUE k 7 4\r\na\r\nb\r\nEND\r\n"),
        (b"delete k\r\n", b"DELETED\r\n"),
        (b"get k\r\n", b"END\r\n"),
    )


def test_counters():
    """A counter counts from what was set."""
    judge(
        (b"incr n 1\r\n", b"NOT_FOUND\r\n"),
        (storage(b"set", b"n", b"9"), b"STORED\r\n"),
        (b"incr n 1\r\n", b"10\r\n"),
    )


def test_a_reply_to_noreply_is_wrong():
    """A command with noreply must not be answered."""
    with pytest.raises(WrongReplyError):
        judge((storage(b"set", b"k", b"", 0, b" noreply"), b"STORED\r\n"))


@pytest.mark.parametrize("length", [b"9" * 5000, b"9" * 20])
def test_a_length_beyond_all_bounds_is_the_servers_fault(length: bytes):
    """However long a length is, it is a wrong reply, and never an error of this class."""
    oracle = Memcached().oracle()
    oracle.announce(b"version\r\n")
    oracle.sent(9)
    with pytest.raises(WrongReplyError):
        oracle.receive_data(b"VALUE k 0 " + length + b"\r\n")


def test_a_connection_begins_without_its_keys():
    """All keys are deleted first, each the connection's own."""
    opening = list(Memcached().opening())
    assert opening == [b"delete %b\r\n" % key for key in (A, B, N)]
    assert Memcached().personalise(opening[0], 12) == b"delete wp00000012a\r\n"


COMMANDS = {
    b"version": rb"version\r\n",
    b"get": rb"get wp00000000(a|b|n|a( wp00000000-[0-9]+)* wp00000000b)\r\n",
    b"delete": rb"delete wp00000000[ab]( noreply)?\r\n",
    b"incr": rb"incr wp00000000n [0-9]+\r\n",
    **dict.fromkeys(
        (b"set", b"add", b"replace", b"append", b"prepend"),
        rb"[a-z]+ (wp00000000[ab] [0-9]+|wp00000000n 0) 0 (?P<size>[0-9]+)( noreply)?\r\n",
    ),
}


def test_every_command_is_drawn_with_arguments_that_fit():
    """Each command is asked for, on strings and on the counter, with noreply and without."""
    drawn = check_code(Memcached(), 300)
    lines: set[bytes] = set()
    for request in drawn:
        line, end, block = request.partition(b"\r\n")
        found = re.fullmatch(COMMANDS[line.partition(b" ")[0]], line + end)
        assert found, request
        if "size" in found.groupdict():
            assert len(block) == int(found["size"]) + 2
            assert block.endswith(b"\r\n")
        lines.add(line)
        if line.startswith(b"set %b " % N):
            assert block[:-2].isdigit()
    assert {line.partition(b" ")[0] for line in lines} == set(COMMANDS)
    assert {b"get %b" % A, b"get %b" % B, b"get %b %b" % (A, B), b"get %b" % N} < lines
    assert any(line.startswith(b"set %b " % N) for line in lines)
    steps = [int(line.split()[2]) for line in lines if line.startswith(b"incr")]
    flags = [int(line.split()[2]) for line in lines if line.startswith((b"set", b"add"))]
    assert min(steps) < 1000 < 2**32 <= max(steps)
    assert min(flags) < 1000 < max(flags) < 65536
    many = {len(line.split()) - 1 for line in lines if line.startswith(b"get")}
    assert many >= {1, 2, 127, 128, 257, 1000}
    for name in (b"set", b"delete"):
        quiet = {line.endswith(b" noreply") for line in lines if line.startswith(name)}
        assert quiet == {False, True}


def test_a_sized_request_is_a_set():
    """A request of a given size sets a value of octets that count up."""
    assert Memcached().sized_request(36) == storage(b"set", A, bytes(range(10)))


@pytest.mark.parametrize(
    "beginning", [b"wireproof\r\n", b"get\r\n", b"set a\r\n", b"get " + b"k" * 251, b"\r\n"]
)
def test_what_is_malformed_is_a_line(beginning: bytes):
    """What is sent as malformed is a whole line; a key has at most 250 octets."""
    found = find(Memcached().malformed(), lambda each: each.startswith(beginning))
    assert found.endswith(b"\r\n")


def test_rules_have_one_right_answer():
    """What each rule asks for is answered right by what its title says."""
    value = b"END\r\nget x\r\n"
    answers = {
        "MEMCACHED-001": [b"STORED\r\n", b"VALUE %b 0 12\r\n%b\r\nEND\r\n" % (A, value)],
        "MEMCACHED-002": [b"", b"VALUE %b 0 1\r\n1\r\nEND\r\n" % A],
    }
    for rule in Memcached().rules():
        (conversation,) = rule.conversations
        judge(*zip(conversation, answers.pop(rule.id), strict=True))
    assert not answers


def held(value: bytes, flags: int = 3) -> bytes:
    """Return the reply to `get k`."""
    return b"VALUE k %d %d\r\n%b\r\nEND\r\n" % (flags, len(value), value)


STORED, NOT_STORED = b"STORED\r\n", b"NOT_STORED\r\n"
TABLE = {
    b"set": (STORED, held(b"x", 4), STORED, held(b"x", 4)),
    b"add": (STORED, held(b"x", 4), NOT_STORED, held(b"ab")),
    b"replace": (NOT_STORED, b"END\r\n", STORED, held(b"x", 4)),
    b"append": (NOT_STORED, b"END\r\n", STORED, held(b"abx")),
    b"prepend": (NOT_STORED, b"END\r\n", STORED, held(b"xab")),
}
"""The reply and the value then, without an earlier value and with one."""
ALL_REPLIES = {reply for replies in TABLE.values() for reply in replies}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("quiet", [False, True])
def test_each_storage_command_has_one_right_reply_and_value(name: bytes, exists: bool, quiet: bool):
    """Of all replies one alone is right, or none with noreply; so is the value read back."""
    right, now = TABLE[name][2:] if exists else TABLE[name][:2]
    begun = [(storage(b"set", b"k", b"ab", 3), STORED)] if exists else []
    request = storage(name, b"k", b"x", 4, b" noreply" if quiet else b"")
    stored = (request, b"" if quiet else right)
    for reply in ALL_REPLIES:
        if reply == now:
            judge(*begun, stored, (b"get k\r\n", reply))
        else:
            with pytest.raises(WrongReplyError):
                judge(*begun, stored, (b"get k\r\n", reply))
        if reply != stored[1]:
            with pytest.raises(WrongReplyError):
                judge(*begun, (request, reply))


def test_a_retrieval_has_the_keys_in_their_order():
    """Values come in the order of the keys, each with its flags; what is not there is left out."""
    sets = [(storage(b"set", key, key * 2, 7), STORED) for key in (b"a", b"b")]
    values = [b"VALUE %b 7 2\r\n%b\r\n" % (key, key * 2) for key in (b"a", b"b")]
    judge(*sets, (b"get b x a\r\n", values[1] + values[0] + b"END\r\n"))
    with pytest.raises(WrongReplyError):
        judge(*sets, (b"get b x a\r\n", values[0] + values[1] + b"END\r\n"))


@pytest.mark.parametrize(
    ("exists", "reply", "right"),
    [
        (False, b"DELETED\r\n", True),
        (False, b"NOT_FOUND\r\n", True),
        (True, b"DELETED\r\n", True),
        (True, b"NOT_FOUND\r\n", False),
        (False, b"STORED\r\n", False),
        (False, b"deleted\r\n", False),
    ],
)
def test_what_is_there_can_be_deleted(exists: bool, reply: bytes, right: bool):
    """Only where the model holds nothing may the server have found nothing, or something."""
    begun = [(storage(b"set", b"k", b"ab", 3), STORED)] if exists else []
    if right:
        judge(*begun, (b"delete k\r\n", reply), (b"get k\r\n", b"END\r\n"))
    else:
        with pytest.raises(WrongReplyError):
            judge(*begun, (b"delete k\r\n", reply))
    judge(*begun, (b"delete k noreply\r\n", b""), (b"get k\r\n", b"END\r\n"))


def test_a_counter_keeps_its_flags_and_what_it_counted():
    """What was added once is there when it is read, and when more is added."""
    begun = [
        (storage(b"set", b"k", b"9", 3), STORED),
        (b"incr k 11\r\n", b"20\r\n"),
        (b"incr k 2\r\n", b"22\r\n"),
    ]
    judge(*begun, (b"get k\r\n", held(b"22")))
    for wrong in (b"22\r\n", b"25\r\n", b"NOT_FOUND\r\n"):
        with pytest.raises(WrongReplyError):
            judge(*begun, (b"incr k 2\r\n", wrong))
    with pytest.raises(WrongReplyError):
        judge((b"incr k 2\r\n", b"2\r\n"))


@pytest.mark.parametrize(
    "reply",
    [
        b"STORED\r\n",
        b"\r\n",
        b"VALUES\r\n",
        b"END\r\n",
        b"VALUE k 0 0\r\n\r\nEND\r\n",
        b"VALUE k 0 5\r\nEND\r\n\r\nEND\r\n",
        b"VALUE k 0 1 99\r\na\r\nVALUE l 1 2\r\n\r\n\r\nEND\r\n",
    ],
)
def test_a_reply_ends_where_it_ends(reply: bytes):
    """No prefix of a reply is taken for a whole one, and what follows is not looked at."""
    protocol = Memcached()
    for following in (b"", b"\r\n", b"VALUE "):
        assert protocol.reply_length(bytearray(reply + following)) == len(reply)
    for size in range(len(reply)):
        assert protocol.reply_length(bytearray(reply[:size])) is None


def test_a_value_that_is_too_long_is_known_by_its_header():
    """A length beyond the most that a reply may have is told before the value is here."""
    head = len(b"VALUE k 0 85\r\n")
    for end, length in ((98, None), (99, 101)):
        protocol = Memcached()
        protocol.max_reply_bytes = 100
        assert protocol.reply_length(bytearray(b"VALUE k 0 %d\r\n" % (end - head))) == length


@pytest.mark.parametrize("line", [b"VALUE k 0", b"VALUE k 0 x", b"VALUE k 0 1 1 1", b"VALUE "])
def test_a_value_line_has_key_flags_and_length(line: bytes):
    """The error says what a VALUE line has."""
    with pytest.raises(MalformedReplyError, match=r"^a VALUE line without key, flags and length$"):
        Memcached().reply_length(bytearray(line + b"\r\n"))


def test_a_version_is_one_line():
    """Whatever its version, the server says so, and says one."""
    judge((b"version\r\n", b"VERSION 1.6.21\r\n"))
    for wrong in (b"VERSION \r\n", b"1.6.21\r\n", b"ERROR\r\n"):
        with pytest.raises(WrongReplyError):
            judge((b"version\r\n", wrong))
