"""`--from`: what a reply gives, such as a token, goes into the requests that repeat it."""

import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.servers import Serving
from wireproof.cli import invoke
from wireproof.results import Verdict, load_results
from wireproof.traffic.recordings import RECORDING_FORMAT, Head, RecordingWriter

ONLY = ("BASE-ANSWER", "SEG-SINGLE", "SEG-OCTETS", "COAL-MANY", "ISO-REPLIES", "FRAME-EXACT")
TOKEN = b"9f3a77c1d2e4"


class _Sessions:
    """Gives each log-in a token, once, and serves only who shows the one of his connection.

    Attributes:
        takes_parts: whether a request that comes in parts is answered as if it came whole.
        shown: the tokens that were taken.

    """

    def __init__(self) -> None:
        self.takes_parts = True
        self.shown: set[bytes] = set()

    def __call__(self, peer: socket.socket) -> None:
        token, buffer, parts = b"none", b"", 0
        while data := peer.recv(65536):
            *lines, buffer = (buffer + data).split(b"\n")
            parts += 1
            for line in lines:
                if line == b"login ann":
                    token = secrets.token_hex(6).encode()
                    peer.sendall(b"token=" + token + b"\n")
                elif line.endswith(token) and (parts == 1 or self.takes_parts):
                    self.shown.add(token)
                    peer.sendall(line[:4].upper() + b" done\n")
                else:
                    peer.sendall(b"denied\n")
            parts = 1 if buffer else 0


@pytest.fixture
def sessions() -> _Sessions:
    """The server."""
    return _Sessions()


def _recorded(path: Path, *conversations: Sequence[tuple[bytes, bytes]]) -> list[str]:
    """Write what passed then; return the options that name it."""
    writer = RecordingWriter(path, Head(RECORDING_FORMAT, "tcp://127.0.0.1:7", 0.0), 1 << 20)
    for number, turns in enumerate(conversations):
        writer.add(number, "open")
        for request, reply in turns:
            writer.add(number, "client", request)
            writer.add(number, "server", reply)
        writer.add(number, "client-end")
    writer.close()
    return ["--from", str(path)]


LOGGED_IN = (b"login ann\n", b"token=" + TOKEN + b"\n")
GET = (b"get " + TOKEN + b"\n", b"GET  done\n")
PUT = (b"put " + TOKEN + b"\n", b"PUT  done\n")


def _check(target: object, options: Sequence[str], out: Path) -> dict[str, Verdict]:
    chosen = [part for one in ONLY for part in ("--only", one)]
    spec = ["--depth", "quick", "--seed", "1", "--force", "--out", str(out)]
    invoke(["check", str(target), *options, *chosen, *spec])
    found = load_results(out / "results.json").check
    assert found is not None
    return {line.id: line.verdict for line in found.requirements}


@pytest.mark.parametrize("first", [[], [(b"put x\n", b"denied\n")]], ids=["at once", "later"])
def test_a_server_that_demands_its_token_is_judged(
    first: list[tuple[bytes, bytes]], sessions: _Sessions, tmp_path: Path
) -> None:
    """Each connection shows its own, wherever the log-in stands; one that errs is found."""
    options = _recorded(tmp_path / "traffic", [*first, LOGGED_IN, GET, PUT])
    with Serving(sessions) as server:
        verdicts = _check(server.target, options, tmp_path / "out")
        assert set(verdicts.values()) == {Verdict.PASS}
        assert len(sessions.shown) > 100
        sessions.takes_parts = False
        assert _check(server.target, options, tmp_path / "out")["SEG-SINGLE"] is Verdict.FAIL
        replays = sorted((tmp_path / "out" / "evidence").glob("SEG-SINGLE*/replay.json"))
        assert invoke(["replay", str(replays[0]), "--runs", "2"]) == 1


def test_load_shows_the_token_of_each_connection(sessions: _Sessions, tmp_path: Path) -> None:
    """Behind the log-in that every connection begins with."""
    options = _recorded(tmp_path / "traffic", [LOGGED_IN, GET, PUT])
    how = ["--users", "3", "--for", "500ms", "--warm-up", "0s", "--out", str(tmp_path / "out")]
    with Serving(sessions) as server:
        assert invoke(["load", str(server.target), *options, *how]) == 0
    load = load_results(tmp_path / "out" / "results.json").load
    assert load is not None
    assert load.requests > 100
    assert not any(load.failures.values())


def test_a_token_of_another_size_each_time_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cuts would stand elsewhere each time."""

    def handle(peer: socket.socket) -> None:
        with peer.makefile("rb") as stream:
            for line in stream:
                size = 1 + secrets.randbelow(40)
                token = secrets.token_hex(size).encode()
                peer.sendall(b"token=%s.\n" % token if line == b"login ann\n" else b"ok\n")

    recorded = [(b"login ann\n", b"token=" + TOKEN + b".\n"), (b"get " + TOKEN + b"\n", b"ok\n")]
    options = _recorded(tmp_path / "traffic", recorded)
    with Serving(handle) as server:
        assert invoke(["check", str(server.target), *options]) == 3
    assert "size changes each time" in capsys.readouterr().err
