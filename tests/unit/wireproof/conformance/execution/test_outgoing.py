from typing import Any, cast

from tests.support.servers import Shout
from wireproof.conformance.execution.outgoing import Outgoing
from wireproof.wire.connection import Connection


class _Kernel:
    """Takes so many bytes at a time; None: the connection is gone."""

    def __init__(self, *takes: int | None) -> None:
        self.takes = list(takes)
        self.sent = b""

    def send(self, data: memoryview, *, more_follows: bool) -> int | None:
        """Take the next part."""
        del more_follows
        taken = self.takes.pop(0)
        self.sent += bytes(data[: taken or 0])
        return taken


def _outgoing(kernel: _Kernel, *pauses: int) -> Outgoing:
    says = Shout()
    cast(Any, says).pauses = lambda _: pauses
    return Outgoing(cast(Connection, kernel), says.oracle(), says)


def test_offsets_count_from_behind_the_opening() -> None:
    """What opened the connection has none."""
    kernel = _Kernel(2, 2)
    out = _outgoing(kernel)
    out.ask_for(out.announce(b"a\n"))
    assert out.send_some(more_follows=False)
    out.begin_here()
    out.announce(b"bc\n")
    out.ask_for(2)
    assert out.send_some(more_follows=False)
    assert out.complete
    assert (kernel.sent, out.since(2)) == (b"a\nbc", b"bc")


def test_a_pause_stops_at_its_offset() -> None:
    """Not a byte goes out behind it while a reply is owed."""
    kernel = _Kernel(2)
    out = _outgoing(kernel, 2)
    out.announce(b"a\n", b"b\n")
    out.ask_for(4)
    assert out.send_some(more_follows=False)
    assert out.must_pause()
    assert out.send_some(more_follows=False)
    assert (kernel.sent, out.complete) == (b"a\n", False)


def test_what_is_outside_the_protocol_is_not_judged() -> None:
    """It takes the place of what was not sent, and the oracle hears of none of it."""
    kernel = _Kernel(1, 3)
    out = _outgoing(kernel)
    out.announce(b"a\n")
    out.ask_for(1)
    out.send_some(more_follows=False)
    out.ask_for(out.replace_rest(b"\0\0\0"))
    out.send_some(more_follows=False)
    assert kernel.sent == b"a\0\0\0"
    assert out.complete
    assert not out.judged


def test_a_connection_that_is_gone_takes_nothing() -> None:
    """That is told, not raised."""
    out = _outgoing(_Kernel(None))
    out.announce(b"a\n")
    out.ask_for(2)
    assert not out.send_some(more_follows=False)
    assert out.sent == 0
