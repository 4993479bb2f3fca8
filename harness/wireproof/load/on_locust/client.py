"""A client for hand-written Locust tasks: as comfortable as `HttpSession`, over a socket.

Sockets here are those that gevent has put in place, so that waiting lets other users run.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from wireproof.causes import Cause
from wireproof.deadline import Deadline
from wireproof.errors import UsageError
from wireproof.load.failures import connect_cause, transfer_cause
from wireproof.protocols.base import DEFAULT_MAX_REPLY_BYTES, Protocol
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.target import Target
from wireproof.wire.client_tls import client_tls
from wireproof.words import printable

Framing = Callable[[bytearray], int | None]
"""Returns how long the reply at the start of a buffer is, or None while that is unknown."""
_RECEIVE_BYTES = 65536


class RequestFailedError(Exception):
    """A request that failed.

    Attributes:
        cause: a `Cause`, or the user's own words.

    """

    def __init__(self, cause: str, detail: str = "") -> None:
        """Keep the cause."""
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause


class Response:
    """What came back; a context manager where `catch_response` was asked for.

    Attributes:
        data: the reply's bytes; what had come of it when it failed.
        error: why the request failed, None if it did not.
        latency_us: from the first byte sent to the last byte received.

    """

    def __init__(self, data: bytes, error: Exception | None, latency_us: float) -> None:
        """Hold the outcome; it is reported later."""
        self.data = data
        self.error = error
        self.latency_us = latency_us
        self._report: Callable[[Response], None] | None = None

    @property
    def ok(self) -> bool:
        """Whether it did not fail."""
        return self.error is None

    def success(self) -> None:
        """Count the request as good, whatever came."""
        self.error = None

    def failure(self, why: str) -> None:
        """Count the request as failed."""
        self.error = RequestFailedError(why)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            self.error = error
        if self._report is not None:
            self._report(self)


class SocketClient:
    """A connection that a task uses; it connects when it is first needed, and again after a close.

    Attributes:
        socket: the socket, None while there is no connection.

    """

    def __init__(
        self,
        target: Target,
        report: Callable[[str, Response], None],
        *,
        protocol: Protocol | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        """Talk to `target`.

        Args:
            target: resolved.
            report: is told the name and outcome of every request.
            protocol: knows where a reply ends and which is right; without one, each request says
                where its reply ends.
            timeout_s: for a connect, and for a reply.

        """
        self.socket: Any = None
        self._target = target
        self._report = report
        self._protocol = protocol
        self._oracle: Oracle | None = None
        self._timeout_s = timeout_s
        self._buffer = bytearray()

    def request(
        self,
        data: bytes,
        name: str = "",
        *,
        until: bytes | None = None,
        length: int | None = None,
        framing: Framing | None = None,
        catch_response: bool = False,
    ) -> Response:
        r"""Send `data`, wait for its reply, and report both under `name`.

        Args:
            data: the request.
            name: in the statistics; the start of the data if empty.
            until: the reply ends with these bytes.
            length: the reply has so many bytes.
            framing: says where the reply ends.
            catch_response: report only at the end of a `with` block, which may call
                `reply.failure("why")` or `reply.success()`.

        Without any of the three, the protocol judges; without a protocol, the reply is whatever
        one read returns, which suits datagrams.

            self.client.request(b"GET key\r\n", name="get", until=b"\r\n")

        """
        began = time.perf_counter()
        received = bytearray()
        error: Exception | None = None
        try:
            self.connect()
            began = time.perf_counter()
            ends = _framing(until, length, framing)
            if ends is None and self._oracle is not None:
                self._judged(data, received)
            else:
                self.send(data)
                received += self.receive(framing=ends)
        except (RequestFailedError, WrongReplyError) as problem:
            error = problem
            if isinstance(problem, WrongReplyError):
                error = RequestFailedError(Cause.WRONG_REPLY, str(problem))
            self.close()
        reply = Response(bytes(received), error, (time.perf_counter() - began) * 1e6)
        label = name or printable(data, 20)
        if catch_response:
            reply._report = lambda outcome: self._report(label, outcome)  # noqa: SLF001
        else:
            self._report(label, reply)
        return reply

    def connect(self) -> None:
        """Connect, unless there is a connection.

        Raises:
            RequestFailedError: refused, timed out, or the handshake failed.

        """
        if self.socket is not None:
            return
        target = self._target
        try:
            connected: Any = socket.socket(target.family, target.socket_type)
        except OSError as error:
            raise RequestFailedError(connect_cause(error.errno)) from None
        try:
            connected.settimeout(self._timeout_s)
            if target.scheme in {"tcp", "tls"}:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.connect(target.address)
            if target.scheme == "tls":
                connected = client_tls().wrap_socket(connected, server_hostname=target.host)
        except TimeoutError:
            connected.close()
            raise RequestFailedError(Cause.CONNECT_TIMEOUT) from None
        except OSError as error:
            connected.close()
            cause = Cause.TLS if isinstance(error, ssl.SSLError) else connect_cause(error.errno)
            raise RequestFailedError(cause, str(error)) from None
        self.socket = connected
        self._buffer.clear()
        self._oracle = self._protocol.oracle() if self._protocol is not None else None
        if self._protocol is not None and self._oracle is not None:
            pending = b""
            for request in self._protocol.opening():
                self._oracle.announce(request)
                pending += request
                if self._protocol.begins_tls(request):
                    self._open_with(pending)
                    self._begin_tls()
                    pending = b""
            self._open_with(pending)

    def _open_with(self, opening: bytes) -> None:
        assert self._oracle is not None
        self.send(opening)
        self._oracle.sent(len(opening))
        self._await_oracle(bytearray())

    def _begin_tls(self) -> None:
        try:
            self.socket = client_tls().wrap_socket(self.socket, server_hostname=self._target.host)
        except OSError as error:
            raise RequestFailedError(Cause.TLS, str(error)) from None

    def send(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            RequestFailedError: the connection is gone, or the server takes nothing.

        """
        self.connect()
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise self._broken(error) from None

    def receive(
        self,
        *,
        until: bytes | None = None,
        length: int | None = None,
        framing: Framing | None = None,
    ) -> bytes:
        """Return the next reply; the arguments are those of `request`.

        Raises:
            RequestFailedError: it did not come in time, or not to its end.

        """
        self.connect()
        ends = _framing(until, length, framing)
        deadline = Deadline(self._timeout_s)
        while True:
            size = len(self._buffer) or None if ends is None else ends(self._buffer)
            if size is not None and size <= len(self._buffer):
                reply = bytes(self._buffer[:size])
                del self._buffer[:size]
                return reply
            if len(self._buffer) > DEFAULT_MAX_REPLY_BYTES:
                raise RequestFailedError(Cause.WRONG_REPLY, "no end of the reply in sight")
            self._buffer += self._read(deadline, mid_frame=bool(self._buffer))

    def half_close(self) -> None:
        """Say that nothing more will be sent; replies can still be received."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Drop the connection with RST."""
        if self.socket is not None:
            with contextlib.suppress(OSError):  # a Unix socket has no RST
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close; the next request connects again."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _judged(self, data: bytes, received: bytearray) -> None:
        assert self._oracle is not None
        self._oracle.announce(data)
        self.send(data)
        self._oracle.sent(len(data))
        self._await_oracle(received)

    def _await_oracle(self, received: bytearray) -> None:
        assert self._oracle is not None
        deadline = Deadline(self._timeout_s)
        while not self._oracle.settled:
            piece = self._read(deadline, mid_frame=bool(received))
            received += piece
            self._oracle.receive_data(piece)

    def _read(self, deadline: Deadline, *, mid_frame: bool) -> bytes:
        self.socket.settimeout(max(deadline.remaining_s(), 1e-3))
        try:
            piece: bytes = self.socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise self._broken(error, mid_frame=mid_frame) from None
        if not piece and self._target.is_stream:
            raise RequestFailedError(Cause.EOF_MID_FRAME if mid_frame else Cause.EOF_BEFORE_REPLY)
        return piece

    def _broken(self, error: OSError, *, mid_frame: bool = False) -> RequestFailedError:
        if isinstance(error, TimeoutError):
            return RequestFailedError(Cause.TIMEOUT)
        return RequestFailedError(transfer_cause(error.errno, mid_frame=mid_frame), str(error))


def _framing(until: bytes | None, length: int | None, framing: Framing | None) -> Framing | None:
    """Return the one that was given.

    Raises:
        UsageError: more than one was.

    """
    if sum(one is not None for one in (until, length, framing)) > 1:
        raise UsageError("a reply has one end", "give until, length or framing")
    if until is not None:
        return lambda buffer: at + len(until) if (at := buffer.find(until)) >= 0 else None
    if length is not None:
        return lambda _: length
    return framing
