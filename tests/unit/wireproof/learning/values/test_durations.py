"""Times that something took, as servers tell them."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.learnt_scripts import script
from wireproof.learning.patterns.matching import first_mismatch
from wireproof.learning.values.durations import find_durations, parted

TOLD = (b"a OK done (0.001 + 0.000 secs).\r\n", b"a OK done (0.030 + 0.000 + 0.029 secs).\r\n")


def test_durations_are_told_by_their_unit() -> None:
    """A version, a price and a date have none."""
    for text, told in (
        (TOLD[0], [b"0.001 + 0.000"]),
        (TOLD[1], [b"0.030 + 0.000 + 0.029"]),
        (b"took 12 ms, then 0.5s", [b"12", b"0.5"]),
        (b"HTTP/1.1 200 OK, 1.5 stars, 10:00:01.5 s, v2.0 servers", []),
    ):
        assert [text[begin:end] for begin, end in find_durations(text)] == told


@given(st.lists(st.sampled_from([*TOLD, b"3 ms", b"1 ms and 2 ms", b"", b"no"]), min_size=1))
def test_parts_make_the_whole_again(texts: list[bytes]) -> None:
    """Nothing is lost between them."""
    parts = list(parted(texts))
    if parts:
        assert [b"".join(one) for one in zip(*parts, strict=True)] == texts


def test_a_time_that_was_always_the_same_may_be_another() -> None:
    """What stands around it may not."""
    pattern = script([b"a\n"], [[TOLD[0]]] * 6).lines[0].pattern
    assert first_mismatch([pattern], [TOLD[1]]) is None
    assert first_mismatch([pattern], [TOLD[1].replace(b"OK", b"NO")]) is not None
    assert [row.kind for row in pattern.table()] == ["duration"]
