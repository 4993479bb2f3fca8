"""POP3: what a mailbox lists, counts and sends agrees, as Python's own client reads it too."""

import poplib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mail_servers import Pop3Server
from tests.support.slow_judges import accepts, cut, spoilt
from tests.support.standard_clients import Pop3Client
from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.pop3 import Pop3
from wireproof.protocols.loading.registry import find_protocol

LINES = st.sampled_from([b"", b".", b"..", b".a", b"text", b"+OK", b"-ERR no"])
BODIES = st.lists(LINES, max_size=4).map(lambda lines: b"".join(each + b"\r\n" for each in lines))
MAILBOXES = st.lists(BODIES.map(lambda body: b"Subject: a\r\n\r\n" + body), max_size=3)
GREETING = b"+OK ready <1.2@example.com>\r\n"


def commands(protocol: Pop3, requests: list[bytes]) -> list[bytes]:
    """Return the commands of an opening and requests, one by one."""
    return [part for each in [*protocol.opening(), *requests] for part in protocol.parts(each)]


def read_by_poplib(stream: bytes, asked: list[bytes]) -> list[object] | None:
    """Return what each reply says; None where the client finds no such stream."""
    try:
        client = Pop3Client(stream)
        said = [client.read(command) for command in asked]
        left = client.file.read()  # type: ignore[attr-defined]
    except (poplib.error_proto, ValueError, IndexError):
        return None
    return None if left else said


@given(data=st.data())
def test_what_is_accepted_is_what_pythons_client_reads(data: st.DataObject):
    """Right replies are accepted however they are cut; a stream that says anything else is not."""
    protocol = Pop3()
    server = Pop3Server(data.draw(MAILBOXES))
    known = commands(protocol, [b"RETR %d\r\n" % number for number in server.there()])
    requests = data.draw(st.lists(protocol.requests(), min_size=1, max_size=3))
    asked = [*known, *(part for each in requests for part in protocol.parts(each))]
    begun, rest = (b"".join(map(server.answer, some)) for some in (known, asked[len(known) :]))
    right = GREETING + begun + rest
    assert accepts(protocol.oracle(), asked, cut(data, right))
    damaged = GREETING + begun + spoilt(data, rest)
    if accepts(protocol.oracle(), asked, cut(data, damaged)):
        said = read_by_poplib(right, asked)
        assert said
        assert read_by_poplib(damaged, asked) == said


def counts_deleted(server: Pop3Server, request: bytes) -> bytes:
    """Count messages in STAT that are marked as deleted."""
    if request != b"STAT\r\n":
        return server.answer(request)
    return b"+OK %d %d\r\n" % (len(server.messages), sum(map(len, server.messages)))


def keeps_marks(server: Pop3Server, request: bytes) -> bytes:
    """Forget no mark at RSET."""
    return b"+OK\r\n" if request.upper() == b"RSET\r\n" else server.answer(request)


def serves_deleted(server: Pop3Server, request: bytes) -> bytes:
    """Send what is marked as deleted."""
    return server.answer(request) if request[:4] != b"DELE" else b"+OK\r\n"


def cuts_numbers(server: Pop3Server, request: bytes) -> bytes:
    """Keep 32 bits of a number."""
    words = request.split()
    if len(words) > 1 and words[1].isdigit():
        words[1] = b"%d" % (int(words[1]) % 2**32)
    return server.answer(b" ".join(words) + b"\r\n")


def minds_case(server: Pop3Server, request: bytes) -> bytes:
    """Know keywords in capitals only."""
    keyword = (request.split() or [b""])[0]
    return server.answer(request) if keyword.isupper() else b"-ERR unknown\r\n"


def doubles_no_dot(server: Pop3Server, request: bytes) -> bytes:
    """Send lines as they are."""
    right = server.answer(request)
    return right.replace(b"\r\n..begins", b"\r\n.begins")


def names_no_number(server: Pop3Server, request: bytes) -> bytes:
    """Leave the number out of the reply to UIDL with one, as Twisted does."""
    right = server.answer(request)
    if request[:5] == b"UIDL " and right[:1] == b"+":
        return b"+OK " + right.split()[2] + b"\r\n"
    return right


def sends_a_line_too_many(server: Pop3Server, request: bytes) -> bytes:
    """Count the empty line of TOP among those of the body."""
    words = request.split()
    if words[0] == b"TOP" and len(words) == 3:
        return server.answer(b"TOP %b %d\r\n" % (words[1], int(words[2]) + 1))
    return server.answer(request)


WRONG = {
    each.__name__: each
    for each in (
        counts_deleted,
        keeps_marks,
        serves_deleted,
        cuts_numbers,
        minds_case,
        doubles_no_dot,
        names_no_number,
        sends_a_line_too_many,
    )
}
"""Servers that are wrong, one kind each: the answer to a command, from the right one."""

