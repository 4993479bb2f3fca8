"""Writes what was learnt as a protocol file: the place to go on from, in the usual API."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from wireproof.errors import CannotRunError
from wireproof.learnt.scripts import Scripts
from wireproof.learnt.source.exchanges import Exchanges
from wireproof.learnt.source.framing_source import (
    BY_KNOWN_REPLY,
    BY_REQUEST,
    TO_THE_END,
    FramingSource,
    framing_of,
    framing_source,
)
from wireproof.learnt.source.source_text import (
    docstring,
    ends_itself,
    group,
    literal,
    method,
    table,
)

_TO_GO_ON_FROM: Final = (
    "Written by `wireproof learn`, to go on from. The requests are those that were seen, the"
    " replies are what the server answered: whether that is right is not shown. Write what is right"
    " into expected(), and draw what may vary in requests()."
)
_FORM_ONLY: Final = (
    "Where replies vary, their form alone is compared here: whether a date is now, a counter counts"
    " and a token never comes twice is judged by check --from."
)
_RENAMED: Final = (
    "def renamed(self, reply):",
    '    """Return a reply with the names of this connection."""',
    "    for old, new in self._names.items():",
    "        if isinstance(reply, bytes):",
    "            reply = reply.replace(old, new)",
    "        elif reply:",
    '            names = [name.replace(b".", rb"\\.") for name in (old, new)]',
    "            reply = re.compile(reply.pattern.replace(*names))",
    "    return reply",
)


@dataclass(frozen=True, slots=True)
class ProtocolFile:
    """A protocol file.

    Attributes:
        text: its source.
        framing: in words, where a reply ends.
        requests: how many are in it.
        left_out: what isn't, and why: the name of a conversation and a sentence.

    """

    text: str
    framing: str
    requests: int
    left_out: tuple[tuple[str, str], ...]


def protocol_file(
    scripts: Scripts, replies: Sequence[bytes], class_name: str, learnt_of: str
) -> ProtocolFile:
    """Return the source of a protocol class that says what was learnt.

    Args:
        scripts: at least one.
        replies: that came to their requests, whole ones.
        class_name: of the class to write.
        learnt_of: the server and the files, in a few words.

    Raises:
        CannotRunError: no request may be repeated, or nobody can tell where a reply ends.

    """
    if not scripts.independent:
        raise CannotRunError(
            "no protocol file can be written: no request gets the same answer twice, and a"
            " class must say what the replies depend on",
            "judge by check --from, or add a request that changes nothing",
        )
    requests = [request for script in scripts.scripts for request in script.requests]
    unasked = [one.typical for one in scripts.unasked]
    found = framing_of([one for one in (*replies, *unasked) if one], requests)
    if unasked and found is None:
        raise CannotRunError(
            "no protocol file can be written: no framing is common to the replies and to what the"
            " server says unasked",
            "judge by check --from, or write a class with a reply_length() of its own",
        )
    left_out: tuple[tuple[str, str], ...] = ()
    if found is not None:
        framing = framing_source(found)
    elif _is_one_request(scripts):
        framing = TO_THE_END
    else:
        framing = BY_REQUEST
        scripts, left_out = _with_known_ends(scripts)
    writer = _Writer(scripts, framing, class_name, learnt_of)
    return ProtocolFile(writer.text(), framing.told, len(writer.exchanges.names), left_out)


def _is_one_request(scripts: Scripts) -> bool:
    return all(
        script.closes and len(script.requests) == scripts.opening + 1 for script in scripts.scripts
    )


def _with_known_ends(scripts: Scripts) -> tuple[Scripts, tuple[tuple[str, str], ...]]:
    """Return the scripts whose every reply has an end that a file can tell, and why not others."""
    fit = tuple(
        one for one in scripts.scripts if all(ends_itself(line.pattern) for line in one.lines)
    )
    why = "a reply in it ends with what varies, and no framing is common to all"
    if not fit:
        raise CannotRunError(
            f"no protocol file can be written: {why.replace(' in it', '')}",
            "judge by check --from, or write a class with a reply_length() of its own",
        )
    said = {request for one in fit for request in one.requests}
    independent = tuple(one for one in scripts.independent if one in said)
    left_out = tuple((one.name, why) for one in scripts.scripts if one not in fit)
    return structs.replace(scripts, scripts=fit, independent=independent), left_out


class _Writer:
    """Writes one file.

    Attributes:
        exchanges: what stands in it.

    """

    def __init__(
        self, scripts: Scripts, framing: FramingSource, class_name: str, learnt_of: str
    ) -> None:
        self.exchanges = Exchanges(scripts)
        self._scripts = scripts
        self._framing = framing
        if framing is BY_REQUEST and not (
            scripts.vary or self.exchanges.has_regex or self.exchanges.behind
        ):
            self._framing = BY_KNOWN_REPLY
        self._class_name = class_name
        self._learnt_of = learnt_of
        self._one_request = _is_one_request(scripts)
        behind = [one.requests[scripts.opening :] for one in scripts.scripts]
        self._last = list(
            dict.fromkeys(one.requests[-1] for one in scripts.scripts if one.closes)
            if not self._one_request
            else ()
        )
        free = {*scripts.independent, *self._last}
        belong_together = any(request not in free for one in behind for request in one)
        self._conversations = list(dict.fromkeys(behind)) if belong_together else []

    def text(self) -> str:
        """Return the source."""
        vary, framing = self._scripts.vary, self._framing
        uses_re = self.exchanges.has_regex or bool(vary or self.exchanges.unasked)
        needs_re = uses_re or "re" in framing.modules
        told = [f"{self._class_name}: what was learnt of {self._learnt_of}.", _TO_GO_ON_FROM]
        told += [_FORM_ONLY] if self.exchanges.has_regex else []
        head = [
            *docstring(told),
            "",
            *(["import re"] if needs_re else []),
            "from typing import ClassVar",
            "",
            "from hypothesis import strategies as st",
            f"from wireproof import {framing.base}",
            *(["from wireproof.learnt.protocol import variant"] if vary else []),
            "",
            *self.exchanges.statements,
            *self._tables(),
        ]
        return "\n".join([*head, "", "", *self._class(), ""])

    def _tables(self) -> list[str]:
        names = self.exchanges.names
        pairs = [f"{asked}: {reply}," for asked, reply in self.exchanges.replies.items()]
        tables = ["", table("REPLIES", "{", pairs, "}")]
        if self.exchanges.behind:
            behind = [
                f"{group('(', key, ')', room=2 + len(reply))}: {reply},"
                for key, reply in self.exchanges.behind.items()
            ]
            tables.append(table("BEHIND", "{", behind, "}"))
        lists = {
            "REQUESTS": self._scripts.independent,
            "OPENING": self._scripts.scripts[0].requests[: self._scripts.opening],
            "LAST": self._last,
        }
        for name, requests in lists.items():
            if requests:
                tables.append(table(name, "[", [f"{names[one]}," for one in requests], "]"))
        if self._conversations:
            rows = [
                group("[", [names[one] for one in row], "]", room=1) + ","
                for row in self._conversations
            ]
            tables.append(table("CONVERSATIONS", "[", rows, "]"))
        if self._scripts.vary:
            tables.append(f"NAMES = re.compile({literal(self._scripts.vary.encode())})")
            tables.append('LEARNT = {NAMES.sub(b"", request): request for request in REPLIES}')
        return tables

    def _class(self) -> list[str]:
        name = _dashed(self._class_name)
        attributes = [
            f'name = "{name}"',
            'source = "what was seen"',
            *self._framing.attributes,
            *(["one_request = True"] if self._one_request else []),
            "inapplicable: ClassVar = {",
            '    "FRAME-EARLY": "what a part of a request is answered was not learnt",',
            "}",
        ]
        body = [*attributes, *(line for one in self._methods() for line in ["", *one])]
        count = len(self.exchanges.names)
        told = f"The {count} requests that were seen" if count > 1 else "The request that was seen"
        return [
            f"class {self._class_name}({self._framing.base}):",
            f'    """{told}, and what was answered."""',
            "",
            *(f"    {line}" if line else "" for line in body),
        ]

    def _methods(self) -> Iterator[list[str]]:
        if held := self._held():
            yield ["def __init__(self):", '    """Know nothing of the connection."""', *held]
        drawn = "st.sampled_from(REQUESTS)"
        if self._scripts.vary:
            drawn = f"st.builds(self.personalise, {drawn}, st.integers(0, 999))"
        yield method("requests(self)", "Return a request that may come at any time.", drawn)
        yield method("example(self)", "Return a plain one.", "REQUESTS[0]")
        if self._scripts.opening:
            yield method("opening(self)", "Return what every connection begins with.", "OPENING")
        if self._conversations:
            told = "Return what was seen to belong together."
            yield method("conversations(self)", told, "CONVERSATIONS")
        if self._last:
            kinds = '{"usual": self.requests(), "last": st.sampled_from(LAST)}'
            yield method("kinds(self)", "Return the requests, and what ends a connection.", kinds)
            told = "Say whether the server closes after it."
            yield method("is_last(self, request)", told, "request in LAST")
            told = "Say whether the server closes after the reply."
            lines = method('closes(self, reply, request=b"")', told, "request in LAST")
            yield [*lines[:2], "    del reply", *lines[2:]]
        if self.exchanges.greeting:
            told = "Return what the server says first."
            yield method("greeting(self)", told, self.exchanges.greeting)
        if self._framing.method:
            yield [self._filled(line) for line in self._framing.method]
        if self.exchanges.unasked:
            told = "Say whether it comes now and then without being asked for."
            known = ", ".join(self.exchanges.unasked)
            matched = f"any(one.fullmatch(message) for one in [{known}])"
            yield method("unsolicited(self, message)", told, matched)
        if self._scripts.vary:
            told = "Return a request under another name."
            renamed = "NAMES.sub(lambda name: variant(name[0], serial), request)"
            yield method("personalise(self, request, serial)", told, renamed)
        yield from self._expected()

    def _filled(self, line: str) -> str:
        """Return a line of `reply_length` with what it asks of the tables."""
        if "{candidates}" in line:
            return line.replace("{candidates}", self._candidates())
        return line.replace("{usual}", self._usual()) if "{usual}" in line else line

    def _usual(self) -> str:
        """Return the source of what a request is usually answered, None where it isn't."""
        greeting = f", {self.exchanges.greeting}" if self.exchanges.greeting else ""
        if self._scripts.vary:
            return f'self.renamed(REPLIES.get(LEARNT.get(NAMES.sub(b"", request)){greeting}))'
        return f"REPLIES.get(request{greeting})"

    def _candidates(self) -> str:
        """Return the source of the replies that a request may have."""
        if not self.exchanges.behind or self._scripts.vary:
            return f"[{self._usual()}]"
        behind = "*(one for said, one in BEHIND.items() if said[-1] == request)"
        return f"[{self._usual()}, {behind}]"

    def _held(self) -> list[str]:
        """Return the statements that make what one connection holds."""
        said = ["    self._said = ()"] if self.exchanges.behind else []
        return [*said, *(["    self._names = {}"] if self._scripts.vary else [])]

    def _expected(self) -> Iterator[list[str]]:
        behind, vary = self.exchanges.behind, self._scripts.vary
        where = ", or after the same requests" if behind else ""
        lines = [
            "def expected(self, request):",
            f'    """Return what was answered to it{where}."""',
        ]
        if vary:
            lines += [
                '    learnt = LEARNT[NAMES.sub(b"", request)]',
                "    names = zip(NAMES.finditer(learnt), NAMES.finditer(request), strict=True)",
                "    self._names |= {old[0]: new[0] for old, new in names}",
                "    request = learnt",
            ]
        usual, found = "REPLIES[request]", "BEHIND[self._said[begin:]]"
        if vary:
            usual, found = f"self.renamed({usual})", f"self.renamed({found})"
        if behind:
            longest = max(map(len, behind))
            lines += [
                f"    self._said = (*self._said, request)[-{longest}:]",
                "    for begin in range(len(self._said) - 1):",
                "        if self._said[begin:] in BEHIND:",
                f"            return {found}",
            ]
        yield [*lines, f"    return {usual}"]
        if vary:
            yield list(_RENAMED)


def _dashed(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", class_name).lower()
