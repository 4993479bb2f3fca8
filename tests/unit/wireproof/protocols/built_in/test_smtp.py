"""SMTP: codes, not texts; a transaction of several messages."""

import inspect
import re
import runpy

import pytest
from hypothesis import find

from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.built_in.smtp import Smtp
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

GREETING = b"220-first\r\n220 ready\r\n"
MAIL = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"


def test_a_transaction_is_answered_part_by_part():
    """Each command and the text have replies of their own; the request counts once, at the end."""
    oracle = Smtp().oracle()
    request = MAIL + b"text\r\n.\r\n"
    oracle.announce(request)
    oracle.receive_data(GREETING)
    oracle.sent(len(MAIL))
    assert oracle.receive_data(b"250 ok\r\n250 ok\r\n354-go\r\n354 on\r\n") == 0
    assert oracle.settled
    oracle.sent(len(request) - len(MAIL))
    assert oracle.receive_data(b"250 2.0.0 queued\r\n") == 1


def test_pauses_follow_pipelining():
    """Without pipelining every command waits; with it only the text waits, for 354."""
    smtp = Smtp()
    request = MAIL + b"text\r\n.\r\n"
    assert smtp.pauses(request)[-1] == len(MAIL)
    assert len(smtp.pauses(request)) == 3
    smtp.pipelining = True
    assert list(smtp.pauses(request)) == [len(MAIL)]


def test_a_smuggled_command_is_noticed():
    """A reply to what stands in the text is one reply too many; a refusal of bare LF is right."""
    request = MAIL + b"text\n.\nNOOP\r\n.\r\n"
    for replies, right in (
        (b"250 one\r\n250 two\r\n", False),
        (b"550 bare LF\r\n", True),
        (b"550-bare LF\r\n550-\r\n550 no\r\n", True),
        (b"550-bare LF\r\n551 no\r\n", False),
        (b"421 goodbye\r\n", True),
    ):
        oracle = Smtp().oracle()
        oracle.announce(request)
        oracle.sent(len(request))
        begun = GREETING + b"250 ok\r\n250 ok\r\n354 go\r\n"
        if right:
            oracle.receive_data(begun + replies)
            assert oracle.settled
        else:
            with pytest.raises(WrongReplyError):
                oracle.receive_data(begun + replies)


@pytest.mark.parametrize(
    ("command", "replies", "right"),
    [
        (b"NOOP\r\n", b"250-a\r\n250 b\r\n", True),
        (b"RCPT TO:<a@example.com>\r\n", b"250-a\r\n251 b\r\n", False),
        (b"RCPT TO:<a@example.com>\r\n", b"251 b\r\n", True),
        (b"NOOP\r\n", b"251 b\r\n", False),
        (b"RSET\r\n", b"252 b\r\n", False),
    ],
)
def test_a_reply_has_one_code_and_it_is_the_commands(command: bytes, replies: bytes, right: bool):
    """All lines have the same code, one of those of RFC 5321 section 4.3.2 for the command."""
    oracle = Smtp().oracle()
    oracle.announce(command)
    oracle.sent(len(command))
    oracle.receive_data(GREETING)
    if right:
        assert oracle.receive_data(replies) == 1
    else:
        with pytest.raises(WrongReplyError):
            oracle.receive_data(replies)


def test_the_server_speaks_first_and_is_greeted_back():
    """220 begins, with text or without; EHLO is the first command."""
    for greeting, right in (
        (b"220\r\n", True),
        (b"220-a\r\n220 b\r\n", True),
        (b"250 ok\r\n", False),
        (b"220-a\r\n221 b\r\n", False),
    ):
        oracle = Smtp().oracle()
        if right:
            oracle.receive_data(greeting)
            assert oracle.settled
        else:
            with pytest.raises(WrongReplyError):
                oracle.receive_data(greeting)
    assert list(Smtp().opening()) == [b"EHLO client.example.com\r\n"]


HEADER = b"Subject: wireproof\r\n\r\n"


