"""Graphite's plaintext protocol: each line is a metric, which the server writes or passes on.

A line holds a path, a value and a time. What is written has to be the same path, and the same
numbers, however the server writes them.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from wireproof.protocols.base import Rule
from wireproof.protocols.built_in.written_lines import WrittenLines, key
from wireproof.protocols.replies import Expected, Judge
from wireproof.protocols.sizes import octets, padded
from wireproof.results import Level

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_TIME_S = 1_700_000_000
_NAME = b"abcdefghijklmnopqrstuvwxyz"
_PAYLOAD = re.compile(rb"[a-zA-Z0-9_-]+")
_VALUES = [b"0", b"1", b"-1", b"42", b"1.5", b"-0.25", b"1000000", b"123456789.125"]


class Graphite(WrittenLines):
    """Graphite: every metric is written, with its path, value and time."""

    name = "graphite"
    source = "Graphite documentation, Feeding In Your Data"
    max_request_bytes: int = 1024

    def requests(self) -> SearchStrategy[bytes]:
        """Return a metric."""
        from hypothesis import strategies as st

        return st.one_of(*self.kinds().values())

    def example(self) -> bytes:
        """Return a metric with a whole number."""
        return _metric(b"requests", b"42")

    def kinds(self) -> dict[str, SearchStrategy[bytes]]:
        """Return metrics of any value, and of short and long paths."""
        from hypothesis import strategies as st

        values = st.sampled_from(_VALUES)
        names = st.text("abcxyz0189_-", min_size=1, max_size=20).map(str.encode)
        sizes = st.sampled_from([63, 64, 65, 127, 128, 129])
        return {
            "value": values.map(lambda value: _metric(b"requests", value)),
            "name": st.builds(_metric, names, values),
            "long": st.builds(lambda size: _metric(octets(size, _NAME), b"7"), sizes),
        }

    def payload_request(self, payload: bytes) -> bytes | None:
        """Return a metric of that name, if it can be one."""
        return _metric(payload, b"1") if _PAYLOAD.fullmatch(payload) else None

    def sized_request(self, size_bytes: int) -> bytes | None:
        """Return a metric with a long name."""
        return padded(size_bytes, lambda name: _metric(name or b"a", b"1"), _NAME)

    def malformed(self) -> SearchStrategy[bytes]:
        """Return lines that are no metric."""
        from hypothesis import strategies as st

        return st.sampled_from(
            [
                b"\n",
                b"a\n",
                b"a b c\n",
                b"a 1 x\n",
                b" \n",
                b"\0\n",
                b"\xff\xfe 1 2\n",
                b"a 1 2 3 4\n",
            ]
        )

    def rules(self) -> list[Rule]:
        """Return what is said of several metrics on one connection."""
        lines = tuple(_metric(b"several", value) for value in _VALUES)
        return [
            Rule(
                "GRAPHITE-001",
                Level.MUST,
                "Each line of a connection is a metric of its own.",
                "Graphite documentation, The plaintext protocol",
                "Of a client that keeps its connection, all but the first metric are lost.",
                (lines,),
            )
        ]

    def expected(self, request: bytes) -> Expected:
        """Return what accepts a line with the same path and numbers."""
        path, value, when = request.split()

        def accepts(line: bytes) -> bool:
            words = line.split()
            if len(words) != 3 or words[0] != path:
                return False
            try:
                numbers = float(words[1]), float(words[2])
            except ValueError:
                return False
            return math.isclose(numbers[0], float(value)) and numbers[1] == float(when)

        return Judge(accepts, f"a line with {request[:100].decode('latin-1').strip()!r}")


def _metric(name: bytes, value: bytes) -> bytes:
    return b"wireproof.%b.%b %b %d\n" % (key(b"."), name, value, _TIME_S)
