"""A server of binary frames with a checksum; use it as `docs/examples/crc_frames.py:CrcFrames`.

A frame is a type, a length of two bytes, the payload, and the CRC-32 of all that. `W` stores the
payload and is answered with `K`; `R` is answered with `V` and what was stored; `E` and a code
refuses.
"""

import zlib

from hypothesis import strategies as st

from wireproof import HeaderWithLength

CRC_BYTES = 4


class CrcFrames(HeaderWithLength):
    """One value a connection, written and read in frames with a CRC-32."""

    name = "crc-frames"
    source = "this file"
    header_bytes = 3
    length_at = 1
    length_bytes = 2
    length_adjust = CRC_BYTES  # which the length does not count

    def __init__(self):
        """Start with nothing stored."""
        self._stored = b""

    def sealed(self, kind, payload=b""):
        """Return a whole frame."""
        frame = self.frame(payload + bytes(CRC_BYTES), kind)[:-CRC_BYTES]
        return frame + zlib.crc32(frame).to_bytes(CRC_BYTES)

    def requests(self):
        """Return a write, or a read."""
        return st.one_of(*self.kinds().values())

    def kinds(self):
        """Return writes and reads."""
        writes = st.binary(max_size=300).map(lambda payload: self.sealed(b"W", payload))
        return {"write": writes, "read": st.just(self.sealed(b"R"))}

    def workload(self):
        """Return one write to four reads."""
        kinds = self.kinds()
        return {"write": (kinds["write"], 20), "read": (kinds["read"], 80)}

    def example(self):
        """Return a read."""
        return self.sealed(b"R")

    def sized_conversation(self, size_bytes):
        """Return a write and a read."""
        if size_bytes > 0xFFFF:
            return None
        value = bytes(at % 251 for at in range(size_bytes))
        return [self.sealed(b"W", value), self.sealed(b"R")]

    def malformed(self):
        """Return a frame with a bit of its CRC changed."""
        frame = self.sealed(b"W", b"value")
        return st.just(frame[:-1] + bytes((frame[-1] ^ 1,)))

    def expected(self, request):
        """Return the value, or that it is stored."""
        if request[:1] == b"W":
            self._stored = self.payload(request)[:-CRC_BYTES]
            return self.sealed(b"K")
        return self.sealed(b"V", self._stored)

    def refused(self, reply):
        """Say whether it is an error."""
        return reply[:1] == b"E"

    def in_words(self, reply):
        """Return the code of an error."""
        return f"error {reply[self.header_bytes]}" if reply[:1] == b"E" and reply[3:] else ""
