"""Runs of a swarm on a stage, from the first connect to the last tally."""

import re
from dataclasses import dataclass

import gevent
from gevent.event import Event
from hypothesis import strategies as st

from tests.support.staged_sockets import StagedSocket, StagedTls
from tests.support.staged_world import MS, Accepts, Script, StagedEpoll, World
from wireproof.causes import Cause
from wireproof.load.failures import ConnectionFailedError
from wireproof.load.figures.collect import Fates
from wireproof.load.figures.tally import Phase, Tally
from wireproof.load.swarm.connections.surroundings import Surroundings
from wireproof.load.swarm.loop import Swarm
from wireproof.load.swarm.measuring.phases import Stage
from wireproof.load.swarm.measuring.usage import CpuUsage
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.predictor import datagram_predictor_of, predictor_of
from wireproof.pacing import constant_arrivals
from wireproof.protocols import Datagrams, Protocol, RequestReply, delimited
from wireproof.target import Target

KINDS = ("first", "second", "third")
_HANGS_S = 60  # of real time: then it is a bug


class Lines(RequestReply, Datagrams):
    """A line comes back; what begins with `n` has no reply. A reply is known once it was judged."""

    name = "lines"
    transports = frozenset({"tcp", "tls", "unix", "udp"})

    def requests(self):
        """Return nothing: the requests are given."""
        return st.nothing()

    def reply_length(self, buffer: bytearray):
        """End at the line's end."""
        return delimited(buffer, b"\n")

    def expected(self, request: bytes):
        """Return a pattern, by which no reply is known beforehand."""
        return None if self.is_unreplied(request) else re.compile(re.escape(request))

    def expected_datagram(self, datagram: bytes):
        """Return the same."""
        return self.expected(datagram)

    @staticmethod
    def is_unreplied(request: bytes) -> bool:
        """Say whether a request has no reply."""
        return request.startswith(b"n")


class Judged(Lines):
    """Lines of which each reply is judged."""

    name = "judged"

    def unsolicited(self, message: bytes):
        """Say no; that it is asked at all keeps replies from being learnt."""
        del message
        return False


class Answers(Judged):
    """Lines that all have a reply."""

    name = "answers"

    @staticmethod
    def is_unreplied(request: bytes) -> bool:
        """Say that it has one."""
        del request
        return False


class OneEach(Lines):
    """Lines with a connection for each."""

    one_request = True


@dataclass(frozen=True)
class Scenario:
    """What a run is asked to do, and what befalls it."""

    scheme: str
    protocol: Protocol
    script: Script
    users: int = 3
    pipeline: int = 1
    rate_per_s: float | None = None
    lifetime_s: float | None = None
    stages: int = 1
    leaves_at_ms: int | None = None
    stops_at_ms: int | None = None
    steady_s: float = 0.06
    timeout_s: float = 0.04
    think: tuple[float, bool] | None = None


def corpus_of(scenario: Scenario):
    """Return requests that differ, some of them without a reply."""
    requests = [f"{'n' if at % 5 == 4 else 'r'}{at:06}\n".encode() for at in range(40)]
    pipeline = scenario.pipeline if scenario.scheme != "udp" else 1
    batches = [
        Batch(
            [requests[(at + step) % len(requests)] for step in range(pipeline)],
            kinds=[
                (at + step) % len(KINDS)
                for step in sorted(range(pipeline), key=lambda step: (at + step) % 5 == 4)
            ],
        )
        for at in range(0, len(requests), pipeline)
    ]
    if scenario.scheme == "udp":
        predictor = datagram_predictor_of(scenario.protocol, requests)
        return Corpus(batches, predictor, datagrams=True, kinds=KINDS)
    predictor = None if scenario.protocol.one_request else predictor_of(scenario.protocol)
    return Corpus(batches, predictor, kinds=KINDS)


def run(scenario: Scenario):
    """Play a scenario to its end; returns the world and the tallies."""
    world = World(scenario.script)
    tallies: list[Tally] = []
    troubles: list[Exception] = []
    done, stop = Event(), Event()

    def end_stage(number: int) -> None:
        measured = fates_of(tallies).get((number, Phase.STEADY), Fates())
        assert not measured.under_way, "a stage has ended before its requests"
        done.set()

    swarm = Swarm(
        Target(scenario.scheme),
        scenario.protocol,
        corpus_of(scenario),
        timeout_s=scenario.timeout_s,
        open_loop=scenario.rate_per_s is not None,
        lifetime_s=scenario.lifetime_s,
        think=scenario.think if scenario.rate_per_s is None else None,
        on_tally=tallies.append,
        on_stage_done=end_stage,
        on_trouble=troubles.append,
        surroundings=surroundings_of(world),
    )
    with gevent.Timeout(_HANGS_S):
        members = [swarm.join() for _ in range(scenario.users)]
        if scenario.leaves_at_ms is not None:
            world.after(scenario.leaves_at_ms * MS, lambda: swarm.leave(members[0]))
        if scenario.stops_at_ms is not None:
            world.after(scenario.stops_at_ms * MS, stop.set)
        for number in range(scenario.stages):
            done.clear()
            due = scenario.rate_per_s and constant_arrivals(scenario.rate_per_s)
            swarm.start_stage(
                Stage(
                    number=number,
                    warm_up_s=0.01,
                    seconds=scenario.steady_s,
                    ramp_s=scenario.timeout_s,
                    drain_s=scenario.timeout_s,
                    due_ns=due or None,
                    is_last=number == scenario.stages - 1,
                )
            )
            gevent.wait([done, stop], count=1)
            if stop.is_set():
                break
        swarm.stop()
    assert not troubles
    assert not world.sockets, "a socket was not closed"
    return world, tallies


def fates_of(tallies: list[Tally]):
    """Return what became of the requests, by stage and phase."""
    found: dict[tuple[int, Phase], Fates] = {}
    for tally in tallies:
        found.setdefault((tally.stage, tally.phase), Fates()).add(tally)
    return found


def total_of(tallies: list[Tally]):
    """Return all fates of a run."""
    total = Fates()
    for fates in fates_of(tallies).values():
        total.merge(fates)
    return total


def surroundings_of(world: World):
    """Return what a swarm sees of a world."""

    def dial(target: Target, source: str) -> StagedSocket:
        del source
        how = next(world.accepts)
        if how is Accepts.NO_DESCRIPTOR:
            raise ConnectionFailedError(Cause.NO_DESCRIPTORS)
        return StagedSocket(world, how, is_stream=target.is_stream, stamped=target.scheme != "unix")

    return Surroundings(
        clock=world.clock,
        wall_clock=lambda: world.now_ns + 10**18,
        epoll=lambda: StagedEpoll(world),
        wait=lambda epoll, wait_ns: epoll.wait(world.now_ns + wait_ns),
        dial=dial,
        with_tls=lambda sock, name: StagedTls(sock),
        give_way=lambda seconds: gevent.sleep(0),
        usage=lambda target: CpuUsage(),
    )
