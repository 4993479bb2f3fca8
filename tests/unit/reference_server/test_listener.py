"""reference_server.listener."""

import socket
from pathlib import Path

import pytest

from reference_server.config import Config
from reference_server.errors import StartError
from reference_server.listener import Listener, listeners_of_workers, open_listeners


def close(*listeners: Listener) -> None:
    """Close them all."""
    for listener in listeners:
        listener.close()


def test_udp_and_tcp_share_the_port_that_the_kernel_chose() -> None:
    """Port 0 is resolved once."""
    stream, datagrams = open_listeners(Config(port=0, udp=True))
    assert stream.target.removeprefix("tcp") == datagrams.target.removeprefix("udp")
    assert (stream.sock.type, datagrams.sock.type) == (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    close(stream, datagrams)


def test_a_port_in_use_is_refused_and_nothing_stays_open() -> None:
    """The message names the address and what to do; -W error would show a leaked socket."""
    (first,) = open_listeners(Config(port=0))
    port = first.sock.getsockname()[1]
    with pytest.raises(StartError, match=rf"127\.0\.0\.1:{port}: the address is in use"):
        open_listeners(Config(port=port, unix_path=None))
    close(first)


def test_a_host_without_an_address_is_refused() -> None:
    """In one line, with the name."""
    with pytest.raises(StartError, match=r"cannot resolve the host 'no\.such\.invalid'"):
        open_listeners(Config(host="no.such.invalid"))


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    """Only a dead server's socket is replaced."""
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(StartError, match="in use"):
        open_listeners(Config(host=None, unix_path=str(path)))
    assert path.read_text() == "data"


def test_workers_share_one_listener_or_have_their_own() -> None:
    """With SO_REUSEPORT each has a socket, all on one port."""
    config = Config(port=0, workers=3)
    first = open_listeners(config)
    shares = listeners_of_workers(config, first)
    assert all(share == first for share in shares)
    close(*first)

    config = Config(port=0, workers=3, reuse_port=True, udp=True)
    first = open_listeners(config)
    shares = listeners_of_workers(config, first)
    assert len({one.sock.fileno() for share in shares for one in share}) == 6
    assert len({one.sock.getsockname() for share in shares for one in share}) == 1
    close(*[one for share in shares for one in share])
