r"""IMAP (RFC 3501, RFC 9051): a mailbox of the connection's own, what is put there and read back.

The opening logs in, makes a mailbox named after the connection anew, selects it and appends one
message, by a literal for which the client waits. NOOP has the server tell of it, which it should
have done by itself, and needn't (section 6.3.11). What is fetched later is known to the octet. A
reply is all that comes up to the tagged response, so that a server may tell of flags and sizes
where it likes.
"""

from __future__ import annotations

import re
from itertools import compress
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.imap_responses import (
    JUDGED,
    ResponseCursor,
    expunges,
    responses,
    status,
    told_after,
)
from wireproof.protocols.built_in.private_keys import PLACEHOLDER, with_serial
from wireproof.protocols.framing import ends
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected, Judge
from wireproof.protocols.request_reply import RequestReply
from wireproof.protocols.sizes import BORDER_SIZES, octets, padded
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_TAG = re.compile(rb"(?:^|(?<=\r\n))w[0-9]{8}(?=[a-z] )")
_ANY_TAG = b"w00000000"
_STARTTLS = b"STARTTLS"
_TELLING = frozenset({b"NOOP", b"SELECT", b"EXPUNGE"})
"""Commands behind which a server has told of every message."""
_LITERAL_END = re.compile(rb"\{([0-9]+)(\+?)\}\r\n")
_ANNOUNCES = re.compile(rb"w[0-9]{8}[a-z] [^\r\n]*\{[0-9]+\}\r\n")
_LETTERS = b"abcdefghijklmnopqrstuvwxyz (){}*+"
_HEAD = b"Subject: wireproof\r\n\r\n"
_MESSAGE = _HEAD + (
    b"w00000000a OK this is text\r\n* 7 EXISTS\r\n.\r\n+ go on\r\n{5}\r\n"
    b"* 1 FETCH (BODY[] {3}\r\n)\r\nend\r\n"
)
"""What the first message says: lines that look like responses."""


