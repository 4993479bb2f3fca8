"""Words that depend on a number."""

from wireproof.words import counted


def test_one_is_one_and_all_else_is_many() -> None:
    """A plural of its own is used where an s will not do; thousands are set apart."""
    assert counted(1, "byte") == "1 byte"
    assert counted(0, "byte") == "0 bytes"
    assert counted(2048, "byte") == "2,048 bytes"
    assert counted(2, "reply", "replies") == "2 replies"
    assert counted(1, "reply", "replies") == "1 reply"
