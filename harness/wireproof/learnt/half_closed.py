"""The same where a request is answered only after the client's end of stream."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from wireproof.learnt.protocol import LearntProtocol

_JUDGED = frozenset(
    {
        "BASE-ANSWER",
        "SEG-SINGLE",
        "SEG-OCTETS",
        "SEG-PAIRS",
        "SEG-SETS",
        "SEG-HELD",
        "FRAME-EXACT",
        "ISO-REPLIES",
        "ISO-PARTS",
        "IDLE-OTHERS",
        "CAP-CONCURRENT",
    }
)


class _AllOthers(Mapping[str, str]):
    """Has a reason for each requirement that is not judged."""

    def __getitem__(self, identifier: str) -> str:
        if identifier in _JUDGED:
            raise KeyError(identifier)
        return "a request is answered only after the client's end of stream"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class HalfClosedProtocol(LearntProtocol):
    """One request a connection, and the end of the stream behind it."""

    inapplicable: ClassVar[Mapping[str, str]] = _AllOthers()
