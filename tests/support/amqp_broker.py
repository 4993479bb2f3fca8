"""A small AMQP broker for one connection, by another hand: pika reads and writes its frames.

What it may choose it takes from `Choice`, and its defects from `defect`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pika import frame, spec


@dataclass(frozen=True)
class Choice:
    """What a right broker may do in one way or another.

    Attributes:
        multiple: how many messages are acknowledged by one method.
        piece_bytes: into how great pieces a body is cut.
        ack_first: whether an acknowledgement comes before the delivery.
        mixes: whether a heartbeat comes between the frames of a message.

    """

    multiple: int = 1
    piece_bytes: int = 8184
    ack_first: bool = True
    mixes: bool = False


@dataclass
class Message:
    """What was published."""

    exchange: str
    key: str
    properties: Any
    body: bytes
    again: bool = False


class Broker:
    """Serves one connection."""

    def __init__(self, choice: Choice, defect: str = "") -> None:
        """Hold nothing."""
        self.choice, self.defect = choice, defect
        self.queues: dict[str, list[Message]] = {}
        self.tags: dict[str, str] = {}
        self.bound: list[tuple[str, str, str]] = []
        self.fetched: list[tuple[str, Message]] = []
        self.open: dict[int, list[Any]] = {}
        self.published = self.acknowledged = self.sent = 0
        self.confirms = False

    def answer(self, data: bytes) -> list[bytes]:
        """Return what is sent back, method by method."""
        said: list[bytes] = []
        while data:
            used, one = frame.decode_frame(data)
            assert used, data
            data = data[used:]
            if isinstance(one, frame.ProtocolHeader):
                start = spec.Connection.Start(
                    0, 9, server_properties={"product": "tests"}, mechanisms="AMQPLAIN PLAIN"
                )
                said.append(frame.Method(0, start).marshal())
                continue
            frames = self.open.setdefault(one.channel_number, [])
            frames.append(one)
            if self._is_whole(frames):
                del self.open[one.channel_number]
                said += self._done(one.channel_number, frames)
        return said

    def flush(self) -> list[bytes]:
        """Return the acknowledgement of what none is sent for yet."""
        if self.acknowledged == self.published or self.defect == "never acknowledges":
            return []
        is_multiple = self.published - self.acknowledged > 1
        self.acknowledged = self.published
        return [self._method(spec.Basic.Ack(self.published, multiple=is_multiple))]

    @staticmethod
    def _is_whole(frames: list[Any]) -> bool:
        if not isinstance(frames[0].method, spec.Basic.Publish):
            return True
        if len(frames) < 2:
            return False
        return sum(len(each.fragment) for each in frames[2:]) == frames[1].body_size

    def _method(self, method: Any, channel: int = 1) -> bytes:
        return bytes(frame.Method(channel, method).marshal())

    def _done(self, channel: int, frames: list[Any]) -> list[bytes]:
        asked = frames[0].method
        name = type(asked).__qualname__.replace(".", "_").lower()
        found = list(getattr(self, f"_{name}", self._plain)(asked, *frames[1:]))
        return [
            self._method(each, channel) if isinstance(each, (spec.amqp_object.Method)) else each
            for each in found
        ]

    def _plain(self, asked: Any, *_: Any) -> Iterator[Any]:
        answers = {
            spec.Connection.StartOk: spec.Connection.Tune(2047, 131072, 60),
            spec.Connection.Open: spec.Connection.OpenOk(),
            spec.Channel.Open: spec.Channel.OpenOk(),
            spec.Channel.Close: spec.Channel.CloseOk(),
            spec.Exchange.Declare: spec.Exchange.DeclareOk(),
        }
        if type(asked) in answers:
            yield answers[type(asked)]

    def _confirm_select(self, asked: Any) -> Iterator[Any]:
        self.confirms = True
        yield spec.Confirm.SelectOk()

    def _queue_declare(self, asked: Any) -> Iterator[Any]:
        waiting = self.queues.setdefault(asked.queue, [])
        count = len(waiting) + (self.defect == "counts one more")
        yield spec.Queue.DeclareOk(asked.queue, count, int(asked.queue in self.tags))

    def _queue_bind(self, asked: Any) -> Iterator[Any]:
        self.bound.append((asked.exchange, asked.routing_key, asked.queue))
        yield spec.Queue.BindOk()

    def _queue_purge(self, asked: Any) -> Iterator[Any]:
        count = len(self.queues[asked.queue])
        if self.defect != "purges nothing":
            self.queues[asked.queue].clear()
        yield spec.Queue.PurgeOk(count)

    def _queue_delete(self, asked: Any) -> Iterator[Any]:
        self.bound = [each for each in self.bound if each[2] != asked.queue]
        yield spec.Queue.DeleteOk(len(self.queues.pop(asked.queue)))

    def _basic_consume(self, asked: Any) -> Iterator[Any]:
        self.tags[asked.queue] = asked.consumer_tag
        yield spec.Basic.ConsumeOk(asked.consumer_tag)

    def _basic_publish(self, asked: Any, header: Any, *bodies: Any) -> Iterator[Any]:
        body = b"".join(each.fragment for each in bodies)
        message = Message(asked.exchange, asked.routing_key, header.properties, body)
        queues = [asked.routing_key] if asked.routing_key in self.queues else []
        if asked.exchange:
            queues = [
                queue
                for exchange, pattern, queue in self.bound
                if exchange == asked.exchange and self._fits(pattern, asked.routing_key)
            ]
        delivered: list[bytes] = []
        for queue in queues:
            if queue in self.tags:
                self.sent += 1
                number = self.sent + (self.defect == "numbers from 2")
                head = spec.Basic.Deliver(
                    self.tags[queue], number, False, message.exchange, message.key
                )
                delivered.append(self._with_content(head, message))
            else:
                self.queues[queue].append(message)
        if not queues and asked.mandatory and self.defect != "returns nothing":
            head = spec.Basic.Return(312, "NO_ROUTE", message.exchange, message.key)
            delivered.append(self._with_content(head, message))
        self.published += self.confirms
        is_due = self.published - self.acknowledged >= self.choice.multiple
        ack = self.flush() if is_due and self.confirms else []
        yield from ack + delivered if self.choice.ack_first else delivered + ack

    def _basic_get(self, asked: Any) -> Iterator[Any]:
        waiting = self.queues[asked.queue]
        if not waiting:
            yield spec.Basic.GetEmpty()
            return
        message = waiting.pop(-1 if self.defect == "gives the last first" else 0)
        self.sent += 1
        if not asked.no_ack:
            self.fetched.append((asked.queue, message))
        again = message.again and self.defect != "forgets that it came"
        head = spec.Basic.GetOk(self.sent, again, message.exchange, message.key, len(waiting))
        yield self._with_content(head, message)

    def _basic_nack(self, asked: Any) -> Iterator[Any]:
        for queue, message in reversed(self.fetched):
            message.again = True
            self.queues[queue].insert(0, message)
        self.fetched.clear()
        yield from ()

    def _basic_ack(self, asked: Any) -> Iterator[Any]:
        if self.defect == "gives again":
            yield from self._basic_nack(asked)
        self.fetched.clear()

    def _with_content(self, head: Any, message: Message) -> bytes:
        said = spec.BasicProperties() if self.defect == "drops properties" else message.properties
        body = message.body[:-1] if self.defect == "cuts bodies" else message.body
        frames = [self._method(head), frame.Header(1, len(body), said).marshal()]
        size = self.choice.piece_bytes
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        frames += [frame.Body(1, piece).marshal() for piece in pieces]
        between = frame.Heartbeat().marshal() if self.choice.mixes else b""
        return bytes(between.join(frames))

    def _fits(self, pattern: str, key: str) -> bool:
        if self.defect == "a star is many":
            pattern = pattern.replace("*", "#")
        if pattern == "#" and self.defect != "a hash is one":
            return True
        many = r"[^.]+" if self.defect == "a hash is one" else r".*"
        text = re.escape(pattern).replace(r"\*", r"[^.]+")
        for written, read in ((r"\#\.", rf"(?:{many}\.)?"), (r"\.\#", rf"(?:\.{many})?")):
            text = text.replace(written, read)
        return re.fullmatch(text.replace(r"\#", many), key) is not None
