"""Servers that try to hurt whoever tests them: each ends well, or the harness is at fault.

`with hostile("never answers") as server: server.target`. Every server is a few threads of the
test's process on a port of its own.
"""

import contextlib
import itertools
import select
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.support.certificates import server_context
from tests.support.servers import Serving, echoing
from wireproof.target import Target, parse_target, resolve

LINES = f"{Path(__file__).parent / 'protocols.py'}:Lines"
COUNTED = f"{Path(__file__).parent / 'protocols.py'}:Counted"
_BLOCK = b"x" * 65536
_LINGER_NONE = struct.pack("ii", 1, 0)


class Server(Protocol):
    """What a battery's entry makes: a context in which it serves `target`."""

    target: Target

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Hostile:
    """One server of the battery.

    Attributes:
        make: starts it.
        protocol: what it pretends to speak.
        verdict: on that requirement; empty where nothing can be run.
        why: a part of what the user is told.
        only: the requirement that tells.
        settings: of the protocol.

    """

    make: Callable[[], Server]
    protocol: str = "echo"
    verdict: str = "FAIL"
    why: str = ""
    only: str = "BASE-ANSWER"
    settings: tuple[str, ...] = ()


def _until_gone(peer: socket.socket) -> None:
    """Hold the connection, reading nothing, until the peer or the test ends it."""
    waiting = select.poll()
    waiting.register(peer, select.POLLRDHUP)
    waiting.poll()


def _to_the_bitter_end(peer: socket.socket) -> None:
    """Hold the connection, reading nothing, whatever the peer does, until the test ends it."""
    waiting = select.poll()
    waiting.register(peer, 0)  # errors and hang-ups are always told
    waiting.poll()


