"""What a right reply is: the answers that `expected()` may give, and the test of a reply."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.user_code import call_on_reply, call_user_code, code_error
from wireproof.words import printable

Matcher = bytes | re.Pattern[bytes] | Callable[[bytes], bool]
"""A right reply: exactly these bytes, a pattern that matches it whole, or a judge of it."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A function of the reply as a matcher, with words for what it accepts.

        def expected(self, request):
            return Judge(lambda reply: int(reply) > 0, "a number above 0")

    Attributes:
        accepts: whether a reply is right; may raise MalformedReplyError to say what is wrong.
        description: what a right reply is, or a function that says it once it is asked for.

    """

    accepts: Callable[[bytes], bool]
    description: str | Callable[[], str]

    def __call__(self, reply: bytes) -> bool:
        """Say whether `reply` is right."""
        return self.accepts(reply)


NO_LANE = "\0"
"""Of a reply that nothing orders: it may overtake all, and be overtaken by all."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A right reply, and where in the order of replies it may come.

    Attributes:
        matcher: what is right.
        lane: replies of one lane keep the order of their requests; those of different lanes may
            overtake each other, and those of `NO_LANE` all.
        optional: whether a right server may leave it out.

    """

    matcher: Matcher
    lane: str = ""
    optional: bool = False


Expected = Matcher | Reply | Sequence[Matcher | Reply] | None
"""What a request is answered with: one reply, several in their order, or nothing."""


def replies_of(expected: Expected, function: Callable[..., object]) -> list[Reply]:
    """Return what `function` answered as a list of replies.

    Raises:
        ProtocolCodeError: it is nothing that a reply can be compared with.

    """
    if expected is None:
        return []
    several: Sequence[Any] = expected if isinstance(expected, list | tuple) else [expected]
    replies = [one if isinstance(one, Reply) else Reply(one) for one in several]
    for reply in replies:
        if not (isinstance(reply.matcher, bytes | re.Pattern) or callable(reply.matcher)):
            raise code_error(
                function,
                f"returned {reply.matcher!r:.80}",
                "return bytes, a compiled bytes pattern, a function of the reply, or None",
            )
        if isinstance(getattr(reply.matcher, "pattern", None), str):
            raise code_error(function, "returned a pattern of text", 'write re.compile(rb"...")')
        if reply.matcher == b"":
            raise code_error(function, "returned an empty reply", "return None for no reply")
    return replies


def matches(matcher: Matcher, reply: bytes, mask: Callable[[bytes], bytes] | None) -> bool:
    """Say whether `reply` is right.

    Args:
        matcher: what is right.
        reply: a whole reply.
        mask: applied to both sides before they are compared byte for byte.

    Raises:
        MalformedReplyError: the matcher says what is wrong, or cannot take the reply.
        ProtocolCodeError: the matcher, or the mask, is at fault.

    """
    if isinstance(matcher, bytes):
        if mask is None:
            return reply == matcher
        return call_user_code(mask, matcher) == call_on_reply(mask, reply)
    if isinstance(matcher, re.Pattern):
        return matcher.fullmatch(reply) is not None
    return bool(call_on_reply(matcher, reply))


def shown(matcher: Matcher) -> str:
    """Return what would have been right, harmless to print."""
    if isinstance(matcher, bytes):
        return printable(matcher)
    if isinstance(matcher, re.Pattern):
        return f"a match of {printable(matcher.pattern)}"
    if isinstance(matcher, Judge):
        description = matcher.description
        return description if isinstance(description, str) else call_user_code(description)
    return f"what {getattr(matcher, '__qualname__', type(matcher).__name__)} accepts"


def wrong_reply(
    reply: bytes,
    later: Sequence[Matcher],
    before: Matcher,
    mask: Callable[[bytes], bytes] | None,
) -> str:
    """Say what is wrong with a reply that is not the one due: it may be right for another request.

    Args:
        reply: what came, at its beginning at least.
        later: what is owed to requests behind the one that is due.
        before: what came last, or no bytes.
        mask: see `matches`.

    """

    def fits(matcher: Matcher) -> bool:
        if isinstance(matcher, bytes) and mask is None:
            return reply.startswith(matcher)
        try:
            return matches(matcher, reply, mask)
        except MalformedReplyError:
            return False

    if any(map(fits, later)):
        return "wrong reply, right for a later request"
    return "wrong reply, right for the request before" if before and fits(before) else "wrong reply"
