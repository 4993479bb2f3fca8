"""What is drawn for AMQP: messages, and exchanges of several methods on queues of their own.

The methods of an exchange go one by one, each when the one before is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.built_in.amqp.frames import (
    HEADER,
    Method,
    Type,
    content,
    frame,
    long,
    method,
    short,
)
from wireproof.protocols.built_in.private_keys import PLACEHOLDER
from wireproof.protocols.sizes import octets, payloads

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

QUEUE, TAG = PLACEHOLDER, b"t1"
_OTHER, _TOPICS = PLACEHOLDER + b".q", PLACEHOLDER + b".x"
_NOWHERE = PLACEHOLDER + b".none"
_EXCLUSIVE = b"\x04"
_NO_ACK, _MULTIPLE, _REQUEUE, _MANDATORY = 1, 1, 2, 1
_TABLE = long(b"")
_ALL = bytes(8)
"""The delivery tag that means every message so far."""
_PATTERNS = [b"a.*", b"a.#", b"#", b"*.b", b"#.b.#", b"a.b"]
_KEYS = [b"a", b"a.b", b"a.b.c", b"b", b"ab"]
SAID = (
    (0x8000, short(b"text/plain")),
    (0x4000, short(b"gzip")),
    (0x0800, b"\x05"),
    (0x0400, short(b"c-1")),
    (0x0200, short(b"amq.reply")),
    (0x0080, short(b"m-1")),
    (0x0040, bytes(7) + b"\x07"),
    (0x0020, short(b"kind")),
)
"""Properties of a message, by their flag, in the order in which they are written (section 4.2.6.1).
"""


def properties(some: int) -> bytes:
    """Return flags and values of those properties whose bit is set, the first being the lowest."""
    chosen = [each for at, each in enumerate(SAID) if some >> at & 1]
    flags = sum(flag for flag, _ in chosen)
    return flags.to_bytes(2) + b"".join(value for _, value in chosen)


def publish(
    body: bytes,
    key: bytes = QUEUE,
    exchange: bytes = b"",
    said: bytes = b"\0\0",
    *,
    mandatory: bool = False,
) -> bytes:
    """Return a message."""
    flags = bytes((_MANDATORY if mandatory else 0,))
    head = method(Method.BASIC_PUBLISH, b"\0\0", short(exchange), short(key), flags)
    return head + content(body, said)


def declare(queue: bytes, *, passive: bool = False, channel: int = 1) -> bytes:
    """Return the declaration of a queue that is this connection's alone."""
    flags = b"\x01" if passive else _EXCLUSIVE
    return method(Method.QUEUE_DECLARE, b"\0\0", short(queue), flags, _TABLE, channel=channel)


def delete(queue: bytes) -> bytes:
    """Return the end of a queue."""
    return method(Method.QUEUE_DELETE, b"\0\0", short(queue), b"\0")


def consume(queue: bytes) -> bytes:
    """Return the wish to be sent a queue's messages, which then needn't be acknowledged."""
    arguments = (b"\0\0", short(queue), short(TAG), bytes((_NO_ACK << 1,)), _TABLE)
    return method(Method.BASIC_CONSUME, *arguments)


def get(queue: bytes = _OTHER, *, no_ack: bool = True) -> bytes:
    """Return the wish for one message of a queue."""
    return method(Method.BASIC_GET, b"\0\0", short(queue), bytes((no_ack,)))


def fetched(bodies: list[bytes]) -> bytes:
    """Return messages to a queue without a consumer, and one wish more than there are."""
    messages = b"".join(publish(body, _OTHER) for body in bodies)
    return declare(_OTHER) + messages + get() * (len(bodies) + 1) + delete(_OTHER)


def requeued(body: bytes) -> bytes:
    """Return a message that is fetched, given back, fetched again, and acknowledged."""
    again = method(Method.BASIC_NACK, _ALL, bytes((_MULTIPLE | _REQUEUE,)))
    done = method(Method.BASIC_ACK, _ALL, bytes((_MULTIPLE,)))
    take = get(no_ack=False)
    begin = declare(_OTHER) + publish(body, _OTHER)
    return begin + take + again + take + done + get() + delete(_OTHER)


def purged(count: int) -> bytes:
    """Return messages to a queue, which is asked how many it has, emptied, and asked again."""
    messages = publish(b"x", _OTHER) * count
    purge = method(Method.QUEUE_PURGE, b"\0\0", short(_OTHER), b"\0")
    asked = declare(_OTHER, passive=True)
    return declare(_OTHER) + messages + asked + purge + asked + delete(_OTHER)


