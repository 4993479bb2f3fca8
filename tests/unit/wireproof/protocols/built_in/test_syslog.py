"""Syslog: frames as RFC 6587 has them, and the lines that a right server writes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.slow_judges import accepts
from wireproof.protocols.base import as_sent
from wireproof.protocols.built_in.syslog import Syslog
from wireproof.protocols.loading.registry import find_protocol

FORMS = [
    {framing: value, "legacy": legacy}
    for framing, value in (("octet_counting", "yes"), ("octet_counting", "no"))
    for legacy in ("yes", "no")
]
MODERN = re.compile(rb"<(\d{1,3})>1 \S+ \S+ wireproof - - - (.*)", re.DOTALL)
LEGACY = re.compile(rb"<(\d{1,3})>[A-Z][a-z]{2} [ \d]\d [\d:]{8} client wireproof: (.*)", re.DOTALL)


def messages(stream: bytes, *, counted: bool) -> list[bytes]:
    """Return the messages of a stream of frames, as another hand reads them."""
    if not counted:
        *lines, rest = stream.split(b"\n")
        assert not rest
        return lines
    found = []
    while stream:
        count, _, rest = stream.partition(b" ")
        assert re.fullmatch(rb"[1-9][0-9]*", count)
        found.append(rest[: int(count)])
        stream = rest[int(count) :]
    return found


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_each_text_has_to_be_written(form: dict[str, str], data: st.DataObject):
    """The lines of the texts are right in their order, whatever a server puts before each."""
    protocol = find_protocol("syslog", form)
    assert isinstance(protocol, Syslog)
    drawn = data.draw(st.lists(protocol.requests(), min_size=1, max_size=3))
    requests = as_sent(protocol, drawn, 7)
    framed = messages(b"".join(requests), counted=form["octet_counting"] == "yes")
    found = [(LEGACY if form["legacy"] == "yes" else MODERN).fullmatch(one) for one in framed]
    texts = [one[2] for one in found if one]
    assert len(texts) == len(requests)
    assert all(one and int(one[1]) < 192 for one in found)
    head = data.draw(st.sampled_from([b"", b"Jan  1 00:00:00 client wireproof: ", b"<13>1 - "]))
    lines = [head + text + b"\n" for text in texts]
    assert accepts(protocol.oracle(), requests, lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    for wrong in (b"", lines[at][:-2] + b"\n", lines[at] * 2, lines[at][:-1] + b" more\n"):
        spoilt = b"".join([*lines[:at], wrong, *lines[at + 1 :]])
        assert not accepts(protocol.oracle(), requests, [spoilt])


def test_two_messages_in_one_line_are_wrong():
    """Though the line ends as it should."""
    protocol = Syslog()
    requests = as_sent(protocol, [protocol.example()] * 2, 7)
    one, two = (b"a: " + request.split(b"- - - ")[1] for request in requests)
    assert accepts(protocol.oracle(), requests, [one + two])
    assert not accepts(protocol.oracle(), requests[1:], [one.rstrip() + b" " + two])


@pytest.mark.parametrize("size", [200, 480, 1000, 2048])
def test_a_size_is_exact(size: int):
    """With the count and without."""
    for counted in ("yes", "no"):
        request = find_protocol("syslog", {"octet_counting": counted}).sized_request(size)
        assert request is not None
        assert len(request) == size
        assert len(messages(request, counted=counted == "yes")) == 1


def test_only_printable_text_is_sent():
    """What a server may escape is not, nor blanks at an end, which it may take away."""
    protocol = Syslog()
    refused = [b"", b" a", b"a ", b"a\nb", b"\xff", b"a\x7f"]
    assert [protocol.payload_request(one) for one in refused] == [None] * len(refused)
    assert protocol.payload_request(b"a [b]") is not None
