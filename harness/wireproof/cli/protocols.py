"""`wireproof protocols`: the built-in protocols, and a look at one, the user's own included."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from wireproof.protocols.base import Protocol, overrides
from wireproof.protocols.loading.registry import (
    BUILT_IN,
    find_protocol,
    missing_modules,
    protocol_class,
)
from wireproof.protocols.loading.self_check import check_code
from wireproof.protocols.loading.settings import settings_of
from wireproof.words import counted, printable

_SHOWN_REQUESTS = 5
_WITHOUT: Final = MappingProxyType(
    {
        "sized_request": "SIZE-POWERS OCTET-ALL",
        "malformed": "BAD-*",
        "numbered": "ID-BORDERS",
        "sized_conversation": "SIZE-VALUES",
    }
)
"""What is not tried on a stream where a class of the user's own lacks a method."""


@click.command("protocols")
@click.argument("name", required=False)
def protocols(name: str | None) -> None:
    """List the built-in protocols, or show one and check that its code agrees with itself.

    NAME is a built-in protocol, module:Class or file.py:Class. Its own right replies are put
    through its own framing, without a server; do this first when you write a protocol.

    \b
    wireproof protocols
    wireproof protocols my_protocol.py:MyProtocol
    """
    console = Console(highlight=False)
    if name is None:
        _print_list(console)
    else:
        _print_one(console, find_protocol(name))


def _print_list(console: Console) -> None:
    lines = []
    for name in BUILT_IN:
        kind = protocol_class(name)
        lines.append(f"{name:<15} {kind.summary()}")
        lines.append(f"{'':<15} {_transports(kind)}; {kind.source}")
        if kind.modules:
            missing = ", which is missing" if missing_modules(kind) else ""
            lines.append(f"{'':<15} needs the extra wireproof[{name}]{missing}")
    lines.append("")
    lines.append("wireproof protocols NAME shows one of them, or your own file.py:Class.")
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _print_one(console: Console, protocol: Protocol) -> None:
    kind = type(protocol)
    requests = check_code(protocol)
    lines = [
        f"{protocol.called}: {kind.summary()}",
        f"  source      {protocol.source or 'not named'}",
        f"  transports  {_transports(kind)}",
        f"  exchange    {protocol.exchange}; half-close {protocol.half_close}",
        "  settings",
        *(f"    --set {key}={value}" for key, value in settings_of(protocol).items()),
    ]
    if example := protocol.example():
        lines.append(f"  plain       {printable(example, 60)}")
    lines.append(f"  kinds       {' '.join(protocol.kinds())}")
    mix = (f"{kind} {weight:g}" for kind, (_, weight) in protocol.workload().items())
    lines.append(f"  usual mix   {', '.join(mix)}")
    if rules := protocol.rules():
        lines += ["  rules of its own", *(f"    {r.id} {r.level}  {r.title}" for r in rules)]
    shortest = sorted(set(requests), key=len)[:_SHOWN_REQUESTS]
    lines += ["  some requests", *(f"    {printable(request, 60)}" for request in shortest)]
    lines += _not_tried(protocol)
    lines.append(f"The class agrees with itself on {counted(len(requests), 'request')}.")
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _not_tried(protocol: Protocol) -> list[str]:
    """Return what more a class of the user's own could say, a line each."""
    kind = type(protocol)
    if kind.__module__.startswith("wireproof.") or "tcp" not in kind.transports:
        return []
    lacks = {m: ids for m, ids in _WITHOUT.items() if not overrides(protocol, Protocol, m)}
    lines = [f"    {ids:<23} it has no {method}()" for method, ids in lacks.items()]
    return ["  not tried", *lines] if lines else []


def _transports(kind: type[Protocol]) -> str:
    return " ".join(
        name for name in ("tcp", "tls", "unix", "exec", "udp") if name in kind.transports
    )
