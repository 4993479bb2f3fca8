# ruff: noqa: D102 - what a stand-in does is what it stands for

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import cast

import pytest

from tests.support.sock_diag import no_sock_diag
from wireproof.deadline import Deadline
from wireproof.wire.kernel.inet_diag import HEADER, SOCK_DIAG_BY_FAMILY, SocketState, TcpState
from wireproof.wire.kernel.sock_diag import ExactQuery, SockDiag

pytestmark = pytest.mark.skipif(bool(no_sock_diag()), reason=no_sock_diag() or "sock_diag works")


@pytest.fixture
def diag() -> Iterator[SockDiag]:
    """Lend a netlink socket."""
    with SockDiag() as opened:
        yield opened


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close what a test opens."""
    with ExitStack() as opened:
        yield opened


def _listen(stack: ExitStack, host: str, backlog: int = 5, **options: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return stack.enter_context(
        socket.create_server((host, 0), family=family, backlog=backlog, **options)
    )


def _pair(
    stack: ExitStack, server: socket.socket, host: str
) -> tuple[socket.socket, socket.socket]:
    client = stack.enter_context(
        socket.create_connection((host, server.getsockname()[1]), timeout=5)
    )
    accepted = stack.enter_context(server.accept()[0])
    return client, accepted


def _eventually(read: Callable[[], object], wanted: object) -> None:
    """Wait for what loopback has under way: `send` and `connect` return before it has arrived."""
    deadline = Deadline(5)
    while (found := read()) != wanted:
        assert not deadline.expired, f"{found!r}, not {wanted!r}"


def _server_side(diag: SockDiag, client: socket.socket) -> ExactQuery:
    return diag.exact(client.family, client.getpeername(), client.getsockname())


@pytest.mark.parametrize(
    ("bound", "connected"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")],
)
def test_unread_bytes_are_counted(
    diag: SockDiag, stack: ExitStack, bound: str, connected: str
) -> None:
    """The server's receive queue is what was sent less what was read, dual-stack or not."""
    server = _listen(stack, bound, **({"dualstack_ipv6": True} if bound == "::" else {}))
    client, accepted = _pair(stack, server, connected)
    query = _server_side(diag, client)
    assert query.receive_queue_bytes() == 0
    client.sendall(b"12345")
    assert accepted.recv(2) == b"12"
    assert query.receive_queue_bytes() == 3
    state = query.read()
    assert state is not None
    assert (state.state, state.receive_queue) == (TcpState.ESTABLISHED, 3)
    assert state.source == accepted.getsockname()[:2]
    assert state.destination == accepted.getpeername()[:2]
    assert accepted.recv(9) == b"345"
    assert query.receive_queue_bytes() == 0


@pytest.mark.parametrize(
    ("bound", "connected"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")],
)
def test_received_bytes_are_counted(
    diag: SockDiag, stack: ExitStack, bound: str, connected: str
) -> None:
    """What arrived is told, read or not, from the first byte to the end of the stream, one more."""
    server = _listen(stack, bound, **({"dualstack_ipv6": True} if bound == "::" else {}))
    client = stack.enter_context(socket.create_connection((connected, server.getsockname()[1])))
    query = _server_side(diag, client)
    assert query.received_bytes() == 0
    client.sendall(b"12345")  # nobody has accepted the connection
    _eventually(query.received_bytes, 5)
    accepted = stack.enter_context(server.accept()[0])
    assert accepted.recv(3) == b"123"
    assert query.received_bytes() == 5
    client.shutdown(socket.SHUT_WR)
    _eventually(query.received_bytes, 6)
    assert query.receive_queue_bytes() == 3


def test_what_has_no_count_tells_none(diag: SockDiag, stack: ExitStack) -> None:
    """A connection that is gone has received nothing that could be told, whatever was before."""
    server = _listen(stack, "127.0.0.1")
    client, accepted = _pair(stack, server, "127.0.0.1")
    query = _server_side(diag, client)
    client.sendall(b"1")
    _eventually(query.received_bytes, 1)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    accepted.close()
    _eventually(query.received_bytes, None)
    server.close()
    assert query.received_bytes() is None


class PlayedKernel:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answer = b""

    def send(self, request: bytes) -> int:
        return len(request)

    def recv_into(self, buffer: bytearray) -> int:
        buffer[: len(self.answer)] = self.answer
        return len(self.answer)


def _answer_with(info: bytes, before: bytes = b"", state: int = TcpState.ESTABLISHED) -> bytes:
    attribute = struct.pack("=HH", 4 + len(info), 2) + info if info else b""
    body = bytes([socket.AF_INET, state]).ljust(72, b"\0") + before + attribute
    return HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, 0, 0, 0) + body


