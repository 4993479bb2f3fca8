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
