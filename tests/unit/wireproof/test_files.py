from pathlib import Path

import pytest

from wireproof.errors import UsageError
from wireproof.files import read_limited


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    """The limit itself is allowed, a byte more is not."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, 5, "note") == b"12345"
    with pytest.raises(UsageError, match="is larger than any note"):
        read_limited(path, 4, "note")


def test_what_has_no_end_is_left_early() -> None:
    """A device says that it is empty, and never ends."""
    with pytest.raises(UsageError, match="larger than any"):
        read_limited(Path("/dev/zero"), 1000, "note")


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_what_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    """No file, a folder, no path at all: a line says so."""
    with pytest.raises(UsageError, match="cannot read"):
        read_limited(tmp_path / name, 10, "note")
