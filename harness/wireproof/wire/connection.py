"""One stream connection. OS errors become observations here, and nowhere else."""

import contextlib
import errno
import select
import socket
import ssl
import struct
from types import TracebackType
from typing import Self

from wireproof.deadline import Deadline
from wireproof.errors import CannotRunError
from wireproof.target import Target
from wireproof.wire.client_tls import alert_words, client_tls, send_records
from wireproof.wire.observations import END_OF_STREAM, RESET, TIMED_OUT, Data, Observation

CONNECT_TIMEOUT_S = 5.0
_RECEIVE_BYTES = 65536
_WIDE_BYTES = 1024 * 1024
_OURS_EXHAUSTED = {
    errno.EMFILE: "this process has no descriptor left; raise the limit with ulimit -n",
    errno.ENFILE: "this machine has no descriptor left",
    errno.EADDRNOTAVAIL: "this machine has no port left to connect from; wait a minute",
}
RESET_REASON = "connection reset"
NO_TLS = "no TLS"
_PRELUDE_HELD_S = 0.05
_TCP_FAMILIES = {socket.AF_INET, socket.AF_INET6}
_GONE = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN}


class ConnectError(Exception):
    """No connection came to be.

    Attributes:
        reason: `refused`, `timeout`, or what else the system said.

    """

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


