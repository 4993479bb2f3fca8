"""Whether anybody listens is read from the kernel."""

import socket
from pathlib import Path

import pytest

from wireproof.target import parse_target, resolve
from wireproof.wire.kernel.listening import is_listening


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_a_port_is_listened_at_until_its_socket_is_closed(host: str, scheme: str) -> None:
    """Both families, streams and datagrams."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if scheme == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as server:
        server.bind((host.strip("[]"), 0))
        target = resolve(parse_target(f"{scheme}://{host}:{server.getsockname()[1]}"))[0]
        if scheme == "tcp":
            assert not is_listening(target)  # bound is not yet listening
            server.listen()
        assert is_listening(target)
    assert not is_listening(target)


def test_a_path_is_listened_at_until_its_socket_is_closed(tmp_path: Path) -> None:
    """The file of a Unix socket outlives it, and means nothing."""
    path = tmp_path / "socket"
    target = resolve(parse_target(f"unix:{path}"))[0]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert is_listening(target)
    assert path.exists()
    assert not is_listening(target)
