import msgspec
import pytest

from tests.support import played
from wireproof.conformance.execution.executor import Outcome
from wireproof.conformance.execution.failure import FailureKind
from wireproof.conformance.search.death import has_reached
from wireproof.results import Delivery
from wireproof.wire.transcript import Kind, Transcript


@pytest.mark.parametrize(
    ("kind", "action", "events", "delivery", "reached"),
    [
        (FailureKind.NO_CONNECTION, 0, [], Delivery.CONFIRMED, False),
        (FailureKind.NO_CONNECTION, 3, ["send", "receive"], Delivery.CONFIRMED, True),
        (FailureKind.SILENCE, 2, ["open", "send"], Delivery.HELD, False),
        (FailureKind.SILENCE, 2, ["open", "send"], Delivery.CONFIRMED, True),
        (FailureKind.SILENCE, 0, ["open"], Delivery.CONFIRMED, False),
        (FailureKind.SILENCE, 5, ["send", "receive", "send"], Delivery.HELD, True),
        (FailureKind.RESET, 2, ["open", "send"], Delivery.HELD, True),
    ],
)
def test_what_met_a_dead_server_has_not_ended_it(
    kind: FailureKind, action: int, events: list[Kind], delivery: Delivery, reached: bool
) -> None:
    """Neither a refused connect nor what nobody read can be what ended the server."""
    failure = msgspec.structs.replace(played.failure(action=action), kind=kind)
    transcript = Transcript()
    for event in events:
        transcript.add(0, event)
    assert has_reached(Outcome(failure, delivery, transcript, ())) is reached


def test_what_was_right_has_reached_the_server() -> None:
    """A reset inside a request goes well, and may be what ends it."""
    assert has_reached(Outcome(None, Delivery.HELD, Transcript(), ()))