class Connection:
    """A connected, non-blocking stream socket.

    Attributes:
        socket: the socket itself, for what the kernel can be asked of it.
        alert: why TLS ended the connection, in its words; empty where it didn't.

    """

    def __init__(self, connected: socket.socket) -> None:
        """Take over a connected socket."""
        self.socket = connected
        self.alert = ""
        self._was_reset = False  # the kernel tells of a reset once; a send may have heard it
        # What has no delayed acknowledgement (a Unix socket), or no say in it (another system).
        self._acknowledges = connected.family in _TCP_FAMILIES and hasattr(socket, "TCP_QUICKACK")
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    @classmethod
    def open(
        cls,
        target: Target,
        deadline: Deadline | None = None,
        receive_buffer_bytes: int = 0,
        prelude_cut: int = 0,
    ) -> Self:
        """Connect, and send the target's prelude.

        Args:
            target: resolved.
            deadline: for the connect and, with TLS, the handshake.
            receive_buffer_bytes: of our socket, so of the window that the server sees; 0 leaves
                the system's.
            prelude_cut: the offset at which the prelude is cut, and held; 0 for nowhere.

        Raises:
            ConnectError: refused, timed out, or the handshake failed.
            CannotRunError: this machine lacks what a connection needs.

        """
        deadline = deadline or Deadline(CONNECT_TIMEOUT_S)
        raw = _new_socket(target)
        try:
            if receive_buffer_bytes:
                # Before the connect: the window's scale is agreed on in the handshake (tcp(7)).
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
            seconds = max(deadline.remaining_s(), 0.001)
            if target.family == socket.AF_UNIX:
                _connect_unix(raw, target, seconds)
            else:
                raw.settimeout(seconds)
                raw.connect(target.address)
            return cls.adopt(raw, target, deadline, prelude_cut)
        except OSError as error:
            raw.close()
            if (hint := _OURS_EXHAUSTED.get(error.errno or 0)) is not None:
                raise CannotRunError(f"cannot connect to {target}: {hint}") from None
            raise ConnectError(connect_reason(error)) from None

    @classmethod
    def adopt(
        cls,
        raw: socket.socket,
        target: Target,
        deadline: Deadline | None = None,
        prelude_cut: int = 0,
    ) -> Self:
        """Take over a socket that has just been connected to `target`, and send its prelude.

        Raises:
            OSError: the TLS handshake failed.

        """
        if target.scheme != "unix":
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if target.prelude:
            _send_prelude(raw, target.prelude, prelude_cut)
        if target.scheme == "tls":
            raw.settimeout(max((deadline or Deadline(CONNECT_TIMEOUT_S)).remaining_s(), 0.001))
            raw = client_tls().wrap_socket(raw, server_hostname=target.host)
        raw.setblocking(False)
        return cls(raw)

    def send(self, data: bytes | memoryview, *, more_follows: bool = False) -> int | None:
        """Hand bytes to the kernel.

        Args:
            data: as many as it will take.
            more_follows: keep the last segment until the next send or the end (MSG_MORE, send(2)).

        Returns:
            How many it took, 0 when its buffer is full, None when the connection is gone.

        """
        try:
            if isinstance(self.socket, ssl.SSLSocket):
                return send_records(self.socket, data)
            return self.socket.send(data, socket.MSG_MORE if more_follows else 0)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError as error:
            if error.errno in _GONE or isinstance(error, ssl.SSLError):
                self._was_reset = error.errno == errno.ECONNRESET
                return None
            raise

    def receive(self, limit_bytes: int = _RECEIVE_BYTES) -> Observation | None:
        """Take what is there: data, the end, a reset; None where there is nothing."""
        try:
            data = self.socket.recv(limit_bytes)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                return END_OF_STREAM
            if isinstance(error, ssl.SSLError):
                self.alert = alert_words(error)
                return RESET
            if error.errno in _GONE:
                return RESET
            raise
        if data:
            return Data(data)
        return RESET if self._was_reset else END_OF_STREAM

    def widen_window(self) -> None:
        """Take replies at full speed again, after a time with a tiny receive buffer."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WIDE_BYTES)

    def wait(self, deadline: Deadline, *, readable: bool = True, writable: bool = False) -> bool:
        """Wait until something can be read, if `readable`, or written, if `writable`.

        An error or a hang-up ends the wait in any case. Returns False when time is up.
        """
        if readable and isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        self.acknowledge()
        self._poll.modify(
            self.socket, (select.POLLIN if readable else 0) | (select.POLLOUT if writable else 0)
        )
        return bool(self._poll.poll(deadline.remaining_s() * 1000))

    def polled(self, events: int) -> dict[int, int]:
        """Return what an epoll has to wait for: by descriptor, events as of `select.epoll`."""
        return {self.socket.fileno(): events}

    def is_open(self) -> bool:
        """Say whether the server has neither closed nor reset it; nothing is taken from it."""
        if not select.select([self.socket], [], [], 0)[0]:
            return True
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    @property
    def ready_s(self) -> float:
        """How long the server's process has run or waited for its turn, where it is this one's.

        Over a socket 0, always: it serves others as well.
        """
        return 0.0

    @property
    def ending(self) -> str:
        """What is known of the server's end besides the stream's; nothing, over a socket."""
        return ""

    def acknowledge(self) -> None:
        """Acknowledge now what was received, where the kernel would delay that by 40 ms.

        A server that writes a reply in two pieces, Nagle's algorithm on, keeps the second for as
        long. The kernel forgets the option (tcp(7)), so it is set anew before each wait: once for
        all that was read since the last, and not at all while there is more to read or to send,
        which would carry the acknowledgement.
        """
        if self._acknowledges:
            with contextlib.suppress(OSError):  # after a reset; reading tells of it
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def next_observation(self, deadline: Deadline) -> Observation:
        """Wait for the next thing to be seen."""
        while True:
            seen = self.receive()
            if seen is not None:
                return seen
            if not self.wait(deadline):
                return TIMED_OUT

    def half_close(self) -> None:
        """Say that nothing more will be sent; what the peer still sends can be read."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Drop the connection with RST."""
        with contextlib.suppress(OSError):  # a Unix socket knows no RST; it just closes
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Give the socket back; closing twice is harmless."""
        self.socket.close()

    @property
    def closed(self) -> bool:
        """Whether the socket has been given back."""
        return self.socket.fileno() < 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _send_prelude(raw: socket.socket, prelude: bytes, cut: int) -> None:
    """Send what comes first, in two segments where it is cut; a refusal is seen by who reads."""
    with contextlib.suppress(OSError):
        raw.setblocking(True)
        raw.sendall(prelude[:cut])
        if cut:
            select.select([raw], [], [], _PRELUDE_HELD_S)
        raw.sendall(prelude[cut:])


def _new_socket(target: Target) -> socket.socket:
    try:
        return socket.socket(target.family, target.socket_type)
    except OSError as error:
        hint = _OURS_EXHAUSTED.get(error.errno or 0, error.strerror or str(error))
        raise CannotRunError(f"cannot connect to {target}: {hint}") from None


def _connect_unix(raw: socket.socket, target: Target, seconds: float) -> None:
    """Connect, and wait while the queue is full, as TCP does.

    A socket that doesn't block is told EAGAIN at once (unix(7)), and so is one with a timeout of
    Python's; a blocking one waits as long as it may send (socket(7), SO_SNDTIMEO).
    """
    raw.setblocking(True)
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    try:
        raw.connect(target.address)
    except BlockingIOError:
        raise TimeoutError from None
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))


def connect_reason(error: OSError) -> str:
    """Return in a few words why no connection came to be."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return RESET_REASON
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"{NO_TLS}, {alert_words(error)}"
    return error.strerror or str(error)
