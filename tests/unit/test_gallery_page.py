"""The table of public bugs names servers, requirements and threads as the gallery has them."""

from pathlib import Path

from tests.real_servers.gallery import catalogue

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "gallery.md"
HEAD = "| public report |"


def _rows() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith(HEAD)) + 2
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_each_bug_is_bound_to_a_server_that_has_it() -> None:
    """By the requirement that must fail there, and the thread."""
    known = {one.name: one for one in catalogue()}
    wrong = [
        row for row in _rows() if row[4] not in known[row[3]].must or row[0] != known[row[3]].thread
    ]
    assert not wrong
    assert len(_rows()) >= 5


def test_each_bug_has_a_server_without_it() -> None:
    """That is sound, or must fail by something else."""
    known = {one.name: one for one in catalogue()}
    assert not [row for row in _rows() if row[4] in known[row[5]].must]
