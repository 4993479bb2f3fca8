"""Conversations that were seen, as a workload."""

import pytest

from tests.support.learnt_scripts import constant, script, scripts
from wireproof.errors import UsageError
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.protocol import LearntProtocol
from wireproof.learnt.scripts import Scripts
from wireproof.load.spec import LoadSpec
from wireproof.load.workload.corpus import Corpus
from wireproof.load.workload.drawing import draw_corpus

COUNTED = scripts(
    constant((b"a\n", b"1\n"), (b"b\n", b"2\n"), (b"c\n", b"3\n")),
    constant((b"d\n", b"1\n"), first_reply=3),
)


def corpus(learnt: Scripts = COUNTED, **options: object) -> Corpus:
    """Return what a load sends."""
    spec = LoadSpec(target="tcp://127.0.0.1:1", protocol="learnt.json", **options)  # type: ignore[arg-type]
    return draw_corpus(spec, protocol_of(learnt, lambda: 0.0))


def test_each_conversation_begins_a_connection() -> None:
    """Its requests follow in order, and whatever comes next begins another."""
    found = corpus()
    assert [batch.payload for batch in found.batches] == [b"a\n", b"b\n", b"c\n", b"d\n"]
    assert [batch.begins for batch in found.batches] == [True, False, False, True]


@pytest.mark.parametrize(("start", "first"), [(0, b"a\n"), (1, b"d\n"), (3, b"d\n"), (5, b"d\n")])
def test_a_connection_begins_at_a_beginning(start: int, first: bytes) -> None:
    """Whatever became of the one before: half a conversation is not gone on with elsewhere."""
    ring, before = corpus().enter(0, start)
    assert ring.after(before).payload == first


def test_requests_of_one_conversation_may_leave_together() -> None:
    """Never with those of another."""
    found = corpus(pipeline=2)
    assert [batch.requests for batch in found.batches] == [
        (b"a\n", b"b\n"), (b"c\n",), (b"d\n",),
    ]  # fmt: skip


def test_each_connection_has_its_own_name() -> None:
    """`--vary` makes requests of it; conversations begin where they began."""
    learnt = scripts(
        constant((b"user-1\n", b"1 user-1\n"), (b"x\n", b"2\n"), (b"y\n", b"3\n")), vary=r"user-\d"
    )
    ring, before = corpus(learnt).enter(4, 1)
    first = ring.after(before)
    assert first.payload != b"user-1\n"
    assert first.begins
    assert ring.after(ring.after(ring.after(first))).begins


@pytest.mark.parametrize("options", [{"payload": "any"}, {"mix": {"a": 1.0}}])
def test_other_requests_are_refused(options: dict[str, object]) -> None:
    """There are none that could be drawn."""
    with pytest.raises(UsageError, match="whole conversations are sent"):
        corpus(**options)


def test_what_repeats_a_reply_waits_for_it() -> None:
    """A token can't leave before the reply that gives it."""
    plays = [[f"token {number}23456789\n".encode(), b"ok\n"] for number in range(1, 7)]
    learnt = script([b"login\n", b"use 623456789\n"], plays)
    protocol = LearntProtocol(scripts(learnt), lambda: 0.0)
    protocol._cast.carries = True  # as `rehearse` finds it
    spec = LoadSpec(target="tcp://127.0.0.1:1", protocol="learnt.json", pipeline=2)
    with pytest.raises(UsageError, match="repeat what replies gave"):
        draw_corpus(spec, protocol)
