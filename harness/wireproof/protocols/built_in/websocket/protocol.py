"""WebSocket (RFC 6455): the upgrade, then messages that come back, in frames of every form.

Strategy: what the server owes are messages; how it puts them into frames is its own choice. A
frame that ends a message is compared as if the message had come in one; the fragments before it
are the first bytes of the message owed, or wrong. Control frames may overtake messages, and come
between their fragments. A server may answer the latest of several pings alone (section 5.5.3), so
no ping leaves while another one, or any message, is owed a reply.

Pings of the server's are taken, and not answered: one that closes for want of a pong has to have
its keep-alive set to longer than a run takes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule, overrides
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.built_in.websocket.drawing import (
    echo_rules,
    kinds,
    long_messages,
    malformed,
    ordinary_messages,
    whole,
)
from wireproof.protocols.built_in.websocket.frames import FIN, Message, Opcode, frame, read_head
from wireproof.protocols.framing import delimited
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected, Judge, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import octets, ordinary_values, padded
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_NONCE = PLACEHOLDER + b"wireproofkeA=="
"""Sixteen bytes in base64, among them the number of the connection."""
_HEAD_END = b"\r\n\r\n"
_SWITCHED = re.compile(rb"HTTP/1\.1 101(?: [^\r\n]*)?")
_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Which a close frame may have (section 7.4, and IANA's registry)."""


