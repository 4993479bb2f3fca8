"""A conversation is played a few times, and what its replies look like is learnt from that."""

import functools
import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.conversation import Conversation, End
from wireproof.learning.carrying import Carried, carried_values, excerpt
from wireproof.learning.learnt import Learnt, learn
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.plays import Play
from wireproof.learning.unasked import Sieve
from wireproof.rehearsal.datagram_player import DatagramPlayer
from wireproof.rehearsal.player import Performance, Player
from wireproof.target import Target
from wireproof.words import counted

_PLAYS: Final = 5
"""Besides the slow one that comes first."""
_PATIENCE_AGAIN: Final = (1.0, 4.0, 16.0)
"""When bytes went from one reply to the next, the quiet was too short."""
UNANSWERED: Final = "none of its requests gets an answer"
UNLIKE_RECORDED: Final = "the server answers differently than when it was recorded"
"""So begins why a conversation of another server, or another state of it, can't be judged."""
_SLOW_PAUSE_S: Final = 0.02
_STRADDLED_S: Final = 1.1
"""The plays take so long at least, so that a clock of seconds moves."""
_MOST_SEARCHED_BYTES: Final = 4 * 1024 * 1024
"""More is not searched for what requests repeat."""
_MAY_BE_A_CLOCK = re.compile(rb"[0-9]|[\x00-\x08\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of playing a conversation.

    Attributes:
        conversation: that was played.
        learnt: what its replies look like; None where they say nothing, see `trouble`.
        closes: whether the server ends the stream behind the last reply.
        trouble: why it can't be judged, a sentence, and what would help; or nothing.
        plays: that it was learnt from.
        splits_at: behind how many turns the server always ends the connection, where requests
            follow that nobody has seen follow on it; 0 where it doesn't.
        carried: what its requests repeat from replies, as recorded.
        overheard: what the server says unasked; where there is some, nothing was learnt yet.

    """

    conversation: Conversation
    learnt: Learnt | None
    closes: bool
    trouble: str
    plays: tuple[Play, ...]
    splits_at: int = 0
    carried: tuple[Carried, ...] = ()
    overheard: tuple[Pattern, ...] = ()


def rehearse(
    target: Target,
    conversation: Conversation,
    before_each: Callable[[], None] = lambda: None,
    *,
    as_recorded: bool = True,
    unasked: Sequence[Pattern] | None = (),
    upgrades: Collection[bytes] = (),
) -> Rehearsed:
    """Play a conversation six times, and learn.

    Args:
        target: resolved.
        conversation: as `playable` returned it.
        before_each: called before each play.
        as_recorded: whether the replies that were recorded are to come again.
        unasked: what belongs to no reply; None to hear that first.
        upgrades: requests behind whose reply TLS begins.

    Raises:
        CannotRunError: there is no connection, or a reply has no end.

    """
    carried = _carried(conversation)
    new_player = functools.partial(_player, target, conversation, carried, unasked, upgrades)
    performances, learnt, overheard = _learnt(new_player, conversation, before_each)
    if overheard:
        return Rehearsed(conversation, None, False, "", (), overheard=overheard)
    plays = [one.play for one in performances]
    trouble = (
        _unanswered(conversation, performances)
        or (_unlike_one_reply(performances) if conversation.datagrams else "")
        or _growing(learnt)
        or (_unlike_recorded(conversation, learnt, plays) if as_recorded else "")
        or _carried_in_other_sizes(conversation, learnt, plays, carried)
        or _begins_as(plays, unasked or ())
    )
    count = len(conversation.turns)
    closed = {one.closed_after for one in performances}
    splits_at = 0
    if len(closed) == 1 and not conversation.replies_known and trouble:
        at = closed.pop() or 0
        splits_at = at if at < count else 0
        closed = {at}
    return Rehearsed(
        conversation,
        None if trouble else learnt,
        closed == {count},
        trouble,
        tuple(plays),
        splits_at,
        carried,
    )


def _carried(conversation: Conversation) -> tuple[Carried, ...]:
    """Return what requests repeat that replies gave, as far as replies are known."""
    if not conversation.replies_known or conversation.size_bytes > _MOST_SEARCHED_BYTES:
        return ()
    return tuple(carried_values(conversation.requests, conversation.replies))


def _player(
    target: Target,
    conversation: Conversation,
    carried: Sequence[Carried],
    unasked: Sequence[Pattern] | None,
    upgrades: Collection[bytes],
) -> DatagramPlayer | Player:
    if conversation.datagrams:
        return DatagramPlayer(target)
    return Player(target, carried, unasked, upgrades)


def _learnt(
    new_player: Callable[[], DatagramPlayer | Player],
    conversation: Conversation,
    before_each: Callable[[], None],
) -> tuple[list[Performance], Learnt, tuple[Pattern, ...]]:
    """Play and learn, with ever more patience while bytes go from one reply to the next.

    What comes unasked must be known first: where it is heard, there is no more than one play.
    """
    for patience in _PATIENCE_AGAIN[:-1]:
        player = new_player()
        performances = _perform(player, conversation, before_each, patience)
        learnt = learn([one.play for one in performances])
        if player.overheard or not learnt.borders_moved:
            return performances, learnt, player.overheard
    player = new_player()
    performances = _perform(player, conversation, before_each, _PATIENCE_AGAIN[-1])
    return performances, learn([one.play for one in performances]), player.overheard


def _perform(
    player: DatagramPlayer | Player,
    conversation: Conversation,
    before_each: Callable[[], None],
    patience: float,
) -> list[Performance]:
    begun_s = time.monotonic()
    before_each()
    performances = [player.play(conversation, patience=2 * patience, pause_s=_SLOW_PAUSE_S)]
    if player.overheard:
        return performances
    if player.misheard:
        before_each()
        performances = [player.play(conversation, patience=2 * patience, pause_s=_SLOW_PAUSE_S)]
    for left in reversed(range(_PLAYS)):
        before_each()
        performances.append(player.play(conversation, patience=patience))
        # A clock stands still within its unit: the plays straddle a second, where there may be one.
        spent_s = time.monotonic() - begun_s
        if left and any(map(_MAY_BE_A_CLOCK.search, performances[-1].play.replies)):
            time.sleep(max(0.0, (_STRADDLED_S - spent_s) / left))
    return performances


def _unanswered(conversation: Conversation, performances: list[Performance]) -> str:
    """Say which request the server doesn't take any more, or that it answers nothing at all."""
    first = performances[0]
    count = len(conversation.turns)
    if not any(any(one.play.replies) for one in performances):
        return UNANSWERED
    early = [
        one for one in performances if one.closed_after is not None and one.closed_after < count
    ]
    if not early:
        return ""
    where = early[0].closed_after
    assert where is not None
    how = "resets" if early[0].was_reset else "closes"
    if len(early) < len(performances):
        return f"the server {how} the connection after request {where} only in some plays"
    if first.closed_after == where and conversation.end is not End.OPEN:
        told = f"leave out what follows it: {counted(count - where, 'request')}"
        return f"the server {how} the connection after request {where} of {count}; {told}"
    return f"the server {how} the connection after request {where} of {count}"


def _unlike_one_reply(performances: list[Performance]) -> str:
    """Say that a datagram has not one reply each time."""
    if any(one.several for one in performances):
        return "a datagram gets several replies"
    if not all(all(one.play.replies) for one in performances):
        return "a datagram is answered only in some plays"
    return ""


def _growing(learnt: Learnt) -> str:
    if not learnt.growth:
        return ""
    told = "; ".join(f"the {growth}" for growth in learnt.growth)
    return (
        f"{told}. The server remembers: leave that request out, end with one that clears it,"
        " or give --reset COMMAND"
    )


def _unlike_recorded(conversation: Conversation, learnt: Learnt, plays: list[Play]) -> str:
    """Say that the server answered otherwise when it was recorded, not even once as then."""
    if not conversation.replies_known:
        return ""
    found = learnt.differences(conversation.replies)
    if not found or plays[0].replies == conversation.replies:
        return ""
    return (
        f"{UNLIKE_RECORDED}: {found[0]}."
        " Restore the state that it had then, with --reset COMMAND, or record again"
    )


def _carried_in_other_sizes(
    conversation: Conversation, learnt: Learnt, plays: list[Play], carried: Sequence[Carried]
) -> str:
    """Say that a value has another size each time: cuts would stand elsewhere each time, too."""
    for one in carried:
        pattern = learnt.patterns[one.reply]
        found = excerpt(one, pattern, conversation.replies[one.reply])
        if found is None or found.is_constant:
            continue
        values = [found.taken_from(play.replies[one.reply], pattern) for play in plays]
        if {len(value) for value in values if value is not None} != {len(one.value)}:
            return (
                f"request {one.request + 1} repeats a value of reply {one.reply + 1} whose"
                " size changes each time"
            )
    return ""


def _begins_as(plays: Sequence[Play], unasked: Sequence[Pattern]) -> str:
    """Say that a reply is the beginning of what comes unasked: nobody knows which it is."""
    sieve = Sieve(unasked)
    if any(reply and sieve.may_begin(reply) for play in plays for reply in play.replies):
        return "a reply in it is the beginning of what the server says unasked"
    return ""
