"""All conversations of a source, played and learnt: what can be judged, and what can't and why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from wireproof.conversation import Conversation, End, Turn
from wireproof.errors import CannotRunError, UsageError
from wireproof.learning.patterns.pattern import Pattern
from wireproof.learning.plays import Play
from wireproof.learnt.scripts import Script, Scripts, playable, script_of
from wireproof.rehearsal.overhearing import without_unasked
from wireproof.rehearsal.player import Player
from wireproof.rehearsal.recital import with_roles
from wireproof.rehearsal.rehearsal import UNANSWERED, UNLIKE_RECORDED, Rehearsed, rehearse
from wireproof.rehearsal.upgrading import may_ask_for_tls
from wireproof.target import Target
from wireproof.words import counted

_AS_IT_IS: Final = (
    "each file is sent as one request: does it lack its end, such as a newline, or is it a capture"
    " of another format?"
)
_MOST_DATAGRAMS: Final = 12
_MOST_PARTS: Final = 12
"""Of a conversation whose connection the server closes in the middle."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What was learnt of a server.

    Attributes:
        scripts: of all that can be judged.
        left_out: what can't be judged, and why: the name of a conversation and a sentence.
        plays: how often a conversation was played.
        performed: each conversation that was learnt, and its last play.

    """

    scripts: Scripts
    left_out: tuple[tuple[str, str], ...]
    plays: int
    performed: tuple[tuple[Conversation, Play], ...] = ()


def take_lessons(
    target: Target,
    conversations: Sequence[Conversation],
    *,
    vary: str = "",
    before_each: Callable[[], None] = lambda: None,
    as_recorded: bool = True,
    tell: Callable[[int, int], None] = lambda _number, _total: None,
) -> Lessons:
    """Play conversations, and learn what the server answers.

    Args:
        target: resolved; learnt from.
        conversations: at least one.
        vary: what of requests differs from connection to connection, as a regular expression.
        before_each: called before each play.
        as_recorded: whether the replies that were recorded are to come again.
        tell: told of the conversation that is played next, from 0, and of how many there are.

    Raises:
        UsageError: these conversations can't be played.
        CannotRunError: nothing can be judged, or there is no connection.

    """
    if vary and not target.is_stream:
        raise UsageError("--vary means nothing for datagrams", "leave it out")
    parted = _by_datagrams(conversations, target)
    how = before_each, as_recorded
    heard = _hear(target, parted, None if target.is_stream else (), *how, tell)
    if heard.overheard:

        def tell_others(number: int, total: int) -> None:
            if number:
                tell(number, total)

        heard = _hear(target, parted, heard.overheard, *how, tell_others)
    scripts, left_out = heard.scripts, heard.left_out
    if not scripts:
        told = "; ".join(dict.fromkeys(reason for _, reason in left_out))
        if all(reason.startswith(UNLIKE_RECORDED) for _, reason in left_out):
            raise UsageError(f"{target} is another server, or in another state: {left_out[0][1]}")
        from_files = not any(one.replies_known for one in conversations)
        instead = _AS_IT_IS if from_files and UNANSWERED in told else ""
        raise CannotRunError(f"cannot judge {target} from this: {told}", instead)
    scripts.sort(key=lambda one: sum(map(len, one.requests)))
    alike, others = _of_one_beginning(scripts)
    left_out += [(one.name, "the server greets it differently") for one in others]
    behind_end = heard.ends[alike[0].name]
    others = [one for one in alike if heard.ends[one.name] is not behind_end]
    left_out += [(one.name, "of these some are answered only after its end") for one in others]
    chosen = [one for one in alike if one not in others]
    upgrades = tuple(one for one in sorted(heard.upgrades) if one in chosen[0].requests)
    others = [one for one in chosen if not set(upgrades) <= set(one.requests)]
    left_out += [(one.name, "TLS begins in another one, and not in it") for one in others]
    learnt = Scripts(
        scripts=tuple(one for one in chosen if one not in others),
        vary=vary,
        datagrams=not target.is_stream,
        behind_end=behind_end,
        unasked=heard.overheard,
        upgrades=upgrades,
    )
    found = with_roles(learnt, target)
    if behind_end and not found.independent:
        raise CannotRunError(
            f"cannot judge {target} from this: no request gets the same answer twice"
        )
    return Lessons(found, tuple(left_out), heard.plays, tuple(heard.performed))


@dataclass(slots=True)
class _Heard:
    """What came of rehearsing conversations, while it is gathered.

    Attributes:
        overheard: what the server says unasked; where it wasn't known, nothing else was learnt.
        scripts: of those that can be judged.
        left_out: as lessons have it.
        performed: likewise.
        ends: by the name of a script, whether it is answered behind the client's end alone.
        plays: how often one was played.
        replies: how many were learnt.
        upgrades: requests behind whose reply TLS begins.

    """

    overheard: tuple[Pattern, ...]
    scripts: list[Script] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    performed: list[tuple[Conversation, Play]] = field(default_factory=list)
    ends: dict[str, bool] = field(default_factory=dict)
    plays: int = 0
    replies: int = 0
    upgrades: frozenset[bytes] = frozenset()

    def add(self, conversation: Conversation, heard: Rehearsed) -> None:
        """Take a conversation, or why it can't be judged."""
        self.plays += len(heard.plays)
        if heard.learnt is None:
            self.left_out.append((conversation.name, heard.trouble))
            return
        script = _script(heard, self.replies)
        self.scripts.append(script)
        self.ends[script.name] = heard.conversation.end is End.HALF_CLOSE
        self.performed.append((conversation, heard.plays[-1]))
        self.replies += len(conversation.turns)


