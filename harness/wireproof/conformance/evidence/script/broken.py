"""The fault, and the time after which it is one."""

import time


class Broken(Exception):
    """The fault is there."""


class Deadline:
    """A point in time after which waiting is over."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def left(self):
        """Return the seconds left."""
        return max(0.0, self.at - time.monotonic())

    def check(self, message):
        """Stop when time is up."""
        if not self.left():
            raise Broken(message)
