"""A protocol's own settings, as `--set name=value` changes them."""

from harness.errors import UsageError
from harness.protocols.base import Protocol


def configure(protocol: Protocol, settings: dict[str, str]) -> None:
    """Set a protocol's own settings from `--set name=value`.

    Raises:
        UsageError: there is no such setting, or the value is not of its type.

    """
    known = settings_of(protocol)
    for name, text in settings.items():
        if name not in known:
            raise UsageError(
                f"{protocol.name} has no setting {name!r}", f"it has: {', '.join(sorted(known))}"
            )
        kind = type(known[name])
        try:
            value = text.lower() in {"1", "true", "yes", "on"} if kind is bool else kind(text)
        except ValueError:
            raise UsageError(f"{name} takes {kind.__name__}, not {text!r}") from None
        setattr(protocol, name, value)


def settings_of(protocol: Protocol) -> dict[str, int | float | str | bool]:
    """Return the settings that `--set` may change, with their values."""
    fixed = {"name", "source", "half_close", "summary"}
    return {
        name: value
        for name in dir(protocol)
        if not name.startswith("_") and name not in fixed
        for value in [getattr(protocol, name)]
        if isinstance(value, int | float | str)
    }
