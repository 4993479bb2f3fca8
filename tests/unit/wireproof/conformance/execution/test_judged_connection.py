"""Against a connection that the test plays: every wait ends, whatever the peer does."""

# ruff: noqa: D102 - what a stand-in does is what it stands for

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from tests.support.servers import GreetedShout, Shout
from wireproof.conformance.execution.failure import (
    ConversationFailedError,
    FailureKind,
    Owed,
    Phase,
    Seen,
)
from wireproof.conformance.execution.judged_connection import JudgedConnection, abandon
from wireproof.conformance.execution.waiting import DeliveryTimeout
from wireproof.deadline import Deadline
from wireproof.results import Delivery
from wireproof.wire.connection import Connection
from wireproof.wire.observations import END_OF_STREAM, RESET, Data, Observation
from wireproof.wire.transcript import Transcript

NOW = 0.02  # of seconds: the timeout of a test that waits in vain


class Played:
    """A connection whose peer is a function: called for each read, told how much was sent."""

    ending = ""
    ready_s = 0.0

    def __init__(
        self,
        peer: Callable[[bytes], Observation | None] = lambda _: None,
        takes: Callable[[int], int | None] = lambda size: size,
    ) -> None:
        self.peer = peer
        self.takes = takes
        self.sent = b""
        self.log: list[str] = []
        self.waits = 0
        self.closed = False

    def send(self, data: memoryview, *, more_follows: bool = False) -> int | None:
        self.log += ["more follows"] * more_follows
        taken = self.takes(len(data))
        self.sent += bytes(data[: taken or 0])
        return taken

    def receive(self) -> Observation | None:
        return self.peer(self.sent)

    def next_observation(self, deadline: Deadline) -> Observation:
        del deadline
        return self.receive() or END_OF_STREAM

    def wait(self, deadline: Deadline, **_: bool) -> bool:
        self.waits += 1
        deadline.expires_at_s = 0  # nothing comes: the time is over at once
        return False

    def half_close(self) -> None:
        self.log.append("half-close")

    def close(self) -> None:
        self.log.append("close")
        self.closed = True

    def reset(self) -> None:
        self.log.append("reset")
        self.closed = True

    def widen_window(self) -> None:
        self.log.append("widen")


class Ready(Played):
    """A connection that always seems ready, as one does whose peer floods it or has hung up."""

    def wait(self, deadline: Deadline, **_: bool) -> bool:
        self.waits += 1
        assert self.waits < 2_000_000, "this wait spins"
        return True


class Writable(Played):
    """A connection that always has room, and never anything to read."""

    def wait(self, deadline: Deadline, *, writable: bool = False, **_: bool) -> bool:
        return writable or super().wait(deadline)


class Watch:
    """Sees what the test says."""

    gap_s = 0.0

    def __init__(self, unread: int = 0, *, confirms: bool = True) -> None:
        self.unread = unread
        self.confirms = confirms
        self.looks = 0

    def sent_more(self) -> None:
        self.looks = 0

    def delivered(self) -> bool:
        self.looks += 1
        return not self.unread

    def unread_bytes(self) -> int | None:
        return self.unread if self.confirms else None


def _in_turn(*seen: Observation | None) -> Callable[[bytes], Observation | None]:
    left = list(seen)
    return lambda _: left.pop(0) if left else None


def _judged(
    connection: Played,
    *requests: bytes,
    watch: Watch | None = None,
    protocol: Shout | None = None,
    pauses_of: Callable[[bytes], Sequence[int]] = lambda _: (),
) -> JudgedConnection:
    chosen = protocol or Shout()
    cast(Any, chosen).pauses = pauses_of
    judged = JudgedConnection(
        0,
        cast(Connection, connection),
        chosen.oracle(),
        cast(Any, watch or Watch()),
        Transcript(),
        DeliveryTimeout(NOW),
        says=chosen,
    )
    judged.begin(chosen.opening(), requests, Deadline(NOW))
    return judged


def _failure(act: Callable[[], object]) -> ConversationFailedError:
    with pytest.raises(ConversationFailedError) as failed:
        act()
    return failed.value


def _kinds(judged: JudgedConnection) -> list[str]:
    return [event.kind for event in judged._transcript.events]


