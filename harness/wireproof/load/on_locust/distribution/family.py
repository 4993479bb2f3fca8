"""What a Locust process has in common with those that it forks (`--processes`), and no other.

It is in memory alone: a secret that nobody else can know, and a page of shared memory in which the
first process writes where the reference server is that it has started for the run.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from wireproof.errors import UsageError
from wireproof.load.secret import (
    RunSecret,
    new_secret,
    read_or_make_secret,
    read_secret,
    take_from_environment,
)

_PAGE_BYTES = 4096


class Family:
    """A process, and those that it forks from now on.

    Attributes:
        has_given_secret: whether whoever started the first process gave it a secret.

    """

    def __init__(self) -> None:
        """Begin one; this process is the first.

        Raises:
            UsageError: the secret in the environment is none.

        """
        given = take_from_environment()
        self.has_given_secret = given is not None
        self._secret = given or new_secret()
        self._pid = os.getpid()
        self._page = mmap.mmap(-1, _PAGE_BYTES)

    @property
    def is_fork(self) -> bool:
        """Whether this process is one of those that were forked."""
        return os.getpid() != self._pid

    @property
    def target(self) -> str:
        """What the first process has set for all, of this machine; empty until then."""
        return self._page[:].rstrip(b"\0").decode()

    @target.setter
    def target(self, target: str) -> None:
        text = target.encode()
        self._page[: len(text)] = text

    def secret(self, file: str | None, *, is_master: bool) -> RunSecret:
        """Return the secret of the run that this process is to belong to.

        Args:
            file: that the command line names, if it does.
            is_master: a master makes a file that there is not.

        Raises:
            UsageError: a worker of somebody else's master was given none, or the file has none.
            CannotRunError: the file cannot be made.

        """
        if file:
            return read_or_make_secret(Path(file)) if is_master else read_secret(Path(file))
        if not is_master and not self.has_given_secret and not self.is_fork:
            raise UsageError(
                "a worker needs the secret of its run",
                "write --secret-file with a copy of the file that the master's --secret-file names",
            )
        return self._secret
