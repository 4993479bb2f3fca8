"""Servers on pipes: one process that starts them, hears them, and ends them, for another.

Strategy: whoever wants servers starts one nursery and talks to it over a socket. For each server it
sends the ends of two pipes and of a *leash*, a socket of that server alone. The leash says what the
server was started as, and at its end its exit status and the last that it said on standard error;
when the other end of the leash is closed, by whatever, the server ends: it may do so by itself for
a moment, then its process group is killed. When the nursery's own socket ends, so does everything.
Nothing depends on anyone's goodwill: a process that is killed has its sockets closed.

Starting a server costs about a millisecond: no interpreter stands between.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence

from wireproof.wire.kernel.warden import kill_all

_PR_SET_CHILD_SUBREAPER = 36
_MOST_KEPT_BYTES = 4096
_READ_BYTES = 65536
_GRACE_S = 0.5
"""A server whose input has ended may take so long to end by itself."""
REPORT_BYTES = 8192


class _Server:
    """One server, until it has been reaped."""

    def __init__(self, leash: socket.socket, pid: int, errors: int) -> None:
        self.leash: socket.socket | None = leash
        self.pid = pid
        self.ended = os.pidfd_open(pid)
        self.errors = errors
        self.said = b""
        self.kill_at_s = float("inf")
        self.is_over = False
        os.set_blocking(errors, False)

    def hear(self) -> bool:
        """Take what it said on standard error, as far as it is there; False once that has ended."""
        try:
            data = os.read(self.errors, _READ_BYTES)
        except BlockingIOError:
            return True
        self.said = (self.said + data)[-_MOST_KEPT_BYTES:]
        return bool(data)

    def report(self) -> None:
        """Say how it ended; it stays a zombie, so that its number stays its own."""
        self.is_over = True
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        assert found is not None
        code = found.si_status if found.si_code == os.CLD_EXITED else 128 + found.si_status
        for _ in range(_MOST_KEPT_BYTES):  # a child of its own may write for ever
            before = len(self.said)
            if not self.hear() or len(self.said) == before:
                break
        if self.leash is not None:
            with contextlib.suppress(OSError):
                self.leash.send(b"%d\n" % code + self.said)

    def bury(self) -> None:
        """Kill what is left of its group, and reap it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for descriptor in (self.ended, self.errors):
            os.close(descriptor)


class Nursery:
    """The process's one loop."""

    def __init__(self, requests: socket.socket, command: Sequence[str]) -> None:
        """Start `command` whenever `requests` asks for it."""
        self._requests = requests
        self._command = command
        self._epoll = select.epoll()
        self._epoll.register(requests, select.EPOLLIN)
        self._by_descriptor: dict[int, _Server] = {}
        self._dying: set[_Server] = set()

    def serve(self) -> None:
        """Go on until nobody is there to ask."""
        while True:
            now_s = time.monotonic()
            waits = [max(0.0, one.kill_at_s - now_s) for one in self._dying]
            for descriptor, _ in self._epoll.poll(min(waits, default=-1)):
                if descriptor == self._requests.fileno():
                    if not self._take():
                        return
                elif descriptor in self._by_descriptor:
                    self._look(self._by_descriptor[descriptor], descriptor)
            for server in [one for one in self._dying if one.kill_at_s <= time.monotonic()]:
                self._kill(server)

    def _take(self) -> bool:
        """Start a server as asked; False where the asker is gone."""
        data, descriptors, _, _ = socket.recv_fds(self._requests, 1, 3, socket.MSG_CMSG_CLOEXEC)
        if not data:
            return False
        taken, given, leash_descriptor = descriptors
        leash = socket.socket(fileno=leash_descriptor)
        errors, theirs = os.pipe()
        try:
            pid = os.posix_spawnp(
                self._command[0],
                list(self._command),
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, taken, 0),
                    (os.POSIX_SPAWN_DUP2, given, 1),
                    (os.POSIX_SPAWN_DUP2, theirs, 2),
                ],
                setsid=True,
                setsigdef=[signal.SIGPIPE, signal.SIGINT],
            )
        except OSError as error:
            os.close(errors)
            leash.send(b"!" + (error.strerror or str(error)).encode())
            leash.close()
        else:
            server = _Server(leash, pid, errors)
            leash.send(b"%d" % pid)
            for descriptor in (leash.fileno(), server.ended, errors):
                self._by_descriptor[descriptor] = server
                self._epoll.register(descriptor, select.EPOLLIN)
        finally:
            for descriptor in (taken, given, theirs):
                os.close(descriptor)
        return True

    def _look(self, server: _Server, descriptor: int) -> None:
        """See what has come of a server: words, its end, or that nobody wants it any more."""
        if descriptor == server.errors:
            if not server.hear():
                self._forget(descriptor)
        elif descriptor == server.ended:
            self._forget(descriptor)
            server.report()
            if server.leash is None:
                self._kill(server)
        else:
            self._forget(descriptor)
            assert server.leash is not None
            server.leash.close()
            server.leash = None
            server.kill_at_s = time.monotonic() + _GRACE_S
            self._dying.add(server)
            if server.is_over:
                self._kill(server)

    def _kill(self, server: _Server) -> None:
        self._dying.discard(server)
        for descriptor in (server.ended, server.errors):
            self._forget(descriptor)
        server.bury()

    def _forget(self, descriptor: int) -> None:
        if self._by_descriptor.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)


@contextlib.contextmanager
def _keeping_all() -> Iterator[None]:
    """Be given every descendant that loses its parent, and leave none behind."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        kill_all()


def main(descriptor: str, *command: str) -> None:
    """Serve whoever holds the other end of the socket `descriptor`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks for servers decides
    with _keeping_all():
        Nursery(socket.socket(fileno=int(descriptor)), command).serve()
