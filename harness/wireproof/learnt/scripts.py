"""What was learnt, as data: conversations whose every request has the pattern of its reply.

A file of it is all that a replay needs: it names no code, and nothing in it is executed.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from wireproof.conversation import Conversation, Turn
from wireproof.errors import UsageError
from wireproof.files import read_limited
from wireproof.learning.carrying import Carried, Excerpt, excerpt
from wireproof.learning.learnt import Learnt
from wireproof.learning.memory import Place
from wireproof.learning.patterns.pattern import Element, Literal, Pattern, Shares, Span
from wireproof.learning.values.kinds import Counter, Rising, Same
from wireproof.learnt.grown import Grown

SCRIPTS_FORMAT: Final = 2
FILE_NAME: Final = "learnt.json"
"""What a protocol of this kind is called in results and replay files, beside which it lies."""
_MOST_FILE_BYTES: Final = 256 * 1024 * 1024


class Carry(msgspec.Struct, frozen=True):
    """A value that a request repeats from an earlier reply, such as a token.

    Attributes:
        offset_bytes: where in the request it stands.
        size_bytes: its size, there and in the reply.
        line: the line of the script whose reply gives it, from 0.
        excerpt: where in that reply.

    """

    offset_bytes: int
    size_bytes: int
    line: int
    excerpt: Excerpt


class Line(msgspec.Struct, frozen=True):
    """A request, and what is answered to it.

    Attributes:
        request: empty for what the server says unasked, at the beginning.
        pattern: of the reply; its number is unique among all scripts.
        carries: what the request repeats from earlier replies, in the order of their places.

    """

    request: bytes
    pattern: Pattern
    carries: tuple[Carry, ...] = ()


class Script(msgspec.Struct, frozen=True):
    """One conversation.

    Attributes:
        name: where it was found, in a few words for people.
        lines: in their order.
        closes: whether the server ends the stream behind the last reply.

    """

    name: str
    lines: tuple[Line, ...]
    closes: bool = False

    @property
    def greeting(self) -> Pattern | None:
        """What the server says before the first request, or None."""
        first = self.lines[0]
        return None if first.request else first.pattern

    @property
    def spoken(self) -> tuple[Line, ...]:
        """The lines with a request."""
        return tuple(line for line in self.lines if line.request)

    @property
    def requests(self) -> tuple[bytes, ...]:
        """What the client sends."""
        return tuple(line.request for line in self.spoken)


class Scripts(msgspec.Struct, frozen=True, kw_only=True):
    """All conversations that were learnt of one server.

    Attributes:
        format: `SCRIPTS_FORMAT`; another is refused.
        scripts: at least one, the shortest first.
        opening: so many requests open every connection: they are the same in all scripts, and
            can't be repeated on one connection.
        independent: requests that are answered alike in any order and on any connection, behind
            the opening; the likeliest first.
        vary: what of requests differs from connection to connection, as a regular expression.
        reference: the server that all was learnt from, where that isn't the one that is judged.
        datagrams: whether each request is one, and a script by itself.
        behind_end: whether requests are answered behind the end of the client's stream alone.
        unasked: what the server says now and then without being asked, such as a heartbeat; each
            begins with literal bytes.
        upgrades: requests behind whose reply TLS begins on the connection.
        grown: requests that may be longer than they were seen; each stands in a script.

    """

    format: int = SCRIPTS_FORMAT
    scripts: tuple[Script, ...]
    opening: int = 0
    independent: tuple[bytes, ...] = ()
    vary: str = ""
    reference: str = ""
    datagrams: bool = False
    behind_end: bool = False
    unasked: tuple[Pattern, ...] = ()
    upgrades: tuple[bytes, ...] = ()
    grown: tuple[Grown, ...] = ()

    @property
    def shares(self) -> Shares:
        """How well the bytes of all replies are judged."""
        total = Shares()
        for line in self.lines:
            total += line.pattern.shares
        return total

    @property
    def lines(self) -> list[Line]:
        """All lines of all scripts."""
        return [line for script in self.scripts for line in script.lines]

    @property
    def carries(self) -> bool:
        """Whether a request repeats what a reply gave."""
        return any(line.carries for line in self.lines)

    def counters(self) -> list[Place]:
        """Return the places whose next value is judged by the last."""
        return [
            (line.pattern.reply, number)
            for line in self.lines
            for number, element in enumerate(line.pattern.elements)
            if isinstance(element, Span) and isinstance(element.kind, Counter | Rising)
        ]


def script_of(
    conversation: Conversation,
    learnt: Learnt,
    first_reply: int,
    *,
    closes: bool,
    carried: Sequence[Carried] = (),
) -> Script:
    """Return what was learnt of a conversation as a script.

    Args:
        conversation: that was played.
        learnt: from the plays.
        first_reply: the number of its first reply among those of all scripts.
        closes: whether the server ends the stream behind the last reply.
        carried: what requests repeat from replies, as recorded.

    """
    carries: dict[int, list[Carry]] = {}
    for one in carried:
        found = excerpt(one, learnt.patterns[one.reply], conversation.replies[one.reply])
        if found is not None and not found.is_constant:
            carry = Carry(one.request_offset_bytes, len(one.value), one.reply, found)
            carries.setdefault(one.request, []).append(carry)
    lines = tuple(
        Line(request, numbered(pattern, first_reply), tuple(carries.get(number, ())))
        for number, (request, pattern) in enumerate(
            zip(conversation.requests, learnt.patterns, strict=True)
        )
    )
    return Script(conversation.name, lines, closes)


def numbered(pattern: Pattern, first_reply: int) -> Pattern:
    """Return a pattern with the number of its reply, and those that it refers to, moved up."""
    elements = tuple(_moved(one, first_reply) for one in pattern.elements)
    return Pattern(pattern.reply + first_reply, elements)


def _moved(element: Element, first_reply: int) -> Element:
    if isinstance(element, Span) and isinstance(element.kind, Same):
        kind = msgspec.structs.replace(element.kind, reply=element.kind.reply + first_reply)
        return msgspec.structs.replace(element, kind=kind)
    return element


def playable(conversation: Conversation) -> Conversation:
    """Return a conversation in which the server speaks unasked at the beginning at most.

    What it said later without being asked belongs to the reply before.
    """
    turns: list[Turn] = []
    for turn in conversation.turns:
        if turns and not turn.request:
            before = turns[-1]
            turns[-1] = Turn(before.request, before.reply + turn.reply, before.at_s)
        else:
            turns.append(turn)
    return Conversation(
        conversation.name,
        tuple(turns),
        conversation.end,
        conversation.begun_at_s,
        conversation.replies_known,
        conversation.datagrams,
        conversation.begun_before,
    )


def written(scripts: Scripts) -> bytes:
    """Return scripts as the text of a file."""
    return msgspec.json.format(msgspec.json.encode(scripts), indent=1) + b"\n"


def read_scripts(path: Path) -> Scripts:
    """Read what `written` returned.

    Raises:
        UsageError: there is no such file, or it isn't one that this version can use.

    """
    text = read_limited(path, _MOST_FILE_BYTES, "file of learnt conversations")
    try:
        scripts = msgspec.json.decode(text, type=Scripts)
        re.compile(scripts.vary.encode())
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, re.error) as error:
        raise UsageError(f"{path} holds no learnt conversations: {error}") from None
    if scripts.format != SCRIPTS_FORMAT or not _is_whole(scripts):
        raise UsageError(f"{path} holds no learnt conversations that this version can use")
    return scripts


def _is_whole(scripts: Scripts) -> bool:
    opened = (len(script.requests) >= scripts.opening for script in scripts.scripts)
    begun = (one.elements and isinstance(one.elements[0], Literal) for one in scripts.unasked)
    seen = {line.request for line in scripts.lines}
    return (
        bool(scripts.scripts)
        and all(script.spoken for script in scripts.scripts)
        and all(opened)
        and all(begun)
        and all(one.request.data in seen for one in scripts.grown)
    )


def common_opening(scripts: Sequence[Script]) -> int:
    """Return how many requests all scripts begin with alike, one less than the shortest has."""
    shortest = min(len(script.requests) for script in scripts) - 1
    for number in range(shortest):
        if len({script.requests[number] for script in scripts}) > 1:
            return number
    return max(0, shortest)
