r"""Responses of an IMAP server (RFC 3501, section 7; RFC 9051): where they end, what they hold.

>>> fetched(b'* 1 FETCH (UID 7 BODY[] {2}\r\nhi)\r\nw OK\r\n')
{1: {b'UID': b'7', b'BODY[]': b'hi'}}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wireproof.protocols.framing import LineCursor
from wireproof.protocols.oracle import MalformedReplyError

Value = bytes | list["Value"]
"""An atom, a string without its quotes, or a list."""

_STATUS = rb"(?:OK|NO|BAD|BYE|PREAUTH)(?: |$)"
_BEGIN = re.compile(rb"\* (?:[0-9]+ )?[A-Za-z]|[+](?: |$)|[A-Za-z0-9]+ [A-Za-z]")
_NO_LITERAL = re.compile(rb"[+]|\S+ " + _STATUS, re.IGNORECASE)
"""Lines whose end is text for people, whatever it looks like."""
_LITERAL = re.compile(rb"\{([0-9]{1,10})\}$")
_TOKEN = re.compile(
    rb' *(?:(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\\r\n]|\\["\\])*)"'
    rb"|\{(?P<size>[0-9]{1,10})\}\r\n|(?P<atom>[^][ (){\"\r\n]+(?:\[[^]\r\n]*\](?:<[0-9]+>)?)?))"
)
_COUNTED = re.compile(rb"\* ([0-9]{1,10}) (EXISTS|EXPUNGE)", re.IGNORECASE)
_ITEM = re.compile(rb"[A-Z0-9.]+(?:\[[A-Z]*\](?:<[0-9.]+>)?)?")
_PART = re.compile(rb"BODY\.PEEK(\[[A-Z]*\])(?:<([0-9]+)\.([0-9]+)>)?")
_ANY_TIME = frozenset({b"FLAGS", b"UID", b"MODSEQ"})
"""What a server may tell of any message, unasked (RFC 3501, section 7.4.2)."""
_MOST_DEPTH = 32


class ResponseCursor:
    """How far the responses to one command are read while they arrive."""

    def __init__(self) -> None:
        """Stand at the start of the first."""
        self._cursor = LineCursor()
        self._start = 0

    def end(self, buffer: bytearray, *, awaits_more: bool, is_alone: bool) -> int | None:
        """Return where the last response to a command ends, or None while it is not there.

        Args:
            buffer: what was received, from the first response on.
            awaits_more: whether the command waits to be continued.
            is_alone: whether no command is under way: each response is alone.

        Raises:
            MalformedReplyError: a line begins as no response does.

        """
        while (line := self._cursor.line(buffer)) is not None:
            first = bytes(buffer[self._start : self._start + 2])
            begins = self._start + len(line) + 2 == self._cursor.at
            if begins and not _BEGIN.match(line):
                raise MalformedReplyError("a line that is no response")
            literal = None if begins and _NO_LITERAL.match(line) else _LITERAL.search(line)
            if literal:
                self._cursor.at += int(literal[1])
                continue
            is_last = first != b"* " and (first[:1] != b"+" or awaits_more)
            if is_last or is_alone:
                self._start = 0
                return self._cursor.end(buffer)
            self._start = self._cursor.at
        return None


def responses(reply: bytes) -> Iterator[bytes]:
    """Yield the responses of a whole reply, each with its literals and without the last CR LF."""
    start = at = 0
    while start < len(reply):
        end = reply.find(b"\r\n", at)
        if end < 0:
            return
        line = reply[at:end]
        literal = None if at == start and _NO_LITERAL.match(line) else _LITERAL.search(line)
        at = end + 2
        if literal:
            at += int(literal[1])
            continue
        yield reply[start:end]
        start = at


def values(response: bytes) -> list[Value]:
    """Return what an untagged response holds behind its star.

    Raises:
        MalformedReplyError: it breaks off, or has what is no value.

    """
    stack: list[list[Value]] = [[]]
    at = 2
    while at < len(response):
        token = _TOKEN.match(response, at)
        if token is None or len(stack) > _MOST_DEPTH:
            raise MalformedReplyError("a response with what is no value in it")
        at = token.end()
        if token["open"]:
            stack.append([])
        elif token["close"]:
            inner = stack.pop()
            if not stack:
                raise MalformedReplyError("a response that closes what it did not open")
            stack[-1].append(inner)
        elif token["size"] is not None:
            size = int(token["size"])
            stack[-1].append(response[at : at + size])
            at += size
        elif token["quoted"] is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", token["quoted"]))
        else:
            stack[-1].append(token["atom"])
    if len(stack) > 1:
        raise MalformedReplyError("a response that does not close what it opened")
    return stack[0]


def fetched(reply: bytes) -> dict[int, dict[bytes, Value]]:
    """Return what FETCH responses say, by the message's number and the item's name in capitals."""
    found: dict[int, dict[bytes, Value]] = {}
    for response in responses(reply):
        numbered = re.match(rb"\* ([0-9]{1,10}) FETCH \(", response, re.IGNORECASE)
        if not numbered:
            continue
        items = values(response)[2]
        assert isinstance(items, list)
        names = (each.upper() if isinstance(each, bytes) else b"" for each in items[::2])
        said = dict(zip(names, items[1::2], strict=False))
        found.setdefault(int(numbered[1]), {}).update(said)
    return found


def status(reply: bytes) -> tuple[bytes, bytes]:
    """Return the tag and the word of the last response, in capitals; none where it has none."""
    *_, last = [b"", *responses(reply)]
    words = last.split(b" ", 2)
    return (words[0], words[1].upper()) if len(words) > 1 else (words[0], b"")


def expunges(reply: bytes) -> bool:
    """Say whether it tells of a message that is gone."""
    counted = (_COUNTED.fullmatch(each) for each in responses(reply))
    return any(each and each[2].upper() == b"EXPUNGE" for each in counted)


def told_after(told: int, reply: bytes) -> int:
    """Return how many messages there are by what a reply tells, which began with `told`."""
    for response in responses(reply):
        if counted := _COUNTED.fullmatch(response):
            told = int(counted[1]) if counted[2].upper() == b"EXISTS" else told - 1
    return told


def _untagged(reply: bytes, word: bytes) -> list[list[Value]]:
    begin = b"* " + word + b" "
    return [values(each) for each in responses(reply) if each[: len(begin)].upper() == begin]


def _capable(reply: bytes, words: list[bytes], message: bytes) -> str:
    del words, message
    told = [each for found in _untagged(reply, b"CAPABILITY") for each in found]
    known = {each.upper() for each in told if isinstance(each, bytes)}
    return "" if known & {b"IMAP4REV1", b"IMAP4REV2"} else "no CAPABILITY with IMAP4rev1 or 2"


def _listed(reply: bytes, words: list[bytes], message: bytes) -> str:
    del message
    name = words[-1].strip().strip(b'"')
    names = [found[-1] for found in _untagged(reply, b"LIST")]
    return "" if names == [name] else f"a list of {names!r:.60}, where {name!r} is there"


def _removed(reply: bytes, words: list[bytes], message: bytes) -> str:
    del words, message
    first = any(each.upper() == b"* 1 EXPUNGE" for each in responses(reply))
    return "EXPUNGE of message 1, which was not marked" if first else ""


def _compared(reply: bytes, words: list[bytes], message: bytes) -> str:
    """Return what is wrong with what FETCH responses say of a message, or nothing."""
    number, said = int(words[0]), fetched(reply)
    if any({*items} - _ANY_TIME for at, items in said.items() if at != number):
        return "a text of a message that was not asked for"
    for name in _ITEM.findall(words[1].upper()):
        label, right = _item(name, message)
        found = said.get(number, {}).get(label)
        if found is None:
            return f"no {label.decode()} of message {number}"
        if right is not None and found != right and (right or found != b"NIL"):
            return f"{label.decode()} of message {number} is not what was stored"
    return ""


def _item(name: bytes, message: bytes) -> tuple[bytes, bytes | None]:
    """Return how an item is called in a response, and its value; None where any will do."""
    part = _PART.fullmatch(name)
    if not part:
        return name, b"%d" % len(message) if name == b"RFC822.SIZE" else None
    head, empty, text = message.partition(b"\r\n\r\n")
    whole = {b"[]": message, b"[HEADER]": head + empty, b"[TEXT]": text}[part[1]]
    if part[2] is None:
        return b"BODY" + part[1], whole
    start = int(part[2])
    return b"BODY%b<%d>" % (part[1], start), whole[start : start + int(part[3])]


JUDGED: dict[bytes, Callable[[bytes, list[bytes], bytes], str]] = {
    b"CAPABILITY": _capable,
    b"LIST": _listed,
    b"FETCH": _compared,
    b"EXPUNGE": _removed,
}
"""By command, what is wrong with the responses to it, given its words and what was stored."""
