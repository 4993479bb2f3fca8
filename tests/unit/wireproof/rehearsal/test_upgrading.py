"""Requests that ask for TLS."""

import pytest

from wireproof.rehearsal.upgrading import may_ask_for_tls


@pytest.mark.parametrize(
    ("request_", "asks"),
    [
        (b"STARTTLS\r\n", True),
        (b"a1 starttls\r\n", True),
        (b"STLS\r\n", True),
        (b"AUTH TLS\r\n", True),
        (b"AUTH SSL\r\n", True),
        (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", True),
        (b"GET /battles HTTP/1.1\r\n\r\n", False),
        (b"AUTH PLAIN\r\n", False),
    ],
)
def test_it_is_told_by_its_words(request_: bytes, *, asks: bool) -> None:
    """Whether the server does what is asked is tried."""
    assert may_ask_for_tls(request_) is asks
