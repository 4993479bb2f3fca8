"""For each built-in protocol: comparing judges and counts exactly as the oracle alone does."""

import copy
import os
import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, cycle, islice
from select import EPOLLIN, EPOLLOUT
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.right_replies import in_steps, right_replies
from tests.unit.wireproof.load.swarm.connections.test_connection import WholeSocket
from wireproof.load.failures import ConnectionFailedError
from wireproof.load.figures.tally import Phase
from wireproof.load.spec import LoadSpec
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.swarm.connections.surroundings import Surroundings
from wireproof.load.swarm.measuring.recorder import Recorder
from wireproof.load.workload.batch import Batch
from wireproof.load.workload.corpus import Corpus, Privacy
from wireproof.load.workload.drawing import draw_corpus
from wireproof.load.workload.predictor import predictor_of
from wireproof.protocols.base import Exchange, Protocol, as_sent
from wireproof.protocols.loading.registry import BUILT_IN, find_protocol
from wireproof.protocols.oracle import Oracle, WrongReplyError
from wireproof.target import Target

pytestmark = pytest.mark.usefixtures("loop_form")

RUNS = 2000 if os.environ.get("WIREPROOF_EXTENDED") else 40
MANY = 100_000 if os.environ.get("WIREPROOF_EXTENDED") else 2_000
PLACES = 3
_HINT = re.compile(", right for .* request(?: before)?")
"""Whose a wrong reply may be: only what the last one was to the byte is known here."""
LAPS = 6
PROTOCOLS = [
    *sorted(name for name in BUILT_IN if find_protocol(name).exchange is Exchange.REQUEST_REPLY),
    "mqtt version=5",
]
NUMBERED = {"amqp-0-9-1"}
"""No reply comes again: each has a number of its own, which is known."""
JUDGED = {"smtp"}
"""The oracle judges each of its replies: the client waits within each request."""


@cache
def drawn(name: str, payload: str, pipeline: int) -> Corpus:
    """Return what a load of that protocol would send."""
    protocol = spoken(name, pipeline)
    spec = LoadSpec(target="x", protocol=protocol.name, payload=payload, pipeline=pipeline)
    return draw_corpus(spec, protocol)


def spoken(name: str, pipeline: int) -> Protocol:
    """Return a protocol that has several requests under way, if that is asked for.

    Its opening goes without waiting within a request.
    """
    name, _, setting = name.partition(" ")
    chosen = dict([setting.split("=")]) if setting else {}
    chosen |= {"literal_plus": "true"} if name == "imap" else {}
    if pipeline > 1 and not find_protocol(name).pipelining:
        chosen["pipelining"] = "true"
    return find_protocol(name, chosen)


