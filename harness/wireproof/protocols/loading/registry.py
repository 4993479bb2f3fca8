"""Finding a protocol: a built-in by name, the user's as `module:Class` or `file.py:Class`."""

import importlib
import importlib.util
import sys
import time
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from wireproof.errors import ProtocolCodeError, UsageError
from wireproof.learnt.judges import protocol_of
from wireproof.learnt.scripts import read_scripts
from wireproof.protocols.base import Protocol
from wireproof.protocols.loading.settings import configure
from wireproof.protocols.user_code import code_error, line_of_import

BUILT_IN = {
    "echo": "wireproof.protocols.built_in.echo:Echo",
    "discard": "wireproof.protocols.built_in.discard:Discard",
    "daytime": "wireproof.protocols.built_in.daytime:Daytime",
    "time": "wireproof.protocols.built_in.time:Time",
    "chargen": "wireproof.protocols.built_in.chargen:Chargen",
    "timestamp-echo": "wireproof.protocols.built_in.timestamp_echo:TimestampEcho",
    "line-echo": "wireproof.protocols.built_in.line_echo:LineEcho",
    "redis": "wireproof.protocols.built_in.redis:Redis",
    "memcached": "wireproof.protocols.built_in.memcached:Memcached",
    "smtp": "wireproof.protocols.built_in.smtp:Smtp",
    "dns": "wireproof.protocols.built_in.dns:Dns",
    "http1": "wireproof.protocols.built_in.http1:Http1",
    "modbus-tcp": "wireproof.protocols.built_in.modbus_tcp:ModbusTcp",
    "mqtt": "wireproof.protocols.built_in.mqtt.protocol:Mqtt",
    "mllp": "wireproof.protocols.built_in.mllp:Mllp",
    "websocket": "wireproof.protocols.built_in.websocket.protocol:WebSocket",
    "postgres": "wireproof.protocols.built_in.postgres.protocol:Postgres",
    "nats": "wireproof.protocols.built_in.nats:Nats",
    "socks5": "wireproof.protocols.built_in.socks5:Socks5",
    "stomp": "wireproof.protocols.built_in.stomp:Stomp",
    "amqp-0-9-1": "wireproof.protocols.built_in.amqp.protocol:Amqp",
    "pop3": "wireproof.protocols.built_in.pop3:Pop3",
    "imap": "wireproof.protocols.built_in.imap:Imap",
    "ftp": "wireproof.protocols.built_in.ftp:Ftp",
    "syslog": "wireproof.protocols.built_in.syslog:Syslog",
    "graphite": "wireproof.protocols.built_in.graphite:Graphite",
    "json-rpc": "wireproof.protocols.built_in.json_rpc:JsonRpc",
}
"""By name, where the class stands; imported only when it is asked for."""


def find_protocol(name: str, settings: dict[str, str] | None = None) -> Protocol:
    """Return a new, configured protocol.

    Args:
        name: a built-in's name, `module:Class`, `path/to/file.py:Class`, or `path/to/learnt.json`.
        settings: as given with `--set`.

    Raises:
        UsageError: there is no such protocol, no such setting, or its extra is not installed.
        ProtocolCodeError: the user's file does not import, or the class cannot be built.

    """
    if name.endswith(".json"):
        learnt = protocol_of(read_scripts(Path(name)), time.time)
        configure(learnt, settings or {})
        return learnt
    kind = protocol_class(name)
    if missing := missing_modules(kind):
        raise UsageError(
            f"the protocol {kind.name} needs {', '.join(missing)}; install it with"
            f" python -m pip install 'wireproof[{kind.name}]'"
        )
    try:
        protocol = kind()
    except TypeError as error:  # an abstract method that the user has not written
        raise code_error(kind, f"is incomplete: {error}", "add what is missing") from None
    except Exception as error:
        did = f"cannot be built: {type(error).__name__}: {error}"
        raise code_error(kind, did, "let __init__ take no arguments") from error
    configure(protocol, settings or {})
    return protocol


def protocol_class(name: str) -> type[Protocol]:
    """Return the class behind a name, whether or not its extra is installed.

    Raises:
        UsageError: there is no such protocol.
        ProtocolCodeError: the user's file does not import.

    """
    where = BUILT_IN.get(name, name)
    module_name, colon, class_name = where.rpartition(":")
    if not colon and name.endswith(".py"):
        classes = protocol_classes(_import(name, is_ours=False))
        if not classes:
            raise UsageError(
                f"{name} has no protocol class",
                "derive one from Delimited, or from another base of Wireproof's",
            )
        if len(classes) > 1:
            raise UsageError(
                f"{name} has {len(classes)} protocol classes",
                f"write {' or '.join(f'{name}:{c}' for c in classes)}",
            )
        where, colon = f"{name}:{classes[0]}", ":"
        module_name, class_name = name, classes[0]
    if not colon:
        close = get_close_matches(name, BUILT_IN, n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise UsageError(
            f"there is no protocol {name!r}{meant}",
            f"known: {', '.join(BUILT_IN)}; or write module:Class or file.py:Class",
        )
    module = _import(module_name, is_ours=name in BUILT_IN)
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Protocol)):
        there = protocol_classes(module)
        raise UsageError(
            f"{module_name} has no protocol class {class_name!r}",
            f"it has: {', '.join(there) or 'none'}",
        )
    return found


def protocol_classes(module: ModuleType) -> list[str]:
    """Return the names of the protocol classes that a module defines itself."""
    return [
        each
        for each, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Protocol)
        and value.__module__ == module.__name__
    ]


def missing_modules(kind: type[Protocol]) -> list[str]:
    """Return what the protocol needs and is not installed; nothing is imported."""
    return [module for module in kind.modules if importlib.util.find_spec(module) is None]


def protocol_file(name: str) -> Path | None:
    """Return the file that a protocol's class is in, without importing it; None if not known."""
    module, _, _ = BUILT_IN.get(name, name).rpartition(":")
    if module.endswith(".py") or name.endswith(".py"):
        return Path(module or name)
    if name not in BUILT_IN:
        _look_in_current_folder()
    try:
        found = importlib.util.find_spec(module) if module else None
    except ImportError:
        return None
    return Path(found.origin) if found is not None and found.origin else None


def _look_in_current_folder() -> None:
    """Let modules of the user's be found there, which an installed command does not.

    For ours it must not: a dns.py there would come before the library.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")


def _import(name: str, *, is_ours: bool) -> ModuleType:
    try:
        if not name.endswith(".py"):
            if not is_ours:
                _look_in_current_folder()
            return importlib.import_module(name)
        path = Path(name).resolve()
        if not path.is_file():
            raise UsageError(f"there is no file {name}")
        # Under a name of its own: a file may be called dns.py, and must not replace the package.
        own_name = f"wireproof_protocol_{path.stem}"
        spec = importlib.util.spec_from_file_location(own_name, path)
        if spec is None or spec.loader is None:
            raise UsageError(f"{name} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[own_name] = module
        spec.loader.exec_module(module)
        return module
    except UsageError:
        raise
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise UsageError(
                f"there is no module {name!r}", "for a file write path/to/file.py:Class"
            ) from None
        raise ProtocolCodeError(f"{name} does not import: {error}", line_of_import(error)) from None
    except Exception as error:
        raise ProtocolCodeError(
            f"{name} does not import: {type(error).__name__}: {error}", line_of_import(error)
        ) from error
