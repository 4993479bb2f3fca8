import os
from pathlib import Path

import pytest

from wireproof.errors import UsageError
from wireproof.files import is_inside, read_inside, read_limited, write_whole


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


def test_files_below_a_folder_are_read(tmp_path: Path) -> None:
    """The folder itself may be reached by a link, as reports/latest is."""
    (tmp_path / "made" / "sub").mkdir(parents=True)
    (tmp_path / "made" / "sub" / "file").write_bytes(b"12345")
    (tmp_path / "latest").symlink_to("made")
    assert read_inside(tmp_path / "latest", "sub/file", 5) == b"12345"
    assert is_inside(tmp_path / "latest", "sub/file")
    assert read_inside(tmp_path / "latest", "sub/file", 4) is None


@pytest.fixture
def hostile_folder(tmp_path: Path) -> Path:
    """A folder with everything in it that leads out of it, or never ends."""
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to("../secret")
    (folder / "inner").symlink_to("real")
    (folder / "real").write_bytes(b"inside, by a link")
    (folder / "up").symlink_to("..")
    (folder / "zero").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "link",
        "inner",
        "up/secret",
        "zero",
        "pipe",
        "../secret",
        "real/../../secret",
        "/etc/passwd",
        ".",
        "",
        "real/below",
        "missing",
        "nul\0",
        "a" * 5000,
    ],
)
def test_nothing_outside_a_folder_is_read(name: str, hostile_folder: Path) -> None:
    """Neither a link nor a path leads out, a pipe blocks nobody, and impossible names raise not."""
    assert read_inside(hostile_folder, name, 100) is None
    assert not is_inside(hostile_folder, name)


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """Over one that is there; a link of its name is replaced, and what it led to stays."""
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "file").symlink_to("other")
    write_whole(tmp_path / "file", b"new")
    write_whole(tmp_path / "file", b"newer")
    assert (tmp_path / "file").read_bytes() == b"newer"
    assert (tmp_path / "other").read_bytes() == b"other"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "other"]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """What was begun is removed."""
    (tmp_path / "file" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "file", b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
