"""What an AMQP broker owes one connection, on queues that are this connection's own.

A message to a queue with a consumer goes to it at once, without being acknowledged; from another
queue it is fetched. A queue keeps its messages in their order (section 4.7); the server numbers
what it sends on a channel from 1 on, and acknowledges what it is sent by numbers too.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from wireproof.protocols.built_in.amqp.frames import (
    Frame,
    Method,
    content,
    long,
    method,
    short,
)
from wireproof.protocols.built_in.amqp.oracle import Numbers, acknowledgement
from wireproof.protocols.replies import NO_LANE, Reply

NO_ROUTE = (312).to_bytes(2)
_MULTIPLE, _REQUEUE, _NO_ACK, _MANDATORY = 1, 2, 1, 1


@dataclass(frozen=True, slots=True)
class Message:
    """What was published.

    Attributes:
        exchange: to which; empty for the default one.
        key: by which it is routed.
        properties: flags and values, as written.
        body: its content.
        is_mandatory: whether it comes back where it fits no queue.
        has_come: whether it was delivered before.

    """

    exchange: bytes
    key: bytes
    properties: bytes
    body: bytes
    is_mandatory: bool = False
    has_come: bool = False


class Reader:
    """Reads the arguments of a method."""

    def __init__(self, data: bytes) -> None:
        """Begin at their start."""
        self._data = data
        self._at = 0

    def number(self, size_bytes: int) -> int:
        """Return the next integer."""
        self._at += size_bytes
        return int.from_bytes(self._data[self._at - size_bytes : self._at])

    def skip(self, size_bytes: int) -> None:
        """Leave some bytes out."""
        self._at += size_bytes

    def long(self) -> bytes:
        """Return the next long string."""
        size = self.number(4)
        self._at += size
        return self._data[self._at - size : self._at]

    def short(self) -> bytes:
        """Return the next short string."""
        size = self.number(1)
        self._at += size
        return self._data[self._at - size : self._at]


class Broker:
    """Follows one connection."""

    def __init__(self, numbers: Numbers) -> None:
        """Start with no queue."""
        self._numbers = numbers
        self._confirms = False
        self._consumers: dict[bytes, bytes] = {}  # of queues
        self._queues: dict[bytes, deque[Message]] = {}
        self._bindings: list[tuple[bytes, bytes, bytes]] = []
        self._fetched: list[tuple[bytes, Message]] = []

    def answer(self, frames: list[Frame], frame_max: int) -> list[Reply]:
        """Return what is owed to one method, with its content if it has any."""
        first = frames[0]
        read = Reader(first.arguments)
        match first.method:
            case Method.BASIC_PUBLISH:
                return self._publish(read, frames, frame_max)
            case Method.BASIC_GET:
                return [self._get(read, frame_max)]
            case Method.BASIC_NACK | Method.BASIC_ACK:
                self._settle(first)
                return []
            case Method.CONFIRM_SELECT:
                self._confirms = True
        lane = f"channel {first.channel}"  # nothing orders those of several
        return [Reply(method(*each, channel=first.channel), lane) for each in self._simple(first)]

    def _simple(self, first: Frame) -> list[tuple[int, bytes]]:
        """Return the method that answers a method without content, and its arguments."""
        read = Reader(first.arguments)
        read.number(2)
        asked = first.method
        match asked:
            case Method.QUEUE_DECLARE:
                name = read.short()
                waiting = self._queues.setdefault(name, deque())
                counts = len(waiting).to_bytes(4) + (name in self._consumers).to_bytes(4)
                return [(Method.QUEUE_DECLARE_OK, short(name) + counts)]
            case Method.QUEUE_BIND:
                queue, exchange, key = read.short(), read.short(), read.short()
                self._bindings.append((exchange, key, queue))
            case Method.QUEUE_PURGE | Method.QUEUE_DELETE:
                name = read.short()
                count = len(self._queues[name]).to_bytes(4)
                self._queues[name].clear()
                if asked == Method.QUEUE_DELETE:
                    del self._queues[name]
                    self._bindings = [each for each in self._bindings if each[2] != name]
                return [(asked + 1, count)]
            case Method.BASIC_CONSUME:
                queue, tag = read.short(), read.short()
                self._consumers[queue] = tag
                return [(Method.BASIC_CONSUME_OK, short(tag))]
            case Method.CHANNEL_OPEN:
                return [(Method.CHANNEL_OPEN_OK, long(b""))]
        return [(asked + 1, b"")]

    def _publish(self, read: Reader, frames: list[Frame], frame_max: int) -> list[Reply]:
        read.number(2)
        exchange, key, flags = read.short(), read.short(), read.number(1)
        body = b"".join(each.payload for each in frames[2:])
        is_mandatory = bool(flags & _MANDATORY)
        message = Message(exchange, key, frames[1].payload[12:], body, is_mandatory)
        queues = self._routed(message)
        owed = []
        for name in queues:
            if name in self._consumers:
                owed.append(Reply(self._delivery(name, message, frame_max), "deliver"))
            else:
                self._queues[name].append(message)
        if is_mandatory and not queues:
            owed.append(Reply(_returned(message, frame_max), "return"))
        if self._confirms:
            owed.append(Reply(acknowledgement(self._numbers.publish()), NO_LANE))
        return owed

    def _routed(self, message: Message) -> list[bytes]:
        """Return the queues that a message goes to, each once."""
        if not message.exchange:
            return [message.key] if message.key in self._queues else []
        found = [
            queue
            for exchange, pattern, queue in self._bindings
            if exchange == message.exchange and fits(message.key, pattern)
        ]
        return list(dict.fromkeys(found))

    def _delivery(self, queue: bytes, message: Message, frame_max: int) -> bytes:
        self._numbers.delivered += 1
        number = self._numbers.delivered.to_bytes(8) + b"\0"
        routed = short(message.exchange) + short(message.key)
        head = method(Method.BASIC_DELIVER, short(self._consumers[queue]), number, routed)
        return head + content(message.body, message.properties, frame_max=frame_max)

    def _get(self, read: Reader, frame_max: int) -> Reply:
        read.number(2)
        name, flags = read.short(), read.number(1)
        waiting = self._queues[name]
        if not waiting:
            return Reply(method(Method.BASIC_GET_EMPTY, short(b"")), "channel 1")
        message = waiting.popleft()
        self._numbers.delivered += 1
        if not flags & _NO_ACK:
            self._fetched.append((name, message))
        number = self._numbers.delivered.to_bytes(8) + bytes((message.has_come,))
        routed = short(message.exchange) + short(message.key)
        head = method(Method.BASIC_GET_OK, number, routed, len(waiting).to_bytes(4))
        return Reply(
            head + content(message.body, message.properties, frame_max=frame_max), "channel 1"
        )

    def _settle(self, first: Frame) -> None:
        """Take an acknowledgement of all that was fetched, or their return to their queues."""
        is_refused = first.method == Method.BASIC_NACK
        if is_refused and first.arguments[8] & _REQUEUE:
            for name, message in reversed(self._fetched):
                self._queues[name].appendleft(replace(message, has_come=True))
        self._fetched.clear()


def _returned(message: Message, frame_max: int) -> bytes:
    routed = short(message.exchange) + short(message.key)
    head = method(Method.BASIC_RETURN, NO_ROUTE, short(b""), routed)
    return head + content(message.body, message.properties, frame_max=frame_max)


def fits(key: bytes, pattern: bytes) -> bool:
    """Say whether a routing key is one of a topic exchange's pattern (section 3.1.3.3).

    A star stands for one word, a hash sign for any number of them.

    >>> fits(b"a.b", b"#.b"), fits(b"b", b"*.b"), fits(b"b", b"#.b")
    (True, False, True)
    """
    return _fits(key.split(b".") if key else [], pattern.split(b".") if pattern else [])


def _fits(words: list[bytes], wanted: list[bytes]) -> bool:
    if not wanted:
        return not words
    if wanted[0] == b"#":
        return any(_fits(words[at:], wanted[1:]) for at in range(len(words) + 1))
    return bool(words) and wanted[0] in {b"*", words[0]} and _fits(words[1:], wanted[1:])
