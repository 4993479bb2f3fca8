"""What an MQTT broker owes one client, who is the only one that publishes what it subscribes to.

A message at QoS 0 may be lost (section 4.3.1), so its delivery is checked when it comes, and not
missed when it does not. At QoS 1 and 2 it must come, once for the best of the subscriptions that it
fits; there may be copies for the others (section 3.3.5, in version 5 3.3.4).

A message at QoS 2 may be passed on before the client releases it, or behind (section 4.3.3).
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, replace

from wireproof.protocols.built_in.mqtt.packets import Kind, Message, Subscription, publish
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import NO_LANE, Reply

_NO_LOCAL, _AS_PUBLISHED = 0x04, 0x08
_HANDLING_AT = 4
_ALWAYS, _IF_NEW = 0, 1
"""Whether a subscription is sent what is retained (version 5, section 3.8.3.1)."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A subscription as the broker holds it.

    Attributes:
        asked: what was asked for.
        properties: which each message that it fits has too: its identifier; None in 3.1.1.

    """

    asked: Subscription
    properties: bytes | None


class Broker:
    """Follows one connection."""

    def __init__(self) -> None:
        """Start with nothing published, and nothing subscribed to."""
        self._retained: dict[bytes, Message] = {}
        self._subscriptions: dict[bytes, _Held] = {}
        self._unreleased: dict[bytes, list[Reply]] = {}

    def subscribe(self, asked: Subscription, properties: bytes | None) -> list[Reply]:
        """Return the retained messages that are sent to a subscription."""
        is_new = asked.pattern not in self._subscriptions
        held = self._subscriptions[asked.pattern] = _Held(asked, properties)
        handling = asked.options >> _HANDLING_AT
        if handling != _ALWAYS and not (handling == _IF_NEW and is_new):
            return []
        return [
            Reply(publish(_sent_to(held, kept, retain=True)), NO_LANE)
            for topic, kept in self._retained.items()
            if fits(topic, asked.pattern)
        ]

    def unsubscribe(self, pattern: bytes) -> bool:
        """End a subscription; returns whether there was one."""
        return self._subscriptions.pop(pattern, None) is not None

    def publish(self, message: Message, identifier: bytes) -> list[Reply]:
        """Return the deliveries of a message; at QoS 2 those that needn't wait for its release.

        One of QoS 2 that already exists, and not released, is not delivered again.
        """
        if message.qos == 2 and identifier in self._unreleased:
            return []
        if message.retain and message.payload:
            self._retained[message.topic] = message
        elif message.retain:
            self._retained.pop(message.topic, None)
        deliveries = self._deliveries(message)
        if message.qos == 2:
            self._unreleased[identifier] = [each for each in deliveries if not each.optional]
            deliveries = [each for each in deliveries if each.optional]
        return deliveries

    def release(self, identifier: bytes) -> list[Reply]:
        """Return the deliveries that must come now, of those that have not come before."""
        return self._unreleased.pop(identifier, [])

    def passed_on_early(self, delivery: bytes) -> bool:
        """Say whether it is that of a message at QoS 2 that is not released; it came then.

        Args:
            delivery: with any identifier replaced, as `publish` of packets writes it.

        """
        for owed in self._unreleased.values():
            for each in owed:
                if each.matcher == delivery:
                    owed.remove(each)
                    return True
        return False

    def _deliveries(self, message: Message) -> list[Reply]:
        fitting = sorted(
            (
                held
                for held in self._subscriptions.values()
                if fits(message.topic, held.asked.pattern) and not held.asked.options & _NO_LOCAL
            ),
            key=lambda held: -held.asked.qos,
        )
        found: list[Reply] = []
        for held in fitting:
            keeps = message.retain and bool(held.asked.options & _AS_PUBLISHED)
            sent = _sent_to(held, message, retain=keeps)
            must_come = bool(sent.qos) and not found
            # The order of section 4.6 holds among messages to one topic of one QoS, that of their
            # sender; which QoS a delivery at QoS 0 had cannot be seen, so nothing orders those.
            lane = f"{message.qos} {sent.qos} {message.topic!r}" if must_come else NO_LANE
            found.append(Reply(publish(sent), lane, optional=not must_come))
        return found


class UnderWay:
    """The identifiers of messages that the client has not acknowledged, of one QoS.

    Attributes:
        told: those that no acknowledgement of ours names yet, in the order in which they came.

    """

    def __init__(self) -> None:
        """Start with none."""
        self.told: deque[bytes] = deque()
        self._used: deque[bytes] = deque()
        self._ahead = 0  # acknowledged by who sends without waiting

    def __deepcopy__(self, memo: object) -> UnderWay:
        """Copy what each connection gets: as copy.deepcopy does, in a fraction of its time."""
        copied = UnderWay()
        copied.told, copied._used, copied._ahead = self.told.copy(), self._used.copy(), self._ahead
        return copied

    def came(self, identifier: bytes) -> None:
        """Take note of a message."""
        self.told.append(identifier)
        if self._ahead:
            self._ahead -= 1
        else:
            self._used.append(identifier)

    def acknowledged(self) -> None:
        """Take note that the oldest is acknowledged."""
        if self._used:
            self._used.popleft()
        else:
            self._ahead += 1

    @property
    def has_some(self) -> bool:
        """Whether any is in use."""
        return bool(self._used)

    def __contains__(self, identifier: bytes) -> bool:
        """Say whether it is in use."""
        return identifier in self._used


class Receiver:
    """What the client holds of messages at QoS 1 and 2 that are sent to it."""

    def __init__(self) -> None:
        """Start with none."""
        self.once = UnderWay()
        self.twice = UnderWay()
        self.released: deque[bytes] = deque()
        """Those of messages at QoS 2 whose release no PUBCOMP of ours names yet."""

    def __deepcopy__(self, memo: dict[int, object]) -> Receiver:
        """Copy what each connection gets, as `UnderWay` does."""
        copied = Receiver()
        copied.once, copied.twice = copy.deepcopy((self.once, self.twice), memo)
        copied.released = self.released.copy()
        return copied

    def came(self, identifier: bytes, qos: int) -> None:
        """Take note of a message.

        Raises:
            MalformedReplyError: its identifier is that of one that is not acknowledged.

        """
        if self.has(identifier):
            number = int.from_bytes(identifier)
            raise MalformedReplyError(f"identifier {number} is that of another message under way")
        (self.once if qos == 1 else self.twice).came(identifier)

    def has(self, identifier: bytes) -> bool:
        """Say whether a message of that identifier is under way."""
        return identifier in self.once or identifier in self.twice

    def release(self, identifier: bytes) -> None:
        """Take note that the server releases a message.

        Raises:
            MalformedReplyError: it is none of those that wait for it.

        """
        if self.twice.has_some and identifier not in self.twice:
            number = int.from_bytes(identifier)
            raise MalformedReplyError(f"a release of {number}, under which no message came")
        self.released.append(identifier)

    def acknowledged(self, kind: int) -> None:
        """Take note of an acknowledgement that the client sent: a PUBACK or a PUBCOMP."""
        (self.once if kind == Kind.PUBACK else self.twice).acknowledged()

    def waiting(self, kind: int) -> deque[bytes]:
        """Return the identifiers that acknowledgements of a kind are to name, the next first."""
        if kind == Kind.PUBACK:
            return self.once.told
        return self.twice.told if kind == Kind.PUBREC else self.released


def _sent_to(held: _Held, message: Message, *, retain: bool) -> Message:
    """Return a message as a subscription is sent it."""
    properties = message.properties
    if properties is not None:
        properties += held.properties or b""
    qos = min(message.qos, held.asked.qos)
    return replace(message, qos=qos, retain=retain, properties=properties)


def fits(topic: bytes, pattern: bytes) -> bool:
    """Say whether a topic is one of a filter's (section 4.7).

    >>> fits(b"a", b"a/#"), fits(b"a/b/c", b"a/+"), fits(b"$SYS/x", b"#")
    (True, False, False)
    """
    levels, wanted = topic.split(b"/"), pattern.split(b"/")
    if levels[0][:1] == b"$" and wanted[0] in {b"#", b"+"}:
        return False
    if wanted[-1] == b"#":
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(levels) == len(wanted) and all(
        want in {level, b"+"} for level, want in zip(levels, wanted, strict=True)
    )
