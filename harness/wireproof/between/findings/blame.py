"""Which side broke, as far as the streams tell: who owes what, compared with an uncut run."""

from dataclasses import dataclass
from typing import Literal

from wireproof.between.runs.playing import Played
from wireproof.between.runs.schedules import Direction

SideName = Literal["client", "server", ""]


@dataclass(frozen=True, slots=True)
class Blame:
    """Who broke.

    Attributes:
        side: empty where that is not certain.
        sentence: how that shows.

    """

    side: SideName
    sentence: str


def blame(failed: Played, uncut: Played) -> Blame:
    """Say who broke in a run that failed.

    Who was given the stream that was cut is who read it wrongly; where both were, what the other
    one got says more.
    """
    cut = {one.direction for one in failed.schedule.cuts} | set(failed.schedule.octets)
    cut |= set(failed.schedule.gather)
    if failed.schedule.is_late:
        cut.add(Direction.REPLY)
    seen, is_servers_doing = _what_the_server_did(failed, uncut)
    if cut == {Direction.REPLY}:
        return Blame("client", _joined(failed, "everything reached the server unchanged"))
    if cut == {Direction.REQUEST}:
        return Blame("server", seen or _joined(failed, "the replies passed unchanged"))
    if is_servers_doing:
        return Blame("server", seen)
    return Blame("", seen or _client_words(failed))


def _what_the_server_did(failed: Played, uncut: Played) -> tuple[str, bool]:
    """Return what the server left out or did otherwise, and whether there is such a thing."""
    for number, streams in enumerate(failed.streams):
        replies, requests = streams[Direction.REPLY], streams[Direction.REQUEST]
        where = f"on connection {number + 1} " if len(failed.streams) > 1 else ""
        right = uncut.streams[number] if number < len(uncut.streams) else None
        right_replies = right[Direction.REPLY] if right else None
        if replies.end and not requests.end and right_replies and not right_replies.end:
            return f"{where}the server ended it ({replies.end}), and uncut it did not", True
        if requests.sizes_bytes and not requests.end and failed.last[number] is Direction.REQUEST:
            asked = len(requests.sizes_bytes)
            if len(replies.sizes_bytes) < asked:
                return f"{where}the server has not answered request {asked}", True
        if right_replies and replies.sizes_bytes != right_replies.sizes_bytes:
            sizes = f"{sum(replies.sizes_bytes)} bytes, uncut {sum(right_replies.sizes_bytes)}"
            return f"{where}the server answered {sizes}", False
    return "", False


def _joined(failed: Played, passed: str) -> str:
    """Return what passed as it came, behind what the client waits for, if it does."""
    return passed if failed.exit_code is not None else f"{_client_words(failed)}; {passed}"


def _client_words(failed: Played) -> str:
    if failed.exit_code is not None:
        return f"the client's process ended with {failed.exit_code}"
    replies = [
        len(streams[Direction.REPLY].sizes_bytes)
        for streams, last in zip(failed.streams, failed.last, strict=True)
        if last is Direction.REPLY
    ]
    if replies:
        return f"the client waits although reply {replies[-1]} has been sent whole"
    return "the client waits"
