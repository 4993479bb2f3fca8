"""The reference server's models and transports: the same behaviour on each."""

import re
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server_process import TIMEOUT_S, Running, receive_all, receive_exactly, running

HEADER = re.compile(rb"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] ")
MODELS = ("prefork", "fork", "iterative")


def transports(folder: Path) -> dict[str, list[str]]:
    """The options of each transport."""
    return {
        "tcp4": ["--port", "0"],
        "tcp6": ["--port", "0", "--host", "::1"],
        "unix": ["--unix", str(folder / "a socket")],
        "tls": [
            *("--port", "0", "--tls-self-signed"),
            *("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")),
        ],
    }


def connect(server: Running, folder: Path) -> socket.socket:
    """A connection over whatever the server serves."""
    target = server.line.rstrip("\n").removeprefix("listening on ")
    if target.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(TIMEOUT_S)
        sock.connect(target.removeprefix("unix:"))
        return sock
    sock = server.connect()
    if target.startswith("tls:"):
        context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
        return context.wrap_socket(sock, server_hostname=server.address[0])
    return sock


def end_output(sock: socket.socket) -> None:
    """Half-close; over TLS by TCP's end alone, since Python's close_notify also ends reading."""
    socket.socket.shutdown(sock, socket.SHUT_WR)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    """Each serving model."""
    return str(request.param)


@pytest.fixture(params=["tcp4", "tcp6", "unix", "tls"])
def server(request: pytest.FixtureRequest, model: str, tmp_path: Path) -> Iterator[Running]:
    """Each model on each transport."""
    if request.param == "tcp6" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    options = transports(tmp_path)[request.param]
    with running("--model", model, "--workers", "1", *options) as started:
        yield started


def test_frames_half_close_and_end(server: Running, tmp_path: Path) -> None:
    """A chunk, half a megabyte and the end of input are answered; SIGTERM gives exit code 0."""
    sent = bytes(range(256)) * 2048
    with connect(server, tmp_path) as sock:
        sock.sendall(b"hello")
        assert HEADER.sub(b"", receive_exactly(sock, 27 + 5)) == b"hello"
        received = b""
        sock.settimeout(TIMEOUT_S)
        for start in range(0, len(sent), 32768):
            sock.sendall(sent[start : start + 32768])
            while len(HEADER.sub(b"", received)) < start + 32768:
                received += sock.recv(65536)
        end_output(sock)
        received += receive_all(sock)
    assert HEADER.sub(b"", received) == sent
    assert server.stop() == 0


def test_datagrams_follow_the_protocol(model: str) -> None:
    """Cut to the buffer, bare when empty, silent to what looks like a reply: 5.1 to 5.4."""
    with (
        running("--model", model, "--port", "0", "--udp") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        assert server.line.split()[-1] == f"udp://127.0.0.1:{server.address[1]}"
        sock.settimeout(TIMEOUT_S)
        sock.connect(server.address)
        for payload in (b"hello", b"", b"x" * 1024, bytes(1024) + b"beyond"):
            sock.send(payload)
            reply = sock.recv(65536)
            assert HEADER.fullmatch(reply[:27])
            assert reply[27:] == payload[:1024]
        sock.send(reply)  # must not be answered: the next reply is to what follows it
        sock.send(b"last")
        assert sock.recv(65536)[27:] == b"last"


def test_two_servers_do_not_answer_each_other(model: str) -> None:
    """One forged datagram between two servers is answered once, and that is all."""
    with running("--model", model, "--port", "0", "--udp", "--stats", "--workers", "1") as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.settimeout(TIMEOUT_S)
            other.bind(("127.0.0.1", 0))
            other.sendto(b"forged", server.address)
            for _ in range(3):  # an echo service in the other's place
                reply, sender = other.recvfrom(65536)
                other.sendto(reply, sender)
                other.sendto(b"marker", sender)
                assert other.recvfrom(65536)[0][27:] == b"marker"
                other.sendto(b"again", sender)
        assert server.stop() == 0
        assert server.process.stderr is not None
        # forged, three markers, three times again; none of the three replies sent back.
        assert "7 chunks" in server.process.stderr.read().decode()


def test_reuse_port_serves_from_every_listener() -> None:
    """With a listener a worker, connections are answered whichever the kernel picks."""
    with running("--port", "0", "--workers", "4", "--reuse-port", "--udp") as server:
        for _ in range(40):
            with server.connect() as sock:
                sock.sendall(b"x")
                assert receive_exactly(sock, 28)[27:] == b"x"
        assert server.stop() == 0


def test_unix_path_is_taken_over_and_removed(tmp_path: Path) -> None:
    """A dead server's socket is replaced, a live one's is not, and the end removes the file."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with running("--unix", str(path)) as server:
        assert server.targets == [f"unix:{path}"]
        with pytest.raises(AssertionError, match="in use"), running("--unix", str(path)):
            pass
        assert server.stop() == 0
    assert not path.exists()


def test_one_line_names_all_targets(tmp_path: Path) -> None:
    """TCP, UDP and a Unix path asked for together stand in one line, the path last."""
    path = tmp_path / "with a space"
    with running("--port", "0", "--udp", "--unix", str(path)) as server:
        port = server.address[1]
        assert server.line == (
            f"listening on tcp://127.0.0.1:{port} udp://127.0.0.1:{port} unix:{path}\n"
        )


def test_resets_before_and_within_the_handshake_harm_nobody() -> None:
    """The worker that accepted them lives on, and serves the next."""
    with running("--port", "0", "--workers", "1", "--tls-self-signed") as server:
        worker = server.children()
        for sent in (b"", b"\x16\x03", b"not TLS at all\r\n") * 10:
            sock = server.connect()
            sock.sendall(sent)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(server.connect()) as sock:
            sock.sendall(b"hello")
            assert receive_exactly(sock, 27 + 5)[27:] == b"hello"
        assert server.children() == worker


def test_tls_pair_that_is_none_is_exit_code_3(tmp_path: Path) -> None:
    """A certificate that cannot be read is said in one line."""
    (tmp_path / "cert").write_text("none")
    options = ["--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "cert")]
    with (
        pytest.raises(AssertionError, match=r"\Areference_server: cannot use .*\n\Z"),
        running(*options),
    ):
        pass
