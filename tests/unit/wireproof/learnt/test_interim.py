"""Interim replies of HTTP: there or not, the reply is the same."""

import pytest

from tests.support.learnt_scripts import constant, script, scripts
from wireproof.learnt.interim import expects_interim
from wireproof.learnt.protocol import LearntProtocol
from wireproof.protocols.oracle import Oracle, WrongReplyError

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PUT = b"PUT / HTTP/1.1\r\nexpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"
GET = b"GET / HTTP/1.1\r\n\r\n"


def _asked(reply: bytes, *, left_out: bool = True) -> Oracle:
    protocol = LearntProtocol(scripts(constant((PUT, reply), (GET, FINAL))), lambda: 0.0)
    assert protocol.expects_interim
    protocol.leaves_out_interim(is_left_out=left_out)
    oracle = protocol.oracle()
    for request in (PUT, GET):
        oracle.announce(request)
        oracle.sent(len(request))
    return oracle


@pytest.mark.parametrize("learnt", [FINAL, CONTINUE + FINAL, HINTS + CONTINUE + FINAL])
@pytest.mark.parametrize("came", [FINAL, CONTINUE + FINAL, HINTS + FINAL])
@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_reply_is_the_same_with_and_without_them(learnt: bytes, came: bytes, size: int) -> None:
    """Whatever was learnt, and however it comes."""
    oracle = _asked(learnt)
    stream = came + FINAL
    for at in range(0, len(stream), size):
        oracle.receive_data(stream[at : at + size])
    assert oracle.owed == 0
    oracle.receive_eof()


@pytest.mark.parametrize(
    "stream", [FINAL.replace(b"ok", b"no"), b"HTTP/1.1 101 Go\r\n\r\n" + FINAL, FINAL[:-1]]
)
def test_another_reply_is_wrong(stream: bytes) -> None:
    """101 is no interim reply: it says yes."""
    oracle = _asked(CONTINUE + FINAL)
    with pytest.raises(WrongReplyError):
        oracle.receive_data(stream)
        oracle.receive_eof()


def test_as_long_as_nobody_leaves_them_out_they_are_owed() -> None:
    """Nor does anybody where no request waits for one."""
    with pytest.raises(WrongReplyError):
        _asked(CONTINUE + FINAL, left_out=False).receive_data(FINAL)
    assert not expects_interim(scripts(script([GET], [[FINAL]] * 6)))
