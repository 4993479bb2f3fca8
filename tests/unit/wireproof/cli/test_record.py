import signal
import socket
from pathlib import Path

import pytest

from tests.support.recording import connected, recording
from tests.support.relaying import received, wait_until
from tests.support.servers import Serving, shouting
from wireproof.cli import invoke
from wireproof.conversation import End
from wireproof.target import parse_target
from wireproof.traffic.recordings import read_recording


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_passed_is_in_the_file(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, and SIGTERM, end it in order; a summary is printed."""
    out = tmp_path / "traffic.wireproof"
    with Serving(shouting) as server, recording(str(server.target), "--out", str(out)) as found:
        process, address = found
        with connected(address) as client:
            client.sendall(b"hello\n")
            assert received(client, 6) == b"HELLO\n"
            client.shutdown(socket.SHUT_WR)
            assert received(client) == b""
        process.send_signal(number)
        said, complained = process.communicate(timeout=20)
        assert (process.returncode, complained) == (0, "")
        assert said == (
            f"\n1 connection, 6 bytes from clients, 6 bytes from the server; written to {out}\n"
        )
    (conversation,) = read_recording(out.read_bytes(), "x")
    assert [(one.request, one.reply) for one in conversation.turns] == [(b"hello\n", b"HELLO\n")]
    assert conversation.end is End.CLIENT


def test_the_file_survives_a_sudden_end(tmp_path: Path) -> None:
    """Of what passed a second ago, nothing is lost."""
    out = tmp_path / "traffic.wireproof"
    with Serving(shouting) as server, recording(str(server.target), "--out", str(out)) as found:
        process, address = found
        with connected(address) as client:
            client.sendall(b"hello\n")
            assert received(client, 6) == b"HELLO\n"
            wait_until(lambda: out.read_bytes().count(b"\n") == 4)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=20)
    (conversation,) = read_recording(out.read_bytes(), "x")
    assert conversation.requests == (b"hello\n",)


def test_a_full_recording_goes_on_relaying(tmp_path: Path) -> None:
    """That it records no more is told once."""
    out = tmp_path / "traffic.wireproof"
    options = ["--out", str(out), "--max-bytes", "4096", "--listen", f"unix:{tmp_path}/relay"]
    with Serving(shouting) as server, recording(str(server.target), *options) as found:
        process, address = found
        with connected(address) as client:
            for _ in range(20):
                client.sendall(b"x" * 999 + b"\n")
                assert len(received(client, 1000)) == 1000
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=20)
        assert complained == f"wireproof: {out} is full: what comes now passes unrecorded\n"
        assert "20,000 bytes from clients" in said
    assert out.stat().st_size < 4200
    assert not (tmp_path / "relay").exists()
    (conversation,) = read_recording(out.read_bytes(), "x")
    assert conversation.requests == (b"x" * 999 + b"\n",)


def test_datagrams(tmp_path: Path) -> None:
    """A target of UDP is listened for with UDP."""
    out = tmp_path / "traffic.wireproof"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        target = f"udp://127.0.0.1:{server.getsockname()[1]}"
        with (
            recording(target, "--out", str(out)) as (process, address),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
        ):
            client.settimeout(20)
            client.sendto(b"ask", ("127.0.0.1", parse_target(address).port))
            data, sender = server.recvfrom(100)
            server.sendto(data.upper(), sender)
            assert client.recv(100) == b"ASK"
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
    (conversation,) = read_recording(out.read_bytes(), "x")
    assert conversation.datagrams
    assert (conversation.requests, conversation.replies) == ((b"ask",), (b"ASK",))


def test_a_server_that_goes_away_is_told(tmp_path: Path) -> None:
    """Its clients are refused, and the relay stays."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with recording(target, "--out", str(tmp_path / "x")) as (process, address):
            server.close()
            for _ in range(2):
                with pytest.raises(ConnectionResetError), connected(address) as client:
                    client.recv(1)
            process.send_signal(signal.SIGTERM)
            said, complained = process.communicate(timeout=20)
            assert complained == "wireproof: the server can't be reached: connection refused\n"
            assert "2 connections" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen", "tls://127.0.0.1:0"], "in the clear\nwrite tcp://127.0.0.1:0"),
        (["--listen", "udp://127.0.0.1:0"], "can't be passed on to tcp://"),
        (["--listen", "unix:/"], "names no absolute path"),
        (["--listen", "unix:/dev/null"], "already exists"),
        (["--listen", "nonsense"], "is not a target"),
        (["--max-bytes", "1"], "'--max-bytes'"),
        (["--out", "/dev/null"], "/dev/null already exists"),
    ],
)
def test_wrong_usage(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, in one or two lines; nothing is left behind."""
    out = tmp_path / "traffic.wireproof"
    with Serving(shouting) as server:
        assert invoke(["record", str(server.target), "--out", str(out), *options]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert len(captured.err.splitlines()) <= 2
    assert not out.exists()


def test_it_cannot_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody there, an address that is taken, a folder that isn't there: exit code 3."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target = f"tcp://127.0.0.1:{gone.getsockname()[1]}"
    out = str(tmp_path / "x")
    assert invoke(["record", target, "--out", out]) == 3
    with Serving(shouting) as server:
        own = str(server.target)
        assert invoke(["record", own, "--listen", own, "--out", out]) == 3
        assert invoke(["record", own, "--out", f"{out}/none/x"]) == 3
    said = capsys.readouterr().err.splitlines()
    assert "nothing answers on" in said[0]
    assert any("cannot listen on" in line for line in said)
    assert "No such file" in said[-1]