def test_a_right_reply() -> None:
    """What is owed came: the wait is over, and both directions stand in the transcript."""
    connection = Played(lambda sent: Data(b"HI\n") if sent == b"hi\n" else None)
    judged = _judged(connection, b"hi\n")
    judged.send(3, Deadline(NOW))
    connection.peer = _in_turn(Data(b"H"), Data(b"I\n"))
    judged.await_replies(Deadline(NOW))
    assert connection.waits == 0
    assert _kinds(judged) == ["send", "receive", "receive"]
    assert judged.delivery is Delivery.CONFIRMED


def test_a_wrong_byte_is_told_at_once() -> None:
    """Nobody waits for the rest of a reply that is wrong already."""
    connection = Played()
    judged = _judged(connection, b"hi\n")
    judged.send(3, Deadline(NOW))
    connection.peer = _in_turn(Data(b"HX"))
    failure = _failure(lambda: judged.await_replies(Deadline(1000))).failure
    assert failure.kind is FailureKind.WRONG_REPLY
    assert (failure.expected, failure.actual) == ("b'HI\\n'", "b'HX'")


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (None, FailureKind.SILENCE),
        (END_OF_STREAM, FailureKind.END),
        (RESET, FailureKind.RESET),
    ],
)
def test_end_reset_and_silence_differ(seen: Observation | None, kind: FailureKind) -> None:
    """In place of a reply: three observations, three kinds of failure."""
    connection = Played()
    judged = _judged(connection, b"hi\n")
    judged.send(3, Deadline(NOW))
    connection.peer = _in_turn(seen)
    assert _failure(lambda: judged.await_replies(Deadline(NOW))).failure.kind is kind


def test_silence_says_what_is_owed_and_unread() -> None:
    """One reply is no replies, one byte is no bytes."""
    watch = Watch(unread=1)
    judged = _judged(Played(), b"hi\n", watch=watch)
    judged.send(3, Deadline(NOW))
    message = _failure(lambda: judged.await_replies(Deadline(NOW))).failure.message
    assert message == "the server fell silent with 1 reply owed; it left 1 byte unread"


def test_a_segment_that_stays_unread_is_held() -> None:
    """The wait for a read is bounded, said once, and not repeated on the same connection."""
    watch = Watch(unread=3)
    judged = _judged(Played(), b"abc\n", watch=watch)
    judged.send(2, Deadline(NOW))
    assert judged.delivery is Delivery.HELD
    assert judged._transcript.events[-1].note == "3 bytes left unread"
    looks = watch.looks
    judged.send(3, Deadline(NOW))
    assert watch.looks == looks
    assert judged._transcript.events[-1].note == "not seen read"


def test_the_second_connection_waits_less() -> None:
    """A server that does not read is not waited for at length on every connection."""
    timeout = DeliveryTimeout(2 * NOW)
    watch = cast(Any, Watch(unread=1))
    judged = JudgedConnection(
        0, cast(Connection, Played()), Shout().oracle(), watch, Transcript(), timeout
    )
    judged.begin((), (b"a\n",), Deadline(NOW))
    judged.send(1, Deadline(NOW))
    assert timeout.seconds < 2 * NOW


def test_where_nobody_can_look_time_keeps_apart() -> None:
    """Without the kernel's word delivery is assumed, and said so."""
    watch = Watch(confirms=False)
    judged = _judged(Played(), b"ab\n", watch=watch)
    assert judged.delivery is Delivery.ASSUMED
    judged.send(1, Deadline(NOW))
    assert watch.looks == 0
    assert judged._transcript.events[-1].note == "kept apart by time"


def test_a_full_buffer_takes_the_replies_first() -> None:
    """Where the server waits for us to read, we read; otherwise both would wait for ever."""
    state = {"read": False}

    def peer(_: bytes) -> Observation | None:
        state["read"] = True
        return None

    connection = Ready(peer, takes=lambda size: size if state["read"] else 0)
    judged = _judged(connection, b"hi\n")
    state["read"] = False
    judged.send(3, Deadline(5))
    assert connection.sent == b"hi\n"


def test_the_end_waits_until_everything_is_sent() -> None:
    """Data and end leave together even where the kernel takes the data in parts."""
    connection = Writable(takes=lambda size: min(size, 2))
    judged = _judged(connection, b"abcd\n")
    judged.send_last(5, Deadline(5))
    assert connection.sent == b"abcd\n"
    assert connection.log == ["more follows"] * 3 + ["half-close"]
    assert _kinds(judged) == ["send", "half-close"]