def routed(pattern: bytes, body: bytes) -> bytes:
    """Return a topic exchange with a queue bound to it, messages that fit and don't, their end."""
    kind = short(b"topic") + b"\x04" + _TABLE  # deleted with its last queue
    exchange = method(Method.EXCHANGE_DECLARE, b"\0\0", short(_TOPICS), kind)
    bound = short(_OTHER) + short(_TOPICS) + short(pattern) + b"\0" + _TABLE
    bind = method(Method.QUEUE_BIND, b"\0\0", bound)
    messages = b"".join(publish(body, key, _TOPICS) for key in _KEYS)
    from wireproof.protocols.built_in.amqp.broker import fits

    count = sum(fits(key, pattern) for key in _KEYS)
    begin = exchange + declare(_OTHER) + bind
    return begin + messages + get() * (count + 1) + delete(_OTHER)


def interleaved(body: bytes) -> bytes:
    """Return a message with another channel's frames between its own.

    That channel is closed, and its end awaited, before anything opens it again.
    """
    begin = method(Method.CHANNEL_OPEN, short(b""), channel=2)
    whole = publish(body)
    first = method(Method.BASIC_PUBLISH, b"\0\0", short(b""), short(QUEUE), b"\0")
    between = declare(QUEUE, passive=True, channel=2)
    reason = (200).to_bytes(2) + short(b"done") + bytes(4)
    end = method(Method.CHANNEL_CLOSE, reason, channel=2) + declare(QUEUE, passive=True)
    return begin + first + between + whole[len(first) :] + end


def kinds(confirm: bool) -> dict[str, SearchStrategy[bytes]]:
    """Return messages, and what is done with queues of their own."""
    from hypothesis import strategies as st

    bodies = payloads(300)
    borders = st.sampled_from([4087, 4088, 4089, 8176, 8177, 16384]).map(octets)
    close = (200).to_bytes(2) + short(b"bye") + bytes(4)
    return {
        "publish": bodies.map(publish),
        "publish-long": borders.map(publish),
        "properties": st.builds(
            lambda body, some: publish(body, said=properties(some)), bodies, st.integers(1, 255)
        ),
        "mandatory": bodies.map(lambda body: publish(body, _NOWHERE, mandatory=True)),
        **({"unrouted": bodies.map(lambda body: publish(body, _NOWHERE))} if confirm else {}),
        "declare": st.just(declare(QUEUE, passive=True)),
        "get": st.lists(bodies, max_size=3).map(fetched),
        "requeue": bodies.map(requeued),
        "purge": st.integers(0, 3).map(purged),
        "topic": st.builds(routed, st.sampled_from(_PATTERNS), bodies),
        "channels": bodies.map(interleaved),
        "close": st.just(method(Method.CONNECTION_CLOSE, close, channel=0)),
    }


def malformed() -> list[bytes]:
    """Return frames that there are none of, that may not come now, or that do not end."""
    whole = declare(QUEUE, passive=True)
    head = method(Method.BASIC_PUBLISH, b"\0\0", short(b""), short(QUEUE), b"\0")
    said = content(b"abc")
    return [
        whole[:-1] + b"\0",
        frame(9, 1, b"x"),
        frame(Type.METHOD, 1, b"\0\x63\0\x01"),
        frame(Type.METHOD, 1, b"\0\x32\0\x63"),
        frame(Type.METHOD, 1, b"\0"),
        frame(Type.BODY, 1, b"abc"),
        frame(Type.HEADER, 1, bytes(14)),
        head + whole,
        head + said[:-5] + b"d" + said[-5:],
        head + frame(Type.BODY, 1, b"abc"),
        declare(QUEUE, passive=True, channel=3),
        declare(QUEUE, passive=True, channel=0),
        b"\x01\0\1\xff\xff\xff\xff" + whole,
        HEADER,
        method(Method.QUEUE_DECLARE, b"\0\0", b"\xffq", channel=1),
    ]


def conversations_of_rules() -> dict[str, tuple[tuple[bytes, ...], ...]]:
    """Return what shows whether a rule is kept, by the rule's number."""
    tricky = b"\xce\x01\0\1\0\0\0\4" + HEADER
    return {
        "001": ((publish(b""), publish(tricky), publish(tricky * 1000), publish(b"x")),),
        "002": ((interleaved(b"x"), interleaved(bytes(9000))),),
        "003": ((publish(b"a", said=properties(255)), publish(b"", said=properties(255))),),
        "004": ((fetched([b"a", b"b", b"c"]), requeued(b"d"), purged(3)),),
        "005": tuple((routed(pattern, b"x"),) for pattern in _PATTERNS),
    }
