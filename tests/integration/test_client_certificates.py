"""Servers that let nobody in without a certificate: every command shows ours."""

import contextlib
import io
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.certificates import Authority, authority
from tests.support.servers import Serving
from tests.support.spoiling_server import serving
from wireproof.cli import invoke
from wireproof.wire.client_tls import CERTIFICATE, KEY

CLIENT = "import socket,sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20);"
CLIENT += " s.sendall(b'ab'); assert s.makefile('rb').read(2) == b'ab'"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports go to a folder of the test; no certificate is left in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CERTIFICATE, raising=False)
    monkeypatch.delenv(KEY, raising=False)


@pytest.fixture
def known(tmp_path: Path) -> Authority:
    """Who vouches for the client."""
    return authority(tmp_path)


@pytest.fixture
def target(known: Authority, tmp_path: Path) -> Iterator[str]:
    """An echo server over TLS 1.3 that asks for a certificate."""
    with serving("tls", tmp_path, context=known.context) as where:
        yield where


def _shown(known: Authority) -> list[str]:
    return ["--tls-cert", str(known.certificate), "--tls-key", str(known.key)]


def test_a_check_is_let_in(known: Authority, target: str) -> None:
    """Every connection of a check shows the certificate; the environment is as it was after it."""
    only = ["--only", "BASE-ANSWER", "--only", "SEG-SINGLE", "--only", "CAP-CONCURRENT"]
    common = ["check", target, "--protocol", "echo", "--depth", "quick", *only]
    assert invoke([*common, *_shown(known)]) == 0
    assert CERTIFICATE not in os.environ


@contextmanager
def _with_alerts(known: Authority, folder: Path) -> Iterator[str]:
    """Serve from a thread, so that OpenSSL's alerts go out."""

    def handle(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), known.context.wrap_socket(peer, server_side=True) as own:
            while data := own.recv(100):
                own.sendall(data)

    with Serving(handle) as server:
        yield f"tls://127.0.0.1:{server.target.port}"


@contextmanager
def _without_alerts(known: Authority, folder: Path) -> Iterator[str]:
    """Serve from asyncio, which ends a connection before its alert has left."""
    with serving("tls", folder, context=known.context) as target:
        yield target


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("server", [_with_alerts, _without_alerts])
def test_without_one_it_is_told_what_to_write(
    server: Callable[[Authority, Path], AbstractContextManager[str]],
    version: ssl.TLSVersion,
    known: Authority,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """TLS 1.2 refuses in the handshake, 1.3 behind it: both are told in two lines, and exit 3."""
    known.context.maximum_version = version
    known.context.minimum_version = version
    with server(known, tmp_path) as target:
        command = ["check", target, "--protocol", "echo"]
        assert invoke(command) == 3
        assert "add --tls-cert FILE --tls-key FILE\n" in capsys.readouterr().err
        assert invoke([*command, "--tls-cert", str(known.stranger)]) == 3
        told = capsys.readouterr().err
    assert "name a certificate that the server trusts with --tls-cert\n" in told
    assert told.count("\n") == 2


def test_a_load_in_processes_of_its_own_is_let_in(known: Authority, target: str) -> None:
    """Load workers show it, too: no request fails."""
    options = ["--protocol", "echo", "--users", "4", "--for", "500ms", "--warm-up", "100ms"]
    command = ["load", target, *options, "--processes", "2", "--out", "load", *_shown(known)]
    assert invoke([*command, "--slo", "errors==0"]) == 0
    assert json.loads(Path("load/results.json").read_bytes())["load"]["requests"] > 0


def test_a_relay_shows_it_for_clients_that_speak_in_the_clear(
    known: Authority, target: str
) -> None:
    """`wireproof between` shows the certificate to the server."""
    command = ["between", target, *_shown(known), "--depth", "quick", "--only", "CLI-REPLY-OCTET"]
    asks = [sys.executable, "-S", "-c", CLIENT, "{host}", "{port}"]
    assert invoke([*command, "--", *asks]) == 0


def test_the_environment_does_the_same(
    known: Authority, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Wireproof has no command line, as in pytest, variables name the files."""
    monkeypatch.setenv(CERTIFICATE, str(known.certificate))
    monkeypatch.setenv(KEY, str(known.key))
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    assert invoke(["talk", target]) == 0


@contextmanager
def _recorded(known: Authority, tmp_path: Path) -> Iterator[Path]:
    """A finding of a server that spoils every reply."""
    with serving("tls", tmp_path, context=known.context, spoil_one_in=1) as target:
        command = ["check", target, "--protocol", "echo", "--only", "BASE-ANSWER"]
        assert invoke([*command, "--out", "found", *_shown(known)]) == 1
        yield Path("found/evidence/BASE-ANSWER")


def test_a_finding_is_replayed_with_it(known: Authority, tmp_path: Path) -> None:
    """`wireproof replay` takes the options, and the script of its own the variables."""
    with _recorded(known, tmp_path) as folder:
        assert invoke(["replay", str(folder / "replay.json"), *_shown(known)]) == 1
        script = folder / "replay.py"
        variables = {**os.environ, CERTIFICATE: str(known.certificate), KEY: str(known.key)}
        command = [sys.executable, "-I", str(script)]
        run = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert (run.returncode, run.stdout.count("FAILS")) == (1, 1), run.stdout + run.stderr


def test_tcp_has_no_use_for_it(known: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    """tcp:// written for tls:// is told at once, and nothing goes out in the clear."""
    assert invoke(["check", "tcp://127.0.0.1:9", *_shown(known)]) == 2
    assert "tcp://127.0.0.1:9 speaks no TLS" in capsys.readouterr().err