def test_commands_and_transactions_are_drawn():
    """A transaction is between the addresses that are set, with every leading dot doubled."""
    protocol = find_protocol("smtp", {"sender": "x@example.com", "recipient": "y@example.com"})
    envelope = b"MAIL FROM:<x@example.com>\r\nRCPT TO:<y@example.com>\r\nDATA\r\n" + HEADER
    drawn = check_code(protocol, 120)
    texts = [each.removeprefix(envelope) for each in drawn if each.startswith(envelope)]
    others = {each for each in drawn if not each.startswith(envelope)}
    assert others == {b"NOOP\r\n", b"RSET\r\n"}
    lines: set[bytes] = set()
    for text in texts:
        assert re.fullmatch(rb"(?:(?:|[.][.]|[A-Za-z0-9 ])[A-Za-z0-9 .]*\r\n)*[.]\r\n", text)
        *before, last = text.splitlines()
        assert last == b"."
        assert b"." not in before
        lines.update(before)
    assert any(line and not line.startswith(b".") for line in lines)
    for some in (b"[0-9]", b"[a-z]", b"[A-Z]", b" "):
        assert any(re.search(some, line) for line in lines)
    assert any(text.count(b"\r\n") > 3 for text in texts)


def test_a_sized_request_has_lines_of_sixty_characters():
    """There is a transaction of each size, of short lines that end with CR LF, and no dot."""
    smallest = len(MAIL + HEADER + b"\r\n.\r\n")
    protocol = find_protocol("smtp", {"sender": "a@example.com", "recipient": "b@example.com"})
    full = b"abcdefghijklmnopqrstuvwxyz 0123456789abcdefghijklmnopqrstuvw"
    for size in range(130):
        text = (full + b"\r\n") * 3
        text = text[:size]
        if text.endswith(b"\r"):
            text = text[:-1] + b"x"
        right = MAIL + HEADER + text + b"\r\n.\r\n"
        assert protocol.sized_request(smallest + size) == right
    assert protocol.sized_request(smallest - 1) is None


@pytest.mark.parametrize("line", [b"WIREPROOF", b"DATA", b"", b"RCPT TO:<>"])
def test_what_is_malformed_is_a_line(line: bytes):
    """What is sent as malformed is one whole line."""
    assert find(Smtp().malformed(), lambda each: each == line + b"\r\n")


SMUGGLED = {
    "LF . LF": b"\n.\n",
    "LF . CR LF": b"\n.\r\n",
    "CR LF . LF": b"\r\n.\n",
    "CR . CR": b"\r.\r",
    "CR LF . CR": b"\r\n.\r",
}


def test_rules_send_what_their_titles_say():
    """Dots are doubled, a false end has commands behind it, and NOOP shows the place was kept."""
    first, *ends, last = find_protocol(
        "smtp", {"sender": "a@example.com", "recipient": "b@example.com"}
    ).rules()
    dots = MAIL + HEADER + b"..\r\n...\r\nNOOP\r\n.. \r\n.\r\n"
    assert first.conversations == ((dots, b"NOOP\r\n"),)
    assert last.conversations == ((b"EHLO client.example.com\r\n", b"NOOP\r\n"),)
    assert [rule.id for rule in (first, *ends, last)] == [f"SMTP-00{at}" for at in range(1, 8)]
    for rule, (name, end) in zip(ends, SMUGGLED.items(), strict=True):
        assert rule.title == f"{name} does not end the text: only CR LF . CR LF does."
        text = MAIL + b"text" + end + b"NOOP\r\nNOOP\r\n.\r\n"
        assert rule.conversations == ((text, b"NOOP\r\n"),)


@pytest.mark.parametrize("text", [b".\r\n", b"DATA\r\n.\r\n", b"MAIL\r\nDATA\r\nRCPT\r\n.\r\n"])
def test_a_transaction_has_four_parts(text: bytes):
    """The commands up to the first DATA are parts, and so is all of the text."""
    smtp = Smtp()
    lines = MAIL.splitlines(keepends=True)
    assert list(smtp.parts(MAIL + text)) == [*lines, text]
    assert list(smtp.pauses(MAIL + text)) == [27, 52, 58]
    smtp.pipelining = True
    assert list(smtp.pauses(MAIL + text)) == [58]


