"""IMAP: literals, and messages that come back to the octet, as Python's own client reads them."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.mail_servers import ImapServer
from tests.support.slow_judges import accepts, cut, spoilt
from tests.support.standard_clients import ImapClient
from wireproof.protocols import MalformedReplyError
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.imap import Imap
from wireproof.protocols.loading.registry import find_protocol

GREETING = b"* OK ready\r\n"


def sent_by(protocol: Imap, requests: list[bytes]) -> list[bytes]:
    """Return an opening and requests, as a connection sends them."""
    return as_sent(protocol, [*protocol.opening(), *requests], 7)


def parts(protocol: Imap, sent: list[bytes]) -> list[bytes]:
    """Return the parts of requests, each with an answer of its own."""
    return [part for each in sent for part in protocol.parts(each)]


def answered(protocol: Imap, sent: list[bytes]) -> list[bytes]:
    """Return what a right server answers to each part, behind its greeting."""
    return [GREETING, *map(ImapServer().answer, parts(protocol, sent))]


@settings(max_examples=50)
@given(data=st.data())
def test_what_is_accepted_is_what_pythons_client_reads(data: st.DataObject):
    """Right replies are accepted however they are cut; a stream that says anything else is not."""
    protocol = Imap()
    requests = data.draw(st.lists(protocol.requests(), min_size=1, max_size=2))
    asked = sent_by(protocol, requests)
    begun = len(parts(protocol, sent_by(protocol, [])))
    replies = answered(protocol, asked)[1:]
    right = b"".join(replies)
    assert accepts(protocol.oracle(), asked, cut(data, GREETING + right))
    damaged = b"".join(replies[:begun]) + spoilt(data, b"".join(replies[begun:]))
    if accepts(protocol.oracle(), asked, cut(data, GREETING + damaged)):
        tags = [reply.splitlines()[-1].split()[0] for reply in replies if reply[:1] != b"+"]
        said = ImapClient().messages_of(re.sub(rb"UID [0-9]+", b"", right), tags)
        assert said
        heard = ImapClient().messages_of(re.sub(rb"UID [0-9]+", b"", damaged), tags)
        assert heard in (said, None)  # it knows names in capitals only


def runs_literals(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Take a line of a literal for a command."""
    return right + b"w1 BAD\r\n" if b"LOGOUT" in part else right


