"""What is drawn for AMQP is what pika reads, and leaves no queue behind."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import frame, spec

from wireproof.protocols.built_in.amqp import drawing


def frames(stream: bytes) -> list[Any]:
    """Return a stream's frames as pika reads them."""
    found = []
    while stream:
        used, one = frame.decode_frame(stream)
        assert used
        found.append(one)
        stream = stream[used:]
    return found


@settings(max_examples=60)
@given(st.one_of(*drawing.kinds(confirm=True).values()))
def test_what_is_declared_is_deleted(request: bytes):
    """But for the connection's own queue; and bodies are as long as their headers say."""
    methods = [each.method for each in frames(request) if isinstance(each, frame.Method)]
    declared = {
        each.queue for each in methods if isinstance(each, spec.Queue.Declare) and not each.passive
    }
    deleted = {each.queue for each in methods if isinstance(each, spec.Queue.Delete)}
    assert declared == deleted
    sizes = sum(each.body_size for each in frames(request) if isinstance(each, frame.Header))
    bodies = [each.fragment for each in frames(request) if isinstance(each, frame.Body)]
    assert sum(map(len, bodies)) == sizes


@pytest.mark.parametrize("bit", range(len(drawing.SAID)))
def test_each_property_is_pikas(bit: int):
    """Its flag and its value."""
    names = ["content_type", "content_encoding", "priority", "correlation_id", "reply_to"]
    names += ["message_id", "timestamp", "type"]
    _, header, *_ = frames(drawing.publish(b"x", said=drawing.properties(1 << bit)))
    said = {name: value for name, value in vars(header.properties).items() if value is not None}
    assert set(said) == {names[bit]}
    again = frame.Header(1, 1, spec.BasicProperties(**said)).marshal()
    assert again in drawing.publish(b"x", said=drawing.properties(1 << bit))


def test_what_is_malformed():
    """Each is another one, and there are some of each sort."""
    wrong = drawing.malformed()
    assert len(set(wrong)) == len(wrong) == 15


def test_each_rule_has_conversations():
    """Of one request at least."""
    shown = drawing.conversations_of_rules()
    assert sorted(shown) == ["001", "002", "003", "004", "005"]
    assert all(conversation for one in shown.values() for conversation in one)
