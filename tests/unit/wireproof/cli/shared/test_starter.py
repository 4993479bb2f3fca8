"""What `wireproof init` writes, and what it makes of a reply."""

from pathlib import Path

import pytest

from wireproof.cli.shared.starter import (
    FRAMINGS,
    Seen,
    Starter,
    found_framing,
    protocol_text,
    right_reply,
)
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code


@pytest.mark.parametrize(
    ("reply", "framing"),
    [
        (None, "lines"),
        (b"HELLO\n", "lines"),
        (b"+OK\r\n", "crlf-lines"),
        (b"\x00\x00\x00\x05HELLO", "length-prefixed"),
        (b"\x00\x05HELLO", "length-prefixed-2"),
        (b"?", "other"),
    ],
)
def test_a_reply_tells_its_framing(reply: bytes | None, framing: str):
    """Where no reply came, lines are as usual as anything."""
    assert list(found_framing(Seen(reply=reply), b"hello\n")) == [framing]


@pytest.mark.parametrize(
    ("request_", "reply", "base", "attributes"),
    [
        (b"hello\0", b"5:hello\0", "Delimited", ('delimiter = b"\\x00"',)),
        (b"\2hello\3", b"\2\6HELLO\3", "Delimited", ('delimiter = b"\\x03"',)),
        (b"\5hello", b"\5ehllo", "LengthPrefixed", ("length_bytes = 1",)),
        (
            b"\7\0hello",
            b"\7\0olleh",
            "LengthPrefixed",
            ("length_bytes = 2", "little_endian = True", "length_counts_itself = True"),
        ),
        (
            b"\1\0\7\0\5hello",
            b"\x81\0\7\0\6hello!",
            "HeaderWithLength",
            ("header_bytes = 5", "length_at = 3", "length_bytes = 2"),
        ),
        (
            b"\x7e\1\0\5hello\x12\x34",
            b"\x7e\x81\0\5hello\x56\x78",
            "HeaderWithLength",
            ("header_bytes = 4", "length_at = 2", "length_bytes = 2", "length_adjust = 2"),
        ),
        (b"\1\0\0\0", b"\x81\0\0\1", "FixedSize", ("reply_bytes = 4",)),
    ],
)
def test_what_explains_the_request_too_is_the_framing(
    request_: bytes, reply: bytes, base: str, attributes: tuple[str, ...]
):
    """A control character that ends both, a length near the front of both, or one size."""
    [(word, source)] = found_framing(Seen(reply=reply), request_).items()
    assert (word, source.base, source.attributes) == ("as-seen", base, attributes)


def test_a_greeting_that_ends_otherwise_is_another_framing():
    """What explains only the request and its reply is no framing."""
    assert list(found_framing(Seen(b"welcome", b"5:hello\0"), b"hello\0")) == ["other"]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(
    "reply", [None, b"hello\n", b"HELLO\n", b"K", b"\x00\x00\x00\x01K", b"a\nb\n"]
)
@pytest.mark.parametrize("greeting", [b"", b"220 ready\n"])
def test_what_is_written_is_python(
    framing: str, reply: bytes | None, greeting: bytes, tmp_path: Path
):
    """The class loads, whatever was seen; where framing and reply fit, it agrees with itself."""
    source = FRAMINGS[framing]
    right = right_reply(reply, b"hello\n", source)
    seen = Seen(greeting, reply)
    starter = Starter("my_server", "tcp://127.0.0.1:9", b"hello\n", source, seen, right)
    (tmp_path / "my_server.py").write_text(protocol_text(starter))
    protocol = find_protocol(f"{tmp_path / 'my_server.py'}:MyServer")
    assert (protocol.greeting() or b"") == greeting
    if framing == "lines" and (reply is None or reply.endswith(b"\n")):
        assert check_code(protocol)
