"""Which ready-made framing a protocol file is built on, and what it says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.learning.framing import (
    BinaryLength,
    DecimalLength,
    Ending,
    FixedSize,
    Framing,
    framings_of,
    split,
)
from wireproof.learnt.source.source_text import literal

_LINE_ENDS: Final = (b"\r\n", b"\n")


@dataclass(frozen=True, slots=True)
class FramingSource:
    """A framing as it is written in a protocol class.

    Attributes:
        base: the class to build on.
        told: a few words on where a reply ends.
        attributes: of the class, a line each.
        method: `reply_length`, where the base has none of its own; lines without indent.
        modules: that the method needs, from the standard library.

    """

    base: str
    told: str
    attributes: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


BY_REQUEST: Final = FramingSource(
    "RequestReply",
    "it is as long as the reply that was learnt for its request",
    (),
    (
        'def reply_length(self, buffer, request=b""):',
        '    """Return where a reply that was learnt ends: no framing explains them all."""',
        "    for reply in {candidates}:",
        "        if isinstance(reply, bytes):",
        "            end = len(reply) if buffer.startswith(reply) else None",
        "        else:",
        "            found = reply and reply.match(buffer)",
        "            end = found.end() if found else None",
        "        if end:",
        "            return end",
        "    return None",
    ),
)
BY_KNOWN_REPLY: Final = FramingSource(
    BY_REQUEST.base,
    BY_REQUEST.told,
    (),
    (
        'def reply_length(self, buffer, request=b""):',
        '    """Return how long the learnt reply is: no framing explains them all."""',
        '    return len({usual} or b"") or None',
    ),
)
TO_THE_END: Final = FramingSource(
    "RequestReply",
    "the end of the stream ends it",
    ("eof_ends_reply = True",),
    (
        "def reply_length(self, buffer):",
        '    """Return None: nothing but the end of the stream ends a reply."""',
        "    del buffer",
    ),
)


def framing_of(replies: Sequence[bytes], requests: Sequence[bytes]) -> Framing | None:
    """Return the framing that explains all replies, rather one that explains requests, too.

    Args:
        replies: whole ones.
        requests: whole ones.

    """
    found = framings_of(replies)
    if not found and replies and (end := _common_line_end(replies)):
        return Ending(end)
    has_length = any(isinstance(one, BinaryLength | DecimalLength) for one in found)

    def unlikely(framing: Framing) -> tuple[bool, bool, bool]:
        by_chance = (
            isinstance(framing, Ending) and has_length and max(framing.delimiter) >= ord(" ")
        )
        is_low_half = isinstance(framing, BinaryLength) and framing.width_bytes == 1
        return by_chance, any(split(one, framing) is None for one in requests), is_low_half

    return min(found, key=unlikely, default=None)


def _common_line_end(replies: Sequence[bytes]) -> bytes:
    for end in _LINE_ENDS:
        if all(one.endswith(end) and one.count(end) == 1 for one in replies if one):
            return end
    return b""


def framing_source(framing: Framing) -> FramingSource:
    """Return how a framing is written."""
    match framing:
        case Ending(delimiter):
            shown = literal(delimiter)
            return FramingSource("Delimited", f"{shown} ends it", (f"delimiter = {shown}",))
        case FixedSize(size):
            return FramingSource("FixedSize", f"it has {size} bytes", (f"reply_bytes = {size}",))
        case BinaryLength():
            return _binary(framing)
        case DecimalLength():
            return _decimal(framing)


def _binary(framing: BinaryLength) -> FramingSource:
    at, width, adjust = framing.offset_bytes, framing.width_bytes, framing.adjust_bytes
    order = ("little_endian = True",) if framing.order == "little" else ()
    told = f"bytes {at} to {at + width - 1} say how long it is"
    if width == 1:
        told = f"byte {at} says how long it is"
    if at == 0 and adjust in {0, width}:
        itself = () if adjust else ("length_counts_itself = True",)
        attributes = (f"length_bytes = {width}", *order, *itself)
        return FramingSource("LengthPrefixed", told, attributes)
    header = at + width
    counted = (f"length_adjust = {adjust - header}",) if adjust != header else ()
    attributes = (
        f"header_bytes = {header}",
        f"length_at = {at}",
        f"length_bytes = {width}",
        *order,
        *counted,
    )
    return FramingSource("HeaderWithLength", told, attributes)


def _decimal(framing: DecimalLength) -> FramingSource:
    before, blank = framing.before, framing.blank_line
    where = f"the number after {literal(before)}" if before else "a number in front"
    at = f"buffer.find({literal(before)})" if before else "0"
    lines = [
        "def reply_length(self, buffer):",
        '    """Return what the number in it says; None until that is there."""',
        f"    at = {at}",
        f'    number = re.compile(rb"([0-9]+)[^0-9]").match(buffer, at + {len(before)})',
        "    if at < 0 or number is None:",
        "        return None",
    ]
    if blank:
        lines += [
            f"    end = buffer.find({literal(blank)}, number.end(1))",
            "    if end < 0:",
            "        return None",
        ]
    begin = f"end + {len(blank)}" if blank else "number.end(1)"
    more = f" + {framing.adjust_bytes}" if framing.adjust_bytes else ""
    lines.append(f"    return {begin} + int(number[1]){more}")
    told = f"{where} says how long the rest is"
    return FramingSource("RequestReply", told, (), tuple(lines), ("re",))
