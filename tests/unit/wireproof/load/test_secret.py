import os
from pathlib import Path

import pytest

from wireproof.errors import CannotRunError, UsageError
from wireproof.load.secret import (
    SECRET_VARIABLE,
    RunSecret,
    new_secret,
    read_or_make_secret,
    read_secret,
    take_from_environment,
)


def test_a_master_makes_a_secret_that_only_its_user_can_read(tmp_path: Path) -> None:
    """Once: the second time it is read; a copy of it is the same secret."""
    file = tmp_path / "secret"
    made = read_or_make_secret(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(made.text) >= 32
    assert read_or_make_secret(file).text == made.text == read_secret(file).text
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]
    assert new_secret().text != made.text


def test_keys_differ_by_secret_and_purpose() -> None:
    """So that a key of one purpose says nothing of another's, nor of the secret."""
    secret, other = RunSecret("a" * 32), RunSecret("b" * 32)
    keys = {secret.key("x"), secret.key("y"), other.key("x")}
    assert len(keys) == 3
    assert all(len(key) == 32 for key in keys)
    assert secret.key("x") == RunSecret("a" * 32).key("x")


def test_a_secret_does_not_show() -> None:
    """Neither in a traceback nor in a log."""
    assert "aaa" not in repr(RunSecret("a" * 32))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    """It may be known already; what to write is told."""
    file = tmp_path / "secret"
    file.write_text("a" * 64)
    file.chmod(mode)
    with pytest.raises(UsageError, match="others can read") as error:
        read_secret(file)
    assert error.value.instead == f"write chmod 600 {file}"


@pytest.mark.parametrize("text", ["", "short", "a" * 31, "\n" * 64, "ä" * 64])
def test_what_can_be_guessed_is_no_secret(text: str, tmp_path: Path) -> None:
    """Nor what is no plain text."""
    file = tmp_path / "secret"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="secret"):
        read_secret(file)


def test_a_worker_makes_none(tmp_path: Path) -> None:
    """A file that there is not is told; a master that cannot make one says so."""
    with pytest.raises(UsageError, match="cannot read"):
        read_secret(tmp_path / "secret")
    with pytest.raises(CannotRunError, match="cannot write"):
        read_or_make_secret(tmp_path / "missing" / "secret")


def test_the_environments_secret_is_taken_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process starts does not have it."""
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    assert take_from_environment() is None
    monkeypatch.setenv(SECRET_VARIABLE, "s" * 40)
    found = take_from_environment()
    assert found is not None
    assert found.text == "s" * 40
    assert SECRET_VARIABLE not in os.environ
    monkeypatch.setenv(SECRET_VARIABLE, "short")
    with pytest.raises(UsageError):
        take_from_environment()