def test_a_server_that_never_reads_ends_a_send() -> None:
    """A full buffer for good is silence."""
    judged = _judged(Played(takes=lambda _: 0), b"hi\n")
    failure = _failure(lambda: judged.send(3, Deadline(NOW))).failure
    assert failure.kind is FailureKind.SILENCE


def test_the_transcript_holds_what_was_sent() -> None:
    """Of a segment of which the kernel took a part, the part is told."""
    takes = iter([2, None])
    connection = Played(_in_turn(None, END_OF_STREAM), takes=lambda _: next(takes))
    judged = _judged(connection, b"abc\n")
    judged.send(4, Deadline(NOW))
    sent = [e.data for e in judged._transcript.events if e.kind == "send"]
    assert sent == [b"ab"]


def test_what_is_not_judged_may_flood() -> None:
    """A server that sends for ever after malformed input ends no wait, but time does."""
    connection = Ready()
    judged = _judged(connection, b"hi\n")
    connection.peer = lambda _: Data(b"x" * 100)
    judged.send_malformed(b"\0", Deadline(NOW))
    judged.half_close()
    failure = _failure(lambda: judged.await_end(Deadline(NOW))).failure
    assert failure.kind is FailureKind.NOT_CLOSED


def test_a_flood_ends_a_send_that_is_not_judged() -> None:
    """The same where the server reads nothing of the malformed input."""
    connection = Ready(takes=lambda _: 0)
    judged = _judged(connection, b"hi\n")
    connection.peer = lambda _: Data(b"x" * 100)
    _failure(lambda: judged.send_malformed(b"\0" * 10, Deadline(NOW)))


def test_nothing_is_awaited_after_malformed_input() -> None:
    """What is owed to malformed input nobody knows."""
    judged = _judged(Played(), b"hi\n")
    judged.send(3, Deadline(NOW))
    judged.send_malformed(b"\0", Deadline(NOW))
    judged.await_replies(Deadline(NOW))


def test_a_pause_of_the_protocol_is_kept() -> None:
    """Where the protocol has the client wait for a reply, nothing is sent before it."""
    connection = Writable()
    judged = _judged(connection, b"a\n", b"b\n", pauses_of=lambda request: [len(request)])
    failure = _failure(lambda: judged.send(4, Deadline(NOW))).failure
    assert failure.kind is FailureKind.SILENCE
    assert connection.sent == b"a\n"
    connection.peer = _in_turn(Data(b"A\n"), None, None)
    judged.send(4, Deadline(NOW))
    assert connection.sent == b"a\nb\n"


def test_a_pause_behind_which_everything_is_answered_is_over() -> None:
    """What follows the last pause is sent, once that is found to be over."""
    connection = Writable()
    judged = _judged(
        connection, b"a\n", b"b\n", pauses_of=lambda request: [2] if request == b"a\n" else []
    )
    judged.send(2, Deadline(NOW))
    connection.peer = _in_turn(Data(b"A\n"))
    judged.await_replies(Deadline(NOW))
    judged.send(4, Deadline(NOW))
    assert connection.sent == b"a\nb\n"


def test_malformed_input_knows_no_pauses() -> None:
    """Pauses of requests that are not sent do not stop what is sent in their place."""
    connection = Played()
    judged = _judged(connection, b"abcd\n", pauses_of=lambda _: [4])
    judged.send(2, Deadline(NOW))
    judged.send_malformed(b"\0" * 10, Deadline(NOW))
    assert connection.sent == b"ab" + b"\0" * 10


def test_a_push_ends_when_nothing_moves() -> None:
    """A push sends what the kernel takes and reads nothing."""
    takes = iter([2])
    connection = Played(_in_turn(None, Data(b"early")), takes=lambda _: next(takes, 0))
    judged = _judged(connection, b"abc\n")
    judged.push(4, NOW, Deadline(5))
    assert connection.sent == b"ab"
    assert _kinds(judged) == ["send"]


