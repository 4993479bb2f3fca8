"""Log-ins by a number of the server's: examples written by others, and what refuses to fit."""

import pytest

from wireproof.errors import UsageError
from wireproof.protocols import MalformedReplyError, WrongReplyError
from wireproof.protocols.built_in.postgres import login
from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.oracle import Oracle

# RFC 7677, section 3.
CLIENT_NONCE = b"rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = (
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
)
PROOF = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
REST = b"A" * login.NONCE_CHARACTERS
OUR_FIRST = b"r=" + login.OUR_NONCE + REST + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=16"
LOGGED_IN = pg.message(b"R", bytes(4)) + pg.READY


def sasl(step: int, data: bytes = b"") -> bytes:
    """Return an authentication message."""
    return pg.message(b"R", step.to_bytes(4), data)


def begun(way: str, word: str = "pencil") -> tuple[Oracle, list[bytes]]:
    """Return the oracle of a connection whose opening is announced, and that opening."""
    postgres = find_protocol("postgres", {"auth": way, "password": word, "user": "user"})
    oracle = postgres.oracle()
    for request in postgres.opening():
        oracle.announce(request)
    oracle.sent(len(postgres.opening()[0]))
    return oracle, [*postgres.opening()]


def test_the_example_of_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proof and signature are those of RFC 7677, where the client names its user, as there."""
    monkeypatch.setattr(login, "_first_bare", lambda nonce: b"n=user,r=" + nonce)
    scram = login.Scram("pencil", SERVER_FIRST, CLIENT_NONCE)
    assert scram.final.endswith(b",p=" + PROOF)
    assert scram.signature == SIGNATURE


def test_md5_as_documented() -> None:
    """concat('md5', md5(concat(md5(concat(password, username)), random-salt)))."""
    answer = login.md5_answer("postgres", "secret", b"\x01\x02\x03\x04")
    assert answer == pg.message(b"p", b"md5bb41a296aab6baccb36ff243a562abff\0")
    assert len(answer) == len(login.md5_blank())


def test_scram_from_start_to_end() -> None:
    """The last request is blank until the server has said its number; then all is judged."""
    oracle, (start, first, final) = begun("scram-sha-256")
    assert oracle.carries
    assert oracle.blank_at == len(start + first)
    assert not oracle.given()
    oracle.receive_data(sasl(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
    oracle.sent(len(first))
    assert not oracle.given()
    oracle.receive_data(sasl(11, OUR_FIRST))
    scram = login.Scram("pencil", OUR_FIRST)
    assert [*oracle.given()] == [(len(start + first), pg.message(b"p", scram.final))]
    assert oracle.blank_at is None
    oracle.sent(len(final))
    oracle.receive_data(sasl(12, scram.signature) + LOGGED_IN)
    assert oracle.settled
    assert oracle.state() == logged_in_by_scram(OUR_FIRST.replace(b"AAAA", b"BBBB")).state()


def logged_in_by_scram(server_first: bytes) -> Oracle:
    """Return the oracle of a connection that is logged in."""
    oracle, (_, first, final) = begun("scram-sha-256")
    oracle.receive_data(sasl(10, b"SCRAM-SHA-256\0\0"))
    oracle.sent(len(first))
    oracle.receive_data(sasl(11, server_first))
    oracle.given()
    oracle.sent(len(final))
    signature = login.Scram("pencil", server_first).signature
    oracle.receive_data(sasl(12, signature) + LOGGED_IN)
    return oracle


def test_a_server_that_does_not_know_the_password_is_told() -> None:
    """Its signature is of another one."""
    oracle, (_, first, final) = begun("scram-sha-256")
    oracle.receive_data(sasl(10, b"SCRAM-SHA-256\0\0"))
    oracle.sent(len(first))
    oracle.receive_data(sasl(11, OUR_FIRST))
    oracle.given()
    oracle.sent(len(final))
    wrong = login.Scram("penguin", OUR_FIRST).signature
    with pytest.raises(WrongReplyError, match="another password"):
        oracle.receive_data(sasl(12, wrong))


@pytest.mark.parametrize(
    ("server_first", "words"),
    [
        (b"r=other,s=QQ==,i=1", "nonce"),
        (b"r=" + login.OUR_NONCE + b",s=QQ==,i=1", "nonce"),
        (b"", "nonce"),
        (OUR_FIRST.replace(b"i=16", b"i=0"), "iterations"),
        (OUR_FIRST.replace(b"i=16", b"i=99999999999"), "iterations"),
        (OUR_FIRST.replace(b"i=16", b"i=x"), "iterations"),
        (OUR_FIRST.replace(b",s=W2", b",s=!!"), "salt"),
    ],
)
def test_a_first_message_that_is_none_is_refused(server_first: bytes, words: str) -> None:
    """Whatever a server makes of it, no more than a million rounds are computed."""
    with pytest.raises(MalformedReplyError, match=words):
        login.Scram("pencil", server_first)


def test_a_nonce_of_another_length_is_told() -> None:
    """A request can't grow: that is said, and no request is sent."""
    oracle, (_, first, _) = begun("scram-sha-256")
    oracle.receive_data(sasl(10, b"SCRAM-SHA-256\0\0"))
    oracle.sent(len(first))
    with pytest.raises(WrongReplyError, match="24 characters"):
        oracle.receive_data(sasl(11, OUR_FIRST.replace(REST, REST[1:])))


def test_md5_from_start_to_end() -> None:
    """The digest is of the salt that the server gave."""
    oracle, (start, blank) = begun("md5")
    assert oracle.blank_at == len(start)
    oracle.receive_data(pg.message(b"R", (5).to_bytes(4), b"salt"))
    assert [*oracle.given()] == [(len(start), login.md5_answer("user", "pencil", b"salt"))]
    oracle.sent(len(blank))
    oracle.receive_data(LOGGED_IN)
    assert oracle.settled


@pytest.mark.parametrize(
    ("way", "asked", "words"),
    [
        ("password", pg.message(b"R", (5).to_bytes(4), b"salt"), "auth=md5"),
        ("password", sasl(10, b"SCRAM-SHA-256\0\0"), "auth=scram-sha-256"),
        ("scram-sha-256", pg.message(b"R", (3).to_bytes(4)), "auth=password"),
        ("md5", sasl(10, b"SCRAM-SHA-256\0\0"), "auth=scram-sha-256"),
        ("scram-sha-256", sasl(10, b"SCRAM-SHA-1\0\0"), "auth=scram-sha-256"),
    ],
)
def test_another_way_than_said_is_told(way: str, asked: bytes, words: str) -> None:
    """With what to write instead."""
    oracle, _ = begun(way)
    with pytest.raises(WrongReplyError, match=words):
        oracle.receive_data(asked)


def test_an_unknown_way_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="ldap"):
        find_protocol("postgres", {"auth": "ldap", "password": "x"}).opening()
