"""Fragments of the changelog: each has a known kind, and a release is made of them."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "towncrier.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]


def test_each_fragment_has_a_kind_and_a_sentence() -> None:
    """Else a release would leave it out without a word."""
    kinds = "|".join(one["directory"] for one in CONFIG["type"])
    for path in (ROOT / "changes").iterdir():
        if path.name != "README.md":
            assert re.fullmatch(rf"\+[a-z0-9-]+\.({kinds})\.md", path.name), path.name
            assert path.read_text(encoding="utf-8").rstrip().endswith((".", ")", "`")), path.name


def test_a_release_makes_its_section_of_them(tmp_path: Path) -> None:
    """The section stands above the last one, and the fragments are gone."""
    pytest.importorskip("towncrier", reason="makes the changelog of a release")
    for name in ("towncrier.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "+x.fixed.md").write_text("A thing that was wrong is right.\n")
    command = [sys.executable, "-m", "towncrier", "build", "--yes"]
    subprocess.run(
        [*command, "--version", "9.8.7", "--date", "2001-02-03"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    text = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    section, _, rest = text.partition("\n## 0.1.0")
    assert "## 9.8.7, 2001-02-03\n" in section
    assert "### Fixed\n\n- A thing that was wrong is right.\n" in section
    assert rest
    assert not [*(tmp_path / "changes").iterdir()]
