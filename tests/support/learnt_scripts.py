"""Scripts as they would be learnt: from requests, and the replies of several plays."""

from collections.abc import Sequence

from wireproof.conversation import Conversation, Turn
from wireproof.learning.learnt import learn
from wireproof.learning.plays import Moment, Play
from wireproof.learnt.scripts import Script, Scripts, script_of

BEGAN_S = 1_700_000_000.0


def script(
    requests: Sequence[bytes],
    plays: Sequence[Sequence[bytes]],
    *,
    closes: bool = False,
    first_reply: int = 0,
) -> Script:
    """Return what is learnt when `requests` are answered so in each of the plays."""
    turns = tuple(Turn(request) for request in requests)
    heard = [
        Play(
            tuple(replies),
            tuple(Moment(BEGAN_S + number, BEGAN_S + number + 0.01) for _ in replies),
        )
        for number, replies in enumerate(plays)
    ]
    conversation = Conversation("a test", turns, replies_known=False)
    return script_of(conversation, learn(heard), first_reply, closes=closes)


def constant(*exchanges: tuple[bytes, bytes], closes: bool = False, first_reply: int = 0) -> Script:
    """Return a script in which every play was answered alike."""
    replies = [reply for _, reply in exchanges]
    requests = [request for request, _ in exchanges]
    return script(requests, [replies] * 6, closes=closes, first_reply=first_reply)


def scripts(*each: Script, **more: object) -> Scripts:
    """Return them as all that was learnt."""
    return Scripts(scripts=each, **more)  # type: ignore[arg-type]  # as the record has it
