"""SMTP (RFC 5321): the code of a reply is fixed, its text is not.

A transaction is one request of several messages, each with its own reply; the client waits for the
354 before it sends the text (RFC 2920, section 3.1).
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from wireproof.protocols.base import Rule
from wireproof.protocols.framing import LineCursor, ends
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import octets, padded
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_HELLO, _STARTTLS = b"EHLO client.example.com\r\n", b"STARTTLS\r\n"
_END_OF_DATA = b"\r\n.\r\n"
_LINE = re.compile(rb"[0-9]{3}(?:[ -][^\r\n]*)?")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_TEXT = b"abcdefghijklmnopqrstuvwxyz 0123456789"
_LINE_CHARACTERS = 60
_LONGEST_LINE = 998
"""RFC 5321, section 4.5.3.1.6: a thousand with its CR LF."""


class Smtp(RequestReply):
    """SMTP: greeting, EHLO, commands and whole mail transactions."""

    name = "smtp"
    source = "RFC 5321; RFC 2920 for pipelining"
    half_close = Level.MAY
    pipelining: bool = False
    """RFC 2920: only where the server's reply to EHLO offers PIPELINING."""
    max_reply_bytes: int = 64 * 1024
    """Replies are lines for people."""
    sender: str = "sender@example.com"
    recipient: str = "recipient@example.com"
    starttls: bool = False
    """RFC 3207: whether TLS begins inside the connection, behind a first EHLO."""

    def __init__(self) -> None:
        """Start with no reply under way."""
        self._cursor = LineCursor()

    def greeting(self) -> re.Pattern[bytes]:
        """Return 220 and whatever the server says of itself."""
        return _reply(b"220")

    def opening(self) -> list[bytes]:
        """Say hello; with STARTTLS once more inside TLS (RFC 3207, section 4.2)."""
        return [_HELLO, _STARTTLS, _HELLO] if self.starttls else [_HELLO]

    def begins_tls(self, request: bytes) -> bool:
        """Say whether it is STARTTLS."""
        return request == _STARTTLS

    def requests(self) -> SearchStrategy[bytes]:
        """Return a command outside a transaction, or a whole transaction."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return NOOP."""
        return b"NOOP\r\n"

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return commands, and mails of few, many and long lines."""
        from hypothesis import strategies as st

        lines = st.text(string.ascii_letters + string.digits + " .", max_size=70)
        return {
            "noop": st.just(b"NOOP\r\n"),
            "rset": st.just(b"RSET\r\n"),
            "mail": st.lists(lines.map(str.encode), max_size=8).map(self._transaction),
            "mail-many-lines": st.sampled_from([127, 128, 129, 255, 256, 257]).map(
                lambda count: self._transaction([b"line"] * count)
            ),
            "mail-long-line": st.sampled_from([127, 128, 129, 255, 256, 257, _LONGEST_LINE]).map(
                lambda size: self._transaction([octets(size, _TEXT)])
            ),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return mails of ordinary sizes."""
        from hypothesis import strategies as st

        line = octets(_LINE_CHARACTERS, _TEXT)
        mails = st.sampled_from([4, 20, 60]).map(lambda count: self._transaction([line] * count))
        return {"mail": (mails, 1)}

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a transaction with a long text."""

        def transaction(text: bytes) -> bytes:
            cut_line_end = text.endswith(b"\r")
            return self._transaction([text[:-1] + b"x" if cut_line_end else text])

        return padded(size_bytes, transaction, (_TEXT * 2)[:_LINE_CHARACTERS] + b"\r\n")

    def malformed(self) -> SearchStrategy[bytes]:
        """Return commands that do not exist or come out of turn."""
        from hypothesis import strategies as st

        return st.sampled_from([b"WIREPROOF\r\n", b"DATA\r\n", b"\r\n", b"RCPT TO:<>\r\n"])

    def rules(self) -> list[Rule]:
        """Return transparency, and the end-of-data sequences of SMTP smuggling."""
        ends = {
            1: (b"\n.\n", "LF . LF"),
            2: (b"\n.\r\n", "LF . CR LF"),
            3: (b"\r\n.\n", "CR LF . LF"),
            4: (b"\r.\r", "CR . CR"),
            5: (b"\r\n.\r", "CR LF . CR"),
        }
        smuggled = b"NOOP\r\nNOOP\r\n"
        return [
            Rule(
                "SMTP-001",
                Level.MUST,
                "A line that begins with a doubled dot is text, not the end of it.",
                "RFC 5321 section 4.5.2",
                "The rest of a text that ends too early is executed as commands.",
                ((self._transaction([b".", b"..", b"NOOP", b". "]), b"NOOP\r\n"),),
            ),
            *(
                Rule(
                    f"SMTP-{number + 1:03}",
                    Level.MUST,
                    f"{name} does not end the text: only CR LF . CR LF does.",
                    "RFC 5321 sections 2.3.8 and 4.1.1.4; CVE-2023-51764",
                    "Two servers that disagree on the end let a sender smuggle a second message.",
                    ((self._envelope() + b"text" + end + smuggled + b".\r\n", b"NOOP\r\n"),),
                )
                for number, (end, name) in ends.items()
            ),
            Rule(
                "SMTP-007",
                Level.MUST,
                "A second EHLO is accepted like the first, and resets as RSET does.",
                "RFC 5321 section 4.1.4",
                "Clients send EHLO again, above all after STARTTLS.",
                ((_HELLO, b"NOOP\r\n"),),
            ),
        ]

    def parts(self, request: bytes) -> Sequence[bytes]:
        """Return the commands of a transaction, and its text, one by one."""
        if not request.startswith(b"MAIL"):
            return (request,)
        head, data, text = request.partition(b"DATA\r\n")
        return [*head.splitlines(keepends=True), data, text]

    def pauses(self, request: bytes) -> Sequence[int]:
        """Return where DATA ends, and without pipelining where each command ends."""
        found = ends(self.parts(request)[:-1])
        return found[-1:] if self.pipelining else found

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the last line ends, the one with no hyphen behind its code."""
        while (line := self._cursor.line(buffer)) is not None:
            if not _LINE.fullmatch(line):
                raise MalformedReplyError("a line without a code of three digits")
            if line[3:4] != b"-":
                return self._cursor.end(buffer)
        return None

    def refused(self, reply: bytes) -> bool:
        """Say whether its code is one of failure."""
        return reply.startswith((b"4", b"5"))

    def in_words(self, reply: bytes) -> str:
        """Return the first line, its code and text."""
        return first_line(reply)

    def expected(self, request: bytes) -> Expected:
        """Return the code that RFC 5321 section 4.3.2 gives for success."""
        if request == b"DATA\r\n":
            return _reply(b"354")
        if request == _STARTTLS:
            return _reply(b"220")
        if request.endswith(_END_OF_DATA) and _BARE.search(request):
            return _ANY_REPLY  # a server may refuse bare CR and LF
        return _reply(b"250", b"251") if request.startswith(b"RCPT") else _reply(b"250")

    def closes(self, reply: bytes) -> bool:
        """Say whether the server gives up, as it may on bare CR and LF."""
        return reply.startswith((b"421", b"521"))

    def _envelope(self) -> bytes:
        text = f"MAIL FROM:<{self.sender}>\r\nRCPT TO:<{self.recipient}>\r\nDATA\r\n"
        return text.encode()

    def _transaction(self, lines: list[bytes]) -> bytes:
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        text = b"".join(line + b"\r\n" for line in [b"Subject: wireproof", b"", *stuffed])
        return self._envelope() + text + b".\r\n"


def _lines(code: bytes) -> bytes:
    return rb"(?:%b-[^\r\n]*\r\n)*%b(?: [^\r\n]*)?\r\n" % (code, code)


def _reply(*codes: bytes) -> re.Pattern[bytes]:
    """Return a pattern of lines that all have the same code (RFC 5321, section 4.2.1)."""
    return re.compile(b"|".join(map(_lines, codes)))


def _same_digit(at: int) -> bytes:
    digits = (b"." * at + b"%d" % digit + b"." * (2 - at) for digit in range(10))
    return b"(?=%b)" % b"|".join(map(_lines, digits))


# Digit by digit, for scripts that replay a failure join patterns, and have no back references.
_ANY_REPLY = re.compile(b"".join(map(_same_digit, range(3))) + _lines(b"[245][0-9][0-9]"))