def _hear(  # noqa: PLR0917 - as a lesson needs them
    target: Target,
    conversations: Sequence[Conversation],
    unasked: tuple[Pattern, ...] | None,
    before_each: Callable[[], None],
    as_recorded: bool,
    tell: Callable[[int, int], None],
) -> _Heard:
    """Rehearse conversations; only the first where `unasked` is None, and something is."""
    heard = _Heard(unasked or ())
    waiting = [
        _greeted(playable(without_unasked(one, heard.overheard)), target, heard.overheard)
        for one in conversations
    ]
    heard.upgrades = frozenset(
        request for one in waiting for request in _asking_for_tls(one, target)
    )
    done = 0
    while waiting:
        conversation = waiting.pop(0)
        tell(done, done + 1 + len(waiting))
        done += 1
        if unfit := _unfit(conversation):
            heard.left_out.append((conversation.name, unfit))
            continue
        one = _rehearsed(
            target,
            conversation,
            before_each,
            as_recorded=as_recorded,
            unasked=unasked,
            upgrades=heard.upgrades,
        )
        if one.overheard:
            return _Heard(one.overheard)
        unasked = heard.overheard
        if one.splits_at and done + len(waiting) < _MOST_PARTS:
            heard.plays += len(one.plays)
            waiting = [*_parts(conversation, one.splits_at), *waiting]
        else:
            heard.add(conversation, one)
    return heard


def _greeted(
    conversation: Conversation, target: Target, unasked: Sequence[Pattern]
) -> Conversation:
    """Return a conversation that begins as the server does, where its source does not tell."""
    if conversation.replies_known or conversation.datagrams:
        return conversation
    if not Player(target, unasked=unasked).is_greeted():
        return conversation
    return replace(conversation, turns=(Turn(b""), *conversation.turns))


def _asking_for_tls(conversation: Conversation, target: Target) -> Iterator[bytes]:
    """Yield the request behind whose reply the server begins TLS, and no other.

    What a capture has behind it can't be read.
    """
    if conversation.replies_known or target.scheme not in {"tcp", "unix"}:
        return
    for number, turn in enumerate(conversation.turns):
        if may_ask_for_tls(turn.request):
            player = Player(target, upgrades={turn.request})
            player.play(replace(conversation, turns=conversation.turns[: number + 1]))
            if player.began_tls:
                yield turn.request
                return


def _by_datagrams(conversations: Sequence[Conversation], target: Target) -> list[Conversation]:
    """Return conversations as they are for a stream; over UDP each datagram by itself, once.

    Files of requests hold either; what was seen was one or the other.
    """
    wrong = [
        one for one in conversations if one.replies_known and one.datagrams is target.is_stream
    ]
    if wrong:
        seen, way = ("datagrams", "udp") if wrong[0].datagrams else ("a stream", "tcp")
        raise UsageError(
            f"{wrong[0].name} is {seen}, and {target} is not", f"name a {way}:// target"
        )
    if target.is_stream:
        return list(conversations)
    turns = {turn.request: (one, turn) for one in conversations for turn in one.turns}
    return [
        replace(one, name=f"{one.name}, datagram {number + 1}", turns=(turn,), datagrams=True)
        for number, (one, turn) in enumerate(list(turns.values())[:_MOST_DATAGRAMS])
    ]


def _unfit(conversation: Conversation) -> str:
    if conversation.begun_before:
        return "it began before the capture did"
    if not any(turn.request for turn in conversation.turns):
        return "the client says nothing in it"
    return ""


def _rehearsed(
    target: Target,
    conversation: Conversation,
    before_each: Callable[[], None],
    *,
    as_recorded: bool,
    unasked: Sequence[Pattern] | None,
    upgrades: frozenset[bytes],
) -> Rehearsed:
    """Rehearse; whose last reply came behind the client's end, without that end first.

    Many clients end their stream early, and few servers wait for it.
    """
    if conversation.end is not End.HALF_CLOSE:
        return rehearse(
            target,
            conversation,
            before_each,
            as_recorded=as_recorded,
            unasked=unasked,
            upgrades=upgrades,
        )
    kept_open = replace(conversation, end=End.CLIENT)
    spoken = sum(bool(turn.request) for turn in conversation.turns)
    if spoken == 1 and target.scheme != "tls":
        before_each()
        if not any(Player(target).play(replace(kept_open, replies_known=False)).play.replies):
            kept_open = conversation
    return rehearse(target, kept_open, before_each, as_recorded=as_recorded, unasked=unasked)


def _parts(conversation: Conversation, at: int) -> list[Conversation]:
    """Return what the server answers on one connection, and the rest for another."""
    greeting = tuple(turn for turn in conversation.turns[:1] if not turn.request)
    first = replace(conversation, turns=conversation.turns[:at], end=End.SERVER)
    rest = replace(conversation, turns=(*greeting, *conversation.turns[at:]))
    return [first, rest]


def _script(heard: Rehearsed, first_reply: int) -> Script:
    assert heard.learnt is not None
    return script_of(
        heard.conversation,
        heard.learnt,
        first_reply,
        closes=heard.closes,
        carried=heard.carried,
    )


def _of_one_beginning(scripts: Sequence[Script]) -> tuple[list[Script], list[Script]]:
    """Return the scripts that the server greets as the first one, and the others."""
    greeted = scripts[0].greeting is not None
    alike = [one for one in scripts if (one.greeting is not None) == greeted]
    return alike, [one for one in scripts if one not in alike]


def told_left_out(lessons: Lessons) -> list[str]:
    """Return a line for each conversation that can't be judged."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in lessons.left_out:
        by_reason.setdefault(reason, []).append(name)
    return [
        f"{counted(len(names), 'conversation')} not judged ({', '.join(names[:3])}): {reason}"
        for reason, names in by_reason.items()
    ]
