"""SMTP: codes, not texts; a transaction of several messages."""

import pytest

from harness.protocols import WrongReplyError
from harness.protocols.smtp import Smtp

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
