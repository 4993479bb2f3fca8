"""What `--from` can't use gets one or two lines and exit code 2, of whichever command."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import packets
from tests.support.packets import Write, captured, exchanged
from tests.support.servers import Serving, shouting
from wireproof.cli import invoke

TALK = [Write(True, b"hello\n"), Write(False, b"HELLO\n")]
CAPTURE = captured(exchanged(TALK))
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
UDP = bytes.fromhex("45000020000040004011000000000000000000000000000000000000000c0000") + b"dns!"
HUGE_BYTES = 2 << 30


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.write(CAPTURE)
        file.truncate(HUGE_BYTES)  # sparse: it takes no room


def _holding(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        pytest.param(_holding(packets.pcap([(0, UDP)], 101)), "holds no TCP", id="no TCP"),
        pytest.param(_holding(CAPTURE[:-20]), "ends in the middle of packet", id="cut"),
        pytest.param(
            _holding(captured(exchanged([TALK[0], Write(False, b"+OK\n")]))),
            "is another server, or in another state",
            id="another server",
        ),
        pytest.param(_holding(b""), "is empty", id="empty"),
        pytest.param(_huge, "larger than the 256 MiB that are read", id="2 GB"),
        pytest.param(
            _holding(captured(exchanged([Write(True, HELLO)]))), "wireproof record tls://", id="TLS"
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "load", "learn"])
def test_bad_traffic_gets_two_lines(
    command: str,
    made: Callable[[Path], object],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And leaves no result behind."""
    path = tmp_path / "traffic.pcap"
    made(path)
    out = {"learn": ["--save", str(tmp_path / "saved.py")]}
    where = out.get(command, ["--out", str(tmp_path / "out")])
    with Serving(shouting) as server:
        assert invoke([command, str(server.target), "--from", str(path), *where]) == 2
    said = [one for one in capsys.readouterr().err.splitlines() if not one.startswith("learning")]
    assert told in " ".join(said)
    assert len(said) <= 2
    assert not (tmp_path / "saved.py").exists()
    assert not list(tmp_path.glob("out/results.json"))


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (lambda count, line: b"", "gets an answer each file is sent as one request: does it lack"),
        (lambda count, line: b"x" * count + line, "grows with each play"),
        (
            lambda count, line: b"done\n" if count <= 6 else b"no\n",
            "no request gets the same answer twice",
        ),
    ],
)
def test_nothing_that_can_be_repeated_is_said(
    reply: Callable[[int, bytes], bytes],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In two lines, with exit code 3: the words were right, and there is nothing to write."""
    (tmp_path / "request").write_bytes(b"hello\n")
    count = [0]

    def handle(peer: socket.socket) -> None:
        with peer.makefile("rb") as stream:
            for line in stream:
                count[0] += 1
                peer.sendall(reply(count[0], line))

    saved = tmp_path / "saved.py"
    with Serving(handle) as server:
        words = ["--from", str(tmp_path / "request"), "--save", str(saved)]
        assert invoke(["learn", str(server.target), *words]) == 3
    said = [one for one in capsys.readouterr().err.splitlines() if not one.startswith("learning")]
    assert told in " ".join(said)
    assert len(said) <= 2
    assert not saved.exists()
