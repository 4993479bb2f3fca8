"""`check --from` on a machine that has no time: ten sound servers, four busy loops, no finding.

Three runs of each take minutes: with WIREPROOF_EXTENDED=1 only. With `-n 4` four servers are judged
side by side, and the loops are four all the same.
"""

import itertools
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.servers import Handler, Serving, greeting, shouting
from wireproof.cli import invoke
from wireproof.results import load_results

pytestmark = pytest.mark.skipif(
    not os.environ.get("WIREPROOF_EXTENDED"), reason="WIREPROOF_EXTENDED=1 has minutes"
)
LOOPS, RUNS = 4, 3
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
ONLY = ("SEG-*", "COAL-*", "ISO-*", "CLOSE-*", "FRAME-EXACT")


def _lines(answer: Callable[[bytes], bytes], pause_s: float = 0.0) -> Handler:
    """A server of lines that takes its time in the middle of each reply."""

    def handle(peer: socket.socket) -> None:
        with peer.makefile("rb") as stream:
            for line in stream:
                reply = answer(line.rstrip(b"\n"))
                peer.sendall(reply[:1])
                if pause_s:
                    time.sleep(pause_s)  # not to wait for anything: the server is slow
                peer.sendall(reply[1:])

    return handle


def _counted() -> Handler:
    numbers, one_at_a_time = itertools.count(95), threading.Lock()

    def answer(line: bytes) -> bytes:
        with one_at_a_time:
            return b"%d %s\n" % (next(numbers), line)

    return _lines(answer)


def _by_octets(peer: socket.socket) -> None:
    """Reads, and answers, a byte at a time."""
    while byte := peer.recv(1):
        if byte == b"\n":
            peer.sendall(b"o")
            peer.sendall(b"k")
            peer.sendall(b"\n")


def _framed(peer: socket.socket) -> None:
    with peer.makefile("rb") as stream:
        while len(head := stream.read(2)) == 2:
            size = int.from_bytes(head)
            peer.sendall(head + stream.read(size)[::-1])


def _once(peer: socket.socket) -> None:
    line = b""
    while not line.endswith(b"\n"):
        line += peer.recv(1) or b"\n"
    peer.sendall(line.upper())


LINES = (b"hello world\n", b"quick fox\n")
SERVERS: dict[str, tuple[Handler, tuple[bytes, ...]]] = {
    "lines": (shouting, LINES),
    "greeting": (greeting, LINES),
    "octets": (_by_octets, LINES),
    "framed": (_framed, (b"\0\x03abc", b"\0\x05hello")),
    "dates": (_lines(lambda line: formatdate(usegmt=True).encode() + b" " + line + b"\n"), LINES),
    "epochs": (_lines(lambda line: b"%.3f %s\n" % (time.time(), line)), LINES),
    "tokens": (_lines(lambda line: secrets.token_hex(8).encode() + b" " + line + b"\n"), LINES),
    "counter": (_counted(), LINES),
    "slow": (_lines(lambda line: line.upper() + b"\n", 0.01), LINES),
    "once": (_once, LINES),
}


@pytest.fixture(scope="module")
def busy() -> Iterator[None]:
    """Keep the machine busy."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(-(-LOOPS // WORKERS))
    ]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("seed", range(RUNS))
def test_a_sound_server_has_no_finding(name: str, seed: int, busy: None, tmp_path: Path) -> None:
    """However late its replies come."""
    handler, requests = SERVERS[name]
    options = []
    for number, request in enumerate(requests):
        (tmp_path / str(number)).write_bytes(request)
        options += ["--from", str(tmp_path / str(number))]
    for one in ONLY:
        options += ["--only", one]
    options += ["--depth", "quick", "--seed", str(seed), "--out", str(tmp_path / "out")]
    with Serving(handler) as server:
        invoke(["check", str(server.target), *options])
    found = load_results(tmp_path / "out" / "results.json").check
    assert found is not None
    assert [line.message for line in found.requirements if line.verdict.is_finding] == []
