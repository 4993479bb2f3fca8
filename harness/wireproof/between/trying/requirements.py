"""What a client and a server keep, whatever lies between them: the `CLI-*` of the catalogue."""

from dataclasses import dataclass
from typing import Final

from wireproof.results import Level

UNCUT: Final = "CLI-UNCUT"
REPLY_OCTET: Final = "CLI-REPLY-OCTET"
REQUEST_OCTET: Final = "CLI-REQUEST-OCTET"
BOTH_OCTET: Final = "CLI-BOTH-OCTET"
REPLY_CUT: Final = "CLI-REPLY-CUT"
REQUEST_CUT: Final = "CLI-REQUEST-CUT"
GATHERED: Final = "CLI-GATHERED"
APART: Final = "CLI-END-APART"
LATE: Final = "CLI-LATE"
HELD: Final = "CLI-HELD"
PAIR: Final = "CLI-PAIR"
DRAWN: Final = "CLI-DRAWN"
BROKEN: Final = "CLI-BROKEN"
_STREAM: Final = "RFC 9293 3.8.6.2.2, 3.9.1.2: PSH is no record marker"


@dataclass(frozen=True, slots=True)
class Between:
    """One sentence that a client and a server keep together.

    Attributes:
        id: stable, never reused, never renamed.
        level: how binding.
        title: the requirement in one sentence.
        source: where it stands.
        reason: why it matters, or what breaks it.

    """

    id: str
    level: Level
    title: str
    source: str
    reason: str


BETWEEN: Final = (
    Between(
        UNCUT,
        Level.MUST,
        "Through a relay that changes nothing, the command succeeds every time.",
        "the basis of all others",
        "A command that fails by itself, or now and then, says nothing about cuts.",
    ),
    Between(
        REPLY_OCTET,
        Level.MUST,
        "The command succeeds when each byte of the replies is read alone.",
        _STREAM,
        "A client that takes what one recv returns for a whole reply loses all of them.",
    ),
    Between(
        REQUEST_OCTET,
        Level.MUST,
        "The command succeeds when each byte of the requests is read alone.",
        _STREAM,
        "A server that takes what one recv returns for a whole request refuses all of them.",
    ),
    Between(
        BOTH_OCTET,
        Level.MUST,
        "The command succeeds when each byte of both directions is read alone.",
        _STREAM,
        "Some states are only reached when both wait for the other's next byte.",
    ),
    Between(
        GATHERED,
        Level.MUST,
        "The command succeeds when everything sent within a moment, the end of the stream included,"
        " is read at once.",
        _STREAM,
        "A reader that takes one message out of what it read, and forgets the rest, hangs.",
    ),
    Between(
        APART,
        Level.MUST,
        "The command succeeds when the end of a stream comes later than its last byte.",
        "RFC 9293 3.6: the end is an event of its own",
        "A reader that expects the end beside the last byte gives up before it.",
    ),
    Between(
        LATE,
        Level.SHOULD,
        "The command succeeds when replies come later, after the next request if there is one.",
        "RFC 9293 3.8.3: delay is the network's to choose",
        "A client that has stopped waiting takes that reply for the answer to its next request.",
    ),
    Between(
        REPLY_CUT,
        Level.MUST,
        "The command succeeds wherever one reply is cut in two.",
        _STREAM,
        "One place can be wrong where octet by octet is right: a buffer that is just full, a"
        " delimiter of which one half has come.",
    ),
    Between(
        REQUEST_CUT,
        Level.MUST,
        "The command succeeds wherever one request is cut in two.",
        _STREAM,
        "A server's parser goes wrong at the border of a field, a delimiter, a buffer.",
    ),
    Between(
        HELD,
        Level.SHOULD,
        "The command succeeds when the second part of a message comes half a second late.",
        "RFC 9293 3.8.3: delay is the network's to choose",
        "Some discard what is unfinished after a short time.",
    ),
    Between(
        PAIR,
        Level.MUST,
        "The command succeeds wherever one direction is cut twice.",
        _STREAM,
        "A reader that joins two parts, and only two, is wrong with three.",
    ),
    Between(
        BROKEN,
        Level.MAY,
        "The command ends as --expect says when a stream ends or is reset inside a message.",
        "judged by --expect alone",
        "This finds clients that wait forever, or take half a reply for a whole one.",
    ),
    Between(
        DRAWN,
        Level.MUST,
        "The command succeeds with any set of cuts.",
        _STREAM,
        "It finds what nobody thought of.",
    ),
)
BY_ID: Final = {one.id: one for one in BETWEEN}
