"""Right servers of mail protocols, without a socket: what they answer to one command."""

import re
from collections.abc import Sequence

MESSAGES = (
    b"Subject: one\r\n\r\n.\r\n..\r\n.begins with a dot\r\n\r\nend\r\n",
    b"Subject: two\r\n\r\n",
)


class ImapServer:
    """A mailbox that begins empty; RFC 3501 in a few lines."""

    def __init__(self) -> None:
        """Have no messages."""
        self.messages: list[bytes] = []
        self._waiting = b""

    def answer(self, part: bytes) -> bytes:
        """Return the responses to a part of a request, or the greeting."""
        if not part:
            return b"* OK ready\r\n"
        if not self._waiting and re.search(rb"\{[0-9]+\}\r\n$", part):
            self._waiting = part
            return b"+ go on\r\n"
        command, self._waiting = self._waiting or part, b""
        size = re.search(rb"\{([0-9]+)(\+?)\}\r\n", command)
        literal = part[size.end() if size[2] else 0 :][: int(size[1])] if size else b""
        tag, keyword, *rest = command.split(None, 3)
        said = getattr(self, "_" + keyword.decode().lower(), self._nothing)(rest, literal)
        return b"".join([*(b"* " + line + b"\r\n" for line in said), tag + b" OK done\r\n"])

    def _nothing(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        return []

    def _logout(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        return [b"BYE"]

    def _capability(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        return [b"CAPABILITY IMAP4rev1 LITERAL+"]

    def _select(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        return [b"FLAGS (\\Deleted)", b"0 EXISTS", b"OK [UIDVALIDITY 1] valid"]

    def _list(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        return [b'LIST (\\HasNoChildren) "/" ' + (literal or rest[-1].strip())]

    def _append(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        self.messages.append(literal)
        return []

    def _noop(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        return [b"%d EXISTS" % len(self.messages), b"0 RECENT"]

    def _expunge(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        self.messages.pop()
        return [b"%d EXPUNGE" % (len(self.messages) + 1)]

    def _fetch(self, rest: list[bytes], literal: bytes) -> list[bytes]:
        message = self.messages[int(rest[0]) - 1]
        items = [self.item(name, message) for name in rest[1].strip(b"()\r\n").upper().split()]
        return [b"%b FETCH (%b)" % (rest[0], b" ".join(items))]

    def item(self, name: bytes, message: bytes) -> bytes:
        """Return an item of a message with its name."""
        if name in {b"UID", b"RFC822.SIZE"}:
            return b"%b %d" % (name, len(message) if name != b"UID" else 7)
        head_bytes = message.index(b"\r\n\r\n") + 4
        what = name.removeprefix(b"BODY.PEEK")
        section, _, portion = what.partition(b"]")
        text = {b"[": message, b"[HEADER": message[:head_bytes], b"[TEXT": message[head_bytes:]}
        told, label = text[section], b"BODY" + section + b"]"
        if portion:
            start, size = map(int, portion.strip(b"<>").split(b"."))
            told, label = told[start:][:size], label + b"<%d>" % start
        if not told:
            return label + b' ""'
        return label + b" {%d}\r\n%b" % (len(told), told)


class Pop3Server:
    """A mailbox after the log-in; RFC 1939 in a few lines."""

    def __init__(self, messages: Sequence[bytes] = MESSAGES) -> None:
        """Serve these, none of them marked as deleted."""
        self.messages = messages
        self.deleted: set[int] = set()

    def there(self) -> dict[int, bytes]:
        """Return the messages that are not marked, by number."""
        return {
            number: message
            for number, message in enumerate(self.messages, 1)
            if number not in self.deleted
        }

    def answer(self, request: bytes) -> bytes:
        """Return the reply to a command, or the greeting."""
        keyword, *arguments = request.decode().upper().split() or [""]
        there = self.there()
        number = int(arguments[0]) if arguments and arguments[0].isdigit() else 0
        match keyword:
            case "STAT":
                reply = b"+OK %d %d\r\n" % (len(there), sum(map(len, there.values())))
            case "CAPA":
                reply = many([b"TOP", b"UIDL", b"PIPELINING"])
            case "LIST" | "UIDL":
                lines = {
                    at: b"%d %d" % (at, len(message)) if keyword == "LIST" else uid(at)
                    for at, message in there.items()
                }
                reply = one(lines.get(number)) if arguments else many([*lines.values()])
            case "DELE" | "RETR" | "TOP" if number not in there:
                reply = one(None)
            case "RETR":
                reply = many(there[number].split(b"\r\n")[:-1])
            case "TOP":
                text = there[number].split(b"\r\n")[:-1]
                reply = many(text[: text.index(b"") + 1 + int(arguments[1])])
            case _:
                self.deleted = {*self.deleted, number} if keyword == "DELE" else self.deleted
                self.deleted = set() if keyword == "RSET" else self.deleted
                reply = b"+OK fine\r\n"
        return reply


def uid(number: int) -> bytes:
    """Return the line that names a message."""
    return b"%d name-%d" % (number, number)


def one(line: bytes | None) -> bytes:
    """Return a line about one message, or that there is none."""
    return b"-ERR none\r\n" if line is None else b"+OK " + line + b"\r\n"


def many(lines: Sequence[bytes]) -> bytes:
    """Return lines, with dots doubled, and their end."""
    stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
    return b"".join(line + b"\r\n" for line in [b"+OK", *stuffed, b"."])
