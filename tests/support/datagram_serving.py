"""A server of datagrams in a thread of the test's."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from wireproof.target import Target, parse_target, resolve

Answer = Callable[[bytes], list[bytes]]
"""From a datagram to what answers it."""


class DatagramServing:
    """Answers each datagram as a function says.

    Attributes:
        target: where it listens, resolved.
        answer: to each datagram; it may be exchanged while serving.

    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.target: Target = resolve(
            parse_target(f"udp://127.0.0.1:{self._socket.getsockname()[1]}")
        )[0]
        self._over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            datagram, sender = self._socket.recvfrom(65535)
            if self._over:
                return
            for reply in self.answer(datagram):
                with suppress(OSError):
                    self._socket.sendto(reply, sender)
