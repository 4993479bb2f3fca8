"""Draw the terminal's summary of a result file as SVG: the picture in the README.

wireproof check … --out out; python docs/picture.py out/results.json docs/assets/check.svg
"""

import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from wireproof.reporting.terminal.summary import print_summary
from wireproof.results import load_results


def main(results: str, picture: str) -> None:
    """Print the summary on a terminal that records, and write what it shows."""
    console = Console(
        record=True, width=110, file=StringIO(), force_terminal=True, highlight=False, markup=False
    )
    path = Path(results)
    print_summary(load_results(path), path, console)
    title = "wireproof check tcp://127.0.0.1:9000 --protocol shout.py:Shout --depth quick"
    svg = console.export_svg(title=title, theme=MONOKAI, unique_id="wireproof")
    # The fonts are on a server of others, and nothing of ours asks for anything there.
    head, _, rest = svg.partition("@font-face")
    if rest:
        rest = rest.rpartition("@font-face")[2].partition("}")[2]
    Path(picture).write_text(head + rest, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
