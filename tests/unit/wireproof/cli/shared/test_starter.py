"""What `wireproof init` writes, and what it makes of a reply."""

from pathlib import Path

import pytest

from wireproof.cli.shared.starter import (
    FRAMINGS,
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
    assert found_framing(reply, b"hello\n") == framing


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("reply", [None, b"hello\n", b"HELLO\n", b"K", b"\x00\x00\x00\x01K"])
def test_what_is_written_is_python(framing: str, reply: bytes | None, tmp_path: Path):
    """The class loads, whatever was seen; where framing and reply fit, it agrees with itself."""
    right = right_reply(reply, b"hello\n", framing)
    starter = Starter("my_server", "tcp://127.0.0.1:9", b"hello\n", framing, reply, right)
    (tmp_path / "my_server.py").write_text(protocol_text(starter))
    protocol = find_protocol(f"{tmp_path / 'my_server.py'}:MyServer")
    if framing == "lines" and (reply is None or reply.endswith(b"\n")):
        assert check_code(protocol)
