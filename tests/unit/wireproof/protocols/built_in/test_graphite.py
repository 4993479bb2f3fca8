"""Graphite: metrics as lines, and what may be written of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.graphite import Graphite


@given(st.data())
def test_a_metric_has_to_be_written_with_its_numbers(data: st.DataObject):
    """However they are spelt; another path, value or time is wrong."""
    protocol = Graphite()
    drawn = data.draw(st.lists(protocol.requests(), min_size=1, max_size=3))
    requests = as_sent(protocol, drawn, 7)
    split = [request.decode().split() for request in requests]
    assert all(len(words) == 3 for words in split)
    written = [f"{path} {float(value)!r} {float(when):.1f}\n" for path, value, when in split]
    assert accepts(protocol.oracle(), requests, [line.encode() for line in written])
    assert accepts(protocol.oracle(), requests, requests)
    at = data.draw(st.integers(0, len(requests) - 1))
    path, value, when = split[at]
    for wrong in (
        f"{path}x {value} {when}\n",
        f"{path} {float(value) + 1} {when}\n",
        f"{path} {value} {int(when) + 1}\n",
        f"{path} {value}\n",
        f"{path} nothing {when}\n",
        "",
    ):
        lines = [*requests[:at], wrong.encode(), *requests[at + 1 :]]
        assert not accepts(protocol.oracle(), requests, lines)


@pytest.mark.parametrize("size", [70, 128, 500, 1024])
def test_a_size_is_exact(size: int):
    """By the length of the name."""
    request = Graphite().sized_request(size)
    assert request is not None
    assert len(request) == size


def test_only_names_are_carried():
    """Dots, blanks and what else has a meaning in a path are none."""
    refused = [b"", b"a.b", b"a b", b"a\n", b"\xff", b"a*"]
    assert [Graphite().payload_request(one) for one in refused] == [None] * len(refused)
    assert Graphite().payload_request(b"load-1_m") is not None
