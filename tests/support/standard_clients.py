"""Clients of Python's own library, each before a stream of bytes that already exists."""

import ftplib
import imaplib
import io
import poplib
import re
from collections.abc import Callable, Sequence
from typing import Any


def _sizes(lines: list[bytes]) -> list[list[bytes]]:
    """Return numbers and sizes; what is behind them is the server's affair."""
    return [line.split()[:2] for line in lines]


class Pop3Client(poplib.POP3):
    """Python's client before a stream of bytes."""

    def __init__(self, stream: bytes) -> None:
        """Read the greeting."""
        self.stream = stream
        super().__init__("nowhere")

    def _create_socket(self, timeout: Any) -> Any:
        stream = self.stream

        class Socket:
            def makefile(self, mode: str) -> io.BytesIO:
                return io.BytesIO(stream)

            def sendall(self, data: bytes) -> None:
                """Send nothing."""

        return Socket()

    def read(self, command: bytes) -> object:
        """Return what a command's reply says; only whether it is one, where its text is free."""
        keyword, *arguments = command.decode().upper().split()
        numbers = [int(each) for each in arguments] if keyword not in {"USER", "PASS"} else []
        asks: dict[str, Callable[..., object]] = {
            "STAT": self.stat,
            "LIST": lambda *of: self.list(*of).split()[1:3] if of else _sizes(self.list()[1]),
            "UIDL": lambda *of: self.uidl(*of).split()[1:] if of else self.uidl()[1],
            "RETR": lambda number: self.retr(number)[1],
            "TOP": lambda number, lines: self.top(number, lines)[1],
            "CAPA": lambda: bool(self.capa()),
        }
        try:
            if keyword in asks:
                return asks[keyword](*numbers)
            self._shortcmd(command.decode().strip())  # type: ignore[attr-defined]
        except poplib.error_proto as error:
            return str(error)[:6] == "b'-ERR"
        return keyword


class ImapClient(imaplib.IMAP4):
    """Python's IMAP client; the commands are others', so it only reads."""

    def __init__(self) -> None:
        """Read a greeting."""
        self._stream = io.BytesIO(b"* OK ready\r\n")
        super().__init__()
        self.tagre = re.compile(rb"(?P<tag>w[0-9]{8}[a-z]) (?P<type>[A-Za-z]+) (?P<data>.*)")

    def open(self, *where: object, **how: object) -> None:
        """Have no connection."""

    def shutdown(self) -> None:
        """Have none to close."""

    def read(self, size: int) -> bytes:
        """Return so many bytes of the stream."""
        return self._stream.read(size)

    def readline(self) -> bytes:
        """Return a line of the stream."""
        return self._stream.readline()

    def _get_capabilities(self) -> None:
        self.capabilities = ("IMAP4REV1",)

    def messages_of(self, stream: bytes, tags: Sequence[bytes]) -> list[object] | None:
        """Return the status of each command and what FETCH told; None where it is no stream."""
        self._stream = io.BytesIO(stream)
        said: list[object] = []
        commands: dict[bytes, Any] = self.tagged_commands  # type: ignore[assignment]
        try:
            for tag in tags:
                self.untagged_responses = {}
                commands[tag] = None
                while commands[tag] is None:
                    self._get_response()  # type: ignore[attr-defined]
                told = {kind.upper(): each for kind, each in self.untagged_responses.items()}
                said.append((commands[tag][0].upper(), [*map(_told, told.get("FETCH", []))]))
        except (imaplib.IMAP4.error, AttributeError, UnicodeDecodeError):
            return None
        return said


def _told(entry: Any) -> object:
    """Return a line of what FETCH told, in capitals, with its literal as it is."""
    is_literal = isinstance(entry, tuple)
    return (entry[0].upper(), entry[1]) if is_literal else entry.upper()


class FtpClient(ftplib.FTP):
    """Python's FTP client before a stream of replies."""

    def __init__(self, stream: bytes) -> None:
        """Read from `stream`."""
        super().__init__()
        self.file = io.TextIOWrapper(io.BytesIO(stream), "latin-1", newline="\r\n")

    def replies(self, count: int) -> list[str] | None:
        """Return what so many replies say: the folder of a 257, else the code; None if others."""
        said = []
        try:
            for _ in range(count):
                reply = self.getmultiline()
                if not reply[:3].isdigit():
                    return None
                folder = ftplib.parse257(reply) if reply[:4] == "257 " else ""  # noqa: S321
                said.append(folder or reply[:3])
        except (EOFError, ftplib.Error):
            return None
        return None if self.file.read() else said
