"""A mailbox as a POP3 server tells of it, and what it must say of it from then on (RFC 1939)."""

from __future__ import annotations

import re

_LISTED = re.compile(rb"([1-9][0-9]{0,9}) ([0-9]{1,19})(?: [^\r\n]*)?")
_NAMED = re.compile(rb"([1-9][0-9]{0,9}) ([\x21-\x7e]{1,70})")
_COUNTED = re.compile(rb"\+OK ([0-9]{1,10}) ([0-9]{1,19})(?: [^\r\n]*)?\r\n")
_OPTIONAL = frozenset({b"TOP", b"UIDL"})
"""A server may have none of them (section 7)."""


class Maildrop:
    """What is known of a mailbox: nothing, until it is listed."""

    def __init__(self) -> None:
        """Know nothing."""
        self._sizes: dict[int, int] | None = None
        self._names: dict[int, bytes] | None = None
        self._texts: dict[int, bytes] = {}
        self._deleted: set[int] = set()
        self._serves: dict[bytes, bool] = {}

    def heard(self, request: bytes, reply: bytes, *, exact_sizes: bool) -> str:
        """Take a reply whose form is right; return what is wrong with it, or nothing.

        Args:
            request: one command.
            reply: whole.
            exact_sizes: whether a text must have as many octets as its size says.

        """
        keyword, *arguments = request.upper().split() or [b""]
        if keyword == b"LIST" and not arguments:
            return self._listed(reply)
        if self._sizes is None:
            return ""
        match keyword:
            case b"UIDL" if not arguments:
                return self._named(reply)
            case b"STAT":
                return self._counted(reply)
            case b"RSET":
                self._deleted.clear()
            case b"LIST" | b"UIDL" | b"RETR" | b"TOP" | b"DELE" if arguments:
                return self._about_one(keyword, arguments, reply, exact_sizes=exact_sizes)
        return ""

    @property
    def _there(self) -> dict[int, int]:
        """Sizes of the messages that are not marked as deleted, in octets, by number."""
        sizes = self._sizes or {}
        return {at: size for at, size in sizes.items() if at not in self._deleted}

    def _listed(self, reply: bytes) -> str:
        lines = [_LISTED.fullmatch(line) for line in _lines_of(reply)]
        sizes = {int(line[1]): int(line[2]) for line in lines if line}
        if None in lines or len(sizes) < len(lines):
            return "a list with a line other than number and size, or with a number twice"
        if self._sizes is None:
            self._sizes = sizes
            return "" if [*sizes] == [*range(1, len(sizes) + 1)] else "numbers that leave one out"
        return "" if sizes == self._there else f"a list of {sizes}, {self._there} are there"

    def _named(self, reply: bytes) -> str:
        serves = reply.startswith(b"+")
        if serves != self._serves.setdefault(b"UIDL", serves):
            return "UIDL is served at one time and refused at another"
        if not serves:
            return ""
        lines = [_NAMED.fullmatch(line) for line in _lines_of(reply)]
        names = {int(line[1]): line[2] for line in lines if line}
        if None in lines or [*names] != [*self._there]:
            return f"names of {[*names]}, messages {[*self._there]} are there"
        if self._names is None:
            self._names = names
        right = {at: name for at, name in self._names.items() if at not in self._deleted}
        return "" if names == right else "other names than before"

    def _counted(self, reply: bytes) -> str:
        right = len(self._there), sum(self._there.values())
        found = _COUNTED.fullmatch(reply)
        if found and (int(found[1]), int(found[2])) == right:
            return ""
        return f"{right[0]} messages of {right[1]} octets were listed"

    def _about_one(
        self, keyword: bytes, arguments: list[bytes], reply: bytes, *, exact_sizes: bool
    ) -> str:
        number = int(arguments[0]) if arguments[0].isdigit() else 0
        serves = reply.startswith(b"+")
        if number not in self._there:
            return f"there is no message {number}" if serves else ""
        if serves != (keyword not in _OPTIONAL or self._serves.setdefault(keyword, serves)):
            return f"there is a message {number}, and {keyword.decode()} is served elsewhere"
        if not serves:
            return ""
        if keyword == b"DELE":
            self._deleted.add(number)
        elif keyword == b"RETR":
            return self._sent(number, reply, exact_sizes=exact_sizes)
        elif keyword == b"TOP":
            return self._begun(number, arguments, reply)
        return self._line(keyword, number, reply)

    def _line(self, keyword: bytes, number: int, reply: bytes) -> str:
        if keyword == b"DELE":
            return ""
        size, name = b"%d" % self._there[number], (self._names or {}).get(number, b"")
        right = size if keyword == b"LIST" else name
        told = reply.split()[1:3] == [b"%d" % number, right]
        return "" if told else f"message {number} was listed with {right.decode('latin-1')}"

    def _sent(self, number: int, reply: bytes, *, exact_sizes: bool) -> str:
        text = _text_of(reply)
        if text is None:
            return "a line that begins with a dot which is not doubled"
        size = self._there[number]
        # Where a text has no CR LF at its end, the one before the dot is none of it.
        if exact_sizes and len(text) not in {size, size + 2}:
            return f"{len(text)} octets of message {number}, which has {size}"
        right = self._texts.setdefault(number, text)
        return "" if text == right else f"another text of message {number} than before"

    def _begun(self, number: int, arguments: list[bytes], reply: bytes) -> str:
        text, whole = _text_of(reply), self._texts.get(number)
        if whole is None or text is None or len(arguments) < 2:
            return "" if text is not None else "a line that begins with a dot which is not doubled"
        head, empty, body = whole.partition(b"\r\n\r\n")
        lines = body.split(b"\r\n")[:-1]
        right = head + empty + b"".join(line + b"\r\n" for line in lines[: int(arguments[1])])
        same = text in {right, right + b"\r\n" if not empty else right}
        return "" if same else f"not the first {int(arguments[1])} lines of message {number}"


def _lines_of(reply: bytes) -> list[bytes]:
    """Return the lines between the first and the dot."""
    return reply.split(b"\r\n")[1:-2]


def _text_of(reply: bytes) -> bytes | None:
    """Return the text of a reply without its doubled dots; None where one is not doubled."""
    lines = _lines_of(reply)
    if any(line[:1] == b"." and line[:2] != b".." for line in lines):
        return None
    return b"".join((line[1:] if line[:1] == b"." else line) + b"\r\n" for line in lines)