class Imap(RequestReply):
    """IMAP: literals, and messages that come back to the octet."""

    name = "imap"
    source = "RFC 3501; RFC 9051; RFC 7888 for literals that nobody waits for"
    half_close: ClassVar[Level] = Level.MAY
    pipelining: bool = False
    """A server may run commands side by side (section 5.5), so that what they tell is mixed."""
    user: str = "wireproof"
    """Where it holds wp00000000, each connection has a user of its own."""
    password: str = ""
    """The same as the name, unless it is set."""
    mailbox: str = PLACEHOLDER.decode()
    """Deleted and made anew by each connection; wp00000000 becomes its number."""
    literal_plus: bool = False
    """RFC 7888: only where CAPABILITY offers LITERAL+."""
    starttls: bool = False
    """RFC 3501, section 6.2.1: whether TLS begins inside the connection, before the log-in."""

    def __init__(self) -> None:
        """Start with an empty mailbox, and no literal under way."""
        self._cursor = ResponseCursor()
        self._messages: list[bytes] = []
        self._begun = b""
        self._told = 0

    def greeting(self) -> Judge:
        """Return an untagged OK."""
        return Judge(lambda reply: reply[:5].upper() == b"* OK ", "an untagged OK")

    def opening(self) -> list[bytes]:
        """Log in, behind STARTTLS if that is wanted, and make a mailbox with one message."""
        first = [_STARTTLS] if self.starttls else []
        login = f'LOGIN "{self.user}" "{self.password or self.user}"'.encode()
        box = self.mailbox.encode()
        commands = [*first, login, b"DELETE " + box, b"CREATE " + box, b"SELECT " + box]
        return [*map(_command, commands), self._append(_MESSAGE), _command(b"NOOP")]

    def begins_tls(self, request: bytes) -> bool:
        """Say whether it is STARTTLS, with whatever tag."""
        return request.endswith(b"a " + _STARTTLS + b"\r\n")

    def personalise(self, request: bytes, serial: int) -> bytes:
        """Put the connection's number into the names of its mailbox and user."""
        return with_serial(request, serial)

    def numbered(self, request: bytes, number: int) -> bytes:
        """Give each command a tag of its own."""
        return _TAG.sub(b"w%08d" % (number % 10**8), request)

    def requests(self) -> SearchStrategy[bytes]:
        """Return a command, or several about one message."""
        from hypothesis import strategies as st

        return st.one_of(*(each for name, each in self.kinds().items() if name != "close"))

    def example(self) -> bytes:
        """Return NOOP."""
        return _command(b"NOOP")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return what asks, what stores and reads back, and the goodbye."""
        from hypothesis import strategies as st

        items = [
            *(b"UID", b"RFC822.SIZE", b"BODY.PEEK[]", b"BODY.PEEK[HEADER]", b"BODY.PEEK[TEXT]"),
            *(b"BODY.PEEK[]<0.10>", b"BODY.PEEK[]<5.1>", b"BODY.PEEK[TEXT]<1000.7>"),
        ]
        some = st.lists(st.sampled_from(items), min_size=1, max_size=3, unique=True)
        sizes = st.one_of(st.integers(0, 300), st.sampled_from(BORDER_SIZES))
        box = self.mailbox.encode()
        return {
            "noop": st.just(_command(b"NOOP")),
            "capability": st.just(_command(b"CAPABILITY")),
            "list": st.just(_command(b'LIST "" "%b"' % box)),
            "list-literal": st.just(self._with_literal(b'LIST "" ', box)),
            "fetch": some.map(lambda names: _command(b"FETCH 1 (%b)" % b" ".join(names))),
            "message": sizes.map(lambda size: self._kept(octets(size, _LETTERS))),
            "case": st.sampled_from([b"noop", b"Fetch 1 rfc822.size", b"capaBILITY"]).map(_command),
            "close": st.just(_command(b"LOGOUT")),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return what a client asks that has a mailbox open."""
        from hypothesis import strategies as st

        kinds = self.kinds()
        fetch = st.just(_command(b"FETCH 1 (UID BODY.PEEK[])"))
        return {"noop": (kinds["noop"], 30), "list": (kinds["list"], 10), "fetch": (fetch, 60)}

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return a message with that text, which is read back; none of a text with NUL."""
        is_text = b"\0" not in payload and not re.search(rb"\r(?!\n)|(?<!\r)\n", payload)
        return self._kept(payload) if is_text else None

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message of letters, which is read back."""
        return padded(size_bytes, self._kept, _LETTERS[:26])

    def malformed(self) -> SearchStrategy[bytes]:
        """Return commands that do not exist, lack arguments, or are none."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                *(b"x WIREPROOF\r\n", b"x FETCH\r\n", b"x FETCH a b\r\n", b"x\r\n", b"* NOOP\r\n"),
                *(b"x SELECT\r\n", b"x FETCH 1 (BODY[\r\n", b'x LIST "" "\r\n'),
                b"x APPEND wp00000000 {a}\r\n",
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what the RFC says of literals, partial texts and tags."""
        partial = b"FETCH 1 (BODY.PEEK[]<0.1> BODY.PEEK[TEXT]<8.4> BODY.PEEK[]<9999.1>)"
        return [
            Rule(
                "IMAP-001",
                Level.MUST,
                "A literal has as many octets as announced, whatever they look like.",
                "RFC 3501 section 4.3",
                "Lines of a message that look like commands are executed.",
                (
                    (self._kept(b"w1 LOGOUT\r\n{9}\r\n"), self._kept(b""), _command(b"NOOP")),
                    (self._kept(b"{3}"), self._kept(b"{3+}"), _command(b"NOOP")),
                ),
            ),
            Rule(
                "IMAP-002",
                Level.MUST,
                "A partial text begins at the octet asked for, and ends with the text.",
                "RFC 3501 section 6.4.5",
                "Clients that fetch large messages in parts assemble wrong ones.",
                ((_command(partial), _command(b"FETCH 1 BODY.PEEK[]<10.100000>")),),
            ),
            Rule(
                "IMAP-003",
                Level.MUST,
                "Names of commands and items are accepted in upper and lower case.",
                "RFC 3501 section 9",
                "Clients write them in either case.",
                ((_command(b"noop"), _command(b"fEtCh 1 (rfc822.size body.peek[text])")),),
            ),
        ]

    def _with_literal(self, text: bytes, literal: bytes) -> bytes:
        plus = b"+" if self.literal_plus else b""
        return _command(text + b"{%d%b}\r\n" % (len(literal), plus) + literal)

    def _append(self, message: bytes) -> bytes:
        return self._with_literal(b"APPEND %b " % self.mailbox.encode(), message)

    def _kept(self, text: bytes) -> bytes:
        """Return what stores a message, reads it back, and removes it."""
        commands = [
            (b"b", b"NOOP"),
            (b"c", b"FETCH 2 (RFC822.SIZE BODY.PEEK[])"),
            (b"d", b"STORE 2 +FLAGS.SILENT (\\Deleted)"),
            (b"e", b"EXPUNGE"),
        ]
        return self._append(_HEAD + text) + b"".join(_command(*each[::-1]) for each in commands)

    def is_last(self, request: bytes) -> bool:
        """Say whether it is the goodbye."""
        return request.endswith(b" LOGOUT\r\n")

    def parts(self, request: bytes) -> Sequence[bytes]:
        """Return commands, each with its literals; one that is waited for begins a part."""
        found: list[bytes] = []
        start = at = 0
        while at < len(request):
            end = request.index(b"\r\n", at) + 2
            literal = _LITERAL_END.search(request, at, end)
            at = end + int(literal[1]) if literal else end
            if not literal or not literal[2]:
                found.append(request[start:end])
                start = end
        return found

    def pauses(self, request: bytes) -> Sequence[int]:
        """Return where each part but the last ends; with pipelining, where a literal begins."""
        parts = self.parts(request)[:-1]
        waited_for = (_awaits_more(part) or not self.pipelining for part in parts)
        return list(compress(ends(parts), waited_for))

    def reply_length(self, buffer: bytearray, request: bytes = b"") -> int | None:
        """Return where the tagged response ends, or the one that asks for the literal."""
        more = _awaits_more(request)
        return self._cursor.end(buffer, awaits_more=more, is_alone=not request)

    def answerable_at(self, message: bytes) -> int:
        """Return where the last CR ends: no line ends otherwise, so that CR is enough."""
        return len(message) - 1

    def unsolicited(self, message: bytes) -> bool:
        """Say whether it is untagged: a server may tell what it likes, unasked."""
        return message[:2] == b"* "

    def closes(self, reply: bytes) -> bool:
        """Say whether it has BYE."""
        return any(each[:5].upper() == b"* BYE" for each in responses(reply))

    def refused(self, reply: bytes) -> bool:
        """Say whether its status is NO or BAD."""
        return status(reply)[1] in {b"NO", b"BAD"}

    def in_words(self, reply: bytes) -> str:
        """Return the last response."""
        *_, last = [b"", *responses(reply)]
        return first_line(last)

    def expected(self, request: bytes) -> Expected:
        """Return what accepts the responses to a command, or to one part of it."""
        if _awaits_more(request):
            self._begun = request
            return Judge(lambda reply: status(reply)[0] == b"+", "a request to go on")
        begun, self._begun = self._begun, b""
        command = begun or request
        literal = _LITERAL_END.search(command)
        content = b""
        if literal:
            start = 0 if begun else literal.end()
            content = request[start : start + int(literal[1])]
        tag, keyword, *rest = command.split(None, 3)
        return self._judge(tag, keyword.upper(), rest, content)

    def heard(self, reply: bytes, request: bytes) -> str:
        """Count the messages that the server has told of."""
        del request
        self._told = told_after(self._told, reply)
        return ""

    def _judge(self, tag: bytes, keyword: bytes, rest: list[bytes], content: bytes) -> Judge:
        if keyword == b"APPEND":
            self._messages.append(content)
        elif keyword == b"EXPUNGE":
            del self._messages[1:]
        count, message = len(self._messages), b""
        if keyword == b"FETCH" and int(rest[0]) <= count:
            message = self._messages[int(rest[0]) - 1]
        words = [*rest, content] if content else rest

        def accepts(reply: bytes) -> bool:
            found, word = status(reply)
            if found != tag or (word != b"OK" and keyword != b"DELETE"):
                return False
            told = told_after(self._told, reply)
            problem = JUDGED[keyword](reply, words, message) if keyword in JUDGED else ""
            if problem and message and not message.endswith(b"\r\n"):  # a server may end its line
                problem = JUDGED[keyword](reply, words, message + b"\r\n")
            if told != count and (keyword in _TELLING or expunges(reply)):
                problem = f"{told} messages, where there are {count}"
            if problem:
                raise MalformedReplyError(problem)
            return True

        return Judge(accepts, f"responses up to {tag.decode('latin-1')} OK")


def _awaits_more(part: bytes) -> bool:
    """Say whether it announces a literal; the text of one may look so, but has no tag before."""
    return _ANNOUNCES.fullmatch(part) is not None


def _command(text: bytes, letter: bytes = b"a") -> bytes:
    return _ANY_TAG + letter + b" " + text + b"\r\n"
