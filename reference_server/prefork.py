"""A pre-forked worker: one process, one `epoll`, many connections.

Each worker accepts for itself from the listener that all share, and serves what it accepted until
the end; workers have nothing in common, so that one that dies takes only its own connections along.

Where the time goes (one worker, 50 connections of 64 bytes): about nine tenths of a round trip are
the kernel's, in `read` and `write`. So each event does exactly these two calls: `epoll` is
level-triggered, which spares reading until EAGAIN, and replies are sent without a wait for
EPOLLOUT. A turn of the loop reads all that is there, then answers all: a reply wakes its client,
and clients that were asleep are woken once a turn rather than once a reply, which is worth a
hundredth at 50 connections and a fourteenth at 500. The clock is read once a turn, `ctime` runs
once a second.
"""

import gc
import select
import signal
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from os import write
from select import EPOLLIN

from reference_server.config import Config
from reference_server.connection import Connection
from reference_server.datagrams import Datagrams
from reference_server.framing import CountingFramer, Framer
from reference_server.listener import Listener
from reference_server.tls import TlsConnection, wrapped

LINGER_S = 2.0  # how long a peer that was told of our end may take to end too
_TICK_S = 0.25  # how often deadlines are looked at, when there are any
_EVENTS_AT_ONCE = 512


