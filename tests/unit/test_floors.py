"""The floors: a file imports only from floors below its own (the layout's rule, asserted)."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("harness", "reference_server")

# The floor of each part of harness, lowest first; a part imports from its own room and from below.
FLOORS = (
    {
        "harness.errors",
        "harness.files",
        "harness.deadline",
        "harness.target",
        "harness.results",
        "harness",
    },
    {"harness.histogram", "harness.pacing", "harness.statistics", "harness.protocols"},
    {"harness.wire"},
    {"harness.conformance", "harness.load", "harness.accept_queue"},
    {"harness.reporting"},
    {"harness.cli"},
)


def _modules() -> dict[str, Path]:
    """Every module of both packages, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(name: str, *, lazy: bool = True) -> set[str]:
    """The modules of ours that a module imports: those inside functions too, if `lazy`.

    What stands under TYPE_CHECKING counts: a type is knowledge as well.
    """
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            base = node.module or ""
            found |= {
                full if (full := f"{base}.{alias.name}") in MODULES else base
                for alias in node.names
            }
    return {one for one in found if one.partition(".")[0] in PACKAGES}


def _room(name: str) -> str:
    """The part of harness that a module belongs to."""
    if name == "harness.locustfile":
        return "harness.load"  # it stands outside because its path is fixed
    return ".".join(name.split(".")[:2])


def _floor(name: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if _room(name) in rooms:
            return number
    raise AssertionError(f"{name} stands on no floor; say which in {__file__}")


HARNESS = sorted(name for name in MODULES if name.partition(".")[0] == "harness")


def test_imports_go_down() -> None:
    """A module of harness imports from its own room, and from floors below."""
    for name in HARNESS:
        for imported in _imports(name):
            if imported.partition(".")[0] != "harness" or _room(imported) == _room(name):
                continue
            free_of_order = _floor(name) == _floor(imported) <= 1
            assert _floor(imported) < _floor(name) or free_of_order, f"{name} <- {imported}"


def test_rooms_of_one_floor_do_not_know_each_other() -> None:
    """conformance, load and accept_queue never import each other; the CLI composes them."""
    rooms = {"harness.conformance", "harness.load", "harness.accept_queue"}
    for name in HARNESS:
        if _room(name) in rooms:
            others = rooms - {_room(name)}
            assert not {one for one in _imports(name) if _room(one) in others}, name


def test_the_packages_do_not_know_each_other() -> None:
    """One mistake cannot hide in both: the judge and the server share no line."""
    for name in MODULES:
        package = name.partition(".")[0]
        assert {one.partition(".")[0] for one in _imports(name)} <= {package}, name


def test_the_wire_knows_no_protocol() -> None:
    """What moves bytes does not know what they mean."""
    for name in HARNESS:
        if _room(name) == "harness.wire":
            assert not {one for one in _imports(name) if _room(one) == "harness.protocols"}, name


# The judge in replay scripts is a second opinion with a clock; RFC 868's reply is the clock.
CLOCKED = {"harness.protocols.timestamp_judge", "harness.protocols.time"}


def test_pure_floors_know_no_socket_and_no_clock() -> None:
    """Oracles, framings, pacing and statistics are sans-I/O."""
    for name in HARNESS:
        if _floor(name) != 1 or name in CLOCKED:
            continue
        tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
        plain = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        plain |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not plain & {"socket", "select", "ssl", "asyncio", "time"}, name


def test_there_is_no_circle() -> None:
    """No module imports itself by way of others."""
    graph = {name: _imports(name, lazy=False) & set(MODULES) - {name} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def _loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_nothing_on_the_path_of_check_loads_locust() -> None:
    """`import locust` patches the process; it stays inside load."""
    loaded = _loaded_after(
        "import harness, harness.cli, harness.cli.check, harness.conformance.runner,"
        " harness.conformance.session, harness.conformance.pytest_plugin,"
        " harness.conformance.pytest_suite"
    )
    assert "harness.conformance.catalogue" in loaded
    assert not loaded & {"locust", "gevent"}


def test_the_plugin_imports_nothing() -> None:
    """Every pytest run where Wireproof is installed loads the plug-in: it must cost nothing."""
    loaded = _loaded_after("import harness.conformance.pytest_plugin")
    ours = {name for name in loaded if name.partition(".")[0] == "harness"}
    assert ours == {"harness", "harness.conformance", "harness.conformance.pytest_plugin"}
    assert not loaded & {"hypothesis", "msgspec", "click", "rich", "_pytest"}
