"""What `--from` takes: captures, recordings, files with a request each; told by how they begin."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wireproof.conversation import Conversation, Turn
from wireproof.errors import UsageError
from wireproof.traffic.captured.captures import read_capture
from wireproof.traffic.captured.left_out import LeftOut
from wireproof.traffic.captured.packet_files import is_capture
from wireproof.traffic.recordings import is_recording, read_recording
from wireproof.words import counted

STANDARD_INPUT: Final = "-"
MOST_CONVERSATIONS: Final = 12
"""So many are used where the user names none."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of one file."""
_MOST_REQUEST_BYTES: Final = 16 * 1024 * 1024
_SAVE_AS = "save it as pcap or pcapng: editcap FILE traffic.pcapng"
_NO_REQUEST: Final = {
    b"\x1f\x8b": ("is compressed", "unpack it with gunzip first"),
    b"\x28\xb5\x2f\xfd": ("is compressed", "unpack it with unzstd first"),
    b"\xfd7zXZ\0": ("is compressed", "unpack it with unxz first"),
    b"\x04\x22\x4d\x18": ("is compressed", "unpack it with unlz4 first"),
    b"snoop\0\0\0": ("is a capture of snoop's form", _SAVE_AS),
    b"GMBU": ("is a capture of Network Monitor's form", _SAVE_AS),
    b"RTSS": ("is a capture of Network Monitor's form", _SAVE_AS),
    b"\xa1\xb2\xcd\x34": ("is a capture of an old, changed form", _SAVE_AS),
    b"\x34\xcd\xb2\xa1": ("is a capture of an old, changed form", _SAVE_AS),
}
"""How files begin that nobody means as the bytes of a request."""
_NUMBER = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Sources:
    """What files hold.

    Attributes:
        conversations: all that can be used, in the order of the files, then of time.
        left_out: what can't be used, and why.

    """

    conversations: tuple[Conversation, ...]
    left_out: tuple[LeftOut, ...] = ()


def read_sources(
    names: Sequence[str], server_port: int | None = None, *, datagrams: bool = False
) -> Sources:
    """Read files that `--from` names.

    Args:
        names: paths; `-` for standard input, once.
        server_port: of captures; None where they tell it themselves.
        datagrams: whether of captures what passed over UDP is wanted, not over TCP.

    Raises:
        UsageError: one cannot be read or used, or files of requests stand beside others.

    """
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input is named twice", "write - once")
    files = [(_shown(name), _read(name)) for name in names]
    plain = [(name, data) for name, data in files if not _is_traffic(data)]
    if plain and len(plain) < len(files):
        traffic = next(name for name, data in files if _is_traffic(data))
        raise UsageError(
            f"{plain[0][0]} is a request by itself, {traffic} holds conversations",
            "name files of one kind",
        )
    if plain:
        return Sources((_requests(plain),))
    conversations: list[Conversation] = []
    left_out: list[LeftOut] = []
    for name, data in files:
        if is_recording(data):
            conversations += read_recording(data, name)
        else:
            captured = read_capture(data, name, server_port, datagrams=datagrams)
            conversations += captured.conversations
            left_out += captured.left_out
    return Sources(tuple(conversations), tuple(left_out))


def choose(
    conversations: Sequence[Conversation], number: int | None = None
) -> tuple[Conversation, ...]:
    """Return the conversations to use: the one of that number, or the shortest dozen that differ.

    Two that ask for the same, but for numbers in decimal, don't differ.

    Args:
        conversations: at least one.
        number: of one of them, from 1.

    Raises:
        UsageError: there is none of that number.

    """
    if number is not None:
        if not 1 <= number <= len(conversations):
            there = counted(len(conversations), "conversation")
            raise UsageError(
                f"there is no conversation {number}, only {there}",
                f"write a number from 1 to {len(conversations)}",
            )
        return (conversations[number - 1],)
    by_size = sorted(conversations, key=lambda one: (len(one.turns), one.size_bytes))
    different: dict[tuple[object, ...], Conversation] = {}
    for one in by_size:
        different.setdefault(_likeness(one), one)
    chosen = list(different.values())[:MOST_CONVERSATIONS]
    return tuple(one for one in conversations if any(one is kept for kept in chosen))


def _likeness(conversation: Conversation) -> tuple[object, ...]:
    requests = tuple(_NUMBER.sub(b"0", request) for request in conversation.requests)
    return requests, conversation.end


def _requests(files: Sequence[tuple[str, bytes]]) -> Conversation:
    for name, data in files:
        if not data:
            raise UsageError(f"{name} is empty", "put the bytes of one request into it")
        for begins, (what, instead) in _NO_REQUEST.items():
            if data.startswith(begins):
                raise UsageError(f"{name} {what}", instead)
        if len(data) > _MOST_REQUEST_BYTES:
            raise UsageError(f"{name} is larger than any request, and is no capture or recording")
    turns = tuple(Turn(data) for _, data in files)
    return Conversation(", ".join(name for name, _ in files), turns, replies_known=False)


def _is_traffic(data: bytes) -> bool:
    return is_capture(data) or is_recording(data)


def _read(name: str) -> bytes:
    shown = _shown(name)
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {shown}: {reason}") from None
    if len(data) > MOST_BYTES:
        instead = f"save the part that matters: tcpdump -r {shown} -w less.pcap tcp port PORT"
        raise UsageError(
            f"{shown} is larger than the {MOST_BYTES >> 20} MiB that are read",
            instead if is_capture(data) else "",
        )
    return data


def _shown(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else ascii(name)[1:-1]