def test_an_answer_too_short_for_the_count_tells_none() -> None:
    """Neither a kernel without the field, nor a TIME_WAIT after a better answer, is misread."""
    kernel = PlayedKernel()
    played = cast(socket.socket, kernel)
    query = ExactQuery(played, bytearray(4096), b"?", listening=False)
    count = struct.pack("=128xQ", 7)
    shutdown = struct.pack("=HHBxxx", 5, 8, 0)
    for answer, told in [
        (_answer_with(count), 7),
        (_answer_with(count[:-1]), None),
        (_answer_with(count + bytes(40)), 7),
        (_answer_with(b"", state=TcpState.TIME_WAIT), None),
        (_answer_with(count), 7),
        (_answer_with(count, before=shutdown), 7),
        (_answer_with(count, state=TcpState.LISTEN), None),
    ]:
        kernel.answer = answer
        assert query.received_bytes() == told


def test_mapped_addresses_find_a_dual_stack_server(diag: SockDiag, stack: ExitStack) -> None:
    """The server's own view of the addresses finds the same socket as the client's view."""
    server = _listen(stack, "::", dualstack_ipv6=True)
    client, accepted = _pair(stack, server, "127.0.0.1")
    mapped = diag.exact(socket.AF_INET6, accepted.getsockname(), accepted.getpeername())
    assert mapped.read() == _server_side(diag, client).read() is not None


def test_an_end_of_stream_counts_one(diag: SockDiag, stack: ExitStack) -> None:
    """A FIN that the server has not read is one in its queue, and it then is in CLOSE_WAIT."""
    client, accepted = _pair(stack, _listen(stack, "127.0.0.1"), "127.0.0.1")
    query = _server_side(diag, client)
    client.shutdown(socket.SHUT_WR)
    _eventually(query.receive_queue_bytes, 1)
    state = query.read()
    assert state is not None
    assert state.state is TcpState.CLOSE_WAIT
    assert accepted.recv(1) == b""
    assert query.receive_queue_bytes() == 0


def test_a_connection_that_is_gone_is_not_mistaken_for_its_listener(
    diag: SockDiag, stack: ExitStack
) -> None:
    """A query for a reset connection says so, although the kernel answers with the listener."""
    server = _listen(stack, "127.0.0.1")
    client, accepted = _pair(stack, server, "127.0.0.1")
    query = _server_side(diag, client)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    accepted.close()
    _eventually(query.receive_queue_bytes, -1)
    assert query.read() is None
    server.close()
    assert (query.receive_queue_bytes(), query.read()) == (-1, None)


@pytest.mark.parametrize(
    ("bound", "target"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "::1"),
        ("::", "::1"),
        ("::", "127.0.0.1"),
        ("::", "::ffff:127.0.0.1"),
    ],
)
def test_a_listener_is_found_however_it_is_bound(
    diag: SockDiag, stack: ExitStack, bound: str, target: str
) -> None:
    """Depth and limit are found from the address a client connects to, wildcards included."""
    server = _listen(stack, bound, 7, **({"dualstack_ipv6": True} if bound == "::" else {}))
    address = (target, server.getsockname()[1])
    for _ in range(3):
        stack.enter_context(socket.create_connection(address, timeout=5))
    found = diag.listener(address)
    assert found is not None
    assert found.limit == 7
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    exact = diag.exact_listener(family, address)
    _eventually(lambda: (state := exact.read()) and state.receive_queue, 3)
    assert exact.read() == diag.listener(address).sockets[0]


def test_a_v6_only_listener_does_not_serve_ipv4(diag: SockDiag, stack: ExitStack) -> None:
    """A listener on :: that leaves IPv4 alone is not taken for the server of 127.0.0.1."""
    taken = stack.enter_context(socket.socket())
    taken.bind(("127.0.0.1", 0))  # so that no other server listens there
    port = taken.getsockname()[1]
    stack.enter_context(socket.create_server(("::", port), family=socket.AF_INET6))
    assert diag.listener(("127.0.0.1", port)) is None
    assert diag.exact_listener(socket.AF_INET, ("127.0.0.1", port)).read() is None
    assert diag.listener(("::1", port)) is not None


