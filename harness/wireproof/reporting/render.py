"""Every report of a result file, by the name of its file."""

from pathlib import Path

from wireproof.errors import CannotRunError
from wireproof.files import write_whole
from wireproof.results import Results

PAGE = "index.html"
JUNIT = "junit.xml"


def write_reports(results: Results, folder: Path) -> list[Path]:
    """Write `index.html` and `junit.xml` beside `results.json` and return their paths.

    Raises:
        CannotRunError: the folder cannot be written to.

    """
    from wireproof.reporting.exports.junit import junit
    from wireproof.reporting.html.page import html

    return [
        write(folder / JUNIT, junit(results)),
        write(folder / PAGE, html(results, folder, folder).encode()),
    ]


def write(path: Path, text: bytes) -> Path:
    """Write a report, whole or not at all.

    Raises:
        CannotRunError: it cannot be written there.

    """
    try:
        write_whole(path, text)
    except OSError as error:
        raise CannotRunError(
            f"cannot write {path}: {error.strerror}", "name a file in a folder that you may write"
        ) from None
    return path
