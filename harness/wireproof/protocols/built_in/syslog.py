"""Syslog over TCP (RFC 6587, RFC 5424): each message becomes a line of the server's file.

The text has to stand at the end of its line, to the octet; what goes before it is the server's own
(a time, a host, a tag). Texts are of printable ASCII, which no server escapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.written_lines import WrittenLines, key
from wireproof.protocols.replies import Expected, Judge
from wireproof.protocols.sizes import LETTERS, octets, padded
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_TEXT = re.compile(rb"wp[0-9]{8} n[0-9]{8} .*", re.DOTALL)
_IDENTITY = re.compile(rb"wp[0-9]{8} n[0-9]{8}")
_PRINTABLE = re.compile(rb"[!-~](?:[ -~]*[!-~])?")
_HEADER = b"<%d>1 2026-01-01T00:00:00Z client.example.com wireproof - - - "
_LEGACY_HEADER = b"<%d>Jan  1 00:00:00 client wireproof: "
_SIGNS = "abcxyz0189 .,:;<>[](){}=%\\\"'-_/|#@!?*+~^`&$"
_NOTICE = 13


class Syslog(WrittenLines):
    """Syslog over TCP: every message is written, whole and once."""

    name = "syslog"
    source = "RFC 6587; RFC 5424; RFC 3164 for legacy messages"
    levels: ClassVar[Mapping[str, Level]] = MappingProxyType(
        dict.fromkeys(("SIZE-POWERS", "SIZE-BUFFER", "SEG-LENGTHS"), Level.SHOULD)
    )
    """RFC 5424, section 6.1: 480 octets must be taken, 2,048 should."""
    max_request_bytes: int = 2048
    octet_counting: bool = False
    """RFC 6587, section 3.4.1: a length goes before each message; else a newline ends it."""
    legacy: bool = False
    """Whether messages are those of RFC 3164, for servers that take no others."""

    def requests(self) -> SearchStrategy[bytes]:
        """Return a message of a short text."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a message of a few words."""
        return self._message(b"hello from the client")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return messages of any severity, of many signs, and of sizes around powers of two."""
        from hypothesis import strategies as st

        texts = st.text(_SIGNS, max_size=60).map(lambda text: f"x{text}x".encode())
        sizes = st.sampled_from([1, 127, 128, 129, 255, 256, 257])
        return {
            "text": texts.map(self._message),
            "severity": st.integers(0, 191).map(lambda pri: self._message(b"so severe", pri)),
            "long": sizes.map(lambda size: self._message(octets(size, LETTERS))),
            "digits": st.sampled_from([b"0", b"12 <13>1 -", b"<13>1", b"99999 x"]).map(
                self._message
            ),
        }

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return a message with that text, if it is one of printable ASCII."""
        return self._message(payload) if _PRINTABLE.fullmatch(payload) else None

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message of letters."""
        return padded(size_bytes, lambda text: self._message(text or b"x"), LETTERS)

    def malformed(self) -> SearchStrategy[bytes]:
        """Return frames whose counts are none, and messages that are none."""
        from hypothesis import strategies as st

        counts = [b"0 ", b"99999999999 <13>1 - - - - - - x", b"-5 <13>x", b"12", b"007 <13>abc"]
        lines = [b"\n", b"<\n", b"<>x\n", b"<999>x\n", b"<13\n", b"\0\n", b"\xff\xfe\n", b"<13>\n"]
        return st.sampled_from(counts if self.octet_counting else lines)

    def rules(self) -> list[Rule]:
        """Return what RFC 6587 says of texts that look like frames."""
        texts = [b"9 <13>1 - -", b"<14>1 2026-01-01T00:00:00Z a b - - - x", b"7 1 9"]
        return [
            Rule(
                "SYSLOG-001",
                Level.MUST,
                "A frame ends where its count or its newline says, whatever its text looks like.",
                "RFC 6587 section 3.4",
                "A text that looks like the next frame is logged as another's message.",
                (tuple(map(self._message, texts)),),
            ),
            Rule(
                "SYSLOG-002",
                Level.MUST,
                "A message of 480 octets is taken whole.",
                "RFC 5424 section 6.1",
                "A message that is cut loses what was at its end, or becomes two.",
                (tuple(filter(None, (self.sized_request(480), self.example()))),),
            ),
        ]

    def expected(self, request: bytes) -> Expected:
        """Return what accepts a line that ends in the text."""
        found = _TEXT.search(request)
        assert found is not None
        text = found[0] if self.octet_counting else found[0].removesuffix(b"\n")

        def accepts(line: bytes) -> bool:
            is_alone = len({*_IDENTITY.findall(line)}) == 1
            return is_alone and line.rstrip(b"\r\n").endswith(text)

        return Judge(accepts, f"a line that ends in {text[:60].decode('latin-1')!r}")

    def _message(self, text: bytes, priority: int = _NOTICE) -> bytes:
        header = (_LEGACY_HEADER if self.legacy else _HEADER) % priority
        message = header + key(b" ") + b" " + text
        return b"%d %b" % (len(message), message) if self.octet_counting else message + b"\n"
