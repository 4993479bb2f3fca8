"""Replies that come in pieces, between each other: a broker's messages go out as each is ready.

A reply to one request may be several messages, and nobody has told where one ends. So each reply
may go on where it was left, behind pieces of others. Every byte still is one that is owed.
"""

from typing import Final

_MOST_BYTES: Final = 16 * 1024
_MOST_STATES: Final = 16

Part = tuple[bytes, int]
"""A reply, and how much of it has come."""
State = tuple[Part, ...]


class Shuffle:
    """Follows the streams that replies may make in whatever order and pieces they come.

    Attributes:
        is_right: whether all that has come can be a part of such a stream. Above 16 KiB nothing is.

    """

    def __init__(self) -> None:
        """Owe nothing."""
        self.is_right = True
        self._states: list[State] = [()]
        self._taken_bytes = 0

    @property
    def owed(self) -> int:
        """How many replies are not here whole, at least."""
        return min(map(len, self._states))

    def owe(self, reply: bytes) -> None:
        """Let a reply come from now on."""
        self._states = [tuple(sorted((*state, (reply, 0)))) for state in self._states]

    def receive_data(self, data: bytes) -> None:
        """Take what has come."""
        self._taken_bytes += len(data)
        if self._taken_bytes > _MOST_BYTES:
            self.is_right = False
        for byte in data if self.is_right else b"":
            behind = {one for state in self._states for one in _behind(state, byte)}
            if not behind:
                self.is_right = False
                return
            # The fewer replies lie in pieces, the likelier it is.
            self._states = sorted(behind, key=_in_pieces)[:_MOST_STATES]


def _behind(state: State, byte: int) -> set[State]:
    found = set()
    for at, (reply, begin) in enumerate(state):
        if reply[begin] == byte:
            rest = [*state[:at], *state[at + 1 :]]
            if begin + 1 < len(reply):
                rest.append((reply, begin + 1))
            found.add(tuple(sorted(rest)))
    return found


def _in_pieces(state: State) -> int:
    return sum(begin > 0 for _, begin in state)
