"""Requests and their replies as a protocol file names them, each written once."""

import re
from collections.abc import Sequence
from typing import Final

from wireproof.learning.patterns.pattern import Pattern
from wireproof.learnt.scripts import Script, Scripts
from wireproof.learnt.source.source_text import (
    LINE_COLUMNS,
    assigned,
    of_bytes,
    of_pattern,
    told_spans,
)

_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_]+")
_MOST_WORDS: Final = 2
_LONGEST_NAME: Final = 24
_TAKEN: Final = (
    "BEHIND", "CONVERSATIONS", "GREETING", "LAST", "NAMES", "OPENING", "REPLIES", "REQUESTS",
)  # fmt: skip

_Reply = tuple[bool, tuple[str, ...]] | None
"""In source: whether it is a regular expression, and its tokens; None for no reply."""


class Exchanges:
    """What is asked and answered in scripts.

    Attributes:
        names: of the constant of each request.
        statements: that give the constants their values.
        replies: by the name of a request, that of its reply.
        behind: by the names of requests that follow each other, the reply to the last of them,
            where it is another than usual.
        greeting: the name of what the server says first, or nothing.
        has_regex: whether a reply is a regular expression.
        unasked: the names of what the server says without being asked, regular expressions all.

    """

    def __init__(self, scripts: Scripts) -> None:
        """Name all that stands in `scripts`."""
        self.names: dict[bytes, str] = {}
        self.statements: list[str] = []
        self.replies: dict[str, str] = {}
        self.behind: dict[tuple[str, ...], str] = {}
        self.greeting = ""
        self.has_regex = False
        self._reply_names: dict[_Reply, str] = {None: "None"}
        self._unasked_names: set[str] = set()
        greeting = scripts.scripts[0].greeting
        if greeting is not None:
            self.greeting = self._named_reply("GREETING", greeting)
        places: list[tuple[Script, int, _Reply]] = []
        usual: dict[bytes, _Reply] = {}
        for script in scripts.scripts:
            for at, line in enumerate(script.spoken):
                asked = self._named_request(line.request)
                places.append((script, at, _reply(line.pattern)))
                usual.setdefault(line.request, places[-1][2])
                self.replies.setdefault(asked, self._named_reply(f"{asked}_REPLY", line.pattern))
        self.unasked = [self._named_unasked(one) for one in scripts.unasked]
        for script, at, reply in places:
            if reply != usual[script.requests[at]]:
                said = _telling(script, at, reply, places)
                key = tuple(self.names[one] for one in said)
                self.behind.setdefault(key, self._reply_names[reply])

    def _named_request(self, request: bytes) -> str:
        if request not in self.names:
            words = [word.decode().upper() for word in _WORD.findall(request[:200])]
            name = "_".join(words[:_MOST_WORDS])[:_LONGEST_NAME].rstrip("_") or "REQUEST"
            self.names[request] = self._free(name)
            self.statements.append(assigned(self.names[request], of_bytes(request)))
        return self.names[request]

    def _named_reply(self, wanted: str, pattern: Pattern) -> str:
        reply = _reply(pattern)
        if reply is not None and reply not in self._reply_names:
            is_regex, tokens = reply
            self.has_regex |= is_regex
            self._reply_names[reply] = name = self._free(wanted)
            told = [f"# {line}"[:LINE_COLUMNS].rstrip() for line in told_spans(pattern)]
            statement = assigned(name, tokens, is_regex=is_regex)
            self.statements.append("\n".join([*told, statement]))
        return self._reply_names[reply]

    def _named_unasked(self, pattern: Pattern) -> str:
        name = self._free("UNASKED")
        self.statements.append(assigned(name, of_pattern(pattern), is_regex=True))
        self._unasked_names.add(name)
        return name

    def _free(self, wanted: str) -> str:
        """Return a name that no constant has."""
        used = {*self.names.values(), *self._reply_names.values(), *_TAKEN} - {"GREETING"}
        used |= self._unasked_names
        used |= {"GREETING"} if self.greeting else set()
        name, number = wanted, 1
        while name in used:
            number += 1
            name = f"{wanted}_{number}"
        return name


def _reply(pattern: Pattern) -> _Reply:
    if not pattern.elements:
        return None
    if (constant := pattern.constant) is not None:
        return False, tuple(of_bytes(constant))
    return True, tuple(of_pattern(pattern))


def _telling(
    script: Script, at: int, reply: _Reply, places: Sequence[tuple[Script, int, _Reply]]
) -> tuple[bytes, ...]:
    """Return the fewest requests, up to the one there, behind which only this is answered."""
    for begin in reversed(range(at)):
        said = script.requests[begin : at + 1]
        answered = {
            other
            for one, end, other in places
            if one.requests[max(0, end + 1 - len(said)) : end + 1] == said
        }
        if answered == {reply}:
            return said
    return script.requests[: at + 1]
