"""`load --from` a capture and a recording: what passed once is a workload, and verified."""

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.packets import Write, captured, exchanged
from tests.support.recording import connected, recording
from tests.support.relaying import received, wait_until
from tests.support.servers import Serving, shouting
from wireproof.cli import invoke
from wireproof.results import LoadResult, load_results

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
ASKED = (b"hello\n", b"you\n")


def _load(target: str, source: Path, out: Path, *options: str) -> tuple[int, LoadResult]:
    words = ["--from", str(source), "--users", "2", "--for", "500ms", "--warm-up", "0s"]
    code = invoke(["load", target, *words, "--force", "--out", str(out), *options])
    load = load_results(out / "results.json").load
    assert load is not None
    return code, load


def _captured(target: str, path: Path) -> None:
    del target
    writes = [one for line in ASKED for one in (Write(True, line), Write(False, line.upper()))]
    path.write_bytes(captured(exchanged(writes)))


def _recorded(target: str, path: Path) -> None:
    with recording(target, "--out", str(path)) as (process, address):
        with connected(address) as client:
            for line in ASKED:
                client.sendall(line)
                assert received(client, len(line)) == line.upper()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@pytest.mark.parametrize("make", [_captured, _recorded])
def test_what_passed_is_a_load(make: object, tmp_path: Path) -> None:
    """Every reply is verified: what differs from what was learnt is a failure."""
    path = tmp_path / "traffic"
    with Serving(shouting) as server:
        make(str(server.target), path)  # type: ignore[operator]
        code, load = _load(str(server.target), path, tmp_path / "out")
        assert code == 0
        assert load.requests > len(ASKED)
        assert not any(load.failures.values())
    learnt = tmp_path / "out" / "learnt.json"

    def mumbling(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            for line in lines:
                peer.sendall(line)

    with Serving(mumbling) as server:
        words = ["--protocol", str(learnt), "--users", "2", "--for", "300ms", "--warm-up", "0s"]
        out = ["--out", str(tmp_path / "wrong")]
        assert invoke(["load", str(server.target), *words, *out]) == 1


def test_a_capture_of_a_real_client_is_a_load(tmp_path: Path) -> None:
    """What redis-cli asked, again and again."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    path = tmp_path / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL) as redis:
        try:
            wait_until(path.exists)
            capture, reset = CAPTURES / "redis-cli.pcap", f"redis-cli -s {path} flushall"
            code, load = _load(f"unix:{path}", capture, tmp_path / "out", "--reset", reset)
        finally:
            redis.kill()
    assert code == 0
    assert load.requests > 0
    assert not any(load.failures.values())


def test_a_goodbye_that_is_not_answered_is_no_load(tmp_path: Path) -> None:
    """Where nothing else can be asked again, connections come and go."""

    def polite(peer: socket.socket) -> None:
        with peer.makefile("rb") as lines:
            if lines.readline() == b"hello\n":
                peer.sendall(b"welcome\n")
                lines.readline()

    named = []
    for name in ("hello", "goodbye"):
        (tmp_path / name).write_bytes(f"{name}\n".encode())
        named += ["--from", str(tmp_path / name)]
    with Serving(polite) as server:
        code, load = _load(str(server.target), tmp_path / "hello", tmp_path / "out", *named[2:])
    assert code == 0
    assert load.requests > 0
    assert not any(load.failures.values())


def test_connections_of_one_name_are_told_before_the_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the option that helps, where several connections would end each other; one may be."""
    sessions: dict[bytes, socket.socket] = {}

    def broker(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer.makefile("rb") as lines:
            verb, _, name = lines.readline().rstrip().partition(b" ")
            older, sessions[name] = sessions.get(name), peer
            if verb != b"hello":
                return
            if older is not None:
                with contextlib.suppress(OSError):
                    older.shutdown(socket.SHUT_RDWR)
            peer.sendall(b"ok\n")
            while lines.readline() == b"ping\n":
                peer.sendall(b"ok\n")

    named = []
    for name, line in (("hello", b"hello sensor-7\n"), ("ping", b"ping\n")):
        (tmp_path / name).write_bytes(line)
        named += ["--from", str(tmp_path / name)]
    with Serving(broker) as server:
        words = ["load", str(server.target), *named, "--for", "300ms", "--warm-up", "0s", "--force"]
        out = ["--out", str(tmp_path / "out")]
        assert invoke([*words, *out, "--users", "3"]) == 2
        assert "--vary 'sensor-[0-9]+'" in capsys.readouterr().err
        assert invoke([*words, *out, "--users", "1"]) == 0
        varied = [*named[2:], "--users", "3", "--vary", "sensor-[0-9]+"]
        code, load = _load(str(server.target), tmp_path / "hello", tmp_path / "out", *varied)
    assert code == 0
    assert not any(load.failures.values())
