"""NATS (core): publish and subscribe, each delivery known to the byte.

Each connection subscribes to a subject of its own first, so that what it publishes comes back. The
deliveries of one subscription keep their order; nothing orders those of several, or PONG.

The server's pings are taken; an answer to them goes with each of our own, asked or not.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.framing import LineCursor, ends
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected, Judge, Reply
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import octets, ordinary_values, padded, payloads
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SUBJECT = PLACEHOLDER
_MESSAGE = re.compile(rb"(?:MSG(?: [^ ]+){2,3}|HMSG(?: [^ ]+){2,3} [0-9]{1,10}) ([0-9]{1,10})")
_PING, _PONG = b"PING\r\n", b"PONG\r\n"
_GOES_ON = (b"-ERR 'Permissions Violation", b"-ERR 'Invalid Subject", b"-ERR 'Invalid Publish")
"""Errors behind which the connection stays open (NATS client protocol, +OK/-ERR)."""
_SOURCE = "NATS client protocol, "


def publish(payload: bytes, subject: bytes = _SUBJECT, reply_to: bytes = b"") -> bytes:
    r"""Return a message.

    >>> publish(b"hi", b"a")
    b'PUB a 2\r\nhi\r\n'
    """
    words = b" ".join(filter(None, (subject, reply_to)))
    return b"PUB %b %d\r\n%b\r\n" % (words, len(payload), payload)


def publish_with_headers(payload: bytes, value: bytes) -> bytes:
    """Return a message with a header."""
    headers = b"NATS/1.0\r\nKey: %b\r\n\r\n" % value
    sizes = (len(headers), len(headers) + len(payload))
    return b"HPUB %b %d %d\r\n" % (_SUBJECT, *sizes) + headers + payload + b"\r\n"


class Nats(RequestReply):
    """NATS: publish, with headers and without, subscribe with wildcards, ping."""

    name = "nats"
    source = "NATS client protocol, docs.nats.io/reference/reference-protocols/nats-protocol"
    opening_ahead = True
    half_close: ClassVar[Level] = Level.MAY
    max_request_bytes: int = 1024 * 1024
    """A server's `max_payload`, unless it was told another."""
    headers: bool = True
    """Whether the server takes them."""
    user: str = ""
    password: str = ""
    token: str = ""

    def __init__(self) -> None:
        """Start with no subscription."""
        self._cursor = LineCursor()
        self._patterns: dict[bytes, tuple[bytes, int]] = {}  # and how many more; -1: no end

    def greeting(self) -> Judge:
        """Return what the server says of itself."""
        return Judge(_is_info, "INFO and a JSON object")

    def opening(self) -> list[bytes]:
        """Connect, and subscribe to this connection's subject."""
        options: dict[str, object] = {"verbose": False, "pedantic": False, "headers": self.headers}
        login = {"user": self.user, "pass": self.password, "auth_token": self.token}
        options |= {name: value for name, value in login.items() if value}
        connect = b"CONNECT %b\r\n" % json.dumps(options).encode()
        return [connect + _PING, b"SUB %b 1\r\n" % _SUBJECT + _PING]

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into its subjects."""
        return with_serial(request, serial)

    def requests(self) -> SearchStrategy[bytes]:
        """Return a message, some subscriptions with messages, or a ping."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a message."""
        return publish(b"hello")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return pings, and messages to each form of subscription."""
        from hypothesis import strategies as st

        values = payloads(300)
        more = {"headers": st.builds(publish_with_headers, values, _header_values())}
        return {
            "ping": st.just(_PING),
            "pong": st.just(_PONG + _PING),
            "publish": values.map(publish),
            "reply-to": values.map(lambda payload: publish(payload, reply_to=b"inbox.1")),
            **(more if self.headers else {}),
            "wildcard": st.builds(
                _to_pattern, st.sampled_from([b".*", b".>", b".*.b", b".a.b"]), values
            ),
            "limited": st.builds(_limited, st.integers(1, 3), values),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return messages of ordinary sizes, and now and then a ping."""
        from hypothesis import strategies as st

        return {
            "publish": (ordinary_values().map(publish), 95),
            "ping": (st.just(_PONG + _PING), 5),
        }

    def payload_request(self, payload: bytes) -> bytes:
        """Return a message."""
        return publish(payload)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message."""
        return padded(size_bytes, publish)

    def sized_conversation(self, size_bytes: int) -> list[bytes] | None:
        """Return a message, which comes back."""
        request = publish(octets(size_bytes))
        return [request] if len(request) <= self.max_request_bytes else None

    def malformed(self) -> SearchStrategy[bytes]:
        """Return operations that do not exist, or whose words are none of theirs."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                b"WIREPROOF\r\n",
                b"PUB\r\n",
                b"PUB a -1\r\n\r\n",
                b"PUB a b c 1\r\nx\r\n",
                b"PUB a x\r\n\r\n",
                b"PUB a 99999999999999999999\r\n",
                b"PUB a 2\r\nabc\r\n",
                b"SUB\r\n",
                b"SUB a b c d\r\n",
                b"UNSUB\r\n",
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what the documentation says of names, blanks, payloads and limits."""
        odd = [
            b"pub %b 2\r\nhi\r\n" % _SUBJECT,
            b"PuB\t%b \t 2\r\nhi\r\n" % _SUBJECT,
            b"ping\r\n",
        ]
        tricky = b"\r\nMSG a 1 2\r\nPUB a 3\r\n\0\xff"
        return [
            Rule(
                "NATS-001",
                Level.MUST,
                "Operations are accepted in lower case too, and several blanks may separate words.",
                _SOURCE + "Protocol conventions",
                "A parser that compares whole words refuses some clients.",
                (tuple(odd),),
            ),
            Rule(
                "NATS-002",
                Level.MUST,
                "A payload may hold CR LF, and whatever else looks like an operation.",
                _SOURCE + "PUB",
                "A server that looks for line ends within a payload runs it.",
                ((publish(tricky), publish(b""), publish(tricky * 100)),),
            ),
            Rule(
                "NATS-003",
                Level.MUST,
                "A subscription that has reached its maximum of messages gets no more.",
                _SOURCE + "UNSUB",
                "A request that waits for one reply gets others that nobody reads.",
                ((_limited(1, b"x"), _limited(2, b"y"), self.example()),),
            ),
        ]

    def parts(self, request: bytes) -> list[bytes]:
        """Return the operations of a request."""
        found, start = [], 0
        while start < len(request):
            end = request.index(b"\r\n", start) + 2
            words = request[start:end].upper().split()
            if words[0] in {b"PUB", b"HPUB"}:
                end += int(words[-1]) + 2
            found.append(request[start:end])
            start = end
        return found

    def pauses(self, request: bytes) -> list[int]:
        """Return where a subscription ends: a server may drop what it has not sent by then."""
        parts = self.parts(request)
        return [
            end - len(part)
            for part, end in zip(parts, ends(parts), strict=True)
            if part.startswith(b"UNSUB") and len(part.split()) == 2
        ]

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the line ends, or the payload that is counted in it."""
        cursor = self._cursor
        if cursor.at:
            return cursor.end(buffer)
        line = cursor.line(buffer)
        if line is None:
            return None
        if line[:3] == b"MSG" or line[:4] == b"HMSG":
            counted = _MESSAGE.fullmatch(line)
            if not counted:
                raise MalformedReplyError("a message whose line has other words or sizes")
            cursor.at += int(counted[1]) + 2
        return cursor.end(buffer)

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is a ping, or news of the server."""
        return message == _PING or message.startswith(b"INFO ")

    def closes(self, reply: bytes) -> bool:
        """Say whether it is an error behind which the server closes."""
        return reply.startswith(b"-ERR") and not reply.startswith(_GOES_ON)

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error."""
        return reply.startswith(b"-ERR")

    def in_words(self, reply: bytes) -> str:
        """Return the line of an error."""
        return first_line(reply[1:]) if self.refused(reply) else ""

    def expected(self, request: bytes) -> Expected:
        """Carry an operation out on the model."""
        line, _, rest = request.partition(b"\r\n")
        name, *words = line.split()
        match name.upper():
            case b"PING":
                return Reply(_PONG, "pong")
            case b"SUB":
                self._patterns[words[-1]] = words[0], -1
            case b"UNSUB" if len(words) > 1:
                self._patterns[words[0]] = self._patterns[words[0]][0], int(words[1])
            case b"UNSUB":
                self._patterns.pop(words[0], None)
            case b"PUB":
                return self._deliver(b"MSG", words, 1, rest)
            case b"HPUB":
                return self._deliver(b"HMSG", words, 2, rest)
        return None

    def _deliver(self, kind: bytes, words: list[bytes], sizes: int, rest: bytes) -> list[Reply]:
        """Return the deliveries of a message, one for each subscription that its subject fits."""
        subject, *others = words
        found = []
        for name, (pattern, left) in list(self._patterns.items()):
            if not _fits(subject, pattern):
                continue
            head = [kind, subject, name, *others[: len(others) - sizes], *others[-sizes:]]
            found.append(Reply(b" ".join(head) + b"\r\n" + rest, name.decode()))
            if left == 1:
                del self._patterns[name]
            elif left > 0:
                self._patterns[name] = pattern, left - 1
        return found


