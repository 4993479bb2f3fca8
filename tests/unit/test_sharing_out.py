"""How `make test` shares tests out among processes."""

import pytest

from tests.support.sharing_out import in_order, unit_of_work

_HERE = "tests/unit/test_sharing_out.py"
_SHARING = "tests/integration/test_hostile_targets.py"
_ALONE = "tests/integration/test_network_faults.py"
_TESTS = [
    *[f"{_ALONE}::test_{number}" for number in range(3)],
    *[f"{_SHARING}::test_{number}" for number in range(2)],
    *[f"tests/unit/test_few.py::test_{number}" for number in range(2)],
    *[f"tests/unit/test_many.py::test_{number}" for number in range(5)],
]


def test_each_test_is_begun_once():
    """None is lost, none comes twice."""
    assert sorted(in_order(_TESTS)) == list(range(len(_TESTS)))
    assert in_order([]) == []


def test_those_of_one_file_keep_their_order():
    """Fixtures of a module would be made anew otherwise."""
    order = [_TESTS[at] for at in in_order(_TESTS)]
    for file in {name.partition("::")[0] for name in _TESTS}:
        names = [name for name in order if name.startswith(file)]
        assert names == sorted(names)


def test_what_shares_a_fixture_comes_first_and_few_tests_last():
    """Nothing long is left for the end, when all other processes have nothing to do."""
    order = [_TESTS[at].partition("::")[0] for at in in_order(_TESTS)]
    assert [name for name in order if "unit" not in name] == [_SHARING] * 2 + [_ALONE] * 3
    assert order[-2:] == ["tests/unit/test_few.py"] * 2


@pytest.mark.parametrize(("file", "whole"), [(_HERE, True), (_SHARING, True), (_ALONE, False)])
def test_who_shares_goes_together(file: str, whole: bool):
    """A unit test with its file; any other where its file has a fixture for several."""
    name = f"{file}::test_a[::]"
    assert unit_of_work(name) == (file if whole else name)
