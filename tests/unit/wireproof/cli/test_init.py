"""`wireproof init`: files to begin with, tried on the server if it is up."""

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wireproof.cli import invoke


class _Capitals(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line.upper())


@pytest.fixture
def capitals() -> Iterator[str]:
    """A server that answers lines in capitals."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Capitals) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_what_the_server_does_is_tried(
    capitals: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rule is found, the class judges the server, and the three files are told."""
    arguments = ["init", "--target", capitals, "--name", "shout", "--into", str(tmp_path)]
    assert invoke(arguments) == 0
    captured = capsys.readouterr()
    assert "it answers 'HELLO\\n'" in captured.err
    assert captured.out.count("wrote ") == 3
    text = (tmp_path / "shout.py").read_text()
    assert "class Shout(Delimited):" in text
    assert "return request.upper()" in text
    assert f'target="{capitals}"' in (tmp_path / "test_shout.py").read_text()
    assert "--protocol shout.py:Shout" in (tmp_path / ".github/workflows/wireproof.yml").read_text()
    protocol = f"{tmp_path / 'shout.py'}:Shout"
    checked = ["check", capitals, "--protocol", protocol, "--only", "SEG-SINGLE"]
    assert invoke([*checked, "--depth", "quick", "--out", str(tmp_path / "out")]) == 0


class _Greeter(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            self.wfile.write(b"200-begin\r\n200 " + line)


class _Reversing(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        self.wfile.write(self.rfile.read()[::-1])


@pytest.mark.parametrize(
    ("server", "base", "wanted", "written"),
    [
        (
            socketserver.ThreadingTCPServer,
            _Greeter,
            "BASE-ANSWER",
            r"return b'220 ready\r\n'",
        ),
        (socketserver.UDPServer, _Reversing, "DGRAM-ONE", "class Mine(DatagramProtocol):"),
    ],
)
def test_the_first_check_of_what_is_written_passes(
    server: type[socketserver.TCPServer],
    base: type[socketserver.BaseRequestHandler],
    wanted: str,
    written: str,
    tmp_path: Path,
) -> None:
    """A greeting is written as one, several lines as a list, and datagrams have a base."""
    with server(("127.0.0.1", 0), base) as up:
        threading.Thread(target=up.serve_forever, args=(0.01,), daemon=True).start()
        scheme = "udp" if base is _Reversing else "tcp"
        target = f"{scheme}://127.0.0.1:{up.server_address[1]}"
        into = ["--name", "mine", "--into", str(tmp_path)]
        assert invoke(["init", "--target", target, "--request", r"hi\r\n", *into]) == 0
        assert written in (tmp_path / "mine.py").read_text()
        only = ["--only", wanted, "--depth", "quick"]
        protocol = ["--protocol", str(tmp_path / "mine.py")]
        assert invoke(["check", target, *protocol, *only, "--out", str(tmp_path / "out")]) == 0
        up.shutdown()


def test_help_shows_each_example_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """They are not run together into a paragraph, and a backslash is one."""
    assert invoke(["init", "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "wireproof init" in lines
    assert any(r"--request 'hello\n' --name shout" in line for line in lines)


def test_nothing_is_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is down is told; a second time the files are there, and --force replaces."""
    arguments = ["init", "--target", "tcp://127.0.0.1:1", "--into", str(tmp_path)]
    assert invoke(arguments) == 0
    assert "does not answer now" in capsys.readouterr().err
    assert invoke(arguments) == 2
    assert "is there\nwrite --force" in capsys.readouterr().err
    assert invoke([*arguments, "--force"]) == 0
    assert invoke([*arguments, "--force", "--name", "class"]) == 2
    assert invoke([*arguments, "--force", "--request", "a\\"]) == 2