class WebSocket(RequestReply):
    """WebSocket: the upgrade, then an echo of messages in one frame or in fragments.

    An application with replies of its own says what it is sent, and what it answers:

        class Shout(WebSocket):
            name = "shout"

            def messages(self):
                texts = st.text(string.ascii_letters)
                return texts.map(lambda text: Message(Message.TEXT, text.encode()))

            def answers(self, message):
                return [Message(Message.TEXT, message.payload.upper())]
    """

    name = "websocket"
    source = "RFC 6455"
    half_close: ClassVar[Level] = Level.MAY
    """An end of stream without a close frame is no clean end (section 7.1.5)."""
    opening_ahead = True
    levels: ClassVar[Mapping[str, Level]] = MappingProxyType({"COAL-OPENING": Level.MAY})
    """A client is to wait for the answer to its upgrade (section 4.1); not all do."""
    max_request_bytes: int = 1024 * 1024
    path: str = "/"
    host: str = "localhost"
    origin: str = ""
    subprotocol: str = ""
    """Asked for, and to be chosen, where it is set."""

    def __init__(self) -> None:
        """Start with nothing under way."""
        self._opcode = Opcode.TEXT  # of the message that the client is sending
        self._sent = bytearray()
        self._due: deque[Message] = deque()
        self._fragments = bytearray()  # of the message that the server is sending
        self._is_inside = False

    def messages(self) -> SearchStrategy[Message]:
        """Return a strategy for what the application may be sent."""
        return ordinary_messages()

    def answers(self, message: Message) -> Sequence[Message]:
        """Return what the application answers to a message: an echo, unless said otherwise."""
        return (message,)

    def welcome(self) -> Sequence[Message]:
        """Return what the application says first, unasked."""
        return ()

    def opening(self) -> list[bytes]:
        """Ask for the upgrade (section 4.1)."""
        lines = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {self.host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {_NONCE.decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        lines += [f"Origin: {self.origin}"] if self.origin else []
        lines += [f"Sec-WebSocket-Protocol: {self.subprotocol}"] if self.subprotocol else []
        return ["\r\n".join(lines).encode() + _HEAD_END]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the key of the upgrade."""
        return with_serial(request, serial) if request.startswith(b"GET ") else request

    def requests(self) -> SearchStrategy[bytes]:
        """Return one message, in frames, with pings and pongs in between."""
        from hypothesis import strategies as st

        return st.one_of(
            *(each for name, each in kinds(self.messages()).items() if name != "close")
        )

    def example(self) -> bytes | None:
        """Return a text; None for an application, which may not take it."""
        return None if self._is_application else whole(Message(Opcode.TEXT, b"Hello"))

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return messages whole, in fragments, and with control frames; and the closing."""
        more = {} if self._is_application else {"long": long_messages()}
        return {**kinds(self.messages()), **more}

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return messages of ordinary sizes, most of them text."""
        if self._is_application:
            return {"message": (self.messages().map(whole), 1)}
        values = ordinary_values()
        return {
            "text": (values.map(lambda text: whole(Message(Opcode.TEXT, text))), 80),
            "binary": (values.map(lambda data: whole(Message(Opcode.BINARY, data))), 20),
        }

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return a binary message."""
        return None if self._is_application else whole(Message(Opcode.BINARY, payload))

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a binary message; there is none where the length takes more bytes."""
        if self._is_application:
            return None
        return padded(size_bytes, lambda payload: whole(Message(Opcode.BINARY, payload)))

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a binary message, which comes back."""
        request = self.payload_request(octets(size_bytes))
        return [request] if request and len(request) <= self.max_request_bytes else None

    def malformed(self) -> SearchStrategy[bytes]:
        """Return frames after which a server must give the connection up."""
        return malformed()

    def rules(self) -> list[Rule]:
        """Return what RFC 6455 says of fragments, control frames and the closing."""
        return [] if self._is_application else echo_rules()

    def is_last(self, request: bytes) -> bool:
        """Say whether it is a close frame."""
        return request[0] == FIN | Opcode.CLOSE

    def parts(self, request: bytes) -> list[bytes]:
        """Return the frames of a request."""
        found, rest = [], request
        while rest and not rest.startswith(b"GET "):
            head = read_head(rest)
            assert head is not None
            found.append(rest[: head.end])
            rest = rest[head.end :]
        return found or [request]

    def pauses(self, request: bytes) -> list[int]:
        """Return where pings begin: no other one may be under way."""
        at, found = 0, []
        for part in self.parts(request):
            if at and part[0] == FIN | Opcode.PING:
                found.append(at)
            at += len(part)
        return found

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the head of the upgrade ends, or a frame."""
        if buffer.startswith(b"H"):  # of HTTP; a frame of it would have a reserved bit
            return delimited(buffer, _HEAD_END)
        head = read_head(buffer)
        if head is None:
            return None
        if head.key:
            raise MalformedReplyError("a server's frame is masked (RFC 6455 section 5.1)")
        if not head.opcode.is_control and self._is_inside != (head.opcode is Opcode.CONTINUATION):
            where = "inside" if self._is_inside else "outside"
            raise MalformedReplyError(f"a {head.opcode.name} frame {where} a message (section 5.4)")
        return head.end

    def mask(self, message: bytes) -> bytes:
        """Return the last fragment of a message as the whole message in one frame."""
        if message[0] == FIN and self._due:
            head = read_head(message)
            assert head is not None
            return frame(self._due[0].opcode, bytes(self._fragments) + head.payload(message))
        return message

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is a ping, a pong, or the next fragment of the message that is due."""
        head = None if message.startswith(b"H") else read_head(message)
        if head is None or head.opcode is Opcode.CLOSE:
            return False
        if head.opcode.is_control:
            return True
        if head.is_final or not self._due:
            return False
        due, begun = self._due[0], len(self._fragments)
        opcode = Opcode.CONTINUATION if self._is_inside else due.opcode
        return head.opcode is opcode and due.payload.startswith(head.payload(message), begun)

    def closes(self, reply: bytes) -> bool:
        """Say whether it is a close frame; else see which message it is a part of."""
        if reply.startswith(b"H"):
            return False
        head = read_head(reply)
        assert head is not None
        if head.opcode.is_control:
            return head.opcode is Opcode.CLOSE
        if head.is_final:
            self._due.popleft()
            self._fragments.clear()
        else:
            self._fragments += head.payload(reply)
        self._is_inside = not head.is_final
        return False

    def refused(self, reply: bytes) -> bool:
        """Say whether the upgrade was refused, or the connection is given up."""
        if reply.startswith(b"H"):
            return not _SWITCHED.match(reply)
        return reply[:1] == bytes((FIN | Opcode.CLOSE,))

    def in_words(self, reply: bytes) -> str:
        """Return the status line, or the kind of frame with the code and reason of a close."""
        if reply.startswith(b"H"):
            return first_line(reply)
        try:
            head = read_head(reply)
        except MalformedReplyError:
            return ""
        if head is None:
            return ""
        body = head.payload(reply)
        if head.opcode is not Opcode.CLOSE or len(body) < 2:
            return f"a {head.opcode.name.lower()} frame"
        return f"a close frame with {int.from_bytes(body[:2])} {first_line(body[2:])}".strip()

    def expected(self, request: bytes) -> Expected:
        """Return the answer to the upgrade, or to a frame."""
        if request.startswith(b"GET "):
            upgrade = Judge(
                lambda reply: _agrees(request, reply, self.subprotocol), "101 and the key's answer"
            )
            return [upgrade, *self._owe(self.welcome())]
        head = read_head(request)
        assert head is not None
        payload = head.payload(request)
        match head.opcode:
            case Opcode.PING:
                return Reply(frame(Opcode.PONG, payload), "pong")
            case Opcode.PONG:
                return None
            case Opcode.CLOSE:
                return Reply(Judge(_is_close, "a close frame"), "close")
            case Opcode.TEXT | Opcode.BINARY:
                self._opcode = head.opcode
        self._sent += payload
        if not head.is_final:
            return None
        message = Message(self._opcode, bytes(self._sent))
        self._sent.clear()
        return self._owe(self.answers(message))

    def _owe(self, messages: Sequence[Message]) -> list[bytes]:
        self._due.extend(messages)
        return [frame(each.opcode, each.payload) for each in messages]

    @property
    def _is_application(self) -> bool:
        return overrides(self, WebSocket, "messages")


def _agrees(request: bytes, reply: bytes, subprotocol: str) -> bool:
    """Say whether the head of a response agrees to the upgrade (section 4.2.2)."""
    status, *lines = reply.removesuffix(_HEAD_END).split(b"\r\n")
    if not _SWITCHED.fullmatch(status):
        raise MalformedReplyError("not 101, Switching Protocols")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise MalformedReplyError("a header without a colon")
        name = name.lower()
        fields[name] = (fields[name] + b"," if name in fields else b"") + value.strip(b" \t")
    key = re.search(rb"Sec-WebSocket-Key: ([^\r]*)", request)
    assert key is not None
    accept = base64.b64encode(hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest())
    if fields.get(b"sec-websocket-accept") != accept:
        raise MalformedReplyError("Sec-WebSocket-Accept is not the answer to the key")
    if fields.get(b"upgrade", b"").lower() != b"websocket":
        raise MalformedReplyError("no Upgrade: websocket")
    tokens = [each.strip(b" \t") for each in fields.get(b"connection", b"").lower().split(b",")]
    if b"upgrade" not in tokens:
        raise MalformedReplyError("no Connection: Upgrade")
    if fields.get(b"sec-websocket-extensions"):
        raise MalformedReplyError("an extension that was not asked for")
    if fields.get(b"sec-websocket-protocol", b"").decode("latin-1") != subprotocol:
        raise MalformedReplyError("another subprotocol than was asked for")
    return True


def _is_close(reply: bytes) -> bool:
    """Say whether it is a close frame with a body as section 5.5.1 has it, or without one."""
    head = None if reply.startswith(b"H") else read_head(reply)
    if head is None or head.opcode is not Opcode.CLOSE:
        return False
    body = head.payload(reply)
    try:
        body[2:].decode()
    except UnicodeDecodeError:
        raise MalformedReplyError("the reason of a close frame is no UTF-8") from None
    return not body or int.from_bytes(body[:2]) in _CODES
