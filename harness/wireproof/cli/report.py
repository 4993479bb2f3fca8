"""`wireproof report`: a result file, rendered again."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wireproof.cli.shared.common import shown
from wireproof.errors import UsageError

if TYPE_CHECKING:
    from wireproof.results import Results


@click.command(short_help="render a result file again")
@click.argument("path", metavar="RESULTS.json", type=click.Path(path_type=Path))
@click.option("--html", metavar="FILE", help="One self-contained page.")
@click.option("--junit", metavar="FILE", help="JUnit XML, for a CI server.")
@click.option("--markdown", metavar="FILE", help="Markdown, for a pull request.")
@click.option("--sarif", metavar="FILE", help="SARIF, for code scanning and editors.")
@click.option("--csv", metavar="FILE", help="The load's series, one line a second.")
@click.option("--hgrm", metavar="FILE", help="Latency as HdrHistogram plotters read it.")
@click.option("--prometheus", metavar="FILE", help="Metrics for a Prometheus text collector.")
@click.option(
    "--latency",
    type=click.Choice(["service", "scheduled", "wire"]),
    help="Which latency --hgrm writes.  [default: the one that the run answers for]",
)
def report(path: Path, latency: str | None, **files: str | None) -> int:
    """Render RESULTS.json again: on the terminal, or as the files asked for.

    FILE may be - for standard output. The reports hold nothing that the result file and the
    evidence beside it do not.

    \b
    wireproof report reports/latest/results.json
    wireproof report reports/latest/results.json --html report.html
    wireproof report results.json --junit junit.xml --markdown - >> "$GITHUB_STEP_SUMMARY"
    """
    from wireproof.results import load_results

    results = load_results(path)
    asked = {name: file for name, file in files.items() if file is not None}
    if latency is not None and "hgrm" not in asked:
        raise UsageError("--latency says nothing without --hgrm", "add --hgrm FILE")
    for name, file in asked.items():
        with shown(path):
            text = _render(name, file, results, path, latency)
        _write(file, text)
    if not asked:
        from wireproof.reporting.terminal.summary import print_summary

        with shown(path):
            print_summary(results, path)
    return 0


def _render(name: str, file: str, results: "Results", path: Path, latency: str | None) -> bytes:
    match name:
        case "html":
            from wireproof.reporting.html.page import html

            page_folder = None if file == "-" else Path(file).parent
            return html(results, path.parent, page_folder).encode()
        case "junit":
            from wireproof.reporting.exports.junit import junit

            return junit(results)
        case "markdown":
            from wireproof.reporting.markdown import markdown

            return markdown(results).encode()
        case "sarif":
            from wireproof.reporting.exports.sarif import sarif

            return sarif(results)
        case _:
            return _figures(name, results, latency)


def _figures(name: str, results: "Results", latency: str | None) -> bytes:
    match name:
        case "csv":
            from wireproof.reporting.exports.tables import series_csv

            return series_csv(results).encode()
        case "prometheus":
            from wireproof.reporting.exports.prometheus import prometheus

            return prometheus(results).encode()
        case _:
            from wireproof.reporting.exports.tables import hgrm

            return hgrm(results, latency).encode()


def _write(file: str, text: bytes) -> None:
    from wireproof.reporting.render import write

    if file == "-":
        sys.stdout.buffer.write(text)
    else:
        write(Path(file), text)
