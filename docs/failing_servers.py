"""A server that fails a requirement, and the fix: the last part of its page.

`failing_servers.toml` names one for each. The code of a server that there is comes from that code.
"""

import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reference_server.faults import find
from reference_server.variants.base import Variant
from tests.zoo.defects import FOUND_BY
from tests.zoo.middleboxes import FAULTY

FILE = Path(__file__).with_suffix(".toml")
KINDS = ("fault", "store", "relay", "wrong")


def entries() -> dict[str, dict[str, str]]:
    """Return what is said of each requirement: one of `KINDS`, and `fix`."""
    found: dict[str, dict[str, str]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return found


def failing_server(entry: dict[str, str]) -> list[str]:
    """Return the lines of the page."""
    (kind,) = set(entry) & set(KINDS)
    lines = ["## A server that fails it", ""]
    if kind == "wrong":
        code = entry["wrong"].strip("\n")
    elif kind == "fault":
        told, code = _fault(entry["fault"])
        lines += [*told, ""]
    else:
        made: Any = (FOUND_BY if kind == "store" else FAULTY)[entry[kind]][0]
        server = made if made.__doc__ and "__doc__" in vars(made) else made.peer
        lines += [server.__doc__.splitlines()[0], ""]
        code = _code(server)
    if code:
        lines += ["```py", code, "```", ""]
    return [*lines, "**The fix.** " + entry["fix"], ""]


def _fault(name: str) -> tuple[list[str], str]:
    variant = find(name)
    assert variant is not None, name
    udp = " --udp" if variant.category == "datagrams" else ""
    first, *_ = variant.difference.split()
    capital = first if "(" in first else first.capitalize()
    told = f"{capital}{variant.difference[len(first) :]}. Met in: {variant.source}."
    serve = f"To watch it fail, start `wireproof serve --faulty {name}{udp}`"
    check = f"and check `{'udp' if udp else 'tcp'}://127.0.0.1:28812`."
    return [told, "", f"{serve} {check}"], "\n\n\n".join(_parts(variant))


def _parts(variant: Variant) -> Iterator[str]:
    """Yield the code of the classes in which a variant differs, unless a function makes them."""
    made: Any = variant.service
    parts = [value for value in vars(made).values() if inspect.isclass(value)]
    for one in (*parts, *made.__mro__[1:2], made):
        is_own = one.__module__.startswith("reference_server.variants.")
        if is_own and "<locals>" not in one.__qualname__ and "worker_of" not in _origin(one):
            yield _code(one)


def _origin(server: Any) -> str:
    try:
        return inspect.getsource(server)
    except (OSError, TypeError):  # made by type(), so that no text has it
        return "worker_of"


def _code(server: Any) -> str:
    """Return the source of a class, without its docstring and words to a linter."""
    source = re.sub(r"  # noqa.*", "", textwrap.dedent(inspect.getsource(server))).rstrip()
    if doc := server.__dict__.get("__doc__"):
        source = source.replace(f'    """{doc}"""\n', "", 1)
    head, _, body = source.partition("\n")
    return f"{head}\n{body.strip(chr(10))}"
