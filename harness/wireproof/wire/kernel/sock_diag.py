"""What the kernel knows of TCP sockets on this machine, the server's among them.

Linux answers such questions over netlink: `NETLINK_SOCK_DIAG`, `SOCK_DIAG_BY_FAMILY`
(net/core/sock_diag.c), for every user and every socket of the same network namespace. The queues
mean (net/ipv4/tcp_diag.c):

    connection   receive queue = rcv_nxt - copied_seq: bytes that arrived and were not read; an
                 end of stream counts one. Send queue = write_seq - snd_una: bytes not acknowledged.
    listener     receive queue = sk_ack_backlog: connections that wait to be accepted.
                 Send queue = sk_max_ack_backlog: the backlog of `listen`, capped by `somaxconn`.

A request that is no dump is answered before `send` returns, so nothing here waits for the network.
"""

import socket
import struct
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from wireproof.errors import CannotRunError
from wireproof.wire.kernel.inet_diag import (
    ALL_STATES,
    HEADER,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    SOCK_DIAG_BY_FAMILY,
    WILDCARD,
    WITH_TCP_INFO,
    Address,
    SocketState,
    TcpState,
    check_absent,
    encode_request,
    parse,
    read_batch,
    tcp_info_span,
    unanswered,
)
from wireproof.wire.kernel.tcp_info import BYTES_RECEIVED_AT, U64

_NETLINK_SOCK_DIAG = 4
_RECEIVE_TIMEOUT = struct.pack("@ll", 1, 0)
_DUMP_BUFFER_BYTES = 65536
_LISTEN = int(TcpState.LISTEN)

# Where the hot path looks, from the start of the netlink header.
_TYPE_AS_HALVES = 4 // 2
_STATE_AS_BYTES = 17
_RECEIVE_QUEUE_AS_WORDS = 72 // 4


@dataclass(frozen=True, slots=True)
class ListenerState:
    """The listening sockets that serve one address: one, or a group made with SO_REUSEPORT.

    Attributes:
        sockets: each of them; among a group the kernel chooses by a hash of the 4-tuple.

    """

    sockets: tuple[SocketState, ...]

    @property
    def depth(self) -> int:
        """Connections that wait to be accepted, in all queues together."""
        return sum(one.receive_queue for one in self.sockets)

    @property
    def limit(self) -> int:
        """The backlogs of all queues together; each queue holds one connection more."""
        return sum(one.send_queue for one in self.sockets)


class ExactQuery:
    """A prepared question about one socket, to be asked any number of times.

    Not for two threads at once: the queries of one `SockDiag` share its socket and its buffer.
    """

    __slots__ = (
        "_answer_bytes",
        "_buffer",
        "_bytes",
        "_halves",
        "_listening",
        "_receive",
        "_received_at",
        "_request",
        "_send",
        "_words",
    )

    def __init__(
        self, netlink: socket.socket, buffer: bytearray, request: bytes, *, listening: bool
    ) -> None:
        """Bind the question to the socket that it is asked on."""
        self._send = netlink.send
        self._receive = netlink.recv_into
        self._buffer = buffer
        self._bytes = memoryview(buffer)
        self._halves = self._bytes.cast("H")
        self._words = self._bytes.cast("I")
        self._request = request
        self._listening = listening
        self._answer_bytes = 0
        self._received_at = 0

    def receive_queue_bytes(self) -> int:
        """Return the bytes that the socket's owner has not read; -1 when there is no such socket.

        Of a listener it is the number of connections that wait to be accepted. A socket in
        SYN_RECV or TIME_WAIT answers 0. Nothing is allocated or parsed here: this is
        asked between any two segments of a confirmed segmentation.

        A connection is asked for its `tcp_info` too, although it is not used here. The kernel reads
        the queue first; for `tcp_info` it then waits for the socket's lock (tcp_diag_get_info,
        tcp_get_info), so for the end of a `recv` under way. Without that, a `recv` that blocks has
        emptied the queue, and may yet take what arrives before it returns: 7 of 2.8 million
        segments were read with the one before, and none of 2.8 million with it.

        Raises:
            CannotRunError: the kernel does not answer.

        """
        return self._words[_RECEIVE_QUEUE_AS_WORDS] if self._ask() else -1

    def received_bytes(self) -> int | None:
        """Return how much the socket has received since it was opened, read or not.

        The peer's end of stream counts one. It is None where nothing tells: there is no such
        socket, it is in SYN_RECV or TIME_WAIT, or the kernel is older than the count (4.1).

        This says nothing about the receive queue of the same answer, which is read earlier.

        Raises:
            CannotRunError: the kernel does not answer.

        """
        size = self._ask()
        if size != self._answer_bytes:  # other attributes than the last answer had, or none
            self._answer_bytes = size
            info = tcp_info_span(self._bytes[HEADER.size : size])
            told = len(info) >= BYTES_RECEIVED_AT + U64.size
            self._received_at = HEADER.size + info.start + BYTES_RECEIVED_AT if told else 0
        at = self._received_at
        return U64.unpack_from(self._buffer, at)[0] if at else None

    def read(self) -> SocketState | None:
        """Return the socket's state, or None when there is no such socket.

        Raises:
            CannotRunError: the kernel does not answer.

        """
        size = self._ask()
        return parse(bytes(self._bytes[HEADER.size : size])) if size else None

    def _ask(self) -> int:
        """Return the answer's length, the answer being in the buffer; 0: no such socket."""
        try:
            self._send(self._request)
            size = self._receive(self._buffer)
        except OSError as error:
            raise unanswered(error) from None
        if self._halves[_TYPE_AS_HALVES] != SOCK_DIAG_BY_FAMILY:
            check_absent(self._buffer)
            return 0
        # The lookup falls back to a listener on the same address, whose queue counts connections.
        if (self._bytes[_STATE_AS_BYTES] == _LISTEN) is not self._listening:
            return 0
        return size