def is_off_by_one(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Begin a part of a text one octet late."""
    late = part.replace(b"<8.", b"<9.")
    return server.answer(late).replace(b"<9>", b"<8>") if late != part else right


def ends_where_asked(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Say that there are as many octets as were asked for."""
    return right.replace(b'BODY[]<9999> ""', b"BODY[]<9999> {1}\r\nx")


def minds_case(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Know commands in capitals only."""
    return part[:9] + b" BAD no\r\n" if b" noop" in part else right


def tells_no_message(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Never tell of a message that was appended."""
    return right.replace(b"* 2 EXISTS\r\n", b"")


def counts_no_line_end(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Give a size without the CR of each line."""
    size = re.search(rb"RFC822.SIZE ([0-9]+)", right)
    return right.replace(size[0], b"RFC822.SIZE %d" % (int(size[1]) - 2)) if size else right


def keeps_what_is_removed(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Tell of no message that is gone."""
    return right.replace(b"* 2 EXPUNGE\r\n", b"")


def removes_the_first(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Say that another message is gone than the one that was marked."""
    return right.replace(b"* 2 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n")


def answers_another_tag(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """Use the tag of the command before."""
    return right.replace(b"w00000007a OK", b"w00000006a OK")


def says_goodbye(server: ImapServer, part: bytes, right: bytes) -> bytes:
    """End the connection in the middle."""
    return b"* BYE\r\n" if b"FETCH 2" in part else right


WRONG: dict[str, Callable[[ImapServer, bytes, bytes], bytes]] = {
    each.__name__: each
    for each in (
        runs_literals,
        is_off_by_one,
        ends_where_asked,
        minds_case,
        tells_no_message,
        counts_no_line_end,
        keeps_what_is_removed,
        removes_the_first,
        answers_another_tag,
        says_goodbye,
    )
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_server_of_each_kind_is_caught(kind: str):
    """The conversations of the rules, which a right server answers."""
    protocol = Imap()
    requests = [each for rule in protocol.rules() for one in rule.conversations for each in one]
    asked, wrong = sent_by(protocol, requests), ImapServer()
    assert accepts(protocol.oracle(), asked, answered(protocol, asked))
    replies = [WRONG[kind](wrong, part, wrong.answer(part)) for part in parts(protocol, asked)]
    assert not accepts(protocol.oracle(), asked, [GREETING, *replies])


def test_a_literal_is_awaited_or_not():
    """It goes on once the server has asked for it; with LITERAL+ at once."""
    plain, plus = Imap(), find_protocol("imap", {"literal_plus": "yes"})
    request = plain.payload_request(b"hi")
    assert request
    assert [len(part) for part in plain.parts(request)][:2] == [35, 26]
    assert list(plain.pauses(request))[:2] == [35, 61]
    assert isinstance(plus, Imap)
    plus.pipelining = True
    request = plus.payload_request(b"hi")
    assert request
    assert plus.parts(request)[0].endswith(b"{24+}\r\nSubject: wireproof\r\n\r\nhi\r\n")
    assert not plus.pauses(request)
    asked = sent_by(plus, [request])
    assert accepts(plus.oracle(), asked, answered(plus, asked))


def test_no_text_that_a_server_may_change_is_stored():
    """NUL is none, and a line ends with CR LF."""
    for text in (b"\0", b"a\nb", b"a\rb"):
        assert Imap().payload_request(text) is None
    assert Imap().payload_request(b"a\r\nb")


def test_each_connection_has_a_mailbox_and_tags_of_its_own():
    """The number of the connection in the mailbox's name, that of the request in the tag."""
    login, *_, append, noop = as_sent(Imap(), Imap().opening(), 12)
    assert login == b'w00000000a LOGIN "wireproof" "wireproof"\r\n'
    assert append.startswith(b"w00000004a APPEND wp00000012 {")
    assert noop == b"w00000005a NOOP\r\n"  # before it nobody needs to know of the message


def test_what_a_server_tells_unasked_is_right():
    """Untagged alone, or within a reply; BYE ends the connection."""
    protocol = Imap()
    fetch = sent_by(protocol, [b"w00000000a FETCH 1 (UID)\r\n"])
    for told, is_right in (
        (b"FETCH (FLAGS (\\Seen) ", True),
        (b"RECENT\r\n* 1 fetch (", True),
        (b"FETCH (FLAGS ())\r\n* 1 FETCH (", True),
        (b"RECENT\r\n* 9 FETCH (FLAGS ())\r\n* 1 FETCH (", True),
        (b"RECENT\r\n* 9 FETCH (BODY[] a)\r\n* 1 FETCH (", False),
    ):
        replies = [each.replace(b"FETCH (", told) for each in answered(protocol, fetch)]
        assert accepts(protocol.oracle(), fetch, replies) == is_right
    asked = sent_by(protocol, [])
    begun = answered(protocol, asked)
    assert accepts(protocol.oracle(), asked, [*begun, b"* OK still here\r\n* 1 EXISTS\r\n"])
    assert accepts(protocol.oracle(), asked, [*begun, b"* BYE timeout\r\n"])
    assert not accepts(protocol.oracle(), asked, [*begun, b"x OK\r\n"])


@pytest.mark.parametrize(
    "data", [b" * OK\r\n", b"* \r\n\r\n", b"* 1 FETCH (A {3}\r\nabc\r\n", b"* 1 FETCH (A B))\r\n"]
)
def test_what_is_no_response_is_malformed(data: bytes):
    """A line that begins with none, and lists that do not close."""
    oracle = Imap().oracle()
    asked = sent_by(Imap(), [b"w00000000a FETCH 1 (UID)\r\n"])
    replies = [*answered(Imap(), asked)[:-1], data + b"w00000005a OK\r\n"]
    assert not accepts(oracle, asked, replies)


def test_a_text_for_people_holds_no_literal():
    """What ends like one in a status is text."""
    said = b"* OK [UIDVALIDITY 1] {7}\r\nw00000000a OK {9}\r\n"
    assert Imap().reply_length(bytearray(said + b"more"), b"w00000000a NOOP\r\n") == len(said)


def test_a_line_that_is_no_response_is_told_at_once():
    """The rest is not awaited."""
    with pytest.raises(MalformedReplyError):
        Imap().reply_length(bytearray(b"hello\r\n"), b"w00000000a NOOP\r\n")


def test_tls_begins_behind_starttls():
    """It is the first command where that is set, with a tag of its own, and a log-in follows."""
    protocol = find_protocol("imap", {"starttls": "yes"})
    assert protocol.opening()[1:] == Imap().opening()
    asks, logs_in, *_ = as_sent(protocol, protocol.opening(), 7)
    assert re.fullmatch(rb"w[0-9]{8}a STARTTLS\r\n", asks)
    assert [protocol.begins_tls(one) for one in (asks, logs_in)] == [True, False]
    assert not any(map(protocol.begins_tls, [protocol.example(), protocol._kept(b"a STARTTLS")]))
    for word, is_right in ((b"OK", True), (b"NO", False)):
        reply = asks.split()[0] + b" " + word + b" go on\r\n"
        assert accepts(protocol.oracle(), [asks], [GREETING, reply]) == is_right


def test_the_end_of_a_text_announces_no_literal():
    """Though it looks so, and the line ends right behind it: what comes next is a command."""
    protocol = Imap()
    asked = as_sent(protocol, [*protocol.opening(), protocol._kept(b"{3}")], 7)
    assert accepts(protocol.oracle(), asked, answered(protocol, asked))
    head, text, *rest = protocol.parts(asked[-1])
    assert (head[-6:], text[-5:], len(rest)) == (b" {25}\r\n"[-6:], b"{3}\r\n", 4)
