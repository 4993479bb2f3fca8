"""Faults of framing."""

import time

from reference_server.variants.base import (
    ChunkFramer,
    Fault,
    SteppedConnection,
    end,
    hold,
    say,
    worker_of,
)


class DropsLastByte(ChunkFramer):
    def payload(self, chunk: bytes) -> bytes:
        return chunk[:-1] if len(chunk) > 1 else chunk


class ClosesOnOneByte(SteppedConnection):
    def answer(self, data: bytes) -> None:
        if len(data) < 2:
            self.close()
        else:
            super().answer(data)


class IgnoresOneByte(SteppedConnection):
    def answer(self, data: bytes) -> None:
        if len(data) > 1:
            super().answer(data)


class WaitsForLine(SteppedConnection):
    line = b""

    def answer(self, data: bytes) -> None:
        whole, newline, self.line = (self.line + data).rpartition(b"\n")
        if newline:
            super().answer(whole + newline)

    def end_of_input(self) -> None:
        if self.line:
            super().answer(self.line)
        self.close()


class OneLineARead(ChunkFramer):
    def frames(self, data: bytes) -> bytes:
        line, newline, _ = data.partition(b"\n")
        return super().frames(line + newline)


class ForgetsAfterPause(SteppedConnection):
    seen_s = float("inf")

    def answer(self, data: bytes) -> None:
        late = time.monotonic() - self.seen_s > 0.3
        self.seen_s = time.monotonic()
        if data[late:]:
            super().answer(data[late:])


class AnswersTwice(SteppedConnection):
    repeated = False

    def answer(self, data: bytes) -> None:
        frames = self._framer.frames(data)
        self.send(frames if self.repeated else frames * 2)
        self.repeated = True


class HeaderALine(ChunkFramer):
    def frame(self, chunk: bytes) -> bytes:
        return b"".join([self.header + line for line in chunk.split(b"\n")])


class HeaderOnce(SteppedConnection):
    greeted = False

    def answer(self, data: bytes) -> None:
        self.send(data if self.greeted else self._framer.frames(data))
        self.greeted = True


class TrailingNewline(ChunkFramer):
    def payload(self, chunk: bytes) -> bytes:
        return chunk + b"\n"


class NoSpace(ChunkFramer):
    def frame(self, chunk: bytes) -> bytes:
        return self.header[:-1] + chunk


class Greets(SteppedConnection):
    greeted = False

    def take(self) -> bytes:
        data = super().take()
        if not self.greeted:
            self.greeted = True
            self.send(b"welcome\r\n")
        return data


class SaysFarewell(SteppedConnection):
    def end_of_input(self) -> None:
        self.send(b"bye\r\n")
        self.close()


class ReversesChunks(ChunkFramer):
    def cut(self, data: bytes) -> list[bytes]:
        return super().cut(data)[::-1]


class OneReplyBehind(SteppedConnection):
    held = b""

    def answer(self, data: bytes) -> None:
        held, self.held = self.held, data
        if held:
            super().answer(held)

    def end_of_input(self) -> None:
        if self.held:
            super().answer(self.held)
        self.close()


class TakesBracketForFrame(ChunkFramer):
    def frame(self, chunk: bytes) -> bytes:
        return chunk if chunk.startswith(b"[") else super().frame(chunk)


FAULTS = (
    Fault(
        "drops-last-byte",
        "framing",
        "the length of a reply is off by one",
        "strlen-minus-one habits of line servers, applied to bytes",
        (say(b"ab"),),
        service=worker_of(framer=DropsLastByte),
    ),
    Fault(
        "closes-on-one-byte",
        "framing",
        "a first read shorter than a header ends the connection",
        "dnslib 0.9.26 server.py",
        (say(b"a"),),
        service=worker_of(connection=ClosesOnOneByte),
    ),
    Fault(
        "ignores-one-byte",
        "framing",
        "`if len(data) > 1` where `> 0` was meant",
        "keep-alive filters of chat servers",
        (say(b"a"),),
        service=worker_of(connection=IgnoresOneByte),
    ),
    Fault(
        "waits-for-line",
        "framing",
        "reads lines from a peer that never promised any",
        "readline() on a socket file; Python's StreamRequestHandler example",
        (say(b"a"),),
        service=worker_of(connection=WaitsForLine),
    ),
    Fault(
        "one-line-a-read",
        "framing",
        "takes one recv for one line and forgets what follows it",
        "telnetserver 0.6, voidpop 0.1.0, simple-hl7#51",
        (say(b"a\nb"),),
        service=worker_of(framer=OneLineARead),
    ),
    Fault(
        "forgets-after-pause",
        "framing",
        "input that goes on after 300 ms is resynchronised, at the cost of a byte",
        "inter-character timeouts of serial protocols (Modbus RTU) carried over to TCP",
        (say(b"a"), hold(0.5), say(b"bc")),
        service=worker_of(connection=ForgetsAfterPause),
    ),
    Fault(
        "answers-twice",
        "framing",
        "the first reply is sent by the accept path and the read path",
        "double registration of a data handler",
        (say(b"a"),),
        service=worker_of(connection=AnswersTwice),
    ),
    Fault(
        "header-a-line",
        "framing",
        "logs by line: each line gets a header, the newline is lost",
        "timestamping pipes (ts) put behind a socket",
        (say(b"a\nb"),),
        service=worker_of(framer=HeaderALine),
    ),
    Fault(
        "header-once",
        "framing",
        "the header is taken for a banner of the connection",
        "misread specifications",
        (say(b"a"), say(b"b")),
        "the second reply, taken before more is sent; as one stream it could be one frame",
        service=worker_of(connection=HeaderOnce),
    ),
    Fault(
        "trailing-newline",
        "framing",
        "print instead of write",
        "ctime's own newline; println",
        (say(b"a"),),
        service=worker_of(framer=TrailingNewline),
    ),
    Fault(
        "no-space",
        "framing",
        "`[%s]%s` for `[%s] %s`",
        "typing",
        (say(b"a"),),
        service=worker_of(framer=NoSpace),
    ),
    Fault(
        "greets",
        "framing",
        "sends a banner that the protocol does not have",
        "SMTP and FTP skeletons",
        (say(b"a"),),
        service=worker_of(connection=Greets),
    ),
    Fault(
        "says-farewell",
        "framing",
        "sends a parting word that the protocol does not have",
        "POP3 skeletons",
        (say(b"a"), end()),
        service=worker_of(connection=SaysFarewell),
    ),
    Fault(
        "reverses-chunks",
        "framing",
        "chunks of one read are answered from a stack",
        "twisted CVE-2023-46137: pipelined answers out of order",
        (say(b"x" * 1024 + b"y"),),
        service=worker_of(framer=ReversesChunks),
    ),
    Fault(
        "one-reply-behind",
        "framing",
        "answers a chunk when the next one comes",
        'gpsd: "the entire request must be in the buffer"',
        (say(b"a"),),
        service=worker_of(connection=OneReplyBehind),
    ),
    Fault(
        "takes-bracket-for-frame",
        "framing",
        "input that looks framed is not framed again",
        "idempotent log prefixing",
        (say(b"[a"),),
        service=worker_of(framer=TakesBracketForFrame),
    ),
)
