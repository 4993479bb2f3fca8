import json

import pytest

from wireproof.between.trying.requirements import BETWEEN
from wireproof.cli import invoke
from wireproof.conformance.catalogue import GENERIC


def test_the_catalogue_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    """Every requirement with its level, sentence, source and reason."""
    assert invoke(["rules", "--protocol", "echo", "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in rules][: len(GENERIC)] == [one.id for one in GENERIC]
    assert [one["id"] for one in rules][-len(BETWEEN) :] == [one.id for one in BETWEEN]
    assert set(rules[0]) == {"id", "level", "title", "source", "reason"}
    assert rules[0]["level"] == "MUST"


def test_the_catalogue_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    """A table with a line for each at least."""
    assert invoke(["rules"]) == 0
    said = capsys.readouterr().out
    assert all(one.id in said for one in GENERIC)


def test_one_requirement_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Its sentence, why it matters and where it stands; an ID that there is not is refused."""
    assert invoke(["rules", "SEG-HELD"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("SEG-HELD  MUST\n")
    assert "Why " in said
    assert "RFC" in said
    assert invoke(["rules", "SEG-HLED"]) == 2
    assert "there is no requirement 'SEG-HLED'" in capsys.readouterr().err
