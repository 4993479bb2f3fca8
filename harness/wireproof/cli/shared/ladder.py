"""The ladder: how a server serves 1, 10, 25 ... connections. Load and accept queue meet here."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import msgspec

from wireproof.accept_queue.burst import settle
from wireproof.accept_queue.explanation import explain_ladder
from wireproof.accept_queue.serving import Serving, count_served
from wireproof.errors import CannotRunError
from wireproof.load.launch import run_load
from wireproof.load.spec import LoadSpec
from wireproof.protocols.loading.registry import find_protocol
from wireproof.results import BacklogResult, LoadResult, LoadStage, Rung, Second
from wireproof.target import Target
from wireproof.wire.kernel.queue_sampler import QueueSampler

CONNECTIONS = (1, 10, 25, 40, 50, 51, 60, 75, 100)
_WARM_UP_S = 0.4
_TIMEOUT_S = 2.0


def ladder_spec(
    target: str,
    connections: Sequence[int],
    seconds: float,
    *,
    protocol: str,
    settings: dict[str, str],
    allow_hosts: Sequence[str] = (),
) -> LoadSpec:
    """Return the load of a ladder: a closed loop, for `seconds` at each number of connections."""
    return LoadSpec(
        target=target,
        allow_hosts=list(allow_hosts),
        protocol=protocol,
        settings=settings,
        users=sorted(set(connections)),
        seconds=seconds,
        warm_up_s=_WARM_UP_S,
        timeout_s=_TIMEOUT_S,
    )


def climb(
    target: Target,
    spec: LoadSpec,
    *,
    model: str = "",
    on_second: Callable[[Second], None] | None = None,
    on_rungs: Callable[[list[Rung]], None] | None = None,
) -> tuple[list[Rung], bool]:
    """Climb the ladder: first who is served at all, then load at each number of connections.

    Args:
        target: resolved.
        spec: of the load; its `users` are the rungs.
        model: of serving, where it is known.
        on_second: is called with each second of the load.
        on_rungs: is given the rungs so far, a few times a second.

    Returns:
        The rungs, and whether some are missing because the load ended early.

    Raises:
        UsageError: the spec makes no sense.
        CannotRunError: nothing was measured.

    """
    spec.check()
    serving = _count_served(target, spec)

    def rungs(load: LoadResult) -> list[Rung]:
        stages = load.stages or [load]  # a load of one stage has no list of them
        return [_rung(stage, model, serving.get(stage.users)) for stage in stages]

    def keep(so_far: LoadResult) -> None:
        if on_rungs is not None:
            on_rungs(rungs(so_far))

    load = run_load(msgspec.structs.replace(spec, pin=target.pin), on_second, keep)
    return rungs(load), load.partial


def add_ladder(backlog: BacklogResult, rungs: Sequence[Rung]) -> BacklogResult:
    """Return the result with the ladder of one more model, and what it showed."""
    prefix = f"{rungs[0].model}: " if rungs and rungs[0].model else ""
    told = [f"{prefix}{sentence}" for sentence in explain_ladder(rungs)]
    return msgspec.structs.replace(
        backlog,
        ladder=[*backlog.ladder, *rungs],
        explanation=[*backlog.explanation, *told],
    )


def _count_served(target: Target, spec: LoadSpec) -> dict[int, Serving]:
    """Count who is served, by number of connections; not over TLS, nor for datagrams."""
    if target.scheme not in {"tcp", "unix"}:
        return {}
    protocol = find_protocol(spec.protocol, spec.settings)
    found = {}
    with _sampler(target) or nullcontext() as sampler:
        for count in sorted(spec.users):
            if sampler is not None:
                settle(sampler)
            found[count] = count_served(target, protocol, count, sampler)
        if sampler is not None:
            settle(sampler)
    return found


def _sampler(target: Target) -> QueueSampler | None:
    try:
        return QueueSampler(target)
    except (LookupError, CannotRunError):
        return None


def _rung(stage: LoadStage, model: str, serving: Serving | None) -> Rung:
    return Rung(
        model=model,
        connections=stage.users,
        throughput_per_s=stage.throughput_per_s,
        latency_us=stage.latency_us,
        failures=stage.failures,
        bottleneck=stage.bottleneck,
        served=None if serving is None else serving.served,
        waiting=None if serving is None else serving.waiting,
    )
