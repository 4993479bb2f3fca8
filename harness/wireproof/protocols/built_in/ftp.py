"""FTP's control connection (RFC 959): codes, and the folder that a connection is in.

The opening logs in and asks for the folder. Where a later PWD finds it is known, as far as names
tell: the parent of a folder is asked for again, since a link has two. No data connection is made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.command_lines import CommandLines
from wireproof.protocols.built_in.private_keys import PLACEHOLDER
from wireproof.protocols.framing import LineCursor
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Expected, Reply
from wireproof.results import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_LINE = re.compile(rb"[1-5][0-9]{2}(?:[ -].*)?", re.DOTALL)
_QUOTED = re.compile(rb'257 "((?:[^"\r\n]|"")*)"')
_OWN = re.compile(rb"/wp[0-9]{8}$")
"""A folder that was made, and so is no link."""
_NOWHERE = b"wireproof-none"
_CODES = {
    b"USER": b"230 331",
    b"PASS": b"202 230",
    b"NOOP": b"200",
    b"SYST": b"215 500 502",
    b"TYPE": b"200",
    b"MODE": b"200",
    b"STRU": b"200",
    b"PWD": b"257",
    b"CWD": b"250",
    b"CDUP": b"200 250",
    b"MKD": b"257 521 550",
    b"RMD": b"250",
    b"HELP": b"211 214 500 502",
    b"FEAT": b"211 500 502",
    b"RNFR": b"450 550",
    b"QUIT": b"221",
}
"""By command, RFC 959 sections 5.1 and 5.4, RFC 2389 for FEAT; RNFR names no file."""


class Ftp(CommandLines):
    """FTP: the control connection, and the folder that it is in."""

    name = "ftp"
    source = "RFC 959; RFC 2389 for FEAT"
    half_close: ClassVar[Level] = Level.MAY
    pipelining: bool = False
    """RFC 959, section 5.4: the dialogue alternates."""
    max_reply_bytes: int = 64 * 1024
    user: str = "anonymous"
    password: str = ""
    """The same as the name, unless it is set."""
    writes: bool = False
    """Whether the user may make folders, and remove them; each connection makes its own."""

    def __init__(self) -> None:
        """Start with no reply under way, and no folder known."""
        self._cursor = LineCursor()
        self._code = b""
        self._at: bytes | None = None

    def greeting(self) -> list[Reply]:
        """Return 220, before which a server may ask for patience."""
        return [Reply(_reply(b"120"), optional=True), Reply(_reply(b"220"))]

    def opening(self) -> list[bytes]:
        """Log in, and ask for the folder."""
        login = f"USER {self.user}\r\n", f"PASS {self.password or self.user}\r\n", "PWD\r\n"
        return [line.encode() for line in login]

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return what asks, what sets, what moves to a folder, and the goodbye."""
        from hypothesis import strategies as st

        asks = [b"SYST", b"PWD", b"HELP", b"FEAT"]
        sets = [b"TYPE I", b"TYPE A", b"MODE S", b"STRU F"]
        moves = [b"/", b".", b"..", _NOWHERE]
        folder = {"folder": st.just(_FOLDER)} if self.writes else {}
        return {
            "noop": st.just(b"NOOP\r\n"),
            "ask": st.sampled_from(asks).map(_line),
            "set": st.sampled_from(sets).map(_line),
            "move": st.lists(st.sampled_from(moves), min_size=1, max_size=3).map(_moved),
            "none": st.just(b"RNFR " + _NOWHERE + b"\r\nNOOP\r\n"),
            "case": st.sampled_from([b"noop", b"Type i", b"pWD", b"syst"]).map(_line),
            **folder,
            "close": st.just(b"QUIT\r\n"),
        }

    def workload(self) -> dict[str, tuple[SearchStrategy[bytes], float]]:
        """Return what a client says that finds its way to a file."""
        from hypothesis import strategies as st

        kinds = {"noop": (b"NOOP\r\n", 20), "type": (b"TYPE I\r\n", 30), "pwd": (b"PWD\r\n", 20)}
        drawn = {name: (st.just(line), float(weight)) for name, (line, weight) in kinds.items()}
        return {**drawn, "cwd": (st.just(b"CWD /\r\n"), 30)}

    def malformed(self) -> SearchStrategy[bytes]:
        """Return commands that do not exist, lack an argument, or are out of turn."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                *(b"WIREPROOF\r\n", b"\r\n", b"TYPE Z\r\n", b"MODE Q\r\n", b"STRU Q\r\n"),
                *(b"RNTO wireproof-none\r\n", b"PORT 1,2\r\n", b"TYPE\r\n", b"NOOPNOOP\r\n"),
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what RFC 959 says of folders and of letters."""
        return [
            Rule(
                "FTP-001",
                Level.MUST,
                "PWD names the folder in quotes, and a refused CWD changes nothing.",
                "RFC 959 sections 4.1.1 and 5.4",
                "A client goes on in a different folder than it thinks.",
                ((_moved([b"/", _NOWHERE, b".", b".."]), b"PWD\r\n"),),
            ),
            Rule(
                "FTP-002",
                Level.MUST,
                "Commands are accepted in upper and lower case.",
                "RFC 959 section 5.3",
                "Clients write them in either case.",
                ((b"noop\r\n", b"Type i\r\n", b"pWD\r\n", b"cwd /\r\n"),),
            ),
        ]

    def reply_length(self, buffer: bytearray) -> int | None:
        """Return where the line ends, or of several the one with the first one's code."""
        while (line := self._cursor.line(buffer)) is not None:
            if not self._code and not _LINE.fullmatch(line):
                raise MalformedReplyError("a line without a code of three digits")
            self._code = self._code or line[:3]
            if line[:3] == self._code and line[3:4] in {b" ", b""}:
                self._code = b""
                return self._cursor.end(buffer)
        return None

    def refused(self, reply: bytes) -> bool:
        """Say whether its code is one of failure."""
        return reply.startswith((b"4", b"5"))

    def closes(self, reply: bytes) -> bool:
        """Say whether the server gives up."""
        return reply.startswith(b"421")

    def expected(self, request: bytes) -> Expected:
        """Return the codes of a command."""
        keyword, *arguments = request.upper().split() or [b""]
        codes = _CODES.get(keyword, b"500 501 502 503 504 550").split()
        if keyword in {b"CWD", b"CDUP"} and arguments not in ([b"/"], [b"."]):
            codes = [b"550"] if arguments == [_NOWHERE.upper()] else [*codes, b"550"]
        return _reply(*codes)

    def heard(self, reply: bytes, request: bytes) -> str:
        """Follow the connection from folder to folder."""
        keyword, *arguments = request.split() or [b""]
        keyword = keyword.upper()
        if keyword == b"PWD":
            quoted = _QUOTED.match(reply)
            if not quoted:
                return "no folder in quotes"
            found = quoted[1].replace(b'""', b'"')
            at, self._at = self._at, found
            return "" if at in {None, found} else f"it was in {first_line(at or b'')}"
        if keyword in {b"CWD", b"CDUP"} and not self.refused(reply):
            self._at = _moved_to(self._at, arguments[0] if arguments else b"..")
        return ""


