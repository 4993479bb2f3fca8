"""Messages that become lines of a file: the file, and what names a connection and a message."""

import pytest

from tests.support.slow_judges import accepts
from wireproof.errors import UsageError
from wireproof.protocols.base import as_sent
from wireproof.protocols.loading.registry import find_protocol

EACH = pytest.mark.parametrize("name", ["syslog", "graphite"])


@EACH
def test_the_file_has_to_be_named(name: str):
    """Without one there are no replies, and what to write is said."""
    assert find_protocol(name, {"written": "lines.log"}).replies_in() == "lines.log"
    with pytest.raises(UsageError, match="written=FILE"):
        find_protocol(name).replies_in()


@EACH
def test_each_message_is_known_by_its_connection_and_number(name: str):
    """Of the same length as it was drawn, so that a cut stays where it was."""
    protocol = find_protocol(name)
    example = protocol.example()
    assert example is not None
    sent = as_sent(protocol, [example, example], 7)
    assert [b"wp00000007" in one for one in sent] == [True, True]
    assert [one[: len(example)] == one for one in sent] == [True, True]
    assert b"n00000000" in sent[0]
    assert b"n00000001" in sent[1]


@EACH
def test_lines_may_come_in_any_order(name: str):
    """Several writers put them there; each comes once, and none that nobody sent."""
    protocol = find_protocol(name)
    example = protocol.example()
    assert example is not None
    sent = as_sent(protocol, [example] * 3, 7)
    one, two, three = sent
    assert accepts(protocol.oracle(), sent, [three, one, two])
    assert not accepts(protocol.oracle(), sent, [three, one, one])
    assert not accepts(protocol.oracle(), sent[:2], [two, three])