class Conversation:
    """A connection of a swarm and an oracle, which are sent and shown the same."""

    def __init__(
        self, name: str, payload: str, pipeline: int, first: int, laps: int = LAPS
    ) -> None:
        """Open the connection, for so many laps."""
        self.protocol = protocol = spoken(name, pipeline)
        whole = drawn(name, payload, pipeline)
        at = first % len(whole.batches)
        places = islice(cycle(whole.batches), at, at + PLACES)
        batches = [Batch(batch.requests) for batch in places]
        opening = as_sent(protocol, protocol.opening(), 0)
        privacy = Privacy(protocol, PLACES, len(opening)) if whole.is_private else None
        predictor = whole.predictor and predictor_of(
            protocol, [request for batch in batches for request in batch.requests]
        )
        self.corpus = Corpus(batches, predictor, privacy=privacy)
        ring, batch = self.corpus.enter(0, 0)
        requests = list(opening)
        for _ in range(PLACES * laps):
            batch = ring.after(batch)
            requests += batch.requests
        greeting = b"".join(right_replies(protocol, []))
        steps = iter(in_steps(protocol, requests))
        self.oracle = protocol.oracle()
        heard = [b"".join(reply for _, reply in next(steps)) for _ in opening]
        self._open([data for data in (greeting, *heard) if data])
        if greeting:
            self.oracle.receive_data(greeting)
        for request, reply in zip(opening, heard, strict=True):
            self.oracle.announce(request)
            self.oracle.sent(len(request))
            if reply:
                self.oracle.receive_data(reply)
        self.steps = steps
        self.left: list[int] = []
        self.hot = 0

    def _open(self, heard: list[bytes]) -> None:
        sock: Any = WholeSocket()
        sock.recv = lambda size: heard.pop(0)
        staged = Surroundings(dial=lambda target, source: sock)
        self.connection = SwarmConnection(
            Target("tcp"),
            self.protocol,
            self.corpus,
            0,
            lambda connection, stamp_ns: None,
            surroundings=staged,
        )
        self.connection.dial(0, 0, "", 0)
        is_open = self.connection.go_on(EPOLLOUT)
        while not is_open:
            is_open = self.connection.go_on(EPOLLIN)

    def say(self) -> Iterator[bytes]:
        """Send the next batch; yields the right reply to each piece that waits for one."""

        class Recorder:
            sent = 0

        self.connection.begin(0, 0, Recorder())
        self._have_it_leave()
        steps = [(b"", b"")]
        for request in self.connection.batch.requests:
            self.oracle.announce(request)
            (asked, reply), *others = next(self.steps)
            steps[-1] = (steps[-1][0] + asked, steps[-1][1] + reply)
            steps += others
        self.left = [len(asked) for asked, _ in steps]
        self._go_on()
        for _, reply in steps:
            if not reply and self.connection.complete:  # as epoll says that it has left
                self._settle()
            yield reply

    def _go_on(self) -> None:
        """Have what may leave now leave, as far as the oracle knows."""
        self.oracle.sent(self.left.pop(0))
        while self.left and self.oracle.settled:
            self.oracle.sent(self.left.pop(0))

    def say_all(self) -> Iterator[bytes]:
        """Send the next batch, and have it answered; yields the replies."""
        for reply in self.say():
            assert not reply or self.by_the_swarm(reply) == self.by_the_oracle(reply)
            yield reply

    def by_the_swarm(self, data: bytes) -> int | str:
        """Return how many requests the swarm says that this answers, or what is wrong."""
        connection = self.connection
        if data == connection.hot.reply:
            self.hot += 1
            answered = connection.hot.answered
            connection.hot.passed()
            connection.settle(0)
            return answered
        try:
            answered = connection.on_data(data)
        except ConnectionFailedError as failure:
            return _HINT.sub("", failure.sample.problem)
        self._have_it_leave()
        if connection.complete:
            self._settle()
        return answered

    def _have_it_leave(self) -> None:
        """Be epoll: the kernel has room for each piece that waits for nothing else."""
        while self.connection.has_more_to_send and not self.connection.complete:
            self.connection.on_writable()

    def _settle(self) -> None:
        self.connection.learn(1)
        self.connection.settle(0)

    def by_the_oracle(self, data: bytes) -> int | str:
        """Return what the oracle alone says of it."""
        try:
            answered = self.oracle.receive_data(data)
        except WrongReplyError as wrong:
            return _HINT.sub("", wrong.problem)
        if self.left and self.oracle.settled:
            self._go_on()
        return answered


