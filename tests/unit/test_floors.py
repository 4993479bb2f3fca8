"""The floors: a file imports only from floors below its own (the layout's rule, asserted)."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {"wireproof": ROOT / "harness", "reference_server": ROOT}
"""Each package, and the folder that holds it."""

MOST_LINES = 350


def _floors() -> tuple[set[str], ...]:
    """The floors of wireproof as CONTRIBUTING.md's map has them, lowest first.

    A name stands for the file or the folder, with all below it that is not named itself.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = text.partition("| floor | rooms |")[2].partition("\n\n")[0].splitlines()[2:]
    rooms = (re.findall(r"`([^`]+)`", row.split("|")[2]) for row in rows)
    return tuple({room.rstrip("/").replace("/", ".") for room in floor} for floor in rooms)


FLOORS = _floors()
PURE = {
    "learning",
    "learnt",
    "histogram",
    "pacing",
    "statistics",
    "protocols",
    "protocols.built_in",
    "protocols.loading",
}
ENGINES = {"conformance", "load", "accept_queue", "between"}
FACE = "wireproof"
"""What users import from: it names what stands on every floor, and no floor imports it."""


def _modules() -> dict[str, Path]:
    """Every module of both packages, by its dotted name."""
    found = {}
    for package, folder in SOURCES.items():
        for path in (folder / package).rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()
OURS = sorted(name for name in MODULES if name.startswith("wireproof."))


def _imports(name: str) -> set[str]:
    """The modules of ours that a module imports, inside functions and under TYPE_CHECKING too.

    A type is knowledge as well, and a circle that closes late is a circle.
    """
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            base = node.module or ""
            found |= {
                full if (full := f"{base}.{alias.name}") in MODULES else base
                for alias in node.names
            }
    return {one for one in found if one.partition(".")[0] in SOURCES}


def _room(name: str) -> str:
    """The part of wireproof that a module belongs to: the longest name among the floors'."""
    rooms = (room for floor in FLOORS for room in floor)
    inside = [room for room in rooms if f"{name}.".startswith(f"wireproof.{room}.")]
    assert inside, f"{name} stands on no floor; say which in {__file__}"
    return max(inside, key=len)


def _floor(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_the_map_is_true() -> None:
    """CONTRIBUTING.md's map names every file and folder at the top, and all folders below.

    What it names is there; folders below are in the text behind the table.
    """
    package = ROOT / "harness" / "wireproof"
    top = {
        path.name if path.is_dir() else path.stem
        for path in package.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }
    assert {room.partition(".")[0] for floor in FLOORS for room in floor} == top
    assert sum(map(len, FLOORS)) == len({room for floor in FLOORS for room in floor})
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text.partition("## The map")[2].partition("## ")[0]
    named = {name.split("/")[-1] for name in re.findall(r"`([\w/]+)/`", text)}
    folders = {path.parent.name for path in package.rglob("__init__.py")}
    assert named - {"harness", "src", "reference_server"} == folders - {"wireproof"}


def test_imports_go_down() -> None:
    """A module of wireproof imports from its own room, and from floors below."""
    for name in OURS:
        room = _room(name)
        for imported in _imports(name) - {FACE}:
            if imported.startswith("wireproof.") and _room(imported) != room:
                level = _floor(room) == _floor(_room(imported)) <= 1
                assert level or _floor(_room(imported)) < _floor(room), f"{name} <- {imported}"


def test_rooms_of_one_floor_do_not_know_each_other() -> None:
    """The engines never import each other; the CLI composes them."""
    for name in OURS:
        if _room(name) in ENGINES:
            others = ENGINES - {_room(name)}
            assert not {one for one in _imports(name) if _room(one) in others}, name


def test_nobody_imports_the_face() -> None:
    """What users import from is for users: a file of ours names the room that it means."""
    assert not [name for name in OURS if FACE in _imports(name)]


def test_the_packages_do_not_know_each_other() -> None:
    """One mistake cannot hide in both: the judge and the server share no line."""
    for name in MODULES:
        package = name.partition(".")[0]
        assert {one.partition(".")[0] for one in _imports(name)} <= {package}, name


def test_the_wire_knows_no_protocol() -> None:
    """What moves bytes does not know what they mean."""
    for name in OURS:
        if _room(name) in {"wire", "wire.kernel"}:
            assert not {one for one in _imports(name) if ".protocols" in one}, name


# The judge in replay scripts is a second opinion with a clock; RFC 868's reply is the clock.
CLOCKED = {
    "wireproof.protocols.loading.registry",
    "wireproof.protocols.built_in.timestamp_judge",
    "wireproof.protocols.built_in.time",
}


def test_pure_floors_know_no_socket_and_no_clock() -> None:
    """Oracles, framings, pacing and statistics are sans-I/O."""
    for name in OURS:
        if _room(name) not in PURE or name in CLOCKED:
            continue
        tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
        plain = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        plain |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not plain & {"socket", "select", "ssl", "asyncio", "time"}, name


def test_there_is_no_circle() -> None:
    """No module imports itself by way of others, with every import counted."""
    graph = {name: _imports(name) & set(MODULES) - {name} for name in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def test_there_is_no_circle_of_folders() -> None:
    """Folders, too, can be read from the bottom up; a file beside folders is a room by itself."""
    with_folders = {parent for name in MODULES for parent in [name.rpartition(".")[0]] if parent}
    with_folders = {one.rpartition(".")[0] for one in with_folders}

    def room(name: str) -> str:
        parent = name.rpartition(".")[0]
        return name if parent in with_folders or name in with_folders else parent or name

    graph: dict[str, set[str]] = defaultdict(set)
    for name in OURS:
        graph[room(name)] |= {room(one) for one in _imports(name) & set(OURS)} - {room(name)}
    assert list(TopologicalSorter(graph).static_order())


def test_rooms_are_small() -> None:
    """A file reads in one sitting."""
    long = {
        name: lines
        for name, path in MODULES.items()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def _loaded_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_nothing_on_the_path_of_check_loads_locust() -> None:
    """`import locust` patches the process; it stays inside load."""
    loaded = _loaded_after(
        "import wireproof, wireproof.cli, wireproof.cli.check, wireproof.conformance.runner,"
        " wireproof.conformance.session, wireproof.conformance.pytest_plugin,"
        " wireproof.conformance.pytest_suite; from wireproof import Delimited, conformance_suite"
    )
    assert "wireproof.conformance.catalogue" in loaded
    assert not loaded & {"locust", "gevent"}


def test_the_plugin_imports_nothing() -> None:
    """Every pytest run where Wireproof is installed loads the plug-in: it must cost nothing."""
    loaded = _loaded_after("import wireproof.conformance.pytest_plugin")
    ours = {name for name in loaded if name.partition(".")[0] == "wireproof"}
    assert ours == {
        "wireproof",
        "wireproof.version",
        "wireproof.conformance",
        "wireproof.conformance.pytest_plugin",
    }
    assert not loaded & {"hypothesis", "msgspec", "click", "rich", "_pytest"}
