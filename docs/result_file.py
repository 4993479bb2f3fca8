"""The page of the result file, made from its records: each field, its type and what it says."""

import ast
import inspect
import textwrap
import tokenize
from collections.abc import Iterator
from enum import EnumType
from io import StringIO
from typing import Any, get_args, get_type_hints

import msgspec

from wireproof.results import FORMAT, Results

_HEAD = f"""# Result file

Each measuring command writes one `results.json`, and all reports are made from that file alone.
`format` is {FORMAT}. A field that has a default may be missing. A new field may come at any time; a
change of meaning raises `format`, and a file of another format is refused. Times carry their unit
in the name; bytes of a server stand in it only in escaped form.

With `--json` a command prints this file and nothing else.
`jq -r '.check.requirements[] | select(.verdict == "FAIL") | .id'` lists what failed.
"""


def result_file_page() -> str:
    """Return the page: `Results` first, then each record in the order in which it is named."""
    lines = [_HEAD]
    for one in records():
        lines += [f"## {one.__name__}", "", _first_paragraph(one), ""]
        lines += list(_values(one) if isinstance(one, EnumType) else _fields(one))
        lines.append("")
    return "\n".join(lines)


def records() -> list[Any]:
    """Return all records and enumerations that a result file is made of."""
    found: list[Any] = [Results]
    for one in found:  # which grows meanwhile
        if not isinstance(one, EnumType):
            for hint in get_type_hints(one).values():
                found += [part for part in _named(hint) if part not in found]
    return found


def _named(hint: Any) -> Iterator[Any]:
    if isinstance(hint, EnumType) or (inspect.isclass(hint) and issubclass(hint, msgspec.Struct)):
        yield hint
    for part in get_args(hint):
        yield from _named(part)


def _fields(record: Any) -> Iterator[str]:
    told = _said_of(record)
    yield "| field | type | default | what it says |"
    yield "|---|---|---|---|"
    for field in msgspec.structs.fields(record):
        default = "" if field.required else f"`{_default(field)}`"
        yield f"| `{field.encode_name}` | {_type(field.type)} | {default} | {told[field.name]} |"


def _default(field: Any) -> str:
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return msgspec.json.encode(value).decode()


def _values(kind: Any) -> Iterator[str]:
    told = _said_of(kind)
    yield "| value | what it says |"
    yield "|---|---|"
    for one in kind:
        yield f"| `{one.value}` | {told[one.name]} |"


def _type(hint: Any) -> str:
    """Return a type as the page has it, with links to the records that it names."""
    if hint is type(None):
        return "null"
    if hint is Any:
        return "any"
    parts = [_type(one) for one in get_args(hint)]
    name = getattr(hint, "__name__", str(hint))
    if list(_named(hint)) == [hint]:
        return f"[{name}](#{name.lower()})"
    if getattr(hint, "__origin__", None) is list:
        return f"list of {parts[0]}"
    if getattr(hint, "__origin__", None) is dict:
        return f"table: {parts[0]} → {parts[1]}"
    return " or ".join(parts) if parts else name


def _said_of(record: Any) -> dict[str, str]:
    """Return what the source says of each field: the text or the comment behind it."""
    found: dict[str, str] = {}
    for one in reversed(record.__mro__):
        if not one.__module__.startswith("wireproof."):
            continue
        source = textwrap.dedent(inspect.getsource(one))
        comments = {
            token.start[0]: token.string.lstrip("# ")
            for token in tokenize.generate_tokens(StringIO(source).readline)
            if token.type == tokenize.COMMENT and "noqa" not in token.string
        }
        (body,) = ast.parse(source).body
        assert isinstance(body, ast.ClassDef)
        name = ""
        for statement in body.body:
            if isinstance(statement, ast.AnnAssign | ast.Assign):
                target = getattr(statement, "target", None) or statement.targets[0]  # type: ignore[union-attr]
                name = target.id
                found[name] = comments.get(statement.lineno, "")
            elif isinstance(statement, ast.Expr) and name:
                found[name] = " ".join(ast.literal_eval(statement.value).split())
    return found


def _first_paragraph(record: Any) -> str:
    return " ".join((record.__doc__ or "").partition("\n\n")[0].split())