_FOLDER = b"MKD %b\r\nCWD %b\r\nPWD\r\nCDUP\r\nPWD\r\nRMD %b\r\n" % ((PLACEHOLDER,) * 3)


def _line(command: bytes) -> bytes:
    return command + b"\r\n"


def _moved(names: Sequence[bytes]) -> bytes:
    """Return what goes to folders, one after the other, and asks where it is."""
    return b"".join(b"CWD %b\r\nPWD\r\n" % name for name in names)


def _moved_to(at: bytes | None, name: bytes) -> bytes | None:
    """Return where a move to `name` leads, or None where only the server knows."""
    if name == b"/" or at is None:
        return b"/" if name == b"/" else None
    if name == b"..":
        own = _OWN.search(at)
        return at if at == b"/" else at[: max(1, own.start())] if own else None
    return at if name == b"." else at.rstrip(b"/") + b"/" + name


def _reply(*codes: bytes) -> re.Pattern[bytes]:
    """Return a pattern of a reply with one of the codes (RFC 959, section 4.2)."""
    several = rb"(?:%b-[^\r\n]*\r\n(?:(?!%b[ \r])[^\r\n]*\r\n)*)?%b(?: [^\r\n]*)?\r\n"
    return re.compile(b"|".join(several % (code, code, code) for code in codes))
