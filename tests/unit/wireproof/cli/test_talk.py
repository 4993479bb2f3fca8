import io
import socket
import threading

import pytest

from tests.support.servers import Handler, Serving, closing_at_once, echoing
from wireproof.cli import invoke


def _typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize(
    ("options", "sent"), [([], b"hello"), (["--lf"], b"hello\n"), (["--crlf"], b"hello\r\n")]
)
def test_a_line_goes_out_and_the_reply_is_printed(
    options: list[str],
    sent: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a pipe there is no prompt; the end of the input ends it."""
    seen: list[bytes] = []

    def answering(peer: socket.socket) -> None:
        while data := peer.recv(100):
            seen.append(data)
            peer.sendall(b"[now] hello")

    _typed(monkeypatch, "hello\n")
    with Serving(answering) as server:
        assert invoke(["talk", str(server.target), *options]) == 0
    assert seen == [sent]
    assert capsys.readouterr().out == "[now] hello\n"


def test_an_empty_line_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the article's client."""
    _typed(monkeypatch, "one\n\ntwo\n")
    with Serving(echoing) as server:
        assert invoke(["talk", str(server.target)]) == 0
    assert capsys.readouterr().out == "one\n"


def _speaks(data: bytes) -> Handler:
    def speak(peer: socket.socket) -> None:
        peer.recv(100)
        for octet in data:
            peer.sendall(bytes([octet]))

    return speak


def test_replies_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escapes and invalid bytes are shown, letters stay letters however TCP cuts them."""
    _typed(monkeypatch, "x\n")
    with Serving(_speaks("\x1b[2Jnaïve €".encode() + b"\xff")) as server:
        assert invoke(["talk", str(server.target)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "\\x1b[2Jnaïve €\\xff\n"
    assert captured.err == "end of stream\n"


def test_a_server_that_closes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, and is no failure of ours."""
    _typed(monkeypatch, "x\ny\n")
    with Serving(closing_at_once) as server:
        assert invoke(["talk", str(server.target)]) == 0
    assert capsys.readouterr().err.strip()


def test_datagrams(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Over UDP a line is a datagram, and so is its reply."""
    _typed(monkeypatch, "hello\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            data, sender = server.recvfrom(100)
            server.sendto(data.upper(), sender)

        thread = threading.Thread(target=answer)
        thread.start()
        assert invoke(["talk", f"udp://127.0.0.1:{server.getsockname()[1]}"]) == 0
        thread.join()
    assert capsys.readouterr().out == "HELLO\n"


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 3."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert invoke(["talk", f"tcp://127.0.0.1:{port}"]) == 3
    assert "connection refused" in capsys.readouterr().err
