"""A server that we start ourselves: it listens, dies, comes again, and leaves nothing behind."""

import os
import shlex
import signal
import socket
import sys
from pathlib import Path

import pytest

from wireproof.errors import CannotRunError, UsageError
from wireproof.target import Target
from wireproof.wire.kernel.listening import is_listening
from wireproof.wire.started_server import StartedServer

FREE = Target("tcp", "127.0.0.1", 0, family=socket.AF_INET, address=("127.0.0.1", 0))
SERVER = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    with server.accept()[0] as client:
        if client.recv(100) == b"die":
            print("so long", flush=True)
            os._exit(7)
        client.sendall(sys.argv[2].encode())
"""


def command(source: str, *words: str) -> str:
    """Return a command line for a Python program."""
    return " ".join([shlex.quote(sys.executable), "-c", shlex.quote(source), *words])


def ask(target: Target, request: bytes) -> bytes:
    """Send a request, and return what comes until the end."""
    with socket.create_connection(target.address, 10) as client:
        client.sendall(request)
        return client.recv(100)


def test_it_listens_when_the_constructor_returns() -> None:
    """A free port, and the placeholders of the command."""
    with StartedServer(command(SERVER, "{port}", "{url}"), FREE) as server:
        assert server.target.port
        assert ask(server.target, b"hello") == str(server.target).encode()
        assert server.death is None
    assert not is_listening(server.target)


def test_a_death_has_its_status_and_its_last_lines() -> None:
    """What the process said last is kept; started again it is at the same address."""
    with StartedServer(command(SERVER, "{port}", "x"), FREE) as server:
        ask(server.target, b"die")
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        death = server.death
        assert death is not None
        assert (death.how, death.last_lines) == ("exit status 7", (b"so long",))
        before = server.target
        server.restart()
        assert server.target == before
        assert ask(server.target, b"hello") == b"x"
        assert server.starts == 2


def test_a_signal_is_named() -> None:
    """A server that is killed died by that signal."""
    with StartedServer(command(SERVER, "{port}", "x"), FREE) as server:
        os.kill(server.pid, signal.SIGABRT)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        death = server.death
        assert death is not None
        assert death.how == "signal 6 (SIGABRT)"


def test_its_children_end_with_it(tmp_path: Path) -> None:
    """What the command started is ended too, when it ignores the polite way."""
    source = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ready, told = os.pipe()
if os.fork() == 0:
    open({str(tmp_path / "child")!r}, "w").write(str(os.getpid()))
    os.write(told, b"1")
    signal.pause()
os.read(ready, 1)
{SERVER}
"""
    with StartedServer(command(source, "{port}", "x"), FREE) as server:
        ask(server.target, b"hello")
        child = int((tmp_path / "child").read_text())
        ended = os.pidfd_open(child)
        os.killpg(server.pid, signal.SIGKILL)
        server.close()
    import select

    assert select.select([ended], [], [], 10)[0]
    os.close(ended)


def test_a_command_that_ends_at_once_says_why() -> None:
    """Its last line is part of the message."""
    with pytest.raises(CannotRunError, match=r"ended before it listened .*exit status 3") as caught:
        StartedServer(command("import sys; print('no \\x1b[31mluck'); sys.exit(3)"), FREE)
    assert r"no \x1b[31mluck" in str(caught.value)


def test_wrong_commands_are_refused() -> None:
    """No command, one that cannot be split, one that is not there, a port that is taken."""
    for text, words in (
        ("", "names no command"),
        ("'", "cannot read --start"),
        ("/nowhere/at-all {port}", "cannot start '/nowhere/at-all'"),
    ):
        with pytest.raises(UsageError, match=words):
            StartedServer(text, FREE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
        target = Target("tcp", "127.0.0.1", address[1], family=socket.AF_INET, address=address)
        with pytest.raises(UsageError, match="something already listens on"):
            StartedServer(command(SERVER, "{port}", "x"), target)
