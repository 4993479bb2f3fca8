import socket

import pytest

from tests.support.servers import Serving, echoing
from wireproof.cli.shared.ladder import CONNECTIONS, add_ladder, climb, ladder_spec
from wireproof.errors import UsageError
from wireproof.results import BacklogResult, Queue, Rung
from wireproof.target import parse_target, resolve


def _rung(model: str, connections: int) -> Rung:
    return Rung(
        model=model,
        connections=connections,
        throughput_per_s=10.0 * connections,
        latency_us={},
        failures={},
        bottleneck="server",
        served=connections,
    )


def test_ladders_of_several_models_stand_side_by_side() -> None:
    """Each model's rungs and sentences are added, the sentences under the model's name."""
    result = BacklogResult(
        queue=Queue(limit=50, depth=51, source="sock_diag"), explanation=["The queue."]
    )
    for model in ("fork", "prefork"):
        result = add_ladder(result, [_rung(model, 1), _rung(model, 50)])
    assert [(one.model, one.connections) for one in result.ladder] == [
        ("fork", 1),
        ("fork", 50),
        ("prefork", 1),
        ("prefork", 50),
    ]
    assert result.explanation[0] == "The queue."
    assert [one.partition(":")[0] for one in result.explanation[1:]] == [
        "fork",
        "fork",
        "prefork",
        "prefork",
    ]


def test_a_ladder_without_rungs_changes_nothing() -> None:
    """A ladder that measured nothing adds nothing."""
    result = BacklogResult(queue=Queue(limit=None, depth=None, source="unknown"))
    assert add_ladder(result, []) == result


def test_rungs_are_climbed_once_and_in_order() -> None:
    """The numbers of connections are sorted and told once; by default they surround the backlog."""
    spec = ladder_spec("tcp://127.0.0.1:9", [9, 1, 9], 1, protocol="echo", settings={})
    assert spec.users == [1, 9]
    assert {50, 51} < set(CONNECTIONS)


def test_a_plan_that_makes_no_sense() -> None:
    """A rung of no length is refused before anybody connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        spec = ladder_spec(text, [1], 0, protocol="echo", settings={})
        with pytest.raises(UsageError, match="--for"):
            climb(resolve(parse_target(text))[0], spec)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_ladder_of_one_rung_has_one() -> None:
    """A load of one stage has no list of stages; its rung is there all the same."""
    with Serving(echoing) as server:
        spec = ladder_spec(str(server.target), [2], 0.5, protocol="echo", settings={})
        rungs, partial = climb(server.target, spec)
    assert [rung.connections for rung in rungs] == [2]
    assert not partial
