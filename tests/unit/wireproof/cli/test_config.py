"""`wireproof config`."""

from pathlib import Path

import pytest

from wireproof.cli import invoke


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that is the current folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_holds_and_where(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each target, each setting, each with the table that it stands in."""
    (project / "wireproof.toml").write_text(
        'depth = "quick"\n[targets.a]\nurl = "tcp://h:1"\nslo = ["p99<5ms", "errors<1"]\n'
        '[targets.b]\nurl = "tcp://h:2"\n'
    )
    assert invoke(["config"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(project / "wireproof.toml"),
        "",
        "a  tcp://h:1",
        "  depth  quick  from the file's top",
        "  slo    p99<5ms, errors<1  from [targets.a]",
        "",
        "b  tcp://h:2",
        "  depth  quick  from the file's top",
    ]
    assert invoke(["config", "b"]) == 0
    assert "tcp://h:1" not in capsys.readouterr().out


def test_without_a_file_it_shows_what_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    """The example is one that it reads."""
    assert invoke(["config"]) == 0
    example = capsys.readouterr().out.partition("wireproof.toml:\n\n")[2].partition("\n\nand")[0]
    Path("wireproof.toml").write_text(example)
    assert invoke(["config", "gateway"]) == 0
    assert "protocol  gateway.py:Gateway" in capsys.readouterr().out


def test_a_name_that_is_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are there are named."""
    (project / "wireproof.toml").write_text('[targets.a]\nurl = "tcp://h:1"\n')
    assert invoke(["config", "b"]) == 2
    assert capsys.readouterr().err.endswith("names no target 'b'\nnamed there: a\n")
