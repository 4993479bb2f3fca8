"""AMQP's frames are those that pika writes, and are read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import frame as pika_frame
from pika import spec

from wireproof.protocols import MalformedReplyError
from wireproof.protocols.built_in.amqp.frames import (
    Frame,
    Method,
    content,
    frame,
    frame_end,
    long,
    method,
    read,
    short,
)


@given(st.integers(0, 65535), st.binary(max_size=300))
def test_a_frame_is_pikas(channel: int, payload: bytes):
    """And is read as what it was made of."""
    written = frame(3, channel, payload)
    assert written == pika_frame.Body(channel, payload).marshal()
    assert list(read(written * 2)) == [Frame(3, channel, payload)] * 2
    assert frame_end(written, 0) == len(written)
    assert frame_end(written[:6], 0) is None


def test_methods_are_pikas():
    """Their classes and numbers, and their arguments, are those of the specification."""
    for one in Method:
        name = one.name.split("_", 1)
        group = getattr(spec, name[0].capitalize())
        kind = getattr(group, name[1].title().replace("_", ""))
        assert one == kind.INDEX
    asked = spec.Queue.Declare(queue="q", exclusive=True)
    arguments = (b"\0\0", short(b"q"), b"\x04", long(b""))
    assert method(Method.QUEUE_DECLARE, *arguments) == pika_frame.Method(1, asked).marshal()


@pytest.mark.parametrize(("size", "bodies"), [(0, 0), (1, 1), (4088, 1), (4089, 2), (9000, 3)])
def test_a_body_is_cut_into_frames(size: int, bodies: int):
    """As many as its size needs; an empty one has none."""
    head, *rest = read(content(bytes(size)))
    said = pika_frame.Header(1, size, spec.BasicProperties()).marshal()
    assert frame(2, 1, head.payload) == said
    assert (head.body_bytes, len(rest)) == (size, bodies)
    assert b"".join(each.payload for each in rest) == bytes(size)


def test_a_frame_that_does_not_end_is_malformed():
    """Its last octet is CE, whatever else may be CE."""
    with pytest.raises(MalformedReplyError, match="does not end with CE"):
        frame_end(frame(1, 0, b"\xce")[:-1] + b"\0", 0)
    assert [each.method for each in read(frame(3, 1, bytes(9)) + frame(1, 1, b"\0"))] == [0, 0]
