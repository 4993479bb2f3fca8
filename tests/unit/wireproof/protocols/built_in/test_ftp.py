"""FTP's control connection: codes, and the folder that it is in, as Python's client reads it."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ftp_server import FtpControl
from tests.support.slow_judges import accepts, cut, spoilt
from tests.support.standard_clients import FtpClient
from wireproof.protocols import MalformedReplyError
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.ftp import Ftp
from wireproof.protocols.loading.registry import find_protocol


def sent_by(protocol: Ftp, requests: list[bytes]) -> list[bytes]:
    """Return the commands of an opening and requests, as a connection sends them."""
    sent = as_sent(protocol, [*protocol.opening(), *requests], 7)
    return [part for each in sent for part in protocol.parts(each)]


def writing() -> Ftp:
    """Return the protocol for a user who may make folders."""
    protocol = find_protocol("ftp", {"writes": "yes"})
    assert isinstance(protocol, Ftp)
    return protocol


@settings(max_examples=60)
@given(data=st.data(), home=st.sampled_from(["/", "/home", '/a"b']))
def test_what_is_accepted_is_what_pythons_client_reads(data: st.DataObject, home: str):
    """Right replies are accepted however they are cut; a stream that says anything else is not.

    Codes that mean the same are the same; where a folder is that is moved to is the server's
    affair until it says so.
    """
    protocol, server = writing(), FtpControl(home)
    drawn = data.draw(st.lists(protocol.requests(), min_size=1, max_size=3))
    asked = sent_by(protocol, [b"CWD /\r\nPWD\r\n", *drawn])
    replies = [server.answer(command) for command in [b"", *asked]]
    begun = b"".join(replies[:6])
    assert accepts(protocol.oracle(), asked, cut(data, b"".join(replies)))
    damaged = begun + spoilt(data, b"".join(replies[6:]))
    if accepts(protocol.oracle(), asked, cut(data, damaged)):
        read = FtpClient(damaged).replies(len(replies))
        assert read
        for said, right in zip(
            read, FtpClient(b"".join(replies)).replies(len(replies)), strict=True
        ):
            same = {"250": "200", "200": "250"}.get(right, right)
            assert said in {right, same} or right == "it"


def changes_when_it_refuses(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Go to a folder that is not there, and say that there is none."""
    if right.startswith(b"550") and command[:3] == b"CWD":
        server.at = "/nowhere"
    return right


def goes_nowhere(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Say that it moved, and stay."""
    if command.startswith(b"CWD wp"):
        server.at = "/"
    return right


def quotes_nothing(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Name the folder as it is."""
    return right.replace(b'"', b"") if command == b"PWD\r\n" else right


def minds_case(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Know commands in capitals only."""
    return right if command.split()[0].isupper() else b"500 unknown\r\n"


def answers_twice(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Send the reply to NOOP twice."""
    return right * 2 if command.upper() == b"NOOP\r\n" else right


def mixes_codes(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """End several lines with another code."""
    return right.replace(b"214 end", b"215 end")


def finds_anything(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Take any name for a folder's."""
    return b"250 there\r\n" if command[:3] == b"CWD" else right


def gives_up(server: FtpControl, command: bytes, right: bytes) -> bytes:
    """Speak behind 421."""
    return b"421 too many\r\n200 fine\r\n" if command == b"SYST\r\n" else right


WRONG: dict[str, Callable[[FtpControl, bytes, bytes], bytes]] = {
    each.__name__: each
    for each in (
        changes_when_it_refuses,
        goes_nowhere,
        quotes_nothing,
        minds_case,
        answers_twice,
        mixes_codes,
        finds_anything,
        gives_up,
    )
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_server_of_each_kind_is_caught(kind: str):
    """The conversations of the rules, some questions, and a folder that is made."""
    protocol = writing()
    requests = [each for rule in protocol.rules() for one in rule.conversations for each in one]
    folder = b"MKD wp00000000\r\nCWD wp00000000\r\nPWD\r\nCDUP\r\nPWD\r\nRMD wp00000000\r\n"
    asked = sent_by(protocol, [*requests, b"HELP\r\n", b"NOOP\r\n", b"SYST\r\n", folder])
    right, wrong = FtpControl(), FtpControl()
    assert accepts(protocol.oracle(), asked, [right.answer(each) for each in [b"", *asked]])
    replies = [WRONG[kind](wrong, each, wrong.answer(each)) for each in asked]
    assert not accepts(protocol.oracle(), asked, [wrong.answer(b""), *replies])


def test_a_server_may_ask_for_patience():
    """120 may come before 220, once."""
    for greeting, is_right in (
        (b"120 wait\r\n220 ready\r\n", True),
        (b"220-a\r\nb\r\n220 ready\r\n", True),
        (b"120 wait\r\n", False),
        (b"200 ready\r\n", False),
    ):
        assert accepts(Ftp().oracle(), [], [greeting]) == is_right


def test_a_parent_is_known_where_no_link_can_be():
    """That of the root, and of a folder that was made; of others the server says it."""
    for at, move, right in (
        (b"/", b"..", b"/"),
        (b"/home", b"..", None),
        (b"/home/wp00000007", b"..", b"/home"),
        (b"/wp00000007", b"..", b"/"),
        (b"/home", b".", b"/home"),
        (b"/home", b"wp00000007", b"/home/wp00000007"),
    ):
        protocol = Ftp()
        protocol.heard(b'257 "%b"\r\n' % at, b"PWD\r\n")
        protocol.heard(b"250 moved\r\n", b"CWD %b\r\n" % move)
        told = protocol.heard(b'257 "/x"\r\n', b"PWD\r\n")
        assert told == (f"it was in {right.decode()}" if right else "")


def test_folders_are_made_only_where_that_is_said():
    """By the setting; each connection has its own, with its number."""
    assert "folder" not in Ftp().kinds()
    assert "folder" in writing().kinds()
    assert sent_by(writing(), [b"MKD wp00000000\r\n"])[-1] == b"MKD wp00000007\r\n"


def test_what_has_no_code_is_malformed():
    """Seen at the end of its line."""
    with pytest.raises(MalformedReplyError):
        Ftp().reply_length(bytearray(b"hello\r\n"))
    assert Ftp().reply_length(bytearray(b"214-a\r\n213 b\r\n214 c\r\nx")) == 21
