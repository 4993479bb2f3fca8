"""The page of the result file names all of it, and says what it means."""

import json

import msgspec

from docs.result_file import records, result_file_page
from tests.support import result_samples as samples
from wireproof.results import Record, Results, encode
from wireproof.results import records as module

PAGE = result_file_page()


def test_each_record_and_field_is_on_the_page() -> None:
    """Whatever a file may hold: none is missing."""
    missing = [
        f"{one.__name__}.{field.encode_name}"
        for one in records()
        if isinstance(one, type) and issubclass(one, msgspec.Struct)
        for field in msgspec.structs.fields(one)
        if f"| `{field.encode_name}` | " not in PAGE.partition(f"## {one.__name__}\n")[2]
    ]
    assert not missing


def test_no_record_is_left_out() -> None:
    """All that the module defines are reached from the whole file."""
    defined = {
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Record) and one is not Record
    }
    assert defined <= {*records()}
    assert records()[0] is Results


def test_what_a_file_holds_is_explained() -> None:
    """Of a file with everything in it, each name that a record gives stands on the page."""
    held = json.loads(encode(samples.results()))
    assert held.keys() > {"format", "environment"}
    for name in (*held, *held["environment"], *held.get("load", {})):
        assert f"| `{name}` | " in PAGE, name


def test_what_stands_behind_a_field_is_its_meaning() -> None:
    """Texts and comments of the source are on the page, links lead to its own sections."""
    assert "| `at_s` | float |  | Seconds since the start of the run, at the end of this" in PAGE
    assert "| `causes` | list of [CauseResult](#causeresult) | `[]` | in the order" in PAGE
    assert "| `NON-STRICT` | A SHOULD that is not met. |" in PAGE


def test_nothing_is_without_a_meaning() -> None:
    """Each field and each value says what it is: no last column is empty."""
    assert [
        line for line in PAGE.splitlines() if line.startswith("|") and line.endswith("|  |")
    ] == []
