"""Two connections of one name, of which a server ends the older."""

import contextlib
import re
import socket
import threading

import pytest

from tests.support.learnt_scripts import constant, scripts
from tests.support.servers import Handler, Serving
from wireproof.rehearsal.namesakes import Namesakes, find_namesakes


def _broker(*, ends: bool) -> Handler:
    """A server of one session a name; where it `ends` the older one."""
    sessions: dict[bytes, socket.socket] = {}
    lock = threading.Lock()

    def handle(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer.makefile("rb") as lines:
            for line in lines:
                verb, _, name = line.rstrip(b"\n").partition(b" ")
                if verb == b"hello":
                    with lock:
                        older, sessions[name] = sessions.get(name), peer
                    if ends and older is not None and older is not peer:
                        with contextlib.suppress(OSError):
                            older.shutdown(socket.SHUT_RDWR)
                peer.sendall(b"ok\n" if verb in {b"hello", b"ping"} else b"what?\n")

    return handle


@pytest.mark.parametrize("name", ["paho-17", "sensor", "a7.b"])
def test_the_name_is_found_by_changing_it(name: str) -> None:
    """The expression matches it, and no other word of the requests."""
    asked = f"hello {name}\n".encode()
    learnt = scripts(constant((asked, b"ok\n"), (b"ping\n", b"ok\n")), opening=1)
    with Serving(_broker(ends=True)) as server:
        found = find_namesakes(learnt, server.target)
    assert found is not None
    assert re.findall(found.vary, f"hello {name} ping") == [name]


def test_a_server_that_ends_nobody_needs_no_names() -> None:
    """Nor one that was told of names, nor one that ends each connection by itself."""
    learnt = scripts(constant((b"hello me\n", b"ok\n"), (b"ping\n", b"ok\n")), opening=1)
    with Serving(_broker(ends=False)) as server:
        assert find_namesakes(learnt, server.target) is None

    def once(peer: socket.socket) -> None:
        peer.recv(100)
        peer.sendall(b"ok\n")

    with Serving(once) as server:
        assert find_namesakes(learnt, server.target) is None


def test_where_no_word_helps_that_is_said() -> None:
    """A server with one connection for all ends the older one whatever it says."""
    last: list[socket.socket] = []

    def only_one(peer: socket.socket) -> None:
        if last:
            with contextlib.suppress(OSError):
                last.pop().shutdown(socket.SHUT_RDWR)
        last.append(peer)
        with contextlib.suppress(OSError):
            while peer.recv(100):
                peer.sendall(b"ok\n")

    learnt = scripts(constant((b"hello me\n", b"ok\n"), (b"ping\n", b"ok\n")), opening=1)
    with Serving(only_one) as server:
        assert find_namesakes(learnt, server.target) == Namesakes("")
