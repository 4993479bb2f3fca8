"""The files that `wireproof init` writes, and what a server that is up tells about them."""

import socket
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Final, Literal

from wireproof.deadline import Deadline
from wireproof.learning.framing import BinaryLength, Ending, FixedSize, Framing, split
from wireproof.learnt.source.framing_source import FramingSource, framing_of, framing_source
from wireproof.learnt.source.source_text import literal
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError, Connection
from wireproof.wire.observations import Data

_GREETING_S: Final = 0.3
_REPLY_S: Final = 2.0
_MORE_S: Final = 0.2
_MOST_BYTES: Final = 65536
_OTHER: Final = "other"
_AS_SEEN: Final = "as-seen"
_FARTHEST_LENGTH_BYTES: Final = 16
_LEAST_LENGTH: Final = 3
_TRAILERS_BYTES: Final = (0, 1, 2, 4)
_ORDERS: Final[tuple[Literal["big", "little"], ...]] = ("big", "little")
FRAMINGS: Final = MappingProxyType(
    {
        "lines": FramingSource("Delimited", "", ('delimiter = b"\\n"',)),
        "crlf-lines": FramingSource("Delimited", "", ('delimiter = b"\\r\\n"',)),
        "length-prefixed": FramingSource("LengthPrefixed", "", ("length_bytes = 4",)),
        "length-prefixed-2": FramingSource("LengthPrefixed", "", ("length_bytes = 2",)),
        "varint-prefixed": FramingSource("VarintLengthPrefixed", ""),
        "fixed-size": FramingSource("FixedSize", "", ("reply_bytes = 1  # write how many",)),
        _OTHER: FramingSource(
            "RequestReply",
            "",
            (),
            (
                "def reply_length(self, buffer):",
                '    """Return how long the first reply in buffer is; None: not known yet."""',
                "    return len({reply}) if len(buffer) >= len({reply}) else None",
            ),
        ),
    }
)
"""By the word for it, how a framing is written in a class."""
DATAGRAMS: Final = FramingSource("DatagramProtocol", "a datagram is a whole reply")
"""What is written for `udp://`, where nothing is framed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server said when it was tried.

    Attributes:
        greeting: before anything was sent.
        reply: to the request; None where nothing came.

    """

    greeting: bytes = b""
    reply: bytes | None = None


@dataclass(frozen=True, slots=True)
class Starter:
    """What the files are to say.

    Attributes:
        slug: the protocol's name, as a file's and, in another spelling, a class's.
        target: where the server listens.
        request: that the server answers.
        framing: how it is written where a reply ends.
        seen: what the server said.
        right: the expression for the reply that is right to `request`.

    """

    slug: str
    target: str
    request: bytes
    framing: FramingSource
    seen: Seen
    right: str

    @property
    def class_name(self) -> str:
        """The name of the class."""
        return "".join(word.capitalize() for word in self.slug.split("_"))


def tried(target: Target, request: bytes) -> Seen:
    """Wait for a greeting, send a request, and return what comes until the server pauses."""
    if not target.is_stream:
        return Seen(reply=_answer(target, request))
    try:
        connection = connect(target)
    except ConnectError:
        return Seen()
    with connection:
        greeting = _said(connection, _GREETING_S)
        if connection.send(request) != len(request):
            return Seen(greeting)
        return Seen(greeting, _said(connection, _REPLY_S) or None)


def _said(connection: Connection, first_s: float) -> bytes:
    said = b""
    timeout = Deadline(first_s)
    while isinstance(seen := connection.next_observation(timeout), Data):
        said += seen.data
        if len(said) > _MOST_BYTES:
            break
        timeout = Deadline(_MORE_S)
    return said


def _answer(target: Target, datagram: bytes) -> bytes | None:
    with socket.socket(target.family, socket.SOCK_DGRAM) as peer:
        peer.settimeout(_REPLY_S)
        try:
            peer.connect(target.address)
            peer.send(datagram)
            return peer.recv(_MOST_BYTES)
        except OSError:  # nobody listens, or nobody answers
            return None


def found_framing(seen: Seen, request: bytes) -> dict[str, FramingSource]:
    """Return the framing that explains what was seen, under the word for it: one item.

    A framing that has no word of its own must explain the request, too.
    """
    reply = seen.reply
    if reply is None:
        return {"lines": FRAMINGS["lines"]}
    if reply.endswith(b"\n"):
        word = "crlf-lines" if reply.endswith(b"\r\n") else "lines"
        return {word: FRAMINGS[word]}
    both = [one for one in (request, reply, seen.greeting) if one]
    fitting = (one for one in _usual_framings(request, reply) if all(split(m, one) for m in both))
    best = next(fitting, None)
    source = framing_source(best or framing_of([reply], [request]) or FixedSize(len(reply)))
    for word, known in FRAMINGS.items():
        same = known.base == source.base and known.attributes == source.attributes
        if same or _prefix(reply) == word:
            return {word: known}
    return {_AS_SEEN: source} if best is not None else {_OTHER: FRAMINGS[_OTHER]}