class Worker:
    """Accepts and serves until told to end.

    Attributes:
        framer: the time and the frames, for all connections.
        read_bytes: at most so much is read at once, so that its frames fit the buffer limit.
        connections: by descriptor.
        answers: what has been framed in this turn of the loop and not been sent.

    """

    framer_type: type[Framer] = Framer
    connection_type: type[Connection] = Connection
    datagrams_type: type[Datagrams] = Datagrams

    def __init__(self, config: Config, listeners: Sequence[Listener], lifeline: int) -> None:
        """Make a worker.

        Args:
            config: as the user set it.
            listeners: its own or shared; streams and datagrams.
            lifeline: a pipe's read end; its end of file says that the parent is gone.

        """
        counting = config.stats and self.framer_type is Framer
        framer_type = CountingFramer if counting else self.framer_type
        self.framer = framer_type(config.buffer_bytes)
        self.read_bytes = config.read_bytes
        self.connections: dict[int, Connection] = {}
        self.answers: list[tuple[Connection, bytes]] = []
        self._config = config
        self._listeners = [one for one in listeners if one.sock.type == socket.SOCK_STREAM]
        self._datagrams = [
            self.datagrams_type(one.sock, self.framer)
            for one in listeners
            if one.sock.type == socket.SOCK_DGRAM
        ]
        self._lifeline = lifeline
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], object]] = {}
        self._wait_s: float | None = None
        self._accepted = 0
        self._paused_until_s: float | None = 0.0  # until start() resumes
        self._lingering: deque[tuple[float, Connection]] = deque()
        self._last_active_s: dict[int, float] = {}
        self._stopped = False

    # The loop

    def start(self) -> None:
        """Watch the listeners, the lifeline and the signals."""
        self._on_readable(self._lifeline, self.stop)
        self._on_readable(self._signals_as_events(), self._take_signals)
        for datagrams in self._datagrams:
            self._epoll.register(datagrams.sock, EPOLLIN | select.EPOLLEXCLUSIVE)
            self._handlers[datagrams.sock.fileno()] = datagrams.receive
        self._resume_accepting()

    def run(self) -> None:
        """Serve until SIGTERM or the parent's end, then drain."""
        gc.freeze()  # what is loaded by now stays: the collector need not look at it again
        while not self._stopped:
            events = self._turn()
            if self._wait_s is not None:
                self._keep_time(events)
        self._drain()
        if self._config.stats:
            self.print_statistics()

    def _turn(self) -> list[tuple[int, int]]:
        """Wait for events, handle each, send the answers; the hot path with `Connection`."""
        events = self._epoll.poll(self._wait_s, _EVENTS_AT_ONCE)
        self.framer.set_time(time.time())
        handlers = self._handlers
        for descriptor, _ in events:
            handlers[descriptor]()
        # Each is still open: a turn has one event a descriptor, and who framed did not close.
        for connection, replies in self.answers:
            try:
                sent = write(connection.descriptor, replies)
            except OSError:
                sent = 0
            if sent < len(replies):
                connection.send(replies[sent:])  # which knows what that means
        self.answers.clear()
        return events

    def _on_readable(self, descriptor: int, handler: Callable[[], object]) -> None:
        self._epoll.register(descriptor, EPOLLIN)
        self._handlers[descriptor] = handler

    def watch(self, connection: Connection, events: int, handler: Callable[[], None]) -> None:
        """Call `handler` when `events` are reported for the connection."""
        descriptor = connection.sock.fileno()
        self._handlers[descriptor] = handler
        self._epoll.modify(descriptor, events)

    def forget(self, connection: Connection) -> None:
        """Drop the connection; closing its descriptor takes it out of `epoll`."""
        descriptor = connection.sock.fileno()
        del self._handlers[descriptor], self.connections[descriptor]
        self._last_active_s.pop(descriptor, None)
        if self._paused_until_s is not None:
            self._resume_accepting()

    # Accepting

    def accept_from(self, listener: Listener) -> bool:
        """Accept one connection; the rest is reported again, and may go to another worker.

        Returns:
            Whether there was one.

        """
        try:
            sock, _ = listener.sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another worker was quicker, or the peer has gone
        except OSError:
            # Out of descriptors or memory. The connection stays in the queue, where it can wait;
            # but epoll would report it at once again, and we would spin.
            self._pause_accepting()
            return False
        try:
            sock.setblocking(False)
            self._epoll.register(sock, EPOLLIN)
            connection = self._connection(sock, listener.tls)
        except ConnectionError:
            sock.close()
            return True  # it has gone already
        except OSError:
            sock.close()
            self._pause_accepting()
            return False
        self._accepted += 1
        descriptor = connection.sock.fileno()
        self.connections[descriptor] = connection
        self._handlers[descriptor] = connection.receive
        if self._config.idle_timeout_s is not None:
            self._last_active_s[descriptor] = time.monotonic()
        if self._is_full():
            self._pause_accepting()
        return True

    def _connection(self, sock: socket.socket, tls: ssl.SSLContext | None) -> Connection:
        if tls is None:
            return self.connection_type(sock, self)
        return TlsConnection(wrapped(sock, tls), self)

    def _is_full(self) -> bool:
        limit = self._config.max_connections
        return limit is not None and len(self.connections) >= limit

    def _pause_accepting(self) -> None:
        """Leave new connections in the queue until one of ours ends, or for a moment."""
        if self._paused_until_s is None:
            for listener in self._listeners:
                self._epoll.unregister(listener.sock)
        self._paused_until_s = time.monotonic() + _TICK_S
        self._plan()

    def _resume_accepting(self) -> None:
        if self._is_full():
            return
        self._paused_until_s = None
        for listener in self._listeners:
            # EPOLLEXCLUSIVE: a new connection wakes one worker, not the whole herd.
            self._epoll.register(listener.sock, EPOLLIN | select.EPOLLEXCLUSIVE)
            self._handlers[listener.sock.fileno()] = self._acceptor(listener)
        self._plan()

    def _acceptor(self, listener: Listener) -> Callable[[], object]:
        return lambda: self.accept_from(listener)

    # Deadlines

    def linger(self, connection: Connection) -> None:
        """Close the connection if the peer has not closed its side within `LINGER_S`."""
        self._lingering.append((time.monotonic() + LINGER_S, connection))
        self._plan()

    def _plan(self) -> None:
        """Wake at intervals only while there is a deadline to keep."""
        idle_s = self._config.idle_timeout_s
        if idle_s is not None:
            self._wait_s = min(_TICK_S, idle_s / 4)
        elif self._paused_until_s is not None or self._lingering:
            self._wait_s = _TICK_S
        else:
            self._wait_s = None

    def _keep_time(self, events: list[tuple[int, int]]) -> None:
        now_s = time.monotonic()
        if self._paused_until_s is not None and now_s >= self._paused_until_s:
            self._resume_accepting()
        while self._lingering and self._lingering[0][0] <= now_s:
            _, connection = self._lingering.popleft()
            if self.connections.get(connection.sock.fileno()) is connection:
                connection.close()
        if self._config.idle_timeout_s is not None:
            self._end_idle(events, now_s)
        self._plan()

    def _end_idle(self, events: list[tuple[int, int]], now_s: float) -> None:
        assert self._config.idle_timeout_s is not None
        for descriptor, _ in events:
            if descriptor in self._last_active_s:
                self._last_active_s[descriptor] = now_s
        oldest_s = now_s - self._config.idle_timeout_s
        idle = [
            descriptor for descriptor, last_s in self._last_active_s.items() if last_s <= oldest_s
        ]
        for descriptor in idle:
            del self._last_active_s[descriptor]
            connection = self.connections[descriptor]
            if connection.owed:
                connection.close()  # its replies are not taken: waiting longer helps nobody
            else:
                connection.finish()

    # Ending

    def stop(self) -> None:
        """Leave the serving loop; its caller then drains."""
        if self._stopped:
            return
        self._stopped = True
        self._epoll.unregister(self._lifeline)  # its end of file would be reported for ever

    def _drain(self) -> None:
        """Accept what is queued and then no more; answer what has arrived; end within the grace."""
        until_s = time.monotonic() + self._config.grace_s
        for listener in self._listeners:
            while not self._is_full() and self.accept_from(listener):
                pass
        self._pause_accepting()
        for listener in self._listeners:
            listener.sock.close()
        self._listeners.clear()
        for datagrams in self._datagrams:
            self._epoll.unregister(datagrams.sock)
            while datagrams.receive() and time.monotonic() < until_s:
                pass
        self._wait_s = 0
        while self.connections and time.monotonic() < until_s:
            events = self._turn()
            self._keep_time(events)
            self._wait_s = 0 if self._finish_quiet(events) else _TICK_S
        for connection in list(self.connections.values()):
            connection.close()

    def _finish_quiet(self, events: list[tuple[int, int]]) -> bool:
        """Finish the connections from which nothing more has arrived.

        `epoll` is level-triggered: what it does not report has nothing to read.

        Returns:
            Whether there are others, which may have.

        """
        reported = {descriptor for descriptor, _ in events}
        all_reported = len(events) < _EVENTS_AT_ONCE
        still_read = False
        for descriptor, connection in list(self.connections.items()):
            if self._handlers[descriptor] == connection.receive:
                if all_reported and descriptor not in reported:
                    connection.finish()
                else:
                    still_read = True
        return still_read

    def _signals_as_events(self) -> int:
        """Make signals only enqueue a byte, which the loop then reads like any other event."""
        self._signals, enqueue = socket.socketpair()
        self._signals.setblocking(False)
        enqueue.setblocking(False)
        self._enqueue = enqueue
        signal.set_wakeup_fd(enqueue.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        return self._signals.fileno()

    def _take_signals(self) -> None:
        for number in self._signals.recv(64):
            if number == signal.SIGTERM:
                self.stop()
            elif number == signal.SIGUSR1:
                self.print_statistics()

    def print_statistics(self) -> None:
        """One line on standard error: this process's connections so far, chunks and bytes."""
        if isinstance(self.framer, CountingFramer):
            sys.stderr.write(self.framer.statistics(self._accepted) + "\n")
