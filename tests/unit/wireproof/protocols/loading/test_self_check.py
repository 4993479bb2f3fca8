"""A protocol class that contradicts itself is found out before any server is accused."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from wireproof.errors import ProtocolCodeError
from wireproof.protocols import Delimited, Expected, Reply
from wireproof.protocols.loading.self_check import check_code


class Good(Delimited):
    """One line in, capitals out."""

    name = "good"

    def requests(self):
        """Return a line."""
        return st.sampled_from([b"a\n", b"bc\n"])

    def expected(self, request: bytes):
        """Return capitals."""
        return request.upper()


def raise_value_error(*_: object) -> None:
    """Raise, as a user's method might."""
    raise ValueError("mine")


@pytest.mark.parametrize(
    ("method", "replacement", "said"),
    [
        ("requests", lambda self: [b"a\n"], "no Hypothesis strategy"),
        ("requests", lambda self: st.just("text"), "drew 'text'"),
        ("requests", lambda self: st.just(b""), "drew b''"),
        ("requests", raise_value_error, "raised ValueError: mine"),
        ("expected", raise_value_error, "raised ValueError: mine"),
        ("expected", lambda self, request: request.upper().strip(), "reply_length says None"),
        ("expected", lambda self, request: request + request, "ends it after"),
        ("reply_length", lambda self, buffer: None, "reply_length says None"),
        ("reply_length", lambda self, buffer: len(buffer), "ends it after 1"),
        ("reply_length", lambda self, buffer: "2", "says '2'"),
        ("sized_request", lambda self, size: b"x", "returned 1 bytes for"),
        ("personalise", lambda self, request, serial: request + b"%d" % serial, "bytes of"),
        ("personalise", lambda self, request, serial: b"%07d" % serial, "of 2 with 0"),
        ("numbered", lambda self, request, number: request + b"%d" % number, "bytes of"),
        ("pauses", lambda self, request: [99], "rising offsets"),
        ("malformed", lambda self: b"bytes", "no Hypothesis strategy"),
        ("parts", lambda self, request: [b"x"], "other bytes"),
        ("opening", lambda self: ["text"], "returned 'text'"),
        ("is_last", lambda self, request: True, "is_last() ends the connection"),
        ("kinds", lambda self: {}, "returned {}"),
        ("kinds", lambda self: [b"a"], "returned [b'a']"),
        ("kinds", lambda self: {"a": b"a\n"}, "no Hypothesis strategy"),
        ("kinds", lambda self: {"a": st.just(b"")}, "drew b''"),
        ("workload", lambda self: {"a": st.just(b"a\n")}, "for 'a'"),
        ("workload", lambda self: {"a": (st.just(b"a\n"), 0)}, "for 'a'"),
        ("workload", lambda self: {"a": (st.just("a"), 1)}, "drew 'a'"),
        ("example", lambda self: "a", "returned 'a'"),
        ("example", lambda self: b"", "returned b''"),
        ("example", raise_value_error, "raised ValueError: mine"),
        ("sized_conversation", lambda self, size: [], "returned []"),
        ("sized_conversation", lambda self, size: ["a"], "returned ['a']"),
    ],
)
def test_contradictions_are_told(method: str, replacement: Callable[..., object], said: str):
    """Each fault is told as the user's, with the method's name and its line."""
    check_code(Good())
    bad = type("Bad", (Good,), {method: replacement})()
    with pytest.raises(ProtocolCodeError) as caught:
        check_code(bad)
    assert said in str(caught.value)
    assert "test_self_check.py:" in str(caught.value)


def test_eight_digits_hold_each_serial():
    """What the page on the protocol API shows agrees with itself."""

    class Named(Good):
        def opening(self) -> list[bytes]:
            return [b"NICK 00000000\n"]

        def personalise(self, request: bytes, serial: int) -> bytes:
            return request.replace(b"00000000", b"%08d" % serial)

    check_code(Named())


def test_an_example_is_answered():
    """A plain request that expected() has no reply to, or an optional one only, is told."""

    class Quiet(Good):
        def expected(self, request: bytes) -> Expected:
            return None if request == b"quiet\n" else Reply(request, optional=True)

        def example(self) -> bytes:
            return self.plain

        plain = b"quiet\n"

    for Quiet.plain in (b"quiet\n", b"maybe\n"):
        with pytest.raises(
            ProtocolCodeError, match=r"example returned a request that expected\(\)"
        ):
            check_code(Quiet())


def test_framing_may_know_the_request():
    """A reply_length that is given the request is asked with it here too."""

    class Choosing(Good):
        def reply_length(self, buffer: bytearray, request: bytes = b"") -> int:
            assert request
            return len(request)

    check_code(Choosing())