class SockDiag:
    """One netlink socket, and the questions that can be asked on it."""

    def __init__(self) -> None:
        """Open the socket.

        Raises:
            CannotRunError: this system has no sock_diag.

        """
        self._netlink = _open()
        self._buffer = bytearray(4096)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; its queries are void from then on."""
        self._netlink.close()

    def exact(self, family: int, source: Address, destination: Address) -> ExactQuery:
        """Return a query for the connected socket whose own end is `source`.

        To look at a server's side of a client's connection, give the client's `getpeername()` as
        `source` and its `getsockname()` as `destination`. A dual-stack server's socket is found by
        IPv4 addresses and by IPv4-mapped ones alike (inet_diag_find_one_icsk).

        Args:
            family: `AF_INET` or `AF_INET6`, that of the addresses.
            source: local address of the socket that is looked at.
            destination: its remote address.

        """
        request = encode_request(family, source, destination, extensions=WITH_TCP_INFO)
        return ExactQuery(self._netlink, self._buffer, request, listening=False)

    def exact_listener(self, family: int, address: Address) -> ExactQuery:
        """Return a query for the listener that a connect to `address` would reach.

        Of a group made with SO_REUSEPORT it reads one only; `listener` reads them all.
        """
        request = encode_request(family, address, (WILDCARD[family], 0))
        return ExactQuery(self._netlink, self._buffer, request, listening=True)

    def listener(self, address: Address) -> ListenerState | None:
        """Return the listeners that a connect to `address` reaches, or None.

        A listener on the address itself goes before one on a wildcard, and an IPv4 wildcard before
        a dual-stack one, as in the kernel (compute_score in net/ipv4/inet_hashtables.c).
        """
        host, port = plain_host(address[0]), address[1]
        families = [int(socket.AF_INET6)] if ":" in host else list(WILDCARD)
        ranked = [
            (_rank(one, host), one)
            for family in families
            for one in _dump(family, port, 1 << TcpState.LISTEN)
        ]
        best = max((rank for rank, _ in ranked), default=0)
        if best == 0:
            return None
        return ListenerState(tuple(one for rank, one in ranked if rank == best))

    def connections(
        self, port: int, states: Collection[TcpState] = (), families: Collection[int] = ()
    ) -> list[SocketState]:
        """Return every socket whose local port is `port`, the listeners among them.

        The kernel walks through all that this machine has, thousands in TIME_WAIT among them: to
        ask for some states of one family only, it takes a fifth of the time.

        Args:
            port: local.
            states: only these; all, if empty.
            families: of the sockets, not of addresses, see `ListenerState`; both, if empty.

        """
        asked = sum(1 << state for state in states) or ALL_STATES
        return [one for family in families or WILDCARD for one in _dump(family, port, asked)]


def _open() -> socket.socket:
    if sys.platform != "linux":
        raise CannotRunError("sock_diag is a facility of Linux")
    try:
        netlink = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        )
    except OSError as error:
        raise unanswered(error) from None
    # A timeout of the kernel's, since Python's would poll before each receive.
    netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _RECEIVE_TIMEOUT)
    return netlink


def _dump(family: int, port: int, states: int) -> list[SocketState]:
    """List the sockets of one family on a local port, over a netlink socket of its own."""
    nowhere = WILDCARD[family]
    flags = NLM_F_REQUEST | NLM_F_DUMP
    request = encode_request(family, (nowhere, port), (nowhere, 0), flags=flags, states=states)
    found: list[SocketState] = []
    with _open() as netlink:
        try:
            netlink.send(request)
            while True:
                done, batch = read_batch(netlink.recv(_DUMP_BUFFER_BYTES))
                found += batch
                if done:
                    return found
        except OSError as error:
            raise unanswered(error) from None


def _rank(listener: SocketState, host: str) -> int:
    """Return how closely a listener fits an address without zone or mapping; 0 when it does not."""
    bound = plain_host(listener.source[0])
    if bound == host:
        return 3
    is_v4 = ":" not in host
    if bound == "0.0.0.0" and is_v4:
        return 2
    if bound == "::" and not (is_v4 and listener.v6_only):
        return 1
    return 0


def plain_host(host: str) -> str:
    """Strip the zone, and the prefix of an IPv4-mapped address."""
    host = host.partition("%")[0]
    return host.removeprefix("::ffff:") if "." in host else host