def _usual_framings(request: bytes, reply: bytes) -> Iterator[Framing]:
    """Yield what may explain both: a control character at the end, or a length near the front."""
    last = reply[-1:]
    if last < b" " and request.endswith(last) and {reply.count(last), request.count(last)} == {1}:
        yield Ending(last)
    near = range(min(_FARTHEST_LENGTH_BYTES, len(reply)))
    for at, width, order in product(near, (4, 2, 1), _ORDERS):
        behind = at + width
        field = int.from_bytes(reply[at:behind], order)
        adjusts = (0, *(behind + more for more in _TRAILERS_BYTES))
        if field >= _LEAST_LENGTH and len(reply) - field in adjusts:
            yield BinaryLength(at, width, order, len(reply) - field)
    if len(reply) == len(request):
        yield FixedSize(len(reply))


def _prefix(reply: bytes) -> str:
    for width, word in ((4, "length-prefixed"), (2, "length-prefixed-2")):
        if len(reply) >= width and int.from_bytes(reply[:width]) == len(reply) - width:
            return word
    return ""


def right_reply(reply: bytes | None, request: bytes, framing: FramingSource) -> str:
    """Return the expression that gives the right reply to a request: a rule, if one explains it."""
    if reply is None or reply == request:
        return "request"
    if reply == request.upper() and framing.base == "Delimited":
        return "request.upper()"
    end = _line_end(framing)
    lines = split(reply, Ending(end)) if end else None
    return repr(lines if lines and len(lines) > 1 else reply)


def _line_end(framing: FramingSource) -> bytes:
    ends = (b"\r\n", b"\n")
    return next((e for e in ends if f"delimiter = {literal(e)}" in framing.attributes), b"")


def starter_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file, by its path."""
    return {
        f"{starter.slug}.py": protocol_text(starter),
        f"test_{starter.slug}.py": _TEST.format(
            module=starter.slug, name=starter.class_name, target=starter.target
        ),
        ".github/workflows/wireproof.yml": _WORKFLOW.format(
            module=starter.slug, name=starter.class_name, target=starter.target
        ),
    }


def protocol_text(starter: Starter) -> str:
    """Return the source of a protocol class that agrees with itself."""
    source, seen = starter.framing, starter.seen
    end = _line_end(source)
    if starter.right.startswith("request") and end and starter.request.endswith(end):
        modules = "from string import ascii_letters\n\nfrom hypothesis import strategies as st\n\n"
        strategy = f"st.text(ascii_letters, max_size=200).map(lambda text: text.encode() + {end!r})"
    else:
        modules = "from hypothesis import strategies as st\n\n"
        strategy = f"st.just({starter.request!r})  # write what else may be asked"
    often = "it was seen once" if seen.reply is not None else "nothing was seen yet"
    reply = seen.reply if seen.reply is not None else starter.request
    method = "\n".join(source.method).format(reply=repr(reply))
    attributes = "".join(f"    {line}\n" for line in source.attributes)
    greeting = (
        f"    def greeting(self):\n"
        f'        """Return what the server says first; it was seen once."""\n'
        f"        return {seen.greeting!r}\n\n"
    )
    return (
        f'"""How the server at {starter.target} speaks. Written by `wireproof init`."""\n\n'
        f"{modules}from wireproof import {source.base}\n\n\n"
        f"class {starter.class_name}({source.base}):\n"
        f'    """Write what the protocol is, in one line."""\n\n'
        f"{attributes}{chr(10) if attributes else ''}"
        f"{greeting if seen.greeting else ''}"
        f"    def requests(self):\n"
        f'        """Draw requests."""\n'
        f"        return {strategy}\n\n"
        f"    def expected(self, request):\n"
        f'        """Return the right reply; {often}."""\n'
        f"        return {starter.right}\n"
        + (f"\n{textwrap.indent(method, '    ')}\n" if method else "")
    )


_TEST: Final = '''\
"""The server keeps what Wireproof requires: one test a requirement."""

from wireproof import conformance_suite

Test{name} = conformance_suite("{module}.py:{name}", target="{target}")
'''
_WORKFLOW: Final = """\
name: wireproof
on: [push, pull_request]
jobs:
  wireproof:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{ python-version: "3.12" }}
      - run: pip install wireproof  # or, until it is on an index, the path of a clone
      - run: ./start-my-server &  # write how yours starts
      - run: wireproof check {target} --protocol {module}.py:{name} --out wire
      - if: always()
        run: wireproof report wire/results.json --markdown - >> "$GITHUB_STEP_SUMMARY"
      - if: always()
        uses: actions/upload-artifact@v4
        with: {{ name: wireproof, path: wire }}
"""
