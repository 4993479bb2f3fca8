r"""MLLP, the framing of HL7 version 2: 0x0b, the message, 0x1c 0x0d. Each message has an ACK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.protocols.framed import Delimited
from wireproof.protocols.oracle import MalformedReplyError, first_line
from wireproof.protocols.replies import Judge, Matcher
from wireproof.protocols.sizes import integers, padded, payloads

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


def _acknowledgement(reply: bytes) -> tuple[bytes, list[bytes]]:
    """Return the code of a reply's MSA segment, and the fields behind it; empty without one."""
    separator = reply[4:5]  # each message says its own
    for segment in (
        reply[1:].removesuffix(END).replace(b"\n", b"\r").split(b"\r") if separator else ()
    ):
        fields = segment.split(separator)
        if fields[0] == b"MSA" and len(fields) > 2:
            return fields[1], fields[2:]
    return b"", []


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

        control_ids = integers(1, 2**32).map(lambda number: b"%d" % number)
        notes = payloads(200, _ALPHABET)
        return st.builds(message, control_ids, notes)

    def example(self) -> bytes:
        """Return an admission with a note."""
        return message(b"1", b"Admitted")

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a message with a long note."""
        return padded(size_bytes, lambda note: message(b"1", note), _ALPHABET)

    def refused(self, reply: bytes) -> bool:
        """Say whether it is an error or a rejection."""
        code, _ = _acknowledgement(reply)
        return code in _CODES and not code.endswith(b"A")

    def in_words(self, reply: bytes) -> str:
        """Return code, control id and text of the acknowledgement."""
        code, rest = _acknowledgement(reply)
        return first_line(b" ".join([code, *rest]))

    def expected(self, request: bytes) -> Matcher:
        """Return an acknowledgement with this message's control id."""
        control_id = request.split(b"\r", 1)[0].split(b"|")[9]

        def acknowledges(reply: bytes) -> bool:
            if not reply.startswith(START + b"MSH"):
                raise MalformedReplyError("no 0x0b and MSH at the start")
            code, rest = _acknowledgement(reply)
            if not rest:
                raise MalformedReplyError("no MSA segment")
            return rest[0] == control_id and code in _CODES

        return Judge(acknowledges, f"an ACK of message {control_id.decode()}")
