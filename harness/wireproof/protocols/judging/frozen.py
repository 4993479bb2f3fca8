"""What an object holds, in a form that can be compared: whether two states are the same.

Strategy: an object is what `copy.deepcopy` would make it from again, so that whatever a session may
hold is taken as it takes it. What can't be copied is unknown, and nothing equals it.

Invariant: two objects with equal forms behave the same. The other way round need not hold: an
object that is held twice, or a dictionary filled in another order, has another form.
"""

from __future__ import annotations

import enum
import re
import types
from collections.abc import Iterable
from typing import Any

MOST_PARTS = 20_000
"""Of one object: to compare more costs more than it saves."""

_PLAIN = frozenset({bytes, str, int, type(None)})
_ATOMS = frozenset(
    {bool, float, complex, range, re.Pattern, types.FunctionType, types.BuiltinFunctionType}
)
_LISTS = frozenset({list, tuple})


class _UnknownError(Exception):
    """It holds what has no form."""


class _Form:
    """The form of one object, in the making."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, object]] = {}  # the object too: its id is not used again
        self._left = MOST_PARTS

    def of(self, value: Any) -> object:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind in _ATOMS or isinstance(value, type | enum.Enum):
            return kind, value
        self._left -= 1
        if self._left < 0:
            raise _UnknownError
        if id(value) in self._seen:
            return "seen", self._seen[id(value)][0]
        self._seen[id(value)] = len(self._seen), value
        parts = self._parts(kind, value)
        return self._reduced(value) if parts is None else (kind, *parts)

    def _parts(self, kind: type, value: Any) -> Iterable[object] | None:
        """Return the forms of what a container holds; None where it is none."""
        if kind in _LISTS:
            return map(self.of, value)
        if kind is dict:
            return ((self.of(key), self.of(each)) for key, each in value.items())
        if kind is bytearray:
            return (bytes(value),)
        if kind in {set, frozenset}:
            return (frozenset(map(self.of, value)),)
        return None

    def _reduced(self, value: Any) -> object:
        try:
            how: Any = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001 - a user's class may raise anything
            raise _UnknownError from None
        if isinstance(how, str):  # a global, which is itself alone
            return how, id(value)
        make, arguments, state, items, pairs = (*how, None, None, None)[:5]
        return (
            make,
            self.of(arguments),
            self.of(state),
            *(self.of(each) for each in items or ()),
            *((self.of(key), self.of(each)) for key, each in pairs or ()),
        )


def frozen(value: object) -> object:
    """Return what equals that of another object which holds the same; None where it is unknown."""
    try:
        return _Form().of(value)
    except (_UnknownError, RecursionError):
        return None
