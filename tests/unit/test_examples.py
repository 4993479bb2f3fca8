"""The protocol files in docs/examples agree with themselves, and judge as they say."""

import json
import zlib
from pathlib import Path

import pytest

from wireproof.protocols import Protocol, RequestReply, WrongReplyError
from wireproof.protocols.loading.registry import find_protocol
from wireproof.protocols.loading.self_check import check_code

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
JSON_LINES = f"{EXAMPLES / 'json_lines.py'}:JsonLines"
CRC_FRAMES = f"{EXAMPLES / 'crc_frames.py'}:CrcFrames"


def judged(protocol: Protocol, *exchanges: tuple[bytes, bytes]) -> str:
    """Return what is wrong with a conversation, or nothing."""
    oracle = protocol.oracle()
    try:
        for request, reply in exchanges:
            oracle.announce(request)
            oracle.sent(len(request))
            oracle.receive_data(reply)
    except WrongReplyError as wrong:
        return wrong.problem
    return "" if oracle.settled else "owed"


@pytest.mark.parametrize("name", [JSON_LINES, CRC_FRAMES])
def test_each_agrees_with_itself(name: str):
    """Each is what `wireproof protocols` takes, and there is no other file without a test."""
    assert check_code(find_protocol(name))
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "json_lines.py",
        "crc_frames.py",
        "locustfile.py",  # what test_published.py runs
        "naive_server.py",  # what test_docs.py runs
    }


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (b'{"id": 1, "sum": 3}\n', ""),
        (b'{"sum":3,"id":1}\n', ""),
        (b'{"id": 2, "sum": 3}\n', "wrong reply"),
        (b'{"error": "no add"}\n', "wrong reply (no add)"),
        (b"3\n", "malformed reply (JSON, but no object)"),
    ],
)
def test_json_lines(reply: bytes, problem: str):
    """Spaces and the order of keys don't matter; id and sum do."""
    protocol = find_protocol(JSON_LINES)
    request = protocol.example()
    assert request
    assert json.loads(request) == {"id": 1, "add": [1, 2]}
    assert judged(protocol, (request, reply)) == problem


def test_crc_frames():
    """A value comes back in a frame with the right checksum; a code refuses."""

    def sealed(kind: bytes, payload: bytes) -> bytes:
        frame = kind + len(payload).to_bytes(2) + payload
        return frame + zlib.crc32(frame).to_bytes(4)

    protocol = find_protocol(CRC_FRAMES)
    assert isinstance(protocol, RequestReply)
    write, read = protocol.sized_conversation(300) or ()
    assert protocol.example() == read == sealed(b"R", b"")
    stored = write[3:-4]
    assert write == sealed(b"W", stored)
    right, value = (write, sealed(b"K", b"")), sealed(b"V", stored)
    assert judged(protocol, right, (read, value)) == ""
    assert judged(protocol, right, (read, value[:-1] + bytes((value[-1] ^ 1,)))) == "wrong reply"
    error = sealed(b"E", b"\x07")
    assert judged(protocol, (write, error)) == "wrong reply (error 7)"
    assert protocol.refused(error)
    assert protocol.sized_conversation(65536) is None
