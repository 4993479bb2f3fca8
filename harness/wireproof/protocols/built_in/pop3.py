r"""POP3 (RFC 1939): a mailbox whose contents are learnt from the server, and must not change.

The opening logs in and asks for sizes and names of all messages. Everything later is compared with
that: lists, counts, which messages there are, how many octets each has and, once it was sent, its
text. Messages are marked as deleted only within a request that unmarks them again, and QUIT never
follows a mark: a check leaves the mailbox as it was.

Servers that lock a mailbox want one for each connection: `user=wp00000000` becomes the number of
the connection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.command_lines import CommandLines
from wireproof.protocols.built_in.maildrop import Maildrop
from wireproof.protocols.framing import find_end
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Expected
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_STLS = b"STLS\r\n"
_END = b"\r\n.\r\n"
_OK = re.compile(rb"\+OK[^\r\n]*\r\n")
_REFUSAL = re.compile(rb"-ERR[^\r\n]*\r\n")
_STATUS = re.compile(rb"(?:\+OK|-ERR)[^\r\n]*\r\n")
_LINES = re.compile(rb"(?:-ERR[^\r\n]*|\+OK[^\r\n]*(?:\r\n(?![.])[ -~]+)*\r\n[.])\r\n")
"""Names of messages and capabilities are printable ASCII (RFC 1939, section 7; RFC 2449)."""
_TEXT = re.compile(rb"(?:-ERR[^\r\n]*|\+OK[^\r\n]*(?:\r\n(?![.]\r\n)[^\n]*)*\r\n[.])\r\n")
_LIST = re.compile(rb"\+OK[^\r\n]*(?:\r\n[1-9][0-9]* [0-9]+(?: [^\r\n]*)?)*\r\n[.]\r\n")
_MANY_LINES = re.compile(
    rb"(?:LIST|UIDL|CAPA|RETR +[0-9]+|TOP +[0-9]+ +[0-9]+) *\r\n", re.IGNORECASE
)
_NUMBERS = (1, 2, 3, 4, 100)
_FAR_NUMBERS = (0, 255, 256, 65_536, 2**31 - 1, 2**31, 2**32 + 1)
"""No mailbox has them; the last is 1 to whoever keeps 32 bits of it."""


class Pop3(CommandLines):
    """POP3: what a mailbox lists, counts and sends agrees."""

    name = "pop3"
    source = "RFC 1939; RFC 2449 for CAPA and pipelining; RFC 2595 for STLS"
    half_close: ClassVar[Level] = Level.MAY
    pipelining: bool = False
    """RFC 2449, section 6.6: only where the server's reply to CAPA offers PIPELINING."""
    user: str = "wireproof"
    password: str = ""
    """The same as the name, unless it is set."""
    exact_sizes: bool = True
    """Whether a message has as many octets as is said (RFC 1939, section 11)."""
    starttls: bool = False
    """RFC 2595: whether TLS begins inside the connection, before the log-in."""

    def __init__(self) -> None:
        """Start with nothing known of the mailbox."""
        self._maildrop = Maildrop()

    def greeting(self) -> re.Pattern[bytes]:
        """Return +OK and whatever the server says of itself."""
        return _OK

    def opening(self) -> list[bytes]:
        """Log in, behind STLS if that is wanted, and ask what there is."""
        first = [_STLS] if self.starttls else []
        login = f"USER {self.user}\r\n", f"PASS {self.password or self.user}\r\n"
        return [*first, *(line.encode() for line in login), b"LIST\r\n", b"UIDL\r\n", b"STAT\r\n"]

    def begins_tls(self, request: bytes) -> bool:
        """Say whether it is STLS."""
        return request == _STLS

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return questions, texts, deletions that are taken back, and the goodbye."""
        from hypothesis import strategies as st

        there, far = st.sampled_from(_NUMBERS), st.sampled_from(_FAR_NUMBERS)
        lists = st.sampled_from([b"LIST", b"UIDL"])
        return {
            "noop": st.just(b"NOOP\r\n"),
            "stat": st.just(b"STAT\r\n"),
            "rset": st.just(b"RSET\r\n"),
            "list": lists.map(lambda keyword: keyword + b"\r\n"),
            "one": st.builds(_about, st.sampled_from([b"LIST", b"UIDL", b"RETR"]), there),
            "none": st.builds(_about, st.sampled_from([b"LIST", b"UIDL", b"RETR", b"DELE"]), far),
            "top": st.builds(_top, there, st.sampled_from([0, 1, 2, 10, 2**31 - 1])),
            "dele": st.builds(_deleted, there),
            "case": st.sampled_from([b"noop\r\n", b"sTaT\r\n", b"list\r\n", b"Rset\r\n"]),
            "capa": st.just(b"CAPA\r\n"),
            "close": st.just(b"QUIT\r\n"),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return what a client asks that looks for new mail, and fetches some."""
        from hypothesis import strategies as st

        kinds = self.kinds()
        retr = st.sampled_from([b"RETR 1\r\n", b"RETR 2\r\n"])
        return {"stat": (kinds["stat"], 30), "list": (kinds["list"], 30), "retr": (retr, 40)}

    def malformed(self) -> SearchStrategy[bytes]:
        """Return commands that do not exist, lack an argument, or come out of turn."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                *(b"WIREPROOF\r\n", b"\r\n", b"RETR\r\n", b"RETR x\r\n", b"DELE\r\n"),
                *(b"DELE -1\r\n", b"TOP\r\n", b"NOOPNOOP\r\n", b"STATLIST 1\r\n"),
                b"USER wireproof\r\n",
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what RFC 1939 says of numbers, keywords and deletions."""
        return [
            Rule(
                "POP3-001",
                Level.MUST,
                "A message that is marked as deleted is gone until RSET brings it back.",
                "RFC 1939 section 5",
                "A client that reads on gets other messages than it asked for.",
                ((_deleted(1), b"LIST\r\n", _deleted(2), _about(b"RETR", 1)),),
            ),
            Rule(
                "POP3-002",
                Level.MUST,
                "A number that no message has is refused, however large.",
                "RFC 1939 section 5",
                "A number that is cut to 32 bits names a message that nobody asked for.",
                (tuple(_about(b"RETR", number) for number in _FAR_NUMBERS),),
            ),
            Rule(
                "POP3-003",
                Level.MUST,
                "Keywords are accepted in upper and lower case.",
                "RFC 1939 section 3",
                "Clients write them in either case.",
                ((b"noop\r\n", b"sTaT\r\n", b"list\r\n", b"rSET\r\n"),),
            ),
        ]

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int | None:
        """Return where the line ends, or the last one of several, which is a dot."""
        if not (b"+OK".startswith(buffer[:3]) or b"-ERR".startswith(buffer[:4])):
            raise MalformedReplyError("neither +OK nor -ERR at the start")
        end = find_end(buffer, b"\r\n")
        if end is None or buffer[:1] == b"-" or not _MANY_LINES.fullmatch(request):
            return end
        return find_end(buffer, _END, end - 2)

    def refused(self, reply: bytes) -> bool:
        """Say whether it is -ERR."""
        return reply.startswith(b"-ERR")

    def closes(self, reply: bytes) -> bool:
        """Say whether the server gives up: too many commands in a row that it refused."""
        return self.refused(reply) and b"too many" in reply.lower()

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it gives up without having been asked."""
        return self.closes(message)

    def expected(self, request: bytes) -> Expected:
        """Return the form of the reply; `heard` compares what it says."""
        keyword, *arguments = request.upper().split() or [b""]
        if keyword in {b"RETR", b"TOP"}:
            return _TEXT
        if keyword in {b"UIDL", b"CAPA"} and not arguments:
            return _LINES  # both are optional
        if keyword == b"LIST" and not arguments:
            return _LIST
        return _STATUS if arguments and keyword in {b"LIST", b"UIDL", b"DELE"} else _OK

    def heard(self, reply: bytes, request: bytes) -> str:
        """Compare what the server says of its mailbox with what it said before."""
        return self._maildrop.heard(request, reply, exact_sizes=self.exact_sizes)


def _about(keyword: bytes, number: int) -> bytes:
    """Return a command about a message, and NOOP: servers count refusals that follow each other."""
    return b"%b %d\r\nNOOP\r\n" % (keyword, number)


def _top(number: int, lines: int) -> bytes:
    """Return a question for a text, which is known then, and for its beginning."""
    return b"RETR %d\r\nTOP %d %d\r\nNOOP\r\n" % (number, number, lines)


def _deleted(number: int) -> bytes:
    """Return a deletion, what shows it, and the end of it."""
    shown = b"DELE %d\r\nRETR %d\r\nLIST %d\r\nSTAT\r\nLIST\r\nRSET\r\nSTAT\r\n"
    return shown % (number, number, number)
