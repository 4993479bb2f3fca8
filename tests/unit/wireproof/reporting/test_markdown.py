import re

from hypothesis import given
from hypothesis import strategies as st

from tests.support import result_samples as samples
from wireproof.reporting.markdown import markdown, plain
from wireproof.results import Verdict


def test_the_answer_comes_first_and_passes_are_folded() -> None:
    """The heading has the word, findings a table, passes a fold."""
    text = markdown(samples.results())
    assert text.startswith("## Wireproof: FAIL\n")
    assert text.index("SEG&#45;09") < text.index("<details><summary>9 passed</summary>")
    assert "| 50 | 180,000 | 278 µs |" in text
    assert "**MISSED**" in text


def test_every_table_row_has_the_columns_of_its_header() -> None:
    """A pipe in a text does not add a column."""
    line = samples.requirement("A-1", Verdict.FAIL, "a | b || c", expected="|", actual="`|`")
    text = markdown(samples.results(check=samples.check(line), load=samples.load()))
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in block.splitlines()}) == 1


@given(st.text())
def test_text_of_a_peer_has_nothing_that_markdown_acts_on(text: str) -> None:
    """No sign is left that could begin markup, a link, a mention or a tag."""
    shown = re.sub(r"&#[0-9]+;", "", plain(text))
    assert not set("\\`*_{}[]<>()|~@$&") & set(shown)
    assert "\n" not in shown


def test_a_cause_is_one_row() -> None:
    """Its sentence stands once, with all requirements that it breaks."""
    text = markdown(samples.results("check", check=samples.check_with_causes()))
    (row,) = [line for line in text.splitlines() if "SEG&#45;PAIRS" in line]
    assert row.index("SEG&#45;SINGLE") < row.index("CLOSE&#45;X") < row.index("SEG&#45;PAIRS")
    assert "cause C1, confirmed 5/5" in row
    assert text.count("when the cut falls after byte 1") == 1
