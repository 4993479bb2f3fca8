"""The first failure of each cause, as the terminal shows it."""

from typing import Any

import msgspec

from tests.support import result_samples as samples
from wireproof.reporting.terminal.samples import failure_lines


def _lines(failures: dict[str, int], right: int, **details: Any) -> list[str]:
    load = msgspec.structs.replace(
        samples.load(), failures=failures, requests=right + sum(failures.values()), details=details
    )
    return [line.plain for line in failure_lines(load)]


def _sample(cause: str, **fields: Any) -> dict[str, Any]:
    return {"cause": cause, "problem": "differs", "offset_bytes": 7} | fields


def test_the_first_of_each_cause_is_shown_with_its_bytes() -> None:
    """What was asked, what was owed, what came and where; the second of a cause is not."""
    wrong = _sample("wrong reply", request="b'get a'", expected="b'1'", actual="b'2'")
    second = _sample("wrong reply", request="b'get b'")
    reset = _sample("reset before reply", request="b'get c'", problem="reset before reply")
    lines = _lines({"wrong reply": 2, "reset before reply": 1}, 5, samples=[wrong, second, reset])
    assert lines[1:] == [
        "  wrong reply: differs, at byte 7 of what was received",
        "    request   b'get a'",
        "    expected  b'1'",
        "    actual    b'2'",
        "  reset before reply",
        "    request   b'get c'",
    ]


def test_where_nothing_was_right_what_failed_before_it_was_measured_is_shown() -> None:
    """A failed log-in leaves nothing to measure; its cause is the news."""
    early = {"failures_while_warming_up": {"wrong reply": 3}}
    refused = _sample("wrong reply", request="b'AUTH'", actual="b'-ERR'")
    lines = _lines({}, 0, samples=[refused], **early)
    assert lines[0].startswith("before it was measured  ")
    assert "    request   b'AUTH'" in lines
    assert _lines({}, 5, samples=[refused], **early) == []


def test_bytes_of_a_peer_are_escaped() -> None:
    """Nothing that a server sent, or a file holds, moves the cursor."""
    lines = _lines({"other": 1}, 1, samples=[_sample("other", actual="\x1b[2J")])
    assert not any("\x1b" in line for line in lines)


def test_a_file_with_other_samples_shows_none() -> None:
    """A result file is data from anywhere."""
    for odd in ("text", 3, {"a": 1}, ["text", None, 4]):
        assert len(_lines({"other": 1}, 1, samples=odd)) == 1
    odd_offset = _sample("other", offset_bytes="x", actual="b'a'")
    assert len(_lines({"other": 1}, 0, samples=[odd_offset], failures_while_warming_up=[1])) == 3
