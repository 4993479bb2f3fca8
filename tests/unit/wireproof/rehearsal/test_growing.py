"""Requests are sent longer, and what the server answers then is learnt."""

import socket
from typing import Any

import msgspec
import pytest

from tests.support.learnt_scripts import constant, scripts
from tests.support.servers import Serving, shouting
from wireproof.errors import CannotRunError
from wireproof.learnt.scripts import Scripts
from wireproof.rehearsal import growing
from wireproof.rehearsal.growing import with_longer
from wireproof.rehearsal.recital import Recited, recited

HELLO, HI = b"hello\n", b"hi\n"


def _learnt(*exchanges: tuple[bytes, bytes]) -> Scripts:
    asked = tuple(request for request, _ in exchanges)
    return scripts(constant(*exchanges), independent=asked)


def test_what_a_reply_repeats_is_repeated_longer() -> None:
    """A server of lines takes lines of any size."""
    with Serving(_echoing) as server:
        found = with_longer(_learnt((HELLO, HELLO), (HI, HI)), server.target)
    assert [one.request.data for one in found.grown] == [HELLO, HI]
    assert all(one.reply is not None and one.most_bytes > 100_000 for one in found.grown)


def test_the_length_that_gets_no_answer_is_known() -> None:
    """It was sent twice by itself; an error would be an answer."""

    def short(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            while (line := lines.readline(300)).endswith(b"\n"):
                peer.sendall(line)

    with Serving(short) as server:
        (one,) = with_longer(_learnt((HELLO, HELLO)), server.target).grown
    assert (one.most_bytes, one.unanswered_bytes) == (206, 506)
    assert one.unanswered == b"hell" + b"o" * 501 + b"\n"


def test_an_error_is_not_taken_for_a_reply() -> None:
    """A server that knows two words answers a third with an error, or not at all."""

    def few(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            for line in lines:
                peer.sendall(b"yes\n" if line in {HELLO, HI} else b"no\n")

    with Serving(few) as server:
        learnt = _learnt((HELLO, b"yes\n"), (HI, b"yes\n"))
        assert with_longer(learnt, server.target) == learnt


def test_what_changes_the_server_is_put_back() -> None:
    """A value that another request asks for is stored as it was, and not made longer again."""
    stored = [b"hello\n"]

    def keeping(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"set "):
                    stored[0] = line[4:]
                    peer.sendall(b"ok\n")
                else:
                    peer.sendall(stored[0])

    with Serving(keeping) as server:
        learnt = _learnt((b"set hello\n", b"ok\n"), (b"get\n", b"hello\n"))
        found = with_longer(learnt, server.target)
    assert stored == [b"hello\n"]
    assert b"set hello\n" not in [one.request.data for one in found.grown]


def test_a_server_that_is_gone_is_told_with_what_was_sent_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A longer request may have ended it, and the option that sends none is named."""
    sent: list[bytes] = []

    def ends(*asked: Any) -> Recited:
        if any(len(request) > 100 for request in sent):
            raise CannotRunError("no connection to tcp://127.0.0.1:7: refused")
        sent.extend(asked[2])
        return recited(*asked)

    monkeypatch.setattr(growing, "recited", ends)
    with (
        Serving(_echoing) as server,
        pytest.raises(CannotRunError, match="refused, after") as error,
    ):
        with_longer(_learnt((HELLO, HELLO)), server.target)
    assert "helloooo" in error.value.problem
    assert "--only-seen" in error.value.instead


def test_a_record_in_binary_is_sent_as_it_was() -> None:
    """A wrong guess at its fields would be another command."""
    record = b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\n"
    with Serving(_echoing) as server:
        learnt = _learnt((record, record))
        assert with_longer(learnt, server.target) == learnt


def test_nothing_is_sent_longer_where_it_means_nothing() -> None:
    """Datagrams, and requests that can't be repeated."""
    with Serving(shouting) as server:
        for more in ({"datagrams": True}, {"independent": ()}, {"behind_end": True}):
            learnt = msgspec.structs.replace(_learnt((HELLO, b"HELLO\n")), **more)
            assert with_longer(learnt, server.target) == learnt


def _echoing(peer: socket.socket) -> None:
    with peer.makefile("rb") as lines:
        for line in lines:
            peer.sendall(line)
