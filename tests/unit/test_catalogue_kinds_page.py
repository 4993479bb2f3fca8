"""The table of kinds names requirements, servers of the zoo and of the gallery as they are."""

from pathlib import Path

from tests.real_servers.gallery import catalogue
from tests.zoo.defects import FOUND_BY
from tests.zoo.upgrading import FAULTY
from wireproof.conformance.catalogue import GENERIC

FOUND = {name: identifier for name, (_, identifier) in (*FOUND_BY.items(), *FAULTY.items())}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "catalogue-kinds.md"
ROWS = [
    [[word for word in cell.strip().split(", ") if word] for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| kind")
]


def test_requirements_are_in_the_catalogue() -> None:
    """By their ids."""
    known = {one.id for one in GENERIC}
    assert not [name for row in ROWS for name in (*row[1], *row[2]) if name not in known]


def test_each_defect_of_the_zoo_stands_beside_what_finds_it() -> None:
    """All of them, once."""
    told = {name: row[1] for row in ROWS for name in row[3]}
    assert told.keys() == FOUND.keys()
    assert not [name for name, found_by in FOUND.items() if found_by not in told[name]]


def test_real_servers_are_in_the_gallery() -> None:
    """By their names there, and with a fault."""
    faulty = {one.name for one in catalogue() if one.must != "sound"}
    assert not [name for row in ROWS for name in row[4] if name not in faulty]