def test_a_command_has_one_part():
    """A command waits for nothing within."""
    smtp = Smtp()
    assert list(smtp.parts(b"NOOP\r\n")) == [b"NOOP\r\n"]
    for pipelining in (False, True):
        smtp.pipelining = pipelining
        assert list(smtp.pauses(b"NOOP\r\n")) == []


@pytest.mark.parametrize(
    "reply", [b"250\r\n", b"250 \r\n", b"250-\r\n250-a\r\n250 b\r\n", b"250 -a-\r\n", b"999 a\r\n"]
)
def test_a_reply_ends_with_its_line_without_a_hyphen(reply: bytes):
    """No prefix of a reply is taken for a whole one, and what follows is not looked at."""
    protocol = Smtp()
    for following in (b"", b"\r\n", b"x"):
        assert protocol.reply_length(bytearray(reply + following)) == len(reply)
    for size in range(len(reply)):
        assert protocol.reply_length(bytearray(reply[:size])) is None


@pytest.mark.parametrize("line", [b"", b"25 a", b"2500", b"250a", b"250-a\r\nb", b"250 a\n"])
def test_a_line_has_a_code(line: bytes):
    """The error says what a line begins with."""
    with pytest.raises(MalformedReplyError, match=r"^a line without a code of three digits$"):
        Smtp().reply_length(bytearray(line + b"\r\n"))


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        (b"NOOP\r\n", {250}),
        (b"DATA\r\n", {354}),
        (b"RCPT TO:<a@b.c>\r\n", {250, 251}),
        (b".\r\n", {250}),
        (b"a\r\n.\r\n", {250}),
        (b"DATA\r\n.\r\n", {250}),
        (b"a\nb\r\n.\r\n", {*range(200, 300), *range(400, 600)}),
        (b"a\rb\r\n.\r\n", {*range(200, 300), *range(400, 600)}),
    ],
)
def test_each_message_has_its_codes(message: bytes, codes: set[int]):
    """One code is right, or two for RCPT; any of success or refusal on text with bare CR or LF."""
    again = runpy.run_path(inspect.getfile(Smtp), run_name=Smtp.__module__)  # patterns made anew
    pattern = again["Smtp"]().expected(message)
    assert pattern == Smtp().expected(message)
    for code in range(1000):
        whole = b"%03d-a\r\n%03d b\r\n" % (code, code)
        assert (pattern.fullmatch(whole) is not None) == (code in codes)
        other = b"%03d-a\r\n%03d b\r\n" % (code, (code + 1) % 1000)
        assert not pattern.fullmatch(other)
        assert not pattern.fullmatch(whole[:-1])


@pytest.mark.parametrize(
    ("reply", "right"),
    [(b"421 a\r\n", True), (b"521-a\r\n521 b\r\n", True), (b"550 421\r\n", False)],
)
def test_421_and_521_close(reply: bytes, right: bool):
    """With these codes a server gives up (RFC 5321, section 3.8; RFC 7504)."""
    assert Smtp().closes(reply) == right


def test_starttls_is_a_request_of_the_opening():
    """Hello, STARTTLS with 220, and hello once more inside TLS, where the rest is as before."""
    smtp = find_protocol("smtp", {"starttls": "yes"})
    hello, asks, again = smtp.opening()
    assert hello == again
    assert [smtp.begins_tls(one) for one in smtp.opening()] == [False, True, False]
    oracle = smtp.oracle()
    oracle.receive_data(GREETING)
    for request, reply in zip(smtp.opening(), (b"250 hi", b"220 go", b"250 ok"), strict=True):
        oracle.announce(request)
        oracle.sent(len(request))
        assert oracle.receive_data(reply + b"\r\n") == 1
    assert asks == b"STARTTLS\r\n"