def _header_values() -> SearchStrategy[bytes]:
    from hypothesis import strategies as st

    return st.text("abc XYZ 0:é", max_size=20).map(lambda text: text.strip().encode())


def _to_pattern(pattern: bytes, payload: bytes) -> bytes:
    """Return a subscription with wildcards, messages that fit it and don't, and its end."""
    subscribed = b"SUB %b 9\r\n" % (_SUBJECT + pattern)
    subjects = (b".a", b".a.b", b".a.b.c")
    messages = [publish(payload, _SUBJECT + subject) for subject in subjects]
    return b"".join([subscribed, *messages, b"UNSUB 9\r\n", _PING])


def _limited(most: int, payload: bytes) -> bytes:
    """Return a subscription to a few messages, and one message more than those."""
    subject = _SUBJECT + b".few"
    subscribed = b"SUB %b 8\r\nUNSUB 8 %d\r\n" % (subject, most)
    return subscribed + publish(payload, subject) * (most + 1) + _PING


def _fits(subject: bytes, pattern: bytes) -> bool:
    """Say whether a subject is one of a pattern's: `*` is a word, `>` one or more at the end."""
    words, wanted = subject.split(b"."), pattern.split(b".")
    if wanted[-1] == b">":
        wanted.pop()
        if len(words) <= len(wanted):
            return False
    elif len(words) != len(wanted):
        return False
    return all(want in {word, b"*"} for word, want in zip(words, wanted, strict=False))


def _is_info(reply: bytes) -> bool:
    if not reply.startswith(b"INFO "):
        return False
    try:
        return isinstance(json.loads(reply[5:]), dict)
    except ValueError:
        raise MalformedReplyError("INFO without a JSON object") from None
