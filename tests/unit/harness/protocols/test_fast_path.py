"""Predictions for load: only where replies depend on the request alone."""

from hypothesis import strategies as st

from harness.protocols import Delimited
from harness.protocols.fast_path import predictor_of
from harness.protocols.redis import Redis


class Shout(Delimited):
    """One line in, capitals out."""

    def requests(self):
        """Return a line."""
        return st.just(b"a\n")

    def expected(self, request: bytes):
        """Return capitals."""
        return request.upper()


class Before(Shout):
    """Answers with the line before."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def expected(self, request: bytes):
        """Return the line before."""
        self.lines.append(request)
        return [*self.lines, b"\n"][-2]


def test_stateless_replies_are_known_beforehand():
    """Replies that depend on the request alone are joined."""
    predictor = predictor_of(Shout(), [b"a\n", b"b\n"])
    assert predictor is not None
    assert predictor.reply([b"a\n", b"b\n"]) == b"A\nB\n"


def test_state_is_noticed():
    """A class that keeps state between requests is judged by its oracle alone."""
    assert predictor_of(Before(), [b"a\n"]) is None
    assert predictor_of(Redis()) is None
