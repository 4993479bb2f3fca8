"""What the result file says of a check that was given no protocol."""

import msgspec


class LearntSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a reply that is not judged byte for byte."""

    reply: str
    """Of which conversation, and to which of its requests."""
    offset: int
    """Where in the reply it usually begins."""
    bytes: int
    """How long it usually is."""
    kind: str
    """What it was taken for: `clock`, `counter`, `unique`, `random` and so on."""
    judged: str
    """`exactly`, `by kind` or `not`."""
    examples: list[str]
    """Values that were seen, escaped."""


class LearntResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a check that was given no protocol judged the replies by."""

    conversations: int  # number that was learnt from
    plays: int
    """How often a conversation was played to learn."""
    reply_bytes: int
    """Of all replies together; the shares are parts of them."""
    exact_share: float  # of reply bytes, judged exactly: 0 to 1
    by_kind_share: float  # of reply bytes, judged by kind: 0 to 1
    judged_share: float
    """Exactly or by kind; what is left is masked."""
    spans: list[LearntSpan] = []  # what is not judged byte for byte
    left_out: list[str] = []
    """Conversations that are not judged, and why."""
    unasked: list[str] = []
    """What the server says without being asked, such as a heartbeat: it is taken out of the replies
    before they are judged. An example each."""
    longer: list[str] = []
    """Requests that were also sent longer than they were seen, and up to which size."""
    reference: str = ""
    """The server that was learnt from, where it is another than the one that was judged."""