def pieces(reply: bytes, how: str, at: int, before: bytes) -> list[bytes]:
    """Return what comes in place of a right reply, in pieces."""
    at %= max(1, len(reply))
    return {
        "right": [reply],
        "cut": [reply[:at], reply[at:]],
        "in three": [reply[: at // 2], reply[at // 2 : at], reply[at:]],
        "flipped": [reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1 :]] if reply else [],
        "flipped late": [reply[:at], bytes(byte ^ 1 for byte in reply[at:])],
        "surplus": [reply + b"\0"],
        "repeated": [reply, reply],
        "swapped": [before],
        "missing": [reply[:at]],
    }[how]


@pytest.mark.parametrize("pipeline", [1, 3])
@pytest.mark.parametrize("payload", ["", "any"])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_same_verdicts_and_counts(name: str, payload: str, pipeline: int):
    """Right, wrong, cut, swapped, repeated and surplus replies: what the oracle says is said."""
    drawn(name, payload, pipeline)  # once, and not within what Hypothesis draws
    ways = ["right"] * 12 + ["cut", "cut", "in three", "in three"]
    ways += ["flipped", "flipped late", "surplus", "repeated", "swapped", "missing"]

    @settings(max_examples=RUNS)
    @given(
        st.integers(0, 250),
        st.lists(
            st.tuples(st.sampled_from(ways), st.integers(0, 10_000)),
            min_size=PLACES * 3,
            max_size=PLACES * LAPS,
        ),
    )
    def play(first: int, course: list[tuple[str, int]]) -> None:
        conversation = Conversation(name, payload, pipeline, first)
        before = b""
        for how, at in course:
            for reply in conversation.say():
                for data in filter(None, pieces(reply, how, at, before)):
                    expected = conversation.by_the_oracle(data)
                    assert conversation.by_the_swarm(data) == expected
                    if isinstance(expected, str):
                        return
                if not conversation.oracle.settled:
                    return  # the swarm waits, and times out
                before = reply

    play()


@pytest.mark.parametrize("name", sorted({*PROTOCOLS} - JUDGED))
def test_it_is_used(name: str):
    """The property would hold for a connection that asks the oracle each time; none does."""
    conversation = Conversation(name, "", 1, 0)
    for _ in range(PLACES * LAPS):
        list(conversation.say_all())
    assert conversation.hot >= PLACES * (LAPS - 3)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_waits_on_its_way_leaves_in_pieces(name: str):
    """However well its replies are known."""
    for first in range(0, 100, PLACES):
        conversation = Conversation(name, "any", 1, first)
        for _ in range(PLACES * LAPS):
            for _ in conversation.say_all():
                batch = conversation.connection.hot
                assert not any(map(conversation.protocol.pauses, batch.requests))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_one_wrong_byte_in_many_replies_is_found(name: str):
    """All replies are right but one, somewhere among many: that one is not taken for right."""
    draw = random.Random(name)
    many = MANY // 20 if name in NUMBERED else MANY  # since each reply is drawn then
    conversation = Conversation(name, "", 1, 0, LAPS + (many if name in NUMBERED else 0))
    connection, oracle = conversation.connection, conversation.oracle
    lap = [list(conversation.say_all()) for _ in range(PLACES * LAPS)][-PLACES:]
    recorder, hot = Recorder(0, Phase.STEADY, 0), 0
    wrong_one = draw.randrange(many // 2, many) // PLACES * PLACES
    for number in range(many):
        connection.begin(0, 0, recorder)
        right = lap[number % PLACES]
        if name in NUMBERED:  # none comes again
            steps = chain.from_iterable(islice(conversation.steps, connection.batch.count))
            right = [b"".join(reply for _, reply in steps)]
            lap[number % PLACES] = right
        if number == wrong_one:
            break
        if name in NUMBERED:
            for request in connection.batch.requests:
                oracle.announce(request)
                oracle.sent(len(request))
            oracle.receive_data(right[0])
        for reply in right:
            if reply == connection.hot.reply:
                hot += 1
                connection.hot.passed()
                connection.settle(0)
            else:
                assert isinstance(conversation.by_the_swarm(reply), int)
    assert name in JUDGED or hot >= 0.99 * wrong_one
    wrong = spoiled(oracle, connection.batch.requests, lap[0][0], draw)
    said = conversation.by_the_swarm(wrong)
    assert isinstance(said, str) or not connection.complete


def spoiled(oracle: Oracle, requests: Sequence[bytes], reply: bytes, draw: random.Random) -> bytes:
    """Return a reply with one byte changed such that an oracle does not take it for right."""
    while True:
        at = draw.randrange(len(reply))
        wrong = reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1 :]
        judge = copy.deepcopy(oracle)
        for request in requests:
            judge.announce(request)
            judge.sent(len(request))
        try:
            judge.receive_data(wrong)
        except WrongReplyError:
            return wrong
