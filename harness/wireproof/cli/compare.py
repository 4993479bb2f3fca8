"""`wireproof compare`: two result files, judged against each other."""

import sys
from pathlib import Path

import click

from wireproof.cli.shared.common import shown


@click.command(short_help="compare two result files")
@click.argument("base", metavar="BASE.json", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW.json", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 100),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="By how much a figure may differ and still be called unchanged.",
)
@click.option("--html", metavar="FILE", help="One self-contained page.")
@click.option("--markdown", metavar="FILE", help="Markdown, for a pull request.")
def compare(base: Path, new: Path, tolerance: float, html: str | None, markdown: str | None) -> int:
    """Show what is worse or better in NEW than in BASE.

    Throughput and percentiles carry a 95 % interval from the seconds of steady load at the same
    number of connections; requirements, objectives and the accept queue are compared as they are.
    FILE may be - for standard output.

    \b
    wireproof compare base/results.json new/results.json
    wireproof compare base.json new.json --tolerance 10 --markdown -

    Exits 1 when something regressed, 3 when nothing could be compared, else 0.
    """
    from wireproof.reporting.compare.verdict import compare as judge
    from wireproof.results import load_results

    with shown(base, new):
        found = judge(load_results(base), load_results(new), tolerance / 100)
    names = (str(base), str(new))
    if html is not None:
        from wireproof.reporting.compare.views import comparison_html

        _write(html, comparison_html(found, names))
    if markdown is not None:
        from wireproof.reporting.compare.views import comparison_markdown

        _write(markdown, comparison_markdown(found))
    if "-" not in {html, markdown}:
        from wireproof.reporting.compare.views import print_comparison
        from wireproof.reporting.terminal.summary import make_console

        print_comparison(found, names, make_console())
    return found.exit_code


def _write(file: str, text: str) -> None:
    from wireproof.reporting.render import write

    if file == "-":
        sys.stdout.buffer.write(text.encode())
    else:
        write(Path(file), text.encode())
