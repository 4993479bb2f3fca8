"""The files that `wireproof init` writes, and what a server that is up tells about them."""

import textwrap
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wireproof.deadline import Deadline
from wireproof.learnt.framing_source import FramingSource, framing_of, framing_source
from wireproof.target import Target
from wireproof.wire.connecting import connect
from wireproof.wire.connection import ConnectError
from wireproof.wire.observations import Data

_REPLY_S: Final = 2.0
_MORE_S: Final = 0.2
_MOST_BYTES: Final = 65536
_OTHER: Final = "other"
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


@dataclass(frozen=True, slots=True)
class Starter:
    """What the files are to say.

    Attributes:
        slug: the protocol's name, as a file's and, in another spelling, a class's.
        target: where the server listens.
        request: that the server answers.
        framing: a word of `FRAMINGS`.
        reply: to `request`, as seen; None where nothing was.
        right: the expression for the reply that is right to `request`.

    """

    slug: str
    target: str
    request: bytes
    framing: str
    reply: bytes | None
    right: str

    @property
    def class_name(self) -> str:
        """The name of the class."""
        return "".join(word.capitalize() for word in self.slug.split("_"))


def tried(target: Target, request: bytes) -> bytes | None:
    """Send a request, and return what comes until the server pauses; None where nothing does."""
    if not target.is_stream:
        return None
    try:
        connection = connect(target)
    except ConnectError:
        return None
    reply = b""
    with connection:
        if connection.send(request) != len(request):
            return None
        timeout = Deadline(_REPLY_S)
        while isinstance(seen := connection.next_observation(timeout), Data):
            reply += seen.data
            if len(reply) > _MOST_BYTES:
                break
            timeout = Deadline(_MORE_S)
    return reply or None


def found_framing(reply: bytes | None, request: bytes) -> str:
    """Return the word for the framing that explains a reply, `lines` where there is none."""
    if reply is None:
        return "lines"
    if reply.endswith(b"\n"):
        return "crlf-lines" if reply.endswith(b"\r\n") else "lines"
    found = framing_of([reply], [request])
    source = framing_source(found) if found is not None else None
    for word, known in FRAMINGS.items():
        if source is not None and known.base == source.base != "FixedSize":
            same = known.attributes == source.attributes
            if same or (known.base == "LengthPrefixed" and _prefix(reply) == word):
                return word
    return _prefix(reply) or _OTHER


def _prefix(reply: bytes) -> str:
    for width, word in ((4, "length-prefixed"), (2, "length-prefixed-2")):
        if len(reply) >= width and int.from_bytes(reply[:width]) == len(reply) - width:
            return word
    return ""


def right_reply(reply: bytes | None, request: bytes, framing: str) -> str:
    """Return the expression that gives the right reply to a request: a rule, if one explains it."""
    if reply is None or reply == request:
        return "request"
    if reply == request.upper() and framing.endswith("lines"):
        return "request.upper()"
    return repr(reply)


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
    source = FRAMINGS[starter.framing]
    drawn = starter.right.startswith("request") and starter.framing.endswith("lines")
    end = b"\r\n" if starter.framing == "crlf-lines" else b"\n"
    if drawn and starter.request.endswith(end):
        modules = "from string import ascii_letters\n\nfrom hypothesis import strategies as st\n\n"
        strategy = f"st.text(ascii_letters, max_size=200).map(lambda text: text.encode() + {end!r})"
    else:
        modules = "from hypothesis import strategies as st\n\n"
        strategy = f"st.just({starter.request!r})  # write what else may be asked"
    seen = "it was seen once" if starter.reply is not None else "nothing was seen yet"
    reply = starter.reply if starter.reply is not None else starter.request
    method = "\n".join(source.method).format(reply=repr(reply))
    attributes = "".join(f"    {line}\n" for line in source.attributes)
    return (
        f'"""How the server at {starter.target} speaks. Written by `wireproof init`."""\n\n'
        f"{modules}from wireproof import {source.base}\n\n\n"
        f"class {starter.class_name}({source.base}):\n"
        f'    """Write what the protocol is, in one line."""\n\n'
        f"{attributes}{chr(10) if attributes else ''}"
        f"    def requests(self):\n"
        f'        """Draw requests."""\n'
        f"        return {strategy}\n\n"
        f"    def expected(self, request):\n"
        f'        """Return the right reply; {seen}."""\n'
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
