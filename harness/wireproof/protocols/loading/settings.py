"""A protocol's own settings, as `--set name=value` changes them."""

import inspect
from math import inf
from typing import Any

from wireproof.durations import parse_duration
from wireproof.errors import UsageError
from wireproof.protocols.base import Protocol

Setting = int | float | str | bool
_AT_LEAST_ONE = {"connections", "most_requests", "max_request_bytes", "max_reply_bytes"}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def configure(protocol: Protocol, settings: dict[str, str]) -> None:
    """Set a protocol's own settings from `--set name=value`.

    Raises:
        UsageError: there is no such setting, or the value is not of its type.

    """
    known = settings_of(protocol)
    for name, text in settings.items():
        if name not in known:
            raise UsageError(
                f"{protocol.called} has no setting {name!r}", f"it has: {', '.join(sorted(known))}"
            )
        setattr(protocol, name, _read(name, text, type(known[name])))


def settings_of(protocol: Protocol) -> dict[str, Setting]:
    """Return the settings that `--set` may change, with their values."""
    fixed = _fixed_names(type(protocol))
    return {
        name: value
        for name in dir(protocol)
        if not name.startswith("_") and name not in fixed
        for value in [getattr(protocol, name)]
        if isinstance(value, int | float | str)
    }


def _fixed_names(kind: type) -> set[str]:
    """Return what is part of the protocol itself: ClassVars and properties."""
    fixed = {name for name, _ in inspect.getmembers(kind, lambda each: isinstance(each, property))}
    for base in kind.__mro__:
        for name, annotation in inspect.get_annotations(base).items():
            if "ClassVar" in str(annotation):
                fixed.add(name)
    return fixed


def _read(name: str, text: str, kind: type[Any]) -> Setting:
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise UsageError(f"{name} takes true or false, not {text!r}")
        return text.lower() in _TRUE
    if kind is float and name.endswith("_s"):  # its unit, as in every name of ours
        return _duration(name, text)
    try:
        value: Setting = kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} takes {what}, not {text!r}") from None
    if value == 0 and name in _AT_LEAST_ONE:
        raise UsageError(f"{name} takes a number of 1 or more, not {text}")
    if isinstance(value, int | float) and not 0 <= value < inf:  # nan is in no range
        raise UsageError(f"{name} takes a number of 0 or more, not {text}")
    return value


def _duration(name: str, text: str) -> float:
    try:
        return parse_duration(text)
    except UsageError as error:
        raise UsageError(f"{name}: {error.problem}") from None
