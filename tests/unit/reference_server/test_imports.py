"""What the files of reference_server know of each other."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = "reference_server"


def _modules() -> dict[str, ast.Module]:
    """Every module, by its dotted name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = _modules()


def _imported(node: ast.AST) -> set[str]:
    """The modules of ours that an import names, and the packages that are loaded on the way."""
    names: set[str] = set()
    if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        names = {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]
    return {".".join(one[:n]) for one in parts for n in range(1, len(one) + 1)} & MODULES.keys()


def test_there_is_no_circle() -> None:
    """With every import counted: those inside functions too, and those for types alone."""
    graph = {
        name: set().union(*map(_imported, ast.walk(tree))) - {name}
        for name, tree in MODULES.items()
    }
    assert len(graph) > 20
    assert graph["reference_server.options"] > {"reference_server", "reference_server.faults"}
    assert list(TopologicalSorter(graph).static_order())


def test_only_what_is_slow_to_start_is_imported_inside_functions() -> None:
    """The zoo, and the optional package that makes certificates."""
    lazy = set()
    for tree in MODULES.values():
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        for node in {n for function in functions for n in ast.walk(function)}:
            if isinstance(node, ast.Import):
                lazy |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                lazy.add(module if module in MODULES else module.partition(".")[0])
    assert lazy == {"reference_server.faults", "cryptography"}
