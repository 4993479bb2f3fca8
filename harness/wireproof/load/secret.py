"""The secret of a run: whoever holds it belongs to the run, as its master or as one of its workers.

It is in an environment variable or in a file, never on a command line, which every user of a
machine can read. Keys are derived from it, one for each purpose, so that it is itself in no
message.
"""

import contextlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from wireproof.errors import CannotRunError, UsageError
from wireproof.files import read_limited

SECRET_VARIABLE = "WIREPROOF_SECRET"  # noqa: S105 - where it is, not what it is
_LEAST_CHARACTERS = 32
_MOST_BYTES = 4096
_MAKE = "let the master make one: --secret-file with the name of a file that there is not"


class RunSecret:
    """A secret; its text is not shown by `repr`, nor by a traceback."""

    def __init__(self, text: str) -> None:
        """Hold the secret.

        Raises:
            UsageError: it is short enough to be guessed.

        """
        if len(text) < _LEAST_CHARACTERS:
            raise UsageError(
                f"a run's secret has {_LEAST_CHARACTERS} characters at least, not {len(text)}",
                _MAKE,
            )
        self._text = text

    def __repr__(self) -> str:
        return "RunSecret(…)"

    @property
    def text(self) -> str:
        """For the environment of a process that belongs to the run."""
        return self._text

    def key(self, purpose: str) -> bytes:
        """Return 32 bytes that only holders of the secret know, others for each purpose."""
        return hmac.digest(self._text.encode(), purpose.encode(), "sha256")


def new_secret() -> RunSecret:
    """Return a secret that nobody has."""
    return RunSecret(secrets.token_hex(32))


def read_secret(path: Path) -> RunSecret:
    """Read the secret that a file holds.

    Raises:
        UsageError: there is none, others can read it, or it is too short.

    """
    text = read_limited(path, _MOST_BYTES, "secret")
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and mode & 0o077:
        raise UsageError(f"others can read the secret in {path}", f"write chmod 600 {path}")
    try:
        return RunSecret(text.decode("ascii").strip())
    except UnicodeDecodeError:
        raise UsageError(f"the secret in {path} is not text", _MAKE) from None


def read_or_make_secret(path: Path) -> RunSecret:
    """Read the secret that a file holds; a file that there is not gets a new one.

    Raises:
        UsageError: as of `read_secret`.
        CannotRunError: the file cannot be made.

    """
    if not path.exists():
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{new_secret().text}\n")
            with contextlib.suppress(FileExistsError):  # another process was quicker: its secret
                os.link(unfinished, path)
            unfinished.unlink()
        except OSError as error:
            raise CannotRunError(f"cannot write {path}: {error.strerror}") from None
    return read_secret(path)


def take_from_environment() -> RunSecret | None:
    """Return the secret that whoever started this process put into its environment, if any.

    It is taken out of there, so that no process that this one starts has it.

    Raises:
        UsageError: it is too short.

    """
    text = os.environ.pop(SECRET_VARIABLE, None)
    return RunSecret(text) if text is not None else None
