"""What a project says once of the servers that it tests.

It stands in `wireproof.toml`, or in `pyproject.toml` under `[tool.wireproof]`; in this folder
or the nearest one above it that has either. Keys are the long options of the commands. A target has
a name, and what is said of it goes before what is said of all; the command line goes before both.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from wireproof.errors import UsageError

_OWN_FILE = "wireproof.toml"
_PROJECT_FILE = "pyproject.toml"
_REPOSITORY = ".git"
_TARGETS = "targets"
_URL = "url"

KEYS = {
    "allow-host": list,
    "baseline": str,
    "depth": str,
    "for": str,
    "mix": str,
    "only": list,
    "payload": str,
    "pipeline": int,
    "processes": int,
    "protocol": str,
    "rate": str,
    "requests": str,
    "reset": str,
    "seed": int,
    "set": dict,
    "skip": list,
    "slo": list,
    "start": str,
    "think": str,
    "time-budget": str,
    "tls-cert": str,
    "tls-key": str,
    "users": int,
}
"""Options that may stand in the file, and what each takes there."""
_PATHS = {"baseline", "requests", "tls-cert", "tls-key"}
_SAID = {list: "a list of strings", dict: "a table", str: "a string", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, and where it stands.

    Attributes:
        value: as the command line would give it; several for an option that may be repeated.
        where: the table of the file, such as `[targets.gateway]`.

    """

    value: str | tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """One file's content.

    Attributes:
        path: of the file.
        defaults: by key, for every target.
        targets: by name: each one's URL, and its settings by key.

    """

    path: Path
    defaults: Mapping[str, Setting]
    targets: Mapping[str, tuple[str, Mapping[str, Setting]]]

    def settings(self, name: str = "") -> dict[str, Setting]:
        """Return what holds for a named target, or for any other."""
        own = self.targets[name][1] if name in self.targets else {}
        return {**self.defaults, **own}


def find_configuration(folder: Path | None = None) -> Configuration | None:
    """Return what the nearest file says, from `folder` up to the repository's root; None without.

    Raises:
        UsageError: the file cannot be read, or says what no command understands.

    """
    here = (folder or Path.cwd()).absolute()
    for place in (here, *here.parents):
        own = place / _OWN_FILE
        if own.is_file():
            return _configuration(own, _parsed(own), "")
        project = place / _PROJECT_FILE
        if project.is_file() and (text := _read(project)) and "tool.wireproof" in text:
            table = _parsed(project).get("tool", {}).get("wireproof")
            if table is not None:
                return _configuration(project, table, "tool.wireproof")
        if (place / _REPOSITORY).exists():
            return None
    return None


def configured(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Replace a target's name by its URL; what the file says become the options' defaults.

    The callback of an eager argument: options are looked at behind it.

    Raises:
        UsageError: see `find_configuration`.

    """
    source = ctx.get_parameter_source(parameter.name or "")
    if ctx.resilient_parsing or source is click.core.ParameterSource.DEFAULT:
        return value
    configuration = find_configuration()
    if configuration is None:
        return value
    ctx.default_map = {**(ctx.default_map or {}), **_defaults(ctx.command, configuration, value)}
    if value in configuration.targets:
        return configuration.targets[value][0]
    if ":" not in value and configuration.targets:
        known = ", ".join(configuration.targets)
        raise UsageError(
            f"{value!r} is neither a target nor a name in {configuration.path.name}",
            f"named there: {known}",
        )
    return value


def _defaults(command: click.Command, configuration: Configuration, name: str) -> dict[str, Any]:
    settings = configuration.settings(name)
    found: dict[str, Any] = {}
    for option in command.params:
        for key in (text.removeprefix("--") for text in option.opts):
            if isinstance(option, click.Option) and key in settings:
                value = settings[key].value
                found[option.name or ""] = list(value) if isinstance(value, tuple) else value
    return found


def _configuration(path: Path, table: Any, root: str) -> Configuration:
    def place(*names: str) -> str:
        return f"[{'.'.join(filter(None, [root, *names]))}]"

    named = table.get(_TARGETS, {}) if isinstance(table, dict) else None
    if not isinstance(named, dict) or not all(isinstance(one, dict) for one in named.values()):
        raise UsageError(f"{path.name}: a target is a table", f"write {place(_TARGETS, 'NAME')}")
    targets = {}
    for name, own in named.items():
        where = place(_TARGETS, name)
        if not isinstance(own.get(_URL), str):
            raise UsageError(
                f"{path.name}: {where} has no url", f'write {_URL} = "tcp://HOST:PORT"'
            )
        targets[name] = own[_URL], _settings(path, own, where)
    where = place() if root else "the file's top"
    return Configuration(path, _settings(path, table, where), targets)


def _settings(path: Path, table: Mapping[str, Any], where: str) -> dict[str, Setting]:
    settings = {}
    for key, value in table.items():
        if key in {_URL, _TARGETS}:
            continue
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1) or [", ".join(KEYS)]
            raise UsageError(f"{path.name}: unknown key {key!r} in {where}", f"write {near[0]}")
        settings[key] = Setting(_value(path, key, value, where), where)
    return settings


def _value(path: Path, key: str, value: Any, where: str) -> str | tuple[str, ...]:
    kind = KEYS[key]
    if kind is dict and isinstance(value, dict):
        return tuple(f"{name}={one}" for name, one in value.items())
    if kind is list and isinstance(value, str):
        return (value,)
    if kind is list and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if kind in {str, int} and isinstance(value, str | int | float) and not isinstance(value, bool):
        return _from_here(path, key, str(value))
    raise UsageError(f"{path.name}: {key} in {where} takes {_SAID[kind]}, not {value!r:.60}")


def _from_here(path: Path, key: str, value: str) -> str:
    """Return a file that the configuration names as seen from the current folder."""
    file, colon, rest = value.partition(":")
    named = key in _PATHS or (key == "protocol" and file.endswith(".py"))
    if not named or Path(file).is_absolute():
        return value
    return os.path.relpath(path.parent / file) + colon + rest


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path.name}: {error}") from None


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not TOML: {error}") from None
