"""The server's side of recorded conversations, played to whoever connects."""

import socket
import threading
from collections.abc import Sequence
from typing import Final, Self

from wireproof.conversation import Conversation, End
from wireproof.errors import UsageError
from wireproof.target import Target, parse_target, resolve

_QUIET_S: Final = 2.0
"""A request that is shorter than the recorded one is over when nothing more comes for so long."""
_LOOK_S: Final = 0.2


class CannedServer:
    """Answers each connection as the next of the conversations was answered.

    Attributes:
        target: where it listens, resolved.

    """

    def __init__(self, conversations: Sequence[Conversation]) -> None:
        """Begin to listen.

        Raises:
            UsageError: what the server said isn't known, or it said it in datagrams.

        """
        if not all(one.replies_known and not one.datagrams for one in conversations):
            raise UsageError(
                "--serve needs what a server answered over a stream",
                "name a recording of wireproof record, or a capture",
            )
        self._conversations = conversations
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(_LOOK_S)
        port = self._listener.getsockname()[1]
        self.target: Target = resolve(parse_target(f"tcp://127.0.0.1:{port}"))[0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Accept no more."""
        self._over.set()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        number = 0
        while not self._over.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            conversation = self._conversations[number % len(self._conversations)]
            number += 1
            threading.Thread(target=self._answer, args=(peer, conversation), daemon=True).start()

    def _answer(self, peer: socket.socket, conversation: Conversation) -> None:
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for turn in conversation.turns:
                    if not self._has_come(peer, len(turn.request)):
                        return
                    peer.sendall(turn.reply)
                if conversation.end is not End.SERVER:
                    while not self._over.is_set() and self._received(peer, _LOOK_S) != b"":
                        pass
            except OSError:
                return  # the client is gone

    def _has_come(self, peer: socket.socket, size: int) -> bool:
        """Wait for a request of a size, or for the end of a shorter one; False: the end of all."""
        left = size
        while left > 0:
            data = self._received(peer, _QUIET_S if left < size else None)
            if data is None:
                return True
            if not data:
                return False
            left -= len(data)
        return True

    def _received(self, peer: socket.socket, timeout_s: float | None) -> bytes | None:
        """Return what comes, nothing at the end of the stream, None where time is up."""
        peer.settimeout(timeout_s)
        try:
            return peer.recv(65536)
        except TimeoutError:
            return None
