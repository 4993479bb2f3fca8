"""`wireproof learn`: traffic becomes a protocol file that holds for the server it was learnt of."""

import socket
import subprocess
import sys
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.servers import Handler, Serving, greeting, one_read_one_line, shouting
from wireproof.cli import invoke
from wireproof.rehearsal import overhearing
from wireproof.results import Verdict, load_results

ONLY = ("BASE-ANSWER", "SEG-SINGLE", "COAL-MANY", "ISO-REPLIES")
Learn = Callable[..., int]


@pytest.fixture
def learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Learn:
    """Run the command on requests, a file each; the protocol file is called my_protocol.py."""
    monkeypatch.setattr(overhearing, "_LISTENED_S", 0.2)  # these servers say nothing unasked

    def call(target: object, requests: list[bytes], *options: str) -> int:
        named = []
        for number, request in enumerate(requests):
            path = tmp_path / f"request {number}"
            path.write_bytes(request)
            named += ["--from", str(path)]
        save = ["--save", str(tmp_path / "my_protocol.py")]
        return invoke(["learn", str(target), *named, *save, *options])

    return call


def _check(target: object, folder: Path) -> dict[str, tuple[Verdict, str]]:
    """What `check --protocol my_protocol.py` says."""
    options = ["--depth", "quick", "--seed", "1", "--force", "--out", str(folder / "out")]
    chosen = [part for one in ONLY for part in ("--only", one)]
    protocol = ["--protocol", str(folder / "my_protocol.py")]
    invoke(["check", str(target), *protocol, *options, *chosen])
    found = load_results(folder / "out" / "results.json").check
    assert found is not None
    return {line.id: (line.verdict, line.message) for line in found.requirements}


def _framed(peer: socket.socket) -> None:
    """Frames behind a type and their length; each comes back reversed, and with its neighbour."""
    with peer.makefile("rb") as stream:
        while len(head := stream.read(3)) == 3:
            payload = stream.read(int.from_bytes(head[1:], "big"))
            answer = payload[::-1] * 2
            peer.sendall(b"R" + len(answer).to_bytes(2, "big") + answer)


def _http(peer: socket.socket) -> None:
    """Pages with a date, on one connection as long as the client likes."""
    with peer.makefile("rb") as stream:
        while line := stream.readline():
            while stream.readline() not in {b"\r\n", b""}:
                pass
            body = b"<h1>" + line.split()[1] * 3 + b"</h1>\n"
            head = b"HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: %d\r\n\r\n"
            peer.sendall(head % (formatdate(usegmt=True).encode(), len(body)) + body)


def _bulk(peer: socket.socket) -> None:
    """Answers that no framing of ours explains: a line, or a size and as many bytes."""
    with peer.makefile("rb") as stream:
        for line in stream:
            word = line.strip().upper()
            peer.sendall(b"+OK\r\n" if word == b"PING" else b"$%d\r\n%s\r\n" % (len(word), word))


def _logging_in(peer: socket.socket) -> None:
    """Serves whoever has said who he is, and says which of his commands it was."""
    with peer.makefile("rb") as stream:
        if not stream.readline().startswith(b"login "):
            return
        peer.sendall(b"welcome\n")
        before = b"nothing"
        for line in stream:
            if line == b"ping\n":
                peer.sendall(b"pong\n")
                continue
            peer.sendall(line.strip() + b" behind " + before + b"\n")
            before = line.strip()


def _gopher(peer: socket.socket) -> None:
    """One request, a page, and the end."""
    line = b""
    while not line.endswith(b"\n"):
        line += peer.recv(1) or b"\n"
    peer.sendall(b"page of " + line + b"and more\n" * len(line))


LINES = [b"hello world\n", b"quick fox\n"]


