"""Two older ways to serve, with the same frames: a process a connection, and one at a time.

Both read, answer and read again, and wait in between. What they wait with is `poll`, which besides
the connection watches the descriptor that says that the server is to end.
"""

import contextlib
import multiprocessing
import os
import select
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkProcess

from reference_server import processes
from reference_server.config import Config
from reference_server.datagrams import Datagrams
from reference_server.framing import CountingFramer, Framer
from reference_server.listener import Listener
from reference_server.tls import wrapped

_FORK = multiprocessing.get_context("fork")
_RETRY_S = 0.25  # until accept is tried again that failed for want of descriptors or processes
_LINGER_S = 2.0
_DATAGRAMS_AT_END = 1000  # what has arrived by then is answered, but a flood delays no end


class Conversation:
    """One connection from its first byte to its end."""

    def __init__(self, sock: socket.socket, framer: Framer, config: Config, stop: int) -> None:
        """Make a conversation.

        Args:
            sock: non-blocking; TLS or plain.
            framer: makes the frames.
            config: as the user set it.
            stop: a descriptor that becomes readable when the server is to end.

        """
        self._sock = sock
        self._framer = framer
        self._config = config
        self._stop = stop
        self._end_s: float | None = None  # known once the server is to end

    def run(self) -> None:
        """Answer until the peer ends, resets, is silent too long, or the server ends."""
        with self._sock, contextlib.suppress(OSError):
            while self._has_input():
                try:
                    data = self._sock.recv(self._config.read_bytes)
                except (BlockingIOError, ssl.SSLWantReadError):
                    continue
                if not data:
                    self._end_output()
                    return
                self._framer.set_time(time.time())
                self._send(self._framer.frames(data))
            self._end_output()
            self._discard()

    def _has_input(self) -> bool:
        """Wait for input; False when the server ends, or the timeout, before there is any."""
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        if self._end_s is None and self._wait(select.POLLIN, self._config.idle_timeout_s):
            return True
        # Told to end: what has arrived by now is answered, but nothing is waited for.
        return self._end_s is not None and self._wait(select.POLLIN, 0)

    def _send(self, replies: bytes) -> None:
        while replies:
            try:
                replies = replies[self._sock.send(replies) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                if not self._wait(select.POLLOUT, self._config.idle_timeout_s):
                    if self._end_s is not None and time.monotonic() < self._end_s:
                        continue
                    raise TimeoutError from None

    def _wait(self, event: int, timeout_s: float | None) -> bool:
        """Whether the event came: before the time is over, and before the server is to end."""
        poll = select.poll()
        poll.register(self._sock, event)
        if self._end_s is None:
            poll.register(self._stop, select.POLLIN)
        elif timeout_s is None:
            timeout_s = max(0.0, self._end_s - time.monotonic())
        reported = dict(poll.poll(None if timeout_s is None else timeout_s * 1000))
        if self._stop in reported:
            self._end_s = time.monotonic() + self._config.grace_s
        return self._sock.fileno() in reported

    def _end_output(self) -> None:
        if isinstance(self._sock, ssl.SSLSocket):
            with contextlib.suppress(ssl.SSLError):
                self._sock.unwrap()
        self._sock.shutdown(socket.SHUT_WR)

    def _discard(self) -> None:
        """Read what still comes, lest closing send a reset that destroys the last reply."""
        until_s = time.monotonic() + min(_LINGER_S, self._config.grace_s)
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        while (left_s := until_s - time.monotonic()) > 0:
            if not poll.poll(left_s * 1000) or not os.read(self._sock.fileno(), 65536):
                return


class _Accepting:
    """What both models share: signals as events, the listeners, and the loop over them."""

    def __init__(self, config: Config, listeners: Sequence[Listener], framer: Framer) -> None:
        self._config = config
        self._framer = framer
        self._streams = [one for one in listeners if one.sock.type == socket.SOCK_STREAM]
        self._datagrams = {
            one.sock.fileno(): Datagrams(one.sock, framer)
            for one in listeners
            if one.sock.type == socket.SOCK_DGRAM
        }
        self._accepted = 0
        self._signals, self._enqueue = socket.socketpair()
        self._signals.setblocking(False)
        self._enqueue.setblocking(False)
        signal.set_wakeup_fd(self._enqueue.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    def run(self, announce: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT."""
        announce()
        while True:
            events = self._ready()
            if self._signals.fileno() in events:
                break
            for listener in self._streams:
                if listener.sock.fileno() in events:
                    self._accept(listener)
            for descriptor in events & self._datagrams.keys():
                self._framer.set_time(time.time())
                self._datagrams[descriptor].receive()
        for datagrams in self._datagrams.values():
            for _ in range(_DATAGRAMS_AT_END):
                if not datagrams.receive():
                    break
        self._finish()
        if isinstance(self._framer, CountingFramer):
            sys.stderr.write(self._framer.statistics(self._accepted) + "\n")

    def _ready(self) -> set[int]:
        raise NotImplementedError

    def _accept(self, listener: Listener) -> bool:
        raise NotImplementedError

    def _finish(self) -> None:
        """Nothing is left to be ended."""

    def _take(self, listener: Listener) -> socket.socket | None:
        """Accept; None when the peer has gone, or after a moment when descriptors have run out."""
        try:
            sock, _ = listener.sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError:
            self._wait_for_resources()
            return None
        sock.setblocking(False)
        self._accepted += 1
        try:
            return wrapped(sock, listener.tls)
        except OSError:  # it has gone already
            sock.close()
            return None

    def _wait_for_resources(self) -> None:
        """Wait a moment, or for a signal: trying again at once would only spin."""
        select.select([self._signals], [], [], _RETRY_S)


class Iterative(_Accepting):
    """The simplest server: the next connection waits until this one has ended."""

    def _ready(self) -> set[int]:
        poll = select.poll()
        for descriptor in (
            self._signals.fileno(),
            *(one.sock.fileno() for one in self._streams),
            *self._datagrams,
        ):
            poll.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll()}

    def _accept(self, listener: Listener) -> bool:
        sock = self._take(listener)
        if sock is None:
            return False
        Conversation(sock, self._framer, self._config, self._signals.fileno()).run()
        return True


class Forking(_Accepting):
    """A process a connection; the lifeline pipe tells them all to end, whatever ends us."""

    def __init__(self, config: Config, listeners: Sequence[Listener], framer: Framer) -> None:
        super().__init__(config, listeners, framer)
        self._lifeline, self._lifeline_end = os.pipe()
        self._children: dict[int, ForkProcess] = {}  # by sentinel
        self._epoll = select.epoll()
        self._epoll.register(self._signals, select.EPOLLIN)
        for descriptor in self._datagrams:
            self._epoll.register(descriptor, select.EPOLLIN)
        self._held: socket.socket | None = None  # accepted, but no child could be made
        self._accepting = False
        self._resume()

    def _ready(self) -> set[int]:
        events = {fd for fd, _ in self._epoll.poll(None if self._accepting else _RETRY_S)}
        for sentinel in events & self._children.keys():
            self._reap(sentinel)
        self._resume()
        return events

    def _accept(self, listener: Listener) -> bool:
        sock = self._take(listener)
        if sock is None:
            return False
        self._hand_over(sock)
        return True

    def _hand_over(self, sock: socket.socket) -> None:
        """Start a child for the connection; keep it for later if there can be none now."""
        child = _FORK.Process(target=self._converse, args=(sock,))
        try:
            processes.start(child)
        except OSError:
            self._held = sock
            self._pause()
            return
        sock.close()
        self._children[child.sentinel] = child
        self._epoll.register(child.sentinel, select.EPOLLIN)
        limit = self._config.max_connections
        if limit is not None and len(self._children) >= limit:
            self._pause()

    def _pause(self) -> None:
        """Leave new connections in the queue until a child ends, or for a moment."""
        if self._accepting:
            for one in self._streams:
                self._epoll.unregister(one.sock)
            self._accepting = False

    _wait_for_resources = _pause

    def _resume(self) -> None:
        limit = self._config.max_connections
        if self._accepting or (limit is not None and len(self._children) >= limit):
            return
        for one in self._streams:
            self._epoll.register(one.sock, select.EPOLLIN)
        self._accepting = True
        if self._held is not None:
            sock, self._held = self._held, None
            self._hand_over(sock)

    def _reap(self, sentinel: int) -> None:
        child = self._children.pop(sentinel)
        self._epoll.unregister(sentinel)
        child.join()
        child.close()

    def _converse(self, sock: socket.socket) -> None:
        os.close(self._lifeline_end)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, processes.SIGNALS)
        for one in self._streams:
            one.sock.close()  # else the port stays taken for as long as we live
        Conversation(sock, self._framer, self._config, self._lifeline).run()
        if isinstance(self._framer, CountingFramer):
            sys.stderr.write(self._framer.statistics(1) + "\n")

    def _finish(self) -> None:
        for one in self._streams:
            while self._accepting and self._accept(one):
                pass  # those in the queue have connected: they are answered too
        os.close(self._lifeline_end)
        until_s = time.monotonic() + self._config.grace_s + _LINGER_S
        for child in self._children.values():
            child.join(max(0.0, until_s - time.monotonic()))
            if child.exitcode is None:
                child.kill()
                child.join()
