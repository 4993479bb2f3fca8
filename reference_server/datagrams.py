"""Datagrams: each is answered with at most one, from the address that it was sent to.

A reply that is answered is the start of a loop that never ends: two echo services need only one
forged datagram. So what looks like a reply of ours stays unanswered, and so does what comes from
the ports of the services that answer anything (PROTOCOL.md, 5.4 and 5.5).
"""

import socket

from reference_server.framing import Framer, starts_with_header

# Source ports of echo, daytime, quote of the day, chargen, time; 0 cannot be replied to.
UNANSWERED_PORTS = frozenset({0, 7, 13, 17, 19, 37})
_IP_PKTINFO = 8  # linux/in.h; the socket module lacks it before 3.14
_ANCILLARY_BYTES = 128


def remember_destination(sock: socket.socket) -> None:
    """Let the kernel report which of our addresses each datagram was sent to."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


class Datagrams:
    """Answers what arrives on one UDP socket."""

    def __init__(self, sock: socket.socket, framer: Framer) -> None:
        self.sock = sock
        self._framer = framer

    def receive(self) -> bool:
        """Take one datagram and answer it.

        Returns:
            Whether there was one.

        """
        try:
            data, ancillary, _, sender = self.sock.recvmsg(
                self._framer.buffer_bytes, _ANCILLARY_BYTES
            )
        except OSError:
            return False
        if sender[1] not in UNANSWERED_PORTS and not starts_with_header(data):
            # The destination that the kernel reported is, given back, the source to send from.
            self.reply(self._framer.frames(data), ancillary, sender)
        return True

    def reply(
        self, frame: bytes, ancillary: list[tuple[int, int, bytes]], sender: tuple[str, int]
    ) -> None:
        """Send; a datagram for which there is no room or no way is lost, as UDP may."""
        try:
            self.sock.sendmsg([frame], ancillary, 0, sender)
        except OSError:
            return
