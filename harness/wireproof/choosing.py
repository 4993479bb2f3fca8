"""Which requirements a user wants, by name or by group."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from wireproof.errors import UsageError


class Named(Protocol):
    """What has an ID."""

    @property
    def id(self) -> str:
        """Stable, never reused, never renamed."""
        ...


Line = TypeVar("Line", bound=Named)


def select(catalogue: Sequence[Line], only: Sequence[str], skip: Sequence[str]) -> tuple[Line, ...]:
    """Return the requirements that the user wants; `SEG-*` names a group.

    Raises:
        UsageError: a name fits no requirement, or none is left.

    """
    known = [one.id for one in catalogue]
    for name in [*only, *skip]:
        if not any(_fits(identifier, name) for identifier in known):
            raise UsageError(
                f"there is no requirement {name!r}", "wireproof rules lists them; SEG-* is a group"
            )
    wanted = tuple(
        one
        for one in catalogue
        if (not only or any(_fits(one.id, name) for name in only))
        and not any(_fits(one.id, name) for name in skip)
    )
    if not wanted:
        raise UsageError("--skip leaves no requirement to try")
    return wanted


def _fits(identifier: str, name: str) -> bool:
    name = name.upper()
    return identifier.startswith(name[:-1]) if name.endswith("*") else identifier == name
