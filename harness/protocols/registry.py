"""Finding a protocol: a built-in by name, the user's as `module:Class` or `file.py:Class`."""

import importlib
import importlib.util
import sys
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from harness.errors import UsageError
from harness.protocols.base import Protocol
from harness.protocols.settings import configure

BUILT_IN = {
    "echo": "harness.protocols.echo:Echo",
    "timestamp-echo": "harness.protocols.timestamp_echo:TimestampEcho",
}
"""By name, where the class stands; imported only when it is asked for."""


def find_protocol(name: str, settings: dict[str, str] | None = None) -> Protocol:
    """Return a new, configured protocol.

    Args:
        name: a built-in's name, `module:Class` or `path/to/file.py:Class`.
        settings: as given with `--set`.

    Raises:
        UsageError: there is no such protocol, or no such setting.
        ProtocolCodeError: the user's file does not import, or the class cannot be built.

    """
    where = BUILT_IN.get(name, name)
    module_name, colon, class_name = where.rpartition(":")
    if not colon:
        close = get_close_matches(name, BUILT_IN, n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise UsageError(
            f"there is no protocol {name!r}{meant}",
            f"known: {', '.join(BUILT_IN)}; or write module:Class or file.py:Class",
        )
    module = _import(module_name)
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Protocol)):
        raise UsageError(f"{module_name} has no protocol class {class_name!r}")
    try:
        protocol = found()
    except TypeError as error:  # an abstract method that the user has not written
        raise UsageError(f"{class_name} is not complete: {error}") from None
    configure(protocol, settings or {})
    return protocol


def _import(name: str) -> ModuleType:
    try:
        if not name.endswith(".py"):
            return importlib.import_module(name)
        path = Path(name).resolve()
        if not path.is_file():
            raise UsageError(f"there is no file {name}")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise UsageError(f"{name} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{name} does not import: {type(error).__name__}: {error}") from error
