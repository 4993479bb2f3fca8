"""Faults of datagrams."""

import socket

from reference_server.datagrams import UNANSWERED_PORTS, Datagrams
from reference_server.framing import Framer, starts_with_header
from reference_server.variants.base import Fault, say, worker_of

Ancillary = list[tuple[int, int, bytes]]
Address = tuple[str, int]


class SteppedDatagrams(Datagrams):
    """The sound code, reading whole datagrams, with a step that frames."""

    def receive(self) -> bool:
        """Take one datagram and answer it."""
        try:
            data, sender = self.sock.recvfrom(65536)
        except OSError:
            return False
        if self.is_due(data, sender):
            self.answer(data, sender)
        return True

    def is_due(self, data: bytes, sender: Address) -> bool:
        """Whether it is no reply, nor from a service that would answer ours."""
        return sender[1] not in UNANSWERED_PORTS and not starts_with_header(data)

    def answer(self, data: bytes, sender: Address) -> None:
        """Frame and reply."""
        self.reply(self.framed(data[: self._framer.buffer_bytes]), [], sender)

    def framed(self, data: bytes) -> bytes:
        """The frame."""
        return self._framer.frames(data)


class AnswersReplies(SteppedDatagrams):
    def is_due(self, data: bytes, sender: Address) -> bool:
        del data, sender
        return True


class CutsAt512(SteppedDatagrams):
    def framed(self, data: bytes) -> bytes:
        return super().framed(data[:512])


class IgnoresEmpty(SteppedDatagrams):
    def answer(self, data: bytes, sender: Address) -> None:
        if data:
            super().answer(data, sender)


class Twice(SteppedDatagrams):
    def reply(self, frame: bytes, ancillary: Ancillary, sender: Address) -> None:
        for _ in range(2):
            super().reply(frame, ancillary, sender)


class OtherPort(SteppedDatagrams):
    def __init__(self, sock: socket.socket, framer: Framer) -> None:
        super().__init__(sock, framer)
        self.other = socket.socket(sock.family, socket.SOCK_DGRAM)

    def reply(self, frame: bytes, ancillary: Ancillary, sender: Address) -> None:
        del ancillary
        self.other.sendto(frame, sender)


class LastSender(SteppedDatagrams):
    previous: Address | None = None

    def reply(self, frame: bytes, ancillary: Ancillary, sender: Address) -> None:
        super().reply(frame, ancillary, self.previous or sender)
        self.previous = sender


class NoLimit(SteppedDatagrams):
    def answer(self, data: bytes, sender: Address) -> None:
        self.reply((self._framer.header + data)[:65507], [], sender)


class Splits(SteppedDatagrams):
    def answer(self, data: bytes, sender: Address) -> None:
        size = self._framer.buffer_bytes
        for start in range(0, len(data) or 1, size):
            self.reply(self.framed(data[start : start + size]), [], sender)


class DropsLong(SteppedDatagrams):
    def answer(self, data: bytes, sender: Address) -> None:
        if len(data) <= self._framer.buffer_bytes:
            super().answer(data, sender)


class StaleTail(SteppedDatagrams):
    before = b""

    def framed(self, data: bytes) -> bytes:
        self.before = data + self.before[len(data) :]
        return super().framed(self.before)


class NoHeader(SteppedDatagrams):
    def framed(self, data: bytes) -> bytes:
        return data


LONG = b"x" * 1500
UDP = {"udp": True, "workers": 1}

FAULTS = (
    Fault(
        "udp-cuts-at-512",
        "datagrams",
        "a datagram has 512 bytes at most",
        "the old DNS limit",
        (say(b"x" * 513),),
        changes=UDP,
        service=worker_of(datagrams=CutsAt512),
    ),
    Fault(
        "udp-ignores-empty",
        "datagrams",
        "an empty datagram is taken for the end of a file",
        "`if not data: continue`",
        (say(b""),),
        changes=UDP,
        service=worker_of(datagrams=IgnoresEmpty),
    ),
    Fault(
        "udp-answers-twice",
        "datagrams",
        "a reply is repeated in case it got lost",
        "retransmission without acknowledgement",
        (say(b"a"),),
        changes=UDP,
        service=worker_of(datagrams=Twice),
    ),
    Fault(
        "udp-other-port",
        "datagrams",
        "the reply comes from a port that was not asked",
        "TFTP's way, copied",
        (say(b"a"),),
        changes=UDP,
        service=worker_of(datagrams=OtherPort),
    ),
    Fault(
        "udp-last-sender",
        "datagrams",
        "the reply goes to whoever sent the datagram before",
        "the peer's address kept in the server object",
        (say(b"a", 0), say(b"b", 1)),
        changes=UDP,
        service=worker_of(datagrams=LastSender),
    ),
    Fault(
        "udp-no-limit",
        "datagrams",
        "what exceeds the buffer is answered too",
        "recvfrom(65536)",
        (say(LONG),),
        changes=UDP,
        service=worker_of(datagrams=NoLimit),
    ),
    Fault(
        "udp-splits",
        "datagrams",
        "a long datagram is answered with several",
        "the chunking of streams carried over",
        (say(LONG),),
        changes=UDP,
        service=worker_of(datagrams=Splits),
    ),
    Fault(
        "udp-drops-long",
        "datagrams",
        "a datagram longer than the buffer is not answered",
        "MSG_TRUNC taken for an error; WSAEMSGSIZE on Windows",
        (say(LONG),),
        changes=UDP,
        service=worker_of(datagrams=DropsLong),
    ),
    Fault(
        "udp-stale-tail",
        "datagrams",
        "a short datagram is answered with the end of a longer one",
        "recvfrom_into without the length",
        (say(b"abc"), say(b"x")),
        changes=UDP,
        service=worker_of(datagrams=StaleTail),
    ),
    Fault(
        "udp-answers-replies",
        "datagrams",
        "a reply is answered: two servers never stop",
        "CVE-2024-2169, CERT VU#417980: loops between UDP services",
        (say(b"[Sat Jan  1 00:00:00 2000] x"),),
        changes=UDP,
        service=worker_of(datagrams=AnswersReplies),
    ),
    Fault(
        "udp-no-header",
        "datagrams",
        "datagrams come back bare",
        "another code path for UDP",
        (say(b"a"),),
        changes=UDP,
        service=worker_of(datagrams=NoHeader),
    ),
)