def test_the_closest_listener_wins(diag: SockDiag, stack: ExitStack) -> None:
    """Of a listener on the address and one on the wildcard, the kernel's choice is ours."""
    near = stack.enter_context(socket.socket())
    wide = stack.enter_context(socket.socket())
    for one in (near, wide):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    near.bind(("127.0.0.1", 0))
    wide.bind(("0.0.0.0", near.getsockname()[1]))
    near.listen(3)
    wide.listen(4)
    found = diag.listener(near.getsockname())
    assert found is not None
    assert found.limit == 3


def test_a_reuseport_group_is_summed(diag: SockDiag, stack: ExitStack) -> None:
    """Listeners that share a port are all listed; depth and limit are their sums."""
    first = _listen(stack, "127.0.0.1", 5, reuse_port=True)
    address = first.getsockname()
    stack.enter_context(socket.create_server(address, backlog=6, reuse_port=True))
    for _ in range(4):
        stack.enter_context(socket.create_connection(address, timeout=5))
    found = diag.listener(address)
    assert found is not None
    assert (len(found.sockets), found.limit) == (2, 11)
    _eventually(lambda: (state := diag.listener(address)) and state.depth, 4)


def test_all_sockets_of_a_port_are_listed(diag: SockDiag, stack: ExitStack) -> None:
    """The listener, accepted and waiting connections are listed, with states and inodes."""
    server = _listen(stack, "127.0.0.1")
    client, _ = _pair(stack, server, "127.0.0.1")
    client.shutdown(socket.SHUT_WR)
    waiting = stack.enter_context(socket.create_connection(server.getsockname(), timeout=5))
    port = server.getsockname()[1]
    # A stranger's, at another address: on a busy machine there are some, and TIME_WAITs, too.
    stranger = stack.enter_context(socket.create_server(("127.0.99.1", port)))
    others = {
        ("0.0.0.0", 0): "listener",
        client.getsockname(): "accepted",
        waiting.getsockname(): "waiting",
    }

    def found() -> dict[str, SocketState]:
        return {
            others[one.destination]: one
            for one in diag.connections(port)
            if one.source == server.getsockname() and one.destination in others
        }

    _eventually(
        lambda: {name: one.state.name for name, one in found().items()},
        {"listener": "LISTEN", "accepted": "CLOSE_WAIT", "waiting": "ESTABLISHED"},
    )
    assert found()["waiting"].inode == 0  # no process has accepted it
    assert stranger.getsockname() in {one.source for one in diag.connections(port)}


def test_connections_of_some_states_and_families(diag: SockDiag, stack: ExitStack) -> None:
    """A dual-stack listener's connection is of IPv6, whatever its addresses are."""
    server = stack.enter_context(
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    )
    port = server.getsockname()[1]
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
    taken, _ = server.accept()
    stack.enter_context(taken)
    client.shutdown(socket.SHUT_WR)
    gone = {TcpState.CLOSE_WAIT}
    _eventually(lambda: len(diag.connections(port, gone)), 1)
    assert len(diag.connections(port, gone, {socket.AF_INET6})) == 1
    assert not diag.connections(port, gone, {socket.AF_INET})
    assert {one.state for one in diag.connections(port, {TcpState.LISTEN})} == {TcpState.LISTEN}


def test_a_long_list_comes_whole(diag: SockDiag, stack: ExitStack) -> None:
    """A list that spans several datagrams of the kernel loses none."""
    server = _listen(stack, "127.0.0.1", 400)
    clients = [
        stack.enter_context(closing(socket.create_connection(server.getsockname(), timeout=5)))
        for _ in range(400)
    ]
    port = server.getsockname()[1]
    established = TcpState.ESTABLISHED
    wanted = {one.getsockname() for one in clients}
    _eventually(
        lambda: (
            {one.destination for one in diag.connections(port) if one.state is established} & wanted
        ),
        wanted,
    )


def test_a_port_without_a_socket(diag: SockDiag) -> None:
    """Where nothing listens, there is no listener, no socket, and no error."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    assert diag.listener(address) is None
    assert diag.exact_listener(socket.AF_INET, address).read() is None
    assert diag.connections(address[1]) == []