def _never_answering(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


def _answering_for_ever(peer: socket.socket) -> None:
    peer.sendall(peer.recv(65536) + _BLOCK)
    while True:
        peer.sendall(_BLOCK)


def _endless_line(peer: socket.socket) -> None:
    peer.recv(65536)
    while True:
        peer.sendall(_BLOCK)


def _endless_right_bytes(peer: socket.socket) -> None:
    first = peer.recv(1)
    while True:
        peer.sendall(first * 65536)


def _one_byte_a_minute(peer: socket.socket) -> None:
    peer.sendall(peer.recv(65536)[:1])
    _until_gone(peer)


def _dribbling_for_ever(peer: socket.socket) -> None:
    peer.recv(65536)
    hung_up = select.poll()
    hung_up.register(peer, select.POLLRDHUP)
    while not hung_up.poll(50):
        peer.sendall(b"x")


def _ten_gigabytes(peer: socket.socket) -> None:
    peer.recv(65536)
    for _ in range(10 * 2**30 // len(_BLOCK)):
        peer.sendall(_BLOCK)
    peer.sendall(b"\n")


def _reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)


def _reset_at_the_first_byte(peer: socket.socket) -> None:
    peer.recv(1)
    _reset(peer)


def _reset_within_the_reply(peer: socket.socket) -> None:
    data = peer.recv(65536)
    peer.sendall(data[: len(data) // 2])
    _reset(peer)


def _reset_behind_the_reply(peer: socket.socket) -> None:
    peer.sendall(peer.recv(65536))
    _reset(peer)


def _closing(peer: socket.socket) -> None:
    del peer


def _closing_within_the_reply(peer: socket.socket) -> None:
    data = peer.recv(65536)
    peer.sendall(data[: len(data) // 2])


def _half_closing_at_once(peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)
    _never_answering(peer)


def _bytes_after_the_end(peer: socket.socket) -> None:
    echoing(peer)
    peer.sendall(b"and one more thing")


def _bytes_after_each_reply(peer: socket.socket) -> None:
    while data := peer.recv(65536):
        peer.sendall(data + b"!")


def _reply_before_the_request(peer: socket.socket) -> None:
    peer.sendall(b"x\n")
    echoing(peer)


def _tiny_frames(peer: socket.socket) -> None:
    while peer.recv(65536):
        for _ in range(1000):
            peer.sendall(b"\n" * 4096)


def _out_of_band(peer: socket.socket) -> None:
    while data := peer.recv(65536):
        peer.send(b"!", socket.MSG_OOB)
        peer.sendall(data[::-1])


def _promising(length: bytes, then: Callable[[socket.socket], None]) -> Callable[..., None]:
    def handler(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(length)
        then(peer)

    return handler


def _flooding(peer: socket.socket) -> None:
    while True:
        peer.sendall(_BLOCK)


def _deaf_flooding(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    _flooding(peer)


def _swapping() -> Callable[[socket.socket], None]:
    """Each reply goes to the connection that asked before."""
    lock = threading.Lock()
    owed = [b"a stranger's reply\n"]

    def handler(peer: socket.socket) -> None:
        while data := peer.recv(65536):
            with lock:
                mine, owed[0] = owed[0], data
            peer.sendall(mine)

    return handler


def _steering_terminals(peer: socket.socket) -> None:
    while peer.recv(65536):
        peer.sendall(b"\x1b[2J\x1b]0;owned\x07</script>\r\n" * 50)


def _nested_arrays(peer: socket.socket) -> None:
    peer.recv(65536)
    while True:
        peer.sendall(b"*1\r\n" * 16384)


def _endless_headers(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in itertools.count():
        peer.sendall(b"X-%d: y\r\n" % number * 100)


def _endless_chunks(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        peer.sendall(b"1\r\nx\r\n" * 4096)


def _endless_multiline(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"220-welcome\r\n" * 4096)


def _mqtt_lengths(peer: socket.socket) -> None:
    peer.recv(65536)
    while True:
        peer.sendall(b"\x20\xff\xff\xff\xff\xff\xff\xff")


def _half_a_handshake(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20))
    _until_gone(peer)


def _plain_text(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"HTTP/1.0 400 this is no TLS\r\n\r\n")


def _endless_handshake(peer: socket.socket) -> None:
    peer.recv(65536)
    while True:
        peer.sendall((b"\x16\x03\x03\x40\x00\x02\x00\xff\xff" + bytes(0x3FFC)) * 4)


def _within_tls(inner: Callable[[ssl.SSLSocket], None]) -> Callable[..., None]:
    def handler(peer: socket.socket) -> None:
        with server_context().wrap_socket(peer, server_side=True) as encrypted:
            inner(encrypted)

    return handler


def _cut_off_within_tls(peer: ssl.SSLSocket) -> None:
    data = peer.recv(65536)
    peer.sendall(data[: len(data) // 2])
    peer.detach()  # no close_notify


def _garbage_within_tls(peer: ssl.SSLSocket) -> None:
    peer.recv(65536)
    with socket.socket(fileno=peer.detach()) as raw:
        raw.sendall(b"\x17\x03\x03\x40\x00" + bytes(0x4000))


class _Backlogged:
    """A listener that never accepts: connects complete until its queue is full, then time out."""

    def __init__(self, *, full: bool) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0 if full else 128)
        self.target = resolve(parse_target(f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"))[0]
        self._fillers: list[socket.socket] = []
        for _ in range(4 if full else 0):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self._listener.getsockname())
            self._fillers.append(filler)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self._fillers, self._listener):
            one.close()


class _Leaving:
    """Serves some connections soundly, then neither listens nor answers any more."""

    def __init__(self, connections: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = resolve(parse_target(f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"))[0]
        self._thread = threading.Thread(target=self._serve, args=[connections])
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self, connections: int) -> None:
        with contextlib.suppress(OSError), self._listener:
            for _ in range(connections):
                peer, _ = self._listener.accept()
                with contextlib.suppress(OSError), peer:
                    peer.settimeout(5)
                    echoing(peer)


class _Datagrams:
    """A UDP socket whose every datagram is handled by `handler(socket, datagram, sender)`."""

    def __init__(self, handler: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> None:
        self._handler = handler
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.target = resolve(parse_target(f"udp://127.0.0.1:{self._socket.getsockname()[1]}"))[0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with socket.socket(type=socket.SOCK_DGRAM) as waking:
            waking.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                datagram, sender = self._socket.recvfrom(65536)
                if not self._over.is_set():
                    self._handler(self._socket, datagram, sender)


def _mute(own: socket.socket, datagram: bytes, sender: tuple[str, int]) -> None:
    del own, datagram, sender


def _thousandfold(own: socket.socket, datagram: bytes, sender: tuple[str, int]) -> None:
    for _ in range(1000):
        own.sendto(datagram, sender)


def _as_large_as_can_be(own: socket.socket, datagram: bytes, sender: tuple[str, int]) -> None:
    own.sendto(datagram + bytes(65507 - len(datagram)), sender)


def _from_elsewhere(own: socket.socket, datagram: bytes, sender: tuple[str, int]) -> None:
    del own
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.sendto(datagram, sender)


def _loop_of_names(own: socket.socket, datagram: bytes, sender: tuple[str, int]) -> None:
    header = datagram[:2] + b"\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00"
    own.sendto(header + b"\xc0\x0c" + b"\x00\x01\x00\x01" + b"\xc0\x0c" * 20, sender)


class _Closed:
    """A UDP port on which nobody listens."""

    def __init__(self) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as briefly:
            briefly.bind(("127.0.0.1", 0))
            port = briefly.getsockname()[1]
        self.target = resolve(parse_target(f"udp://127.0.0.1:{port}"))[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Unix(Serving):
    """A Unix socket in a folder of its own."""

    def __init__(self, handler: Callable[[socket.socket], None]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        super().__init__(handler, Path(self._folder.name) / "socket")

    def __exit__(self, *raised: object) -> None:
        super().__exit__(None, None, None)
        self._folder.cleanup()


class _Tls(Serving):
    """A listener that its targets call a TLS server."""

    def __init__(self, handler: Callable[[socket.socket], None]) -> None:
        super().__init__(handler)
        self.target = resolve(parse_target(f"tls://127.0.0.1:{self.target.port}"))[0]


def _stream(
    handler: Callable[[socket.socket], None],
    protocol: str = "echo",
    verdict: str = "FAIL",
    over: Callable[[Callable[[socket.socket], None]], Server] = Serving,
    **more: Any,
) -> Hostile:
    return Hostile(lambda: over(handler), protocol, verdict, **more)


def _datagrams(
    handler: Callable[[socket.socket, bytes, tuple[str, int]], None],
    protocol: str = "echo",
    **more: Any,
) -> Hostile:
    return Hostile(lambda: _Datagrams(handler), protocol, **more)


_HUGE = b"\xff" * 8
_HALF_HUGE = b"\x7f" + b"\xff" * 7
_FIFTEEN_MEGABYTES = (15 * 2**20).to_bytes(8)
_SMALL = ("max_reply_bytes=200000",)

BATTERY: dict[str, Hostile] = {
    "never answers": _stream(_never_answering, why="fell silent"),
    "answers for ever": _stream(_answering_for_ever),
    "an endless line": _stream(
        _endless_line, LINES, settings=_SMALL, why="no end of the reply in sight"
    ),
    "the right byte for ever": _stream(_endless_right_bytes),
    "one byte a minute": _stream(_one_byte_a_minute, COUNTED, why="fell silent"),
    "dribbles for ever": _stream(_dribbling_for_ever, LINES),
    "ten gigabytes": _stream(_ten_gigabytes, LINES, why="no end of the reply in sight"),
    "resets at accept": _stream(_reset),
    "resets at the first byte": _stream(_reset_at_the_first_byte),
    "resets within the reply": _stream(_reset_within_the_reply),
    "resets behind the reply": _stream(_reset_behind_the_reply, only="SEG-OCTETS"),
    "closes at accept": _stream(_closing),
    "closes within the reply": _stream(_closing_within_the_reply),
    "half-closes at once": _stream(_half_closing_at_once),
    "accepts and stops reading": _stream(_until_gone, why="left"),
    "holds on for ever": _stream(_to_the_bitter_end),
    "never accepts": Hostile(lambda: _Backlogged(full=False), why="fell silent"),
    "a queue that is full": Hostile(lambda: _Backlogged(full=True), verdict=""),
    "leaves after one": Hostile(lambda: _Leaving(2)),
    "leaves in the middle": Hostile(lambda: _Leaving(6), only="SEG-OCTETS"),
    "bytes after the end": _stream(_bytes_after_the_end, verdict="NON-STRICT", only="CLOSE-HALF"),
    "bytes after each reply": _stream(_bytes_after_each_reply, LINES),
    "a reply before the request": _stream(_reply_before_the_request, LINES),
    "thousands of tiny frames": _stream(_tiny_frames, LINES),
    "out-of-band data": _stream(_out_of_band, COUNTED),
    "swaps replies": _stream(_swapping(), LINES, only="ISO-REPLIES"),
    "steers terminals": _stream(_steering_terminals, LINES),
    "floods without reading": _stream(_deaf_flooding, LINES, settings=_SMALL),
    "floods a protocol of silence": _stream(_flooding, "discard"),
    "floods where nothing is asked": _stream(_flooding, "chargen"),
    "a length of 2^64-1": _stream(_promising(_HUGE, _flooding), COUNTED),
    "a length of 2^63-1 and silence": _stream(_promising(_HALF_HUGE, _until_gone), COUNTED),
    "fifteen megabytes promised": _stream(_promising(_FIFTEEN_MEGABYTES, _until_gone), COUNTED),
    "frames of nothing": _stream(_promising(b"", lambda peer: peer.sendall(bytes(2**20))), COUNTED),
    "nested arrays": _stream(_nested_arrays, "redis"),
    "endless headers": _stream(_endless_headers, "http1"),
    "endless chunks": _stream(_endless_chunks, "http1", settings=_SMALL),
    "an endless greeting": _stream(_endless_multiline, "smtp"),
    "lengths of lengths": _stream(_mqtt_lengths, "mqtt"),
    "a stamp that never ends": _stream(_endless_line, "timestamp-echo"),
    "a Unix socket that floods": _stream(_flooding, LINES, over=_Unix, settings=_SMALL),
    "a Unix socket that never answers": _stream(_never_answering, over=_Unix),
    "half a handshake": _stream(_half_a_handshake, verdict="", over=_Tls),
    "no handshake at all": _stream(_until_gone, verdict="", over=_Tls),
    "no TLS": _stream(_plain_text, verdict="", over=_Tls),
    "an endless handshake": _stream(_endless_handshake, verdict="", over=_Tls),
    "an expired certificate of another's": _stream(_within_tls(echoing), verdict="PASS", over=_Tls),
    "cut off within TLS": _stream(_within_tls(_cut_off_within_tls), over=_Tls),
    "garbage within TLS": _stream(_within_tls(_garbage_within_tls), over=_Tls),
    "floods within TLS": _stream(_within_tls(_flooding), LINES, over=_Tls, settings=_SMALL),
    "a port that is mute": _datagrams(_mute, why="fell silent"),
    "a thousand datagrams for one": _datagrams(_thousandfold, only="DGRAM-ONE"),
    "datagrams as large as can be": _datagrams(_as_large_as_can_be),
    "datagrams from elsewhere": _datagrams(_from_elsewhere, why="another address"),
    "a loop of names": _datagrams(_loop_of_names, "dns"),
    "a port that is closed": Hostile(_Closed, verdict=""),
}


@contextlib.contextmanager
def hostile(name: str) -> Iterator[Server]:
    """Start a server of the battery, and end it."""
    with BATTERY[name].make() as server:
        yield server
