r"""MLLP, the framing of HL7 version 2: 0x0b, the message, 0x1c 0x0d. Each message has an ACK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.built_in.sizes import padded
from wireproof.protocols.framed import Delimited
from wireproof.protocols.oracle import MalformedReplyError
from wireproof.protocols.replies import Judge, Matcher

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

START, END = b"\x0b", b"\x1c\r"
_CODES = {b"AA", b"AE", b"AR", b"CA", b"CE", b"CR"}  # HL7 table 0008
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 "


def message(control_id: bytes, note: bytes) -> bytes:
    """Return a framed ADT message with a note of free text."""
    header = rb"MSH|^~\&|WIREPROOF|TEST|SERVER|TEST|20261123144116||ADT^A01|%b|P|2.5"
    segments = [header % control_id, b"EVN|A01|20261123144116", b"NTE|1||" + note]
    return START + b"".join(segment + b"\r" for segment in segments) + END


class Mllp(Delimited):
    """HL7 version 2 over MLLP: each message has one acknowledgement, which names it."""

    name = "mllp"
    source = "HL7 v2.5.1 chapter 2.9 and Transport Specification: MLLP, Release 1"
    delimiter = END
    max_request_bytes: int = 32 * 1024
    """Servers bound the size of a message, and the standard does not say where."""

    def requests(self) -> SearchStrategy[bytes]:
        """Return one ADT^A01 message."""
        from hypothesis import strategies as st

        control_ids = st.integers(1, 10**9).map(lambda number: b"%d" % number)
        notes = st.lists(st.sampled_from(list(_ALPHABET)), max_size=200).map(bytes)
        return st.builds(message, control_ids, notes)

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message with a long note."""
        return padded(size_bytes, lambda note: message(b"1", note), _ALPHABET)

    def expected(self, request: bytes) -> Matcher:
        """Return an acknowledgement with this message's control id."""
        control_id = request.split(b"\r", 1)[0].split(b"|")[9]

        def acknowledges(reply: bytes) -> bool:
            if not reply.startswith(START + b"MSH"):
                raise MalformedReplyError("no 0x0b and MSH at the start")
            separator = reply[4:5]  # each message says its own
            for segment in reply[1:-2].replace(b"\n", b"\r").split(b"\r"):
                fields = segment.split(separator)
                if fields[0] == b"MSA" and len(fields) > 2:
                    return fields[2] == control_id and fields[1] in _CODES
            raise MalformedReplyError("no MSA segment")

        return Judge(acknowledges, f"an ACK of message {control_id.decode()}")