@pytest.mark.parametrize(
    ("handler", "requests", "written"),
    [
        pytest.param(greeting, LINES, "def greeting(self)", id="behind a greeting"),
        pytest.param(
            _framed,
            [b"Q\0\x03abc", b"Q\0\x05hello", b"Q\0\x01\xff"],
            "length_at = 1",
            id="binary lengths",
        ),
        pytest.param(
            _http,
            [b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % page for page in (b"", b"ab", b"long")],
            'buffer.find(b"Content-Length: ")',
            id="pages with a date",
        ),
        pytest.param(_bulk, [b"PING\n", b'say "it\'s"\n'], "REPLIES.get(request)", id="no framing"),
        pytest.param(
            _logging_in,
            [b"login ann\n", b"look\n", b"go\n", b"look\n", b"ping\n"],
            "BEHIND = {",
            id="state",
        ),
        pytest.param(_gopher, [b"a\n", b"longer\n"], "eof_ends_reply = True", id="one request"),
    ],
)
def test_a_sound_server_keeps_what_was_learnt_of_it(
    handler: Handler, requests: list[bytes], written: str, learn: Learn, tmp_path: Path
) -> None:
    """The file is in ruff's form, agrees with itself, and every requirement passes by it."""
    path = tmp_path / "my_protocol.py"
    with Serving(handler) as server:
        assert learn(server.target, requests) == 0
        found = _check(server.target, tmp_path)
    assert written in path.read_text()
    assert {one for one in found.values() if one[0].is_finding} == set()
    assert found["SEG-SINGLE"][0] is Verdict.PASS
    assert invoke(["protocols", str(path)]) == 0
    for ruff in (["check", "--select", "B,C4,E,F,I,RUF,SIM,UP,W"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *ruff, "--isolated", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + path.read_text()


def test_a_faulty_server_fails_by_what_was_learnt_of_a_sound_one(
    learn: Learn, tmp_path: Path
) -> None:
    """One read, one line."""
    with Serving(shouting) as server:
        assert learn(server.target, LINES) == 0
        server.handler = one_read_one_line
        assert _check(server.target, tmp_path)["SEG-SINGLE"][0] is Verdict.FAIL


def test_names_vary_from_connection_to_connection(learn: Learn, tmp_path: Path) -> None:
    """What `--vary` matches is another on each, in requests and replies."""
    asked: set[bytes] = set()

    def handle(peer: socket.socket) -> None:
        with peer.makefile("rb") as stream:
            for line in stream:
                asked.add(line)
                peer.sendall(b"hello " + line)

    with Serving(handle) as server:
        assert learn(server.target, [b"user-17.x\n", b"user-17.y z\n"], "--vary", r"user-\d+") == 0
        asked.clear()
        found = _check(server.target, tmp_path)
    assert {one for one in found.values() if one[0].is_finding} == set()
    assert {b"user-17.x\n", b"user-18.x\n"} <= asked


def test_what_needs_a_reset_is_left_out(
    learn: Learn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A protocol file resets nothing: what is answered otherwise the second time isn't in it."""
    forget, count = tmp_path / "forget", [0]

    def handle(peer: socket.socket) -> None:
        with peer.makefile("rb") as stream:
            for line in stream:
                if forget.exists():
                    forget.unlink()
                    count[0] = 0
                count[0] += 1
                peer.sendall(b"x" * count[0] + b"\n" if line == b"add\n" else line)

    with Serving(handle) as server:
        requests = [b"ping\n", b"add\n"]
        assert learn(server.target, requests, "--reset", f"touch {forget}") == 3
        assert "without anything that resets it" in capsys.readouterr().err
    assert not (tmp_path / "my_protocol.py").exists()


def test_a_file_that_is_there_is_left_alone(
    learn: Learn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless it is to be replaced; and a file that is not a Python file is none."""
    (tmp_path / "my_protocol.py").write_text("mine")
    with Serving(shouting) as server:
        assert learn(server.target, LINES) == 2
        assert "--force" in capsys.readouterr().err
        assert (tmp_path / "my_protocol.py").read_text() == "mine"
        assert learn(server.target, LINES, "--save", str(tmp_path / "1.py")) == 2
        assert learn(server.target, LINES, "--save", str(tmp_path / "a.txt")) == 2
        assert invoke(["learn", str(server.target), "--save", str(tmp_path / "b.py")]) == 2