def test_the_window_is_narrow_until_replies_are_awaited() -> None:
    """Who asks on another connection meanwhile meets a server that cannot get rid of replies."""
    connection = Played(_once(lambda sent: Data(b"HI\n") if sent == b"hi\n" else None))
    judged = _judged(connection, b"hi\n")
    judged.push(3, NOW, Deadline(NOW))
    assert "widen" not in connection.log
    judged.await_replies(Deadline(5))
    assert connection.log.count("widen") == 1


def test_a_push_ends_with_the_connection() -> None:
    """A connection that is gone is not pushed at until the stall is over."""
    connection = Ready(_in_turn(None, RESET), takes=lambda _: None)
    judged = _judged(connection, b"abc\n")
    judged.push(4, 3600, Deadline(3600))
    assert connection.waits <= 1
    failure = _failure(lambda: judged.await_replies(Deadline(NOW))).failure
    assert failure.kind is FailureKind.RESET


def test_what_a_push_left_over_is_sent_while_replies_are_awaited() -> None:
    """The rest of a push goes out as room comes."""
    connection = Played(takes=lambda size: 0 if connection.sent else 1)
    judged = _judged(connection, b"hi\n")
    judged.push(3, NOW, Deadline(NOW))
    assert connection.sent == b"h"
    connection.takes = lambda size: size
    connection.peer = _once(lambda sent: Data(b"HI\n") if sent == b"hi\n" else None)
    judged.await_replies(Deadline(5))
    assert connection.sent == b"hi\n"


def _once(peer: Callable[[bytes], Observation | None]) -> Callable[[bytes], Observation | None]:
    """Let a peer speak once."""
    spoken: list[Observation] = []

    def speak(sent: bytes) -> Observation | None:
        seen = None if spoken else peer(sent)
        spoken.extend([seen] if seen else [])
        return seen

    return speak


def test_a_server_that_closes_early_is_told_with_numbers() -> None:
    """Bytes that could not be sent any more are no lost replies."""
    connection = Played(_in_turn(None, END_OF_STREAM), takes=lambda _: None)
    judged = _judged(connection, b"abc\n")
    judged.send(4, Deadline(NOW))
    message = _failure(lambda: judged.await_replies(Deadline(NOW))).failure.message
    assert message == "the server closed the connection after 0 of 4 bytes"


def test_the_end_after_all_replies() -> None:
    """A server that has answered everything may close."""
    connection = Played()
    judged = _judged(connection, b"hi\n")
    judged.send(3, Deadline(NOW))
    judged.half_close()
    connection.peer = _in_turn(Data(b"HI\n"), END_OF_STREAM)
    judged.await_end(Deadline(NOW))


def test_a_server_that_does_not_close() -> None:
    """After our end of stream an open connection is a failure of its own kind."""
    connection = Played()
    judged = _judged(connection, b"hi\n")
    judged.half_close()
    failure = _failure(lambda: judged.await_end(Deadline(NOW))).failure
    assert failure.kind is FailureKind.NOT_CLOSED


def test_the_opening_is_done_in_lock_step() -> None:
    """Who speaks before the greeting, or logs in before being asked, breaks many a protocol."""
    spoken: list[bytes] = []

    def peer(sent: bytes) -> Observation | None:
        if not spoken:
            spoken.append(sent)
            return Data(b"220 ready\n")
        if sent and len(spoken) == 1:
            spoken.append(sent)
            return Data(b"LOGIN\n")
        return None

    connection = Played(peer)
    judged = _judged(connection, b"hi\n", protocol=GreetedShout())
    assert spoken == [b"", b"login\n"]
    judged.send(2, Deadline(NOW))
    assert connection.sent == b"login\nhi"


def test_many_requests_are_announced_in_linear_time() -> None:
    """Twenty thousand requests are joined once, not one by one."""
    requests = (b"x" * 200 + b"\n",) * 20_000
    judged = _judged(Played(), *requests)
    assert len(judged._out._stream) == 20_000 * 201


def test_abandoned_connections_end_in_order() -> None:
    """All are told first, then read to their end: a plain close could reset a fragile server."""
    connections = [Played(_in_turn(None, Data(b"left"), END_OF_STREAM)) for _ in range(3)]
    abandon([_judged(connection) for connection in connections])
    assert [connection.log for connection in connections] == [["half-close", "close"]] * 3
    assert all(connection.receive() is None for connection in connections)


