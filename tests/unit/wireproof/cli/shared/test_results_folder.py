from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import result_samples as samples
from wireproof.cli.shared.results_folder import ResultsFolder
from wireproof.errors import CannotRunError, UsageError
from wireproof.results import Results, load_results


def test_the_folder_is_named_after_time_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """reports/<UTC time>-<command>, with `latest` pointing at the newest."""
    monkeypatch.chdir(tmp_path)
    folder = ResultsFolder("check", None)
    results: Results = folder.write("tcp://127.0.0.1:7", check=samples.check())
    assert folder.folder.parent == Path("reports")
    assert folder.folder.name.endswith("Z-check")
    latest = Path("reports/latest")
    assert latest.is_symlink()
    assert load_results(latest / "results.json") == results
    assert sorted(one.name for one in folder.folder.iterdir()) == ["results.json"]
    ResultsFolder("check", None).write("tcp://127.0.0.1:7")
    assert latest.resolve().parent == Path("reports").resolve()


def test_a_named_folder_has_no_latest(tmp_path: Path) -> None:
    """With --out nothing is written outside the folder."""
    ResultsFolder("check", tmp_path / "a" / "b").write("t")
    assert [one.name for one in (tmp_path / "a").iterdir()] == ["b"]


def test_nowhere_to_write_is_told_at_once(tmp_path: Path) -> None:
    """Not after the run."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotRunError, match="cannot write to") as error:
        ResultsFolder("check", tmp_path / "file" / "below")
    assert "--out" in error.value.instead


def test_runs_of_one_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever begins beside others, in the same second, shares nothing with them."""
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ResultsFolder("check", None), range(40)))
    assert len({one.folder for one in made}) == 40
    for one in made:
        one.write("t")
        one.close()
    assert len(list(Path("reports").glob("*-check*/results.json"))) == 40


def test_a_result_is_not_overwritten(tmp_path: Path) -> None:
    """A folder of --out that holds a result, or a part of one, is refused by name."""
    for name in ("results.json", "index.html", "junit.xml", "evidence"):
        folder = tmp_path / name
        (folder / name).mkdir(parents=True)
        with pytest.raises(UsageError, match=f"{name} already exists") as error:
            ResultsFolder("check", folder)
        assert "--force" in error.value.instead
        assert [one.name for one in folder.iterdir()] == [name]


def test_force_replaces_a_result_and_all_its_files(tmp_path: Path) -> None:
    """Nothing of the old one is left beside the new one; what the user put there stays."""
    old = ResultsFolder("check", tmp_path)
    old.write("old", check=samples.check())
    old.close()
    samples.write_evidence(tmp_path)
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "notes.txt").write_text("the user's")
    ResultsFolder("load", tmp_path, force=True).write("new")
    assert load_results(tmp_path / "results.json").target == "new"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["notes.txt", "results.json"]


def test_force_removes_links_and_not_what_they_lead_to(tmp_path: Path) -> None:
    """A link in a stranger's folder gets nothing outside of it removed or written."""
    (tmp_path / "mine" / "kept").mkdir(parents=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("results.json", "evidence"):
        (folder / name).symlink_to(tmp_path / "mine")
    ResultsFolder("check", folder, force=True).write("t")
    assert (tmp_path / "mine" / "kept").is_dir()
    assert [one.name for one in folder.iterdir()] == ["results.json"]


def test_force_removes_no_evidence_that_is_not_ours(tmp_path: Path) -> None:
    """A folder of that name without a result beside it is the user's."""
    (tmp_path / "evidence").mkdir()
    with pytest.raises(UsageError, match="not even --force"):
        ResultsFolder("check", tmp_path, force=True)
    assert (tmp_path / "evidence").is_dir()


def test_a_folder_is_one_runs_at_a_time(tmp_path: Path) -> None:
    """The second of two runs is refused, --force or not, until the first has ended."""
    first = ResultsFolder("check", tmp_path)
    for force in (False, True):
        with pytest.raises(UsageError, match="another run is writing"):
            ResultsFolder("check", tmp_path, force=force)
    first.close()
    ResultsFolder("check", tmp_path).close()
    assert not tmp_path.exists(), "an empty folder is left behind"
