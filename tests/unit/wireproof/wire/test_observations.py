from wireproof.wire.observations import END_OF_STREAM, RESET, TIMED_OUT, Data


def test_four_different_things() -> None:
    """None of them is an empty reply, and each has a name."""
    assert len({END_OF_STREAM, RESET, TIMED_OUT, Data(b"")}) == 4
    assert [str(one) for one in (END_OF_STREAM, RESET, TIMED_OUT)] == [
        "end of stream",
        "connection reset",
        "silence",
    ]
