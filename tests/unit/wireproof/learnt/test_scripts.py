"""What was learnt, as a file and as one list of replies."""

from pathlib import Path

import pytest

from tests.support.learnt_scripts import constant, script, scripts
from wireproof.conversation import Conversation, Turn
from wireproof.errors import UsageError
from wireproof.learnt.scripts import common_opening, playable, read_scripts, written

COUNTED = script([b"n\n"], [[b"n=%d\n" % number] for number in range(8, 14)], first_reply=3)


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    """What is read is what was written."""
    learnt = scripts(constant((b"\x00a", b"\xff"), closes=True), COUNTED, vary="a", opening=0)
    path = tmp_path / "learnt.json"
    path.write_bytes(written(learnt))
    assert read_scripts(path) == learnt


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b'{"format":1,"scripts":[]}', b"[" * 5000, b'{"format":9,"scripts":[]}'],
)
def test_another_file_is_refused_in_a_line(tmp_path: Path, text: bytes) -> None:
    """Whatever it is."""
    path = tmp_path / "learnt.json"
    path.write_bytes(text)
    with pytest.raises(UsageError, match="holds no learnt conversations"):
        read_scripts(path)


def test_replies_are_numbered_through_all_scripts() -> None:
    """So that what is remembered of one isn't taken for another's."""
    assert [line.pattern.reply for line in COUNTED.lines] == [3]
    assert scripts(COUNTED).counters() == [(3, 1)]


def test_what_the_server_says_unasked_later_belongs_to_the_reply_before() -> None:
    """At the beginning it is a greeting."""
    turns = (Turn(b"", b"hi"), Turn(b"a", b"1"), Turn(b"", b"2"), Turn(b"b", b"3"))
    assert playable(Conversation("c", turns)).replies == (b"hi", b"12", b"3")


@pytest.mark.parametrize(
    ("requests", "opening"),
    [
        ([[b"a", b"b", b"c"]], 2),
        ([[b"a", b"b"], [b"a", b"c"]], 1),
        ([[b"a", b"b"], [b"c", b"b"]], 0),
        ([[b"a"]], 0),
    ],
)
def test_an_opening_is_what_all_begin_with(requests: list[list[bytes]], opening: int) -> None:
    """Something must be left to say."""
    each = [constant(*((request, b"r") for request in one)) for one in requests]
    assert common_opening(each) == opening
