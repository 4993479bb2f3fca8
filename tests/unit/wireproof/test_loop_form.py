"""Which form of the loop runs."""

import pytest

from wireproof import loop_form as module
from wireproof.errors import CannotRunError, UsageError
from wireproof.loop_form import loop_form


@pytest.mark.parametrize(
    ("variable", "is_there", "form"),
    [
        ("", True, "compiled"),
        ("", False, "python"),
        ("python", True, "python"),
        ("python", False, "python"),
        ("compiled", True, "compiled"),
    ],
)
def test_the_faster_one_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, variable: str, is_there: bool, form: str
) -> None:
    """What the user says counts, then what there is."""
    monkeypatch.setenv(module.VARIABLE, variable)
    monkeypatch.setattr(module, "find_spec", lambda _: object() if is_there else None)
    assert loop_form() == form


def test_what_is_not_there_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is told what to do about it."""
    monkeypatch.setenv(module.VARIABLE, "compiled")
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(CannotRunError, match="no compiled loop"):
        loop_form()


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word misspelt would else measure the wrong form."""
    monkeypatch.setenv(module.VARIABLE, "cython")
    with pytest.raises(UsageError, match="invalid WIREPROOF_LOOP 'cython'"):
        loop_form()
