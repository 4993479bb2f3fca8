import pytest

from wireproof.conformance.evidence.assembly import AssemblyError, assembled, part, part_of

OTHER = "from wireproof.conformance.evidence.script.other import f"
USES = f'"""Uses."""\n\nimport sys\n\n{OTHER}\n\nf(sys)\n'


def test_parts_go_in_as_they_stand() -> None:
    """Less docstring and imports; those of the standard library stand at the top, once."""
    defines = '"""Defines."""\n\nimport sys\n\n\ndef f(a):  # as it is\n    return a\n'
    script = assembled("#!x\n", [part_of("one", defines), part_of("two", USES)])
    assert script == "#!x\n\nimport sys\n\ndef f(a):  # as it is\n    return a\n\n\nf(sys)\n"


def test_a_missing_part_is_loud() -> None:
    """So is one that needs what no other has, and two that have the same."""
    with pytest.raises(AssemblyError, match="there is no part 'nobody'"):
        part("nobody")
    with pytest.raises(AssemblyError, match="'two' needs f, which no part defines"):
        assembled("", [part_of("two", USES)])
    with pytest.raises(AssemblyError, match="both 'one' and 'two' define x"):
        assembled("", [part_of("one", "x = 1"), part_of("two", "x = 2")])
    with pytest.raises(AssemblyError, match="'three' is not Python"):
        part_of("three", "x =")
