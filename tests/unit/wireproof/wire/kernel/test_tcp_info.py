import socket

from wireproof.wire.kernel.inet_diag import TcpState
from wireproof.wire.kernel.tcp_info import acknowledged_bytes, state_of, total_retransmits


def test_a_connection_without_loss() -> None:
    """A fresh connection is established and nothing was sent again."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert state_of(client) == TcpState.ESTABLISHED
        assert total_retransmits(client) == 0
        assert state_of(server) == TcpState.LISTEN


def test_what_the_peer_has_acknowledged() -> None:
    """The handshake is not counted, what was sent is, and so is the end of the stream, as one."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert acknowledged_bytes(client) == 0
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"abc")
            accepted.recv(3)
            accepted.sendall(b"-")  # with the acknowledgement
            client.recv(1)
            assert acknowledged_bytes(client) == 3
            client.shutdown(socket.SHUT_WR)
            accepted.recv(1)
            accepted.sendall(b"-")
            client.recv(1)
            assert acknowledged_bytes(client) == 4


def test_sockets_without_tcp_tell_nothing() -> None:
    """A Unix socket and a closed one have no TCP_INFO, which is no error."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert (state_of(ours), total_retransmits(ours)) == (None, None)
    assert (state_of(ours), total_retransmits(ours)) == (None, None)
    assert acknowledged_bytes(ours) is None
