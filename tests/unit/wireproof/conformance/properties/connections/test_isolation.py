from hypothesis import strategies as st

from tests.support import played
from wireproof.conformance.plans.plan import Push
from wireproof.conformance.properties.connections.isolation import (
    MORE_THAN_KERNELS_BUFFER_BYTES,
    pushing,
)
from wireproof.protocols.framed import Delimited


class _Repeats(Delimited):
    """Answers a number with a line that is so many bytes long, any other line with OK."""

    def requests(self) -> st.SearchStrategy[bytes]:
        """Return short requests of short and long replies, and long ones of short replies."""
        return st.sampled_from([b"5\n", b"60000\n", b"stored " + b"x" * 300 + b"\n"])

    def expected(self, request: bytes) -> bytes:
        """Return the line."""
        return b"y" * int(request) + b"\n" if request[:-1].isdigit() else b"OK\n"


def test_a_short_request_with_a_long_reply_fills_buffers() -> None:
    """It is asked for about twice what the kernel holds, where no hook tells how long they are."""
    plan = pushing(played.subject(_Repeats()), MORE_THAN_KERNELS_BUFFER_BYTES, 0.1)
    assert set(plan.requests[0]) == {b"60000\n"}
    owed = 60001 * len(plan.requests[0])
    assert MORE_THAN_KERNELS_BUFFER_BYTES < owed <= 2 * MORE_THAN_KERNELS_BUFFER_BYTES + 60001
    assert any(isinstance(action, Push) for action in plan.actions)


def test_a_longer_reply_that_fills_nothing_changes_nothing() -> None:
    """Twenty thousand short replies stay in the kernel: long requests are pushed as before."""

    class Stores(_Repeats):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.sampled_from([b"20\n", b"stored " + b"x" * 300 + b"\n"])

    plan = pushing(played.subject(Stores()), MORE_THAN_KERNELS_BUFFER_BYTES, 0.1)
    assert {*map(len, plan.requests[0])} == {308}


def test_a_longer_reply_to_a_request_that_is_long_itself_changes_nothing() -> None:
    """So many bytes hold too few such requests: their replies together stay in the kernel."""

    class Lists(_Repeats):
        def requests(self) -> st.SearchStrategy[bytes]:
            return st.sampled_from(
                [b"0200" + b"0" * 2_000 + b"\n", b"stored " + b"x" * 300 + b"\n"]
            )

        def expected(self, request: bytes) -> bytes:
            return b"y" * 200 + b"\n" if request[:-1].isdigit() else b"OK\n"

        def sized_request(self, size_bytes: int) -> bytes:
            return b"s" * (size_bytes - 1) + b"\n"

    plan = pushing(played.subject(Lists()), MORE_THAN_KERNELS_BUFFER_BYTES, 0.1)
    assert {*map(len, plan.requests[0])} == {4096}


def test_a_reply_as_long_as_its_request_changes_nothing() -> None:
    """An echo is asked with long requests, as many as it takes."""
    plan = pushing(played.lines(), MORE_THAN_KERNELS_BUFFER_BYTES, 0.1)
    assert len(set(plan.requests[0])) == 1
    assert sum(map(len, plan.requests[0])) > len(plan.requests[0])
