"""Kinds of values that options of several commands take."""

from typing import Any

import click

from wireproof.durations import parse_duration
from wireproof.errors import UsageError


class Duration(click.ParamType):  # type: ignore[type-arg]  # not generic in click 8.1
    """Seconds, from `500ms`, `5s`, `2m`, `1h` or a bare number of seconds."""

    name = "time"

    def __init__(self, at_least: str = "0s") -> None:
        """Refuse what is shorter than `at_least`."""
        self._at_least = at_least

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds.

        Raises:
            UsageError: it is no duration, or too short; the option is named.

        """
        del ctx
        if isinstance(value, float):  # click may convert twice
            return value
        option = f"{param.opts[0]}: " if param else ""
        try:
            seconds = parse_duration(value)
        except UsageError as error:
            raise UsageError(f"{option}{error.problem}") from None
        if seconds < parse_duration(self._at_least):
            raise UsageError(f"{option}{value} is too short: write {self._at_least} or more")
        return seconds


AUTO = 0
"""As many as there is room for."""


class AtOnce(click.ParamType):  # type: ignore[type-arg]
    """A whole number above 0, or `auto`."""

    name = "n|auto"

    def __init__(self, what: str, at_most: int = 1024) -> None:
        """Count `what`, such as processes; no more than `at_most`."""
        self._what = what
        self._at_most = at_most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or `AUTO`.

        Raises:
            UsageError: it is neither; the option is named.

        """
        del ctx
        if isinstance(value, int):  # click may convert twice
            return value
        if value == "auto":
            return AUTO
        if value.isascii() and value.isdecimal() and 0 < int(value) <= self._at_most:
            return int(value)
        option = param.opts[0] if param else ""
        raise UsageError(
            f"{option}: {value!r} is not a number of {self._what} from 1 to {self._at_most}",
            "write 2, or auto",
        )


class Counts(click.ParamType):  # type: ignore[type-arg]
    """Whole numbers above 0, from `1,10,50`."""

    name = "n,n,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        """Return the numbers.

        Raises:
            UsageError: it is no list of them; the option is named.

        """
        del ctx
        if isinstance(value, list):  # click may convert twice
            return value
        option = param.opts[0] if param else ""
        try:
            numbers = [int(part) for part in value.split(",")]
        except ValueError:
            numbers = []
        if min(numbers, default=0) < 1:
            raise UsageError(
                f"{value!r} is not a list of numbers of 1 or more", f"write {option} 1,10,50"
            )
        return numbers
