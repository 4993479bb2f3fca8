from pathlib import Path

import pytest

from tests.support import result_samples as samples
from wireproof.errors import CannotRunError
from wireproof.reporting.render import write_reports


def test_both_reports_lie_beside_the_result_file(tmp_path: Path) -> None:
    """The page and the XML are written, and nothing unfinished is left."""
    assert write_reports(samples.results(), tmp_path) == [
        tmp_path / "junit.xml",
        tmp_path / "index.html",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "junit.xml"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The reason and a way out are in the message."""
    with pytest.raises(CannotRunError, match="No such file or directory"):
        write_reports(samples.results(), tmp_path / "missing")
