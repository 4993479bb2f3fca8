"""Locust's channel between master and workers, for holders of the run's secret alone.

Locust's own sockets take messages from whoever connects. These have ZeroMQ's CURVE in front
(https://rfc.zeromq.org/spec/26/): both sides prove in the handshake that they hold a key derived
from the secret, every connection has fresh keys of its own, and each message is encrypted,
authenticated and numbered; so nothing of a stranger's reaches Locust's parser, nothing can be
replayed, and what a master tells its workers is not read on the way. The master lets in one key
alone, by ZeroMQ's authentication protocol (https://rfc.zeromq.org/spec/27/).
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
import zmq.green as zmq
from locust.exception import RPCError
from locust.rpc import Message
from locust.rpc.zmqrpc import BaseSocket
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from wireproof.errors import CannotRunError
from wireproof.load.secret import RunSecret

_log = logging.getLogger(__name__)

CLOSED = "wireproof closed"
"""Kind of the message that stands for the end of a connection that this worker has closed."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_MASTER, _WORKER = "wireproof master 1", "wireproof worker 1"
_AUTHENTICATOR = "inproc://zeromq.zap.01"  # RFC 27
_DOMAIN = b"wireproof"
_OK, _REFUSED = b"200", b"400"
_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_GIVE_UP_AFTER = 3
"""Handshakes in a row: one alone may fail because a master is just ending."""


class _Message(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    type: str
    data: Any
    node_id: str


_decoder = msgspec.msgpack.Decoder(_Message)


def decode_message(data: bytes) -> Message | None:
    """Return the message that a peer sent; None where it is none."""
    try:
        found = _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, TypeError, UnicodeDecodeError):
        return None  # TypeError: a list as a key
    return Message(found.type, found.data, found.node_id)


class _Keyed(BaseSocket):
    """What both ends share: the limits, and the watch for handshakes that fail."""

    def __init__(self, kind: int, host: str) -> None:
        super().__init__(kind, self.ipv4_only(host.strip("[]"), 0))  # type: ignore[no-untyped-call]
        if not zmq.has("curve"):
            raise CannotRunError(
                "this ZeroMQ cannot authenticate (it is built without CURVE)",
                "install pyzmq from its own wheel: python -m pip install --force-reinstall pyzmq",
            )
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._monitor = self.socket.get_monitor_socket(
            _FAILED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED
        )
        self._greenlets = [gevent.spawn(self._watch)]

    def close(self, linger: int | None = None) -> None:
        """Close the socket and end what watches it."""
        gevent.killall(self._greenlets, block=False)
        self.socket.disable_monitor()
        self._monitor.close(linger=0)
        super().close(linger)  # type: ignore[no-untyped-call]

    def _watch(self) -> None:
        while True:
            event = parse_monitor_message(self._monitor.recv_multipart())
            self._on_event(int(event["event"]), int(event["value"]))

    def _on_event(self, event: int, value: int) -> None:
        raise NotImplementedError


class MasterSocket(_Keyed):
    """The master's end.

    Attributes:
        port: where it listens.
        on_refused: called with the address of each peer that was not let in; empty where it is not
            known.

    """

    def __init__(self, secret: RunSecret, host: str, port: int) -> None:
        """Listen.

        Raises:
            RPCError: the address is taken, or none of this machine's.

        """
        super().__init__(zmq.ROUTER, host)
        self.on_refused: Callable[[str], None] = lambda _: None
        self._addresses: dict[int, str] = {}
        self._has_failed = False
        self._workers_key = zmq.curve_public(_key(secret, _WORKER))
        self._doorkeeper = self.socket.context.socket(zmq.REP)
        self._doorkeeper.bind(_AUTHENTICATOR)
        self._greenlets.append(gevent.spawn(self._keep_door))
        self.socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        self.socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # nobody is let in unasked
        self.socket.curve_secretkey = _key(secret, _MASTER)
        self.socket.curve_server = 1
        where = f"tcp://{_bracketed(host)}"
        try:
            if port:
                self.socket.bind(f"{where}:{port}")
                self.port = port
            else:
                self.port = self.socket.bind_to_random_port(where)
        except zmq.ZMQError as error:
            raise RPCError(f"Socket bind failure: {error}") from error

    def close(self, linger: int | None = None) -> None:
        """Close all that belongs to it."""
        self._doorkeeper.close(linger=0)
        super().close(linger)

    def recv_from_client(self) -> tuple[str, Message]:
        """Return the next message of a worker and who sent it; what is none is dropped."""
        while True:
            try:
                name, data, *more = self.socket.recv_multipart()
            except ValueError:
                continue
            except zmq.ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            message = decode_message(data) if not more else None
            if message is not None and message.node_id.encode() == name:
                return message.node_id, message
            _log.warning("a worker sent something that is not a message; it is dropped")

    def _keep_door(self) -> None:
        """Answer ZeroMQ's question whether a peer with this key may come in."""
        while True:
            version, number, _, address, _, mechanism, *keys = self._doorkeeper.recv_multipart()
            known = mechanism == b"CURVE" and [z85.encode(key) for key in keys] == [
                self._workers_key
            ]
            if not known:
                self.on_refused(address.decode(errors="replace"))
            code = _OK if known else _REFUSED
            self._doorkeeper.send_multipart([version, number, code, b"", b"worker", b""])

    def _on_event(self, event: int, value: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            self._addresses[value] = _peer_of(value)
        elif event & _FAILED:
            self._has_failed = True
        elif event == zmq.EVENT_DISCONNECTED:
            address = self._addresses.pop(value, "")
            if self._has_failed:  # ZeroMQ tells of the end of the one whose handshake failed next
                self.on_refused(address)
            self._has_failed = False


class WorkerSocket(_Keyed):
    """A worker's end.

    Attributes:
        on_refused: called once no master there takes our secret.

    """

    def __init__(self, secret: RunSecret, host: str, port: int, identity: str) -> None:
        """Connect, as soon as somebody listens there."""
        super().__init__(zmq.DEALER, host)
        self.on_refused: Callable[[], None] = lambda: None
        self._failures = 0
        own = _key(secret, _WORKER)
        self.socket.curve_secretkey = own
        self.socket.curve_publickey = zmq.curve_public(own)
        self.socket.curve_serverkey = zmq.curve_public(_key(secret, _MASTER))
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(f"tcp://{_bracketed(host)}:{port}")

    def recv(self) -> Message:
        """Return the master's next message, or `CLOSED`; what is none is dropped."""
        while True:
            try:
                data = self.socket.recv()
            except zmq.ZMQError as error:
                if self.socket.closed:  # by us: the runner has another connection by now
                    return Message(CLOSED, None, "")
                raise RPCError("ZMQ network broken") from error
            message = decode_message(data)
            if message is not None:
                return message
            _log.warning("the master sent something that is not a message; it is dropped")

    def _on_event(self, event: int, value: int) -> None:
        del value
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._failures = 0
        elif event & _FAILED:
            self._failures += 1
            # Where the other end was heard, ZeroMQ does not try again; where it hung up, it does.
            is_final = event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            if is_final or self._failures == _GIVE_UP_AFTER:
                self.on_refused()


def _key(secret: RunSecret, purpose: str) -> bytes:
    """Return a secret key of CURVE, as ZeroMQ writes it."""
    return bytes(z85.encode(secret.key(purpose)))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _peer_of(descriptor: int) -> str:
    """Return the address of a connection of ZeroMQ's; empty where it has ended meanwhile."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            return str(connection.getpeername()[0])
    except (OSError, IndexError):
        return ""
