"""A script of one file, made of parts that are modules by themselves.

A part goes in as it stands, less its docstring and its imports: those of the standard library are
put together at the top, and what it takes from other parts must be defined by one that is in the
script. Nothing is edited, so nothing can be missing unseen.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PARTS = Path(__file__).with_name("script")
_PACKAGE = "wireproof.conformance.evidence.script."


class AssemblyError(Exception):
    """A part is missing, is there twice, or is not what it is to be."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a script.

    Attributes:
        name: for messages.
        body: its source, less docstring and imports.
        imports: lines that import from the standard library.
        needs: names that other parts must define.
        defines: names of its own.

    """

    name: str
    body: str
    imports: tuple[str, ...]
    needs: frozenset[str]
    defines: frozenset[str]


def part(name: str) -> Part:
    """Return a part of the folder `script`.

    Raises:
        AssemblyError: there is none of that name.

    """
    try:
        source = (_PARTS / f"{name}.py").read_text(encoding="utf-8")
    except OSError as error:
        raise AssemblyError(f"there is no part {name!r}: {error.strerror}") from error
    return part_of(name, source)


def part_of(name: str, source: str) -> Part:
    """Return source text as a part.

    Raises:
        AssemblyError: it is no Python.

    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AssemblyError(f"the part {name!r} is not Python: {error}") from error
    gone: set[int] = set()
    imports: list[str] = []
    needs: set[str] = set()
    defines: set[str] = set()
    for node in tree.body:
        docstring = node is tree.body[0] and ast.get_docstring(tree) is not None
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE):
            needs |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(ast.unparse(node))
        elif not docstring:
            defines |= _names(node)
            continue
        gone |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), 1)
    body = "\n".join(line for number, line in lines if number not in gone).strip("\n")
    return Part(name, body, tuple(imports), frozenset(needs), frozenset(defines))


def assembled(header: str, parts: Sequence[Part]) -> str:
    """Return a script of `parts`, in their order, below its `header`.

    Raises:
        AssemblyError: one needs what none defines, or two define the same.

    """
    defined: dict[str, str] = {}
    for one in parts:
        for name in one.defines:
            if name in defined:
                raise AssemblyError(f"both {defined[name]!r} and {one.name!r} define {name}")
            defined[name] = one.name
    for one in parts:
        if missing := one.needs - defined.keys():
            raise AssemblyError(f"{one.name!r} needs {min(missing)}, which no part defines")
    imports = "\n".join(_ordered(line for one in parts for line in one.imports))
    bodies = "\n\n\n".join(one.body for one in parts)
    return f"{header}\n{imports}\n\n{bodies}\n"


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return set()


def _ordered(imports: Iterable[str]) -> list[str]:
    """Return import lines as one writes them: each once, whole modules first."""

    def rank(line: str) -> tuple[bool, bool, str]:
        return (not line.startswith("from __future__ "), line.startswith("from "), line)

    return sorted(set(imports), key=rank)
