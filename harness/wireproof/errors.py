"""What can stop Wireproof, and the exit code each stop has.

    WireproofError
    ├── UsageError             2  wrong words from the user
    │   └── ProtocolCodeError  2  a fault inside the user's own protocol class
    └── CannotRunError         3  the words are right, the world does not play along

A finding about the server (exit code 1) is a result, never an exception.
"""

from typing import ClassVar


class WireproofError(Exception):
    """A stop that the user is told of in one or two lines, without a traceback."""

    exit_code: ClassVar[int] = 3

    def __init__(self, problem: str, instead: str = "") -> None:
        """Say what was wrong, and what to write or do instead."""
        super().__init__(f"{problem}\n{instead}" if instead else problem)
        self.problem = problem
        self.instead = instead


class UsageError(WireproofError):
    """The command line, or a file it names, asks for something that does not exist."""

    exit_code = 2


class ProtocolCodeError(UsageError):
    """The user's protocol class is at fault, not the server."""


class CannotRunError(WireproofError):
    """Nothing can be measured: no listener, no permission, no descriptors left."""

    exit_code = 3
