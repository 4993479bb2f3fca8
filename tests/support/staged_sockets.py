"""Sockets on a stage: what they take, tell and return is in the world's script."""

import errno
import itertools
import socket
import ssl
from collections import deque
from collections.abc import Callable
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from typing import Any

from tests.support.staged_world import REQUEST_BYTES, Accepts, Does, Takes, World


class StagedSocket:
    """One socket, and the server at its other end."""

    def __init__(self, world: World, how: Accepts, *, is_stream: bool, stamped: bool) -> None:
        self.world = world
        self.family = socket.AF_INET if stamped else socket.AF_UNIX
        self.is_stream = is_stream
        self.number = next(world.numbers)
        self._fd = next(fd for fd in itertools.count(3) if fd not in world.sockets)
        world.sockets[self._fd] = self
        self.inbox: deque[bytes] = deque()
        self.fresh = False
        self._asked = bytearray()
        self._writable = not is_stream
        self._error = errno.ECONNREFUSED if how is Accepts.REFUSED and is_stream else 0
        self._ended = self._broken = False
        self._busy_until_ns = 0
        if is_stream and how is not Accepts.NEVER:
            world.after(50_000, self._become_writable)

    def fileno(self) -> int:
        """Return the descriptor, the lowest that was free."""
        return self._fd

    def setsockopt(self, *_: object) -> None:
        """Take any option."""

    def getsockopt(self, level: int, option: int) -> int:
        """Return how the connect went."""
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR)
        return self._error

    def close(self) -> None:
        """Give the descriptor back."""
        self.world.sockets.pop(self._fd, None)

    def ready(self) -> int:
        """Return what epoll may tell."""
        event = EPOLLOUT if self._writable else 0
        if self.inbox or self._ended or self._broken:
            event |= EPOLLIN
        if self._ended:
            event |= EPOLLRDHUP
        return event | (EPOLLERR | EPOLLHUP if self._broken else 0)

    def send(self, data: bytes | memoryview) -> int:
        """Take what the script has the kernel take."""
        if self._broken:
            self.world.unfinished.add(self._under_way())
            raise BrokenPipeError(errno.EPIPE, "gone")
        how = next(self.world.takes)
        if how is Takes.RESET:
            self.world.unfinished.add(self._under_way())
            raise ConnectionResetError(errno.ECONNRESET, "gone")
        if how is Takes.NOTHING or (how is Takes.A_PART and not self.is_stream):
            self.world.unfinished.add(self._under_way())
            self._pause()
            raise BlockingIOError
        taken = bytes(data)
        if how is Takes.A_PART and len(taken) > 1:
            self.world.unfinished.add(self._under_way())
            taken = taken[: len(taken) // 2]
            self._pause()
        self._serve(taken)
        return len(taken)

    def recv(self, limit: int) -> bytes:
        """Return what has come."""
        if self._broken:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if not self.inbox:
            if self._ended:
                return b""
            raise BlockingIOError
        if not self.is_stream:
            return self.inbox.popleft()[:limit]
        data = b"".join(self.inbox)
        self.inbox = deque([data[limit:]] if data[limit:] else [])
        return data[:limit]

    def recvmsg(self, limit: int, ancillary_bytes: int) -> tuple[bytes, list[Any], int, None]:
        """Return the same without a timestamp: what stamps are worth is tested elsewhere."""
        del ancillary_bytes
        return self.recv(limit), [], 0, None

    def _become_writable(self) -> None:
        self._writable = self.fresh = True

    def _under_way(self) -> object:
        """Name what is being sent: over a stream the last that it takes, else one of many."""
        return self.number if self.is_stream else next(self.world.numbers)

    def _pause(self) -> None:
        self._writable = False
        self.world.after(300_000, self._become_writable)

    def _serve(self, data: bytes) -> None:
        if not self.is_stream:
            self.world.received += 1
            self._answer(data)
            return
        self._asked += data
        while len(self._asked) >= REQUEST_BYTES:
            self.world.received += 1
            self._answer(bytes(self._asked[:REQUEST_BYTES]))
            del self._asked[:REQUEST_BYTES]

    def _answer(self, request: bytes) -> None:
        does, takes_ns = next(self.world.does)
        if self.world.script.unreplied(request):
            return
        pieces = _pieces(does, request, is_stream=self.is_stream)
        for number, piece in enumerate(pieces):
            self._then(takes_ns if not number else 200_000, lambda piece=piece: self._arrive(piece))
        if pieces and does not in {Does.ANSWER_WRONGLY, Does.ANSWER_IN_PART}:
            self.world.answered += 1
        self.world.twice += does is Does.ANSWER_TWICE
        self.world.ignored += does is Does.IGNORE
        if does in {Does.CLOSE, Does.ANSWER_AND_CLOSE} and self.is_stream:
            self._then(takes_ns, self._end)
        if does is Does.RESET:
            self._then(takes_ns, self._break)

    def _then(self, ns: int, event: Callable[[], None]) -> None:
        """Have something happen behind all that this server does already, if over a stream."""
        at = self.world.now_ns + ns
        if self.is_stream:
            at = self._busy_until_ns = max(self._busy_until_ns, at)
        self.world.after(at - self.world.now_ns, event)

    def _arrive(self, piece: bytes) -> None:
        if not self._ended and not self._broken:
            self.inbox.append(piece)
            self.fresh = True

    def _end(self) -> None:
        self._ended = self.fresh = True

    def _break(self) -> None:
        self._broken = self.fresh = True


def _pieces(does: Does, request: bytes, *, is_stream: bool) -> list[bytes]:
    """Return what comes back."""
    if does in (Does.ANSWER, Does.ANSWER_AND_CLOSE):
        return [request]
    if does is Does.ANSWER_IN_PIECES:
        return [request[:3], request[3:]] if is_stream else [request]
    if does is Does.ANSWER_TWICE:
        return [request, request]
    if does is Does.ANSWER_WRONGLY:
        return [b"?" + request[1:]]
    if does is Does.ANSWER_IN_PART:
        return [request[:5]]
    return []


class StagedTls:
    """TLS over a staged socket: a handshake in two steps, records, its own words for waiting."""

    def __init__(self, below: StagedSocket) -> None:
        self._below = below
        self._steps = 2
        self._rest = b""
        below.world.sockets[below.fileno()] = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._below, name)

    @property
    def fresh(self) -> bool:
        """Whether there is an edge."""
        return self._below.fresh

    @fresh.setter
    def fresh(self, value: bool) -> None:
        self._below.fresh = value

    def do_handshake(self) -> None:
        """Want to write, then be done."""
        self._steps -= 1
        if self._steps:
            raise ssl.SSLWantWriteError

    def pending(self) -> int:
        """Return how much of a record is left."""
        return len(self._rest)

    def send(self, data: bytes | memoryview) -> int:
        """Send, or want to write."""
        try:
            return self._below.send(data)
        except BlockingIOError:
            raise ssl.SSLWantWriteError from None

    def recv(self, limit: int) -> bytes:
        """Return what is left of a record, or of the next one."""
        if not self._rest:
            below = self._below
            if below.inbox:
                self._rest = below.inbox.popleft()
            else:
                try:
                    return below.recv(limit)
                except BlockingIOError:
                    raise ssl.SSLWantReadError from None
        data, self._rest = self._rest[:limit], self._rest[limit:]
        return data
