import io
import re

from rich.console import Console

from tests.support import result_samples as samples
from wireproof.reporting.compare.verdict import Comparison, compare
from wireproof.reporting.compare.views import (
    comparison_html,
    comparison_markdown,
    print_comparison,
)
from wireproof.results import Verdict

_HOSTILE = "</td><script>x</script> \x1b[31m\u202e [bold]|`"


def _regression() -> Comparison:
    base = samples.check(samples.requirement(_HOSTILE))
    new = samples.check(samples.requirement(_HOSTILE, Verdict.FAIL))
    return compare(
        samples.results(check=base, load=samples.load()),
        samples.results(check=new, load=samples.load(150_000, seed=9), target=_HOSTILE),
    )


def _screen(width: int = 120) -> str:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=True, color_system=None)
    print_comparison(_regression(), ("base.json", "new.json"), console)
    return text.getvalue()


def test_the_terminal_has_each_figure_with_its_interval() -> None:
    """Base, new, change and interval stand in a line that ends in a word."""
    screen = _screen()
    assert "REGRESSED  2 regressed" in screen
    assert re.search(r"50 +requests/s +[\d,]+ +[\d,]+ +-1\d\.\d % +-1\d\.\d % to -1\d.\d %", screen)
    assert "PASS -> FAIL" in screen
    assert "warning  the target differs" in screen


def test_no_text_of_a_file_steers_the_terminal() -> None:
    """Escapes and bidi signs are written out."""
    assert "\x1b[31m" not in _screen()
    assert "\u202e" not in _screen()


def test_markdown_has_a_row_a_figure_and_shows_markup_as_text() -> None:
    """The tables keep their columns, and no tag of a file is one."""
    text = comparison_markdown(_regression())
    assert text.startswith("## Wireproof: regressed\n")
    assert "<script" not in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in block.splitlines()}) == 1


def test_the_page_draws_an_interval_a_figure_and_needs_no_script() -> None:
    """Each comparable figure has its bar within the drawing; nothing runs and nothing is loaded."""
    page = comparison_html(_regression(), ("a", "b"))
    assert page.count("<svg") == 5
    for left, width in re.findall(r'<rect x="([\d.]+)" y="4" width="([\d.]+)"', page):
        assert 0 <= float(left) <= float(left) + float(width) <= 202
    assert "<script" not in page
    assert "script-src" not in page
    assert "default-src &#39;none&#39;" in page
