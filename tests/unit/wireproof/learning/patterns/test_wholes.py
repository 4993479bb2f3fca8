"""Whether a reply stands at the beginning of some bytes."""

import pytest

from tests.support.learnt_scripts import script
from wireproof.learning.patterns.wholes import may_begin, size_of_whole

COUNTED = script([b"n\n"], [[b"n=%d\n" % number] for number in range(8, 14)]).lines[0].pattern


@pytest.mark.parametrize(
    ("data", "size_bytes", "begins"),
    [
        (b"n=7\n", 4, True),
        (b"n=700\nmore", 6, False),
        (b"n=70", 0, True),
        (b"", 0, True),
        (b"m=7\n", 0, False),
    ],
)
def test_whole_or_as_far_as_it_goes(data: bytes, size_bytes: int, begins: bool) -> None:
    """What follows a whole reply is left for whoever knows what is owed."""
    assert size_of_whole(COUNTED, data) == size_bytes
    assert may_begin(COUNTED, data) is begins