REQUESTS = [
    b"DELE 1\r\nRETR 1\r\nLIST 1\r\nSTAT\r\nLIST\r\nRSET\r\nSTAT\r\n",
    b"RETR 4294967297\r\nNOOP\r\n",
    b"noop\r\n",
    b"RETR 1\r\nTOP 1 1\r\nNOOP\r\n",
    b"UIDL 2\r\nNOOP\r\n",
]


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_server_of_each_kind_is_caught(kind: str):
    """The same requests to a right one are all right."""
    protocol = Pop3()
    asked = commands(protocol, REQUESTS)
    right, wrong = Pop3Server(), Pop3Server()
    assert accepts(protocol.oracle(), asked, [GREETING, *map(right.answer, asked)])
    replies = [WRONG[kind](wrong, request) for request in asked]
    assert not accepts(protocol.oracle(), asked, [GREETING, *replies])


@pytest.mark.parametrize(
    ("asked", "reply", "is_right"),
    [
        (b"UIDL\r\n", b"-ERR no UIDL here\r\n", True),
        (b"LIST\r\n", b"-ERR no\r\n", False),
        (b"LIST\r\n", b"+OK\r\n1 10\r\n1 10\r\n.\r\n", False),
        (b"LIST\r\n", b"+OK\r\n1 10\r\n3 10\r\n.\r\n", False),
        (b"LIST\r\n", b"+OK\r\n1 10 more\r\n2 7\r\n.\r\n", True),
        (b"LIST\r\n", b"+OK\r\n.\r\n", True),
    ],
)
def test_the_first_list_is_believed_if_it_can_be_one(asked: bytes, reply: bytes, is_right: bool):
    """Numbers count up from 1; UIDL is optional."""
    opening = Pop3().opening()[: 3 + (asked != b"LIST\r\n")]
    before = [b"+OK\r\n", b"+OK\r\n", b"+OK\r\n.\r\n"][: len(opening) - 1]
    assert opening[-1] == asked
    assert accepts(Pop3().oracle(), opening, [GREETING, *before, reply]) == is_right


def test_sizes_that_are_not_exact_are_let_pass_where_that_is_said():
    """By the setting; a text must be the same twice all the same."""
    requests = [b"RETR 1\r\n", b"RETR 1\r\n"]
    begun = [GREETING, b"+OK\r\n+OK\r\n+OK\r\n1 999\r\n.\r\n+OK\r\n1 a\r\n.\r\n+OK 1 999\r\n"]
    text, other = b"+OK\r\nhi\r\n.\r\n", b"+OK\r\nho\r\n.\r\n"
    for setting, replies, is_right in (
        ("yes", [text, text], False),
        ("no", [text, text], True),
        ("no", [text, other], False),
    ):
        protocol = find_protocol("pop3", {"exact_sizes": setting})
        asked = [*protocol.opening(), *requests]
        assert accepts(protocol.oracle(), asked, [*begun, *replies]) == is_right


def test_each_connection_may_have_a_mailbox_of_its_own():
    """Where the name of the user has place for a number."""
    protocol = find_protocol("pop3", {"user": "wp00000000@example.com", "password": "secret"})
    opening = [protocol.personalise(request, 12) for request in protocol.opening()]
    assert opening[:2] == [b"USER wp00000012@example.com\r\n", b"PASS secret\r\n"]


def test_commands_wait_for_each_other_unless_they_are_pipelined():
    """Each is a part with a reply of its own."""
    protocol = Pop3()
    request = b"RETR 1\r\nNOOP\r\n"
    assert list(protocol.parts(request)) == [b"RETR 1\r\n", b"NOOP\r\n"]
    assert list(protocol.pauses(request)) == [8]
    protocol.pipelining = True
    assert not protocol.pauses(request)


def test_a_server_may_give_up_after_too_many_refusals():
    """It says so, asked or not, and nothing is owed then."""
    gone = b"-ERR Too many bad commands.\r\n"
    assert Pop3().closes(gone)
    assert Pop3().unsolicited(gone)
    assert not Pop3().closes(b"-ERR no\r\n")


def test_what_begins_no_reply_is_malformed():
    """Neither +OK nor -ERR, seen at the first octet."""
    for data in (b"2", b"+ER", b"-O"):
        with pytest.raises(MalformedReplyError):
            Pop3().reply_length(bytearray(data))
    assert Pop3().reply_length(bytearray(b"+")) is None


def test_tls_begins_behind_stls():
    """It is the first request where that is set, and what follows logs in as without it."""
    protocol = find_protocol("pop3", {"starttls": "yes"})
    asks, *rest = protocol.opening()
    assert asks == b"STLS\r\n"
    assert rest == Pop3().opening()
    assert [protocol.begins_tls(one) for one in protocol.opening()] == [True, *[False] * 5]
    for reply, is_right in ((b"+OK go on\r\n", True), (b"-ERR no\r\n", False)):
        assert accepts(protocol.oracle(), [asks], [GREETING, reply]) == is_right
