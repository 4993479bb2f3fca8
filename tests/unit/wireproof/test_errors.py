import pytest

from wireproof.errors import CannotRunError, ProtocolCodeError, UsageError, WireproofError


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (ProtocolCodeError, 2), (CannotRunError, 3)]
)
def test_exit_codes(kind: type[WireproofError], code: int) -> None:
    """Wrong words end with 2, a world that does not play along with 3."""
    assert kind("no").exit_code == code


def test_says_what_was_wrong_and_what_to_write_instead() -> None:
    """The text is one line, or two where there is something better to write."""
    assert str(UsageError("no host")) == "no host"
    both = UsageError("no host", "write tcp://HOST:PORT")
    assert str(both) == "no host\nwrite tcp://HOST:PORT"
    assert (both.problem, both.instead) == ("no host", "write tcp://HOST:PORT")