def test_a_closed_connection_is_not_touched_again() -> None:
    """What the plan has closed needs no more words."""
    connection = Played()
    judged = _judged(connection)
    judged.reset()
    abandon([judged])
    assert connection.log == ["reset", "close"]


class _Beating(Shout):
    """A protocol whose server may send heartbeats."""

    def unsolicited(self, message: bytes) -> bool:
        """A dot is one."""
        return message == b".\n"


class _BeatingServer(Ready):
    """Sends half a heartbeat at a time, every tenth of the time that silence may last."""

    def receive(self) -> Observation | None:
        self.waits += 1
        half = {10: b".", 0: b"\n"}.get(self.waits % 20)
        return Data(half) if half else None

    def wait(self, deadline: Deadline, **_: bool) -> bool:
        time.sleep(NOW / 20)
        return not deadline.expired


def test_heartbeats_do_not_make_the_wait_longer() -> None:
    """What comes unasked is neither what is owed nor to blame."""
    connection = _BeatingServer()
    judged = _judged(connection, b"hi\n", protocol=_Beating())
    judged.send(3, Deadline(NOW))
    waits = connection.waits
    failure = _failure(lambda: judged.await_replies(Deadline(10 * NOW))).failure
    assert failure.message.startswith("the server fell silent")
    assert "1 reply owed" in failure.message
    assert connection.waits - waits < 400  # half of what two such waits would take


def test_a_partial_reply_is_no_silence() -> None:
    """What has come of the reply is shown beside the reply that was owed."""
    connection = Played()
    judged = _judged(connection, b"hi\n")
    judged.send(3, Deadline(NOW))
    connection.peer = _in_turn(Data(b"H"))
    failure = _failure(lambda: judged.await_replies(Deadline(NOW))).failure
    assert failure.message == "the server fell silent within a reply, with 1 reply owed"
    assert (failure.expected, failure.actual) == ("b'HI\\n'", "b'H', then silence")
    assert failure.seen is Seen.LESS


def test_a_surplus_that_is_no_whole_message_is_no_silence() -> None:
    """Where messages may come unasked, a part of one behind all replies is told as such."""
    connection = Played()
    judged = _judged(connection, b"hi\n", protocol=_Beating())
    judged.send(3, Deadline(NOW))
    connection.peer = _in_turn(Data(b"HI\nmore"))
    failure = _failure(lambda: judged.await_replies(Deadline(NOW))).failure
    assert (failure.expected, failure.actual) == ("nothing", "b'more'")
    assert failure.seen is Seen.MORE


def test_a_refused_opening_names_its_request() -> None:
    """Not the conversation that never began, but the log-in that was refused."""
    connection = Played(_in_turn(Data(b"220 ready\n"), None, Data(b"NO\n")))
    failure = _failure(lambda: _judged(connection, b"hi\n", protocol=GreetedShout())).failure
    assert failure.message.endswith(r", in answer to the opening request, b'login\n'")
    assert failure.phase is Phase.OPENING


@pytest.mark.parametrize(
    ("peer", "what"),
    [
        (_in_turn(None, None), (Phase.ENDING, Owed.REPLY, Seen.NOTHING)),
        (_in_turn(END_OF_STREAM), (Phase.ENDING, Owed.REPLY, Seen.END)),
        (_in_turn(RESET), (Phase.ENDING, Owed.REPLY, Seen.RESET)),
        (_in_turn(Data(b"HI\n!")), (Phase.ENDING, Owed.NOTHING, Seen.MORE)),
        (_in_turn(Data(b"HI\n")), (Phase.ENDING, Owed.END, Seen.NOTHING)),
        (_in_turn(Data(b"HA\n")), (Phase.ENDING, Owed.REPLY, Seen.OTHER)),
    ],
)
def test_a_failure_says_when_what_and_instead_of_what(
    peer: Callable[[bytes], Observation | None], what: tuple[Phase, Owed, Seen]
) -> None:
    """Behind the client's end of stream a lost reply differs from a surplus byte."""
    connection = Played()
    judged = _judged(connection, b"hi\n")
    judged.send(3, Deadline(NOW))
    judged.half_close()
    connection.peer = peer
    failure = _failure(lambda: judged.await_end(Deadline(NOW))).failure
    assert (failure.phase, failure.owed, failure.seen) == what
