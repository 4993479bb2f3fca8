"""The lines that `wireproof run` ends with, to paste into a ticket."""

from pathlib import Path

from tests.support import result_samples as samples
from wireproof.reporting.ticket import LINES, ticket_lines
from wireproof.results import Verdict

PATH = Path("out/results.json")


def test_it_says_all_in_ten_lines() -> None:
    """What, the answer, the first findings, the figures, how to see it, on which machine."""
    lines = ticket_lines(samples.results(), PATH)
    assert len(lines) <= LINES
    text = "\n".join(lines)
    for word in ("FAIL", "- FAIL SEG-09", "load: ", "accept queue: holds", "replay: wireproof"):
        assert word in text
    assert lines[-1].startswith("machine: ")


def test_many_findings_give_way() -> None:
    """The first are told, the rest is counted, and no line is long."""
    findings = [
        samples.requirement(f"SEG-{number}", Verdict.FAIL, f"{number} \x1b[31m" + "x" * 400)
        for number in range(30)
    ]
    lines = ticket_lines(samples.results(check=samples.check(*findings)), PATH)
    assert len(lines) == LINES
    assert sum("more, in the report" in line for line in lines) == 1
    assert max(map(len, lines)) <= 160
    assert "\x1b" not in "".join(lines)
