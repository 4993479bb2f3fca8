"""Wireproof from its wheel, in a user's project whose folders have the names of ours."""

import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from wireproof.version import __version__

PROJECT = Path(__file__).parents[2]
MINE = '''"""A protocol of the user's own, in a package called protocols."""
import string
from hypothesis import strategies as st
from wireproof import Delimited


class Shout(Delimited):
    """One line in, the same line in capitals out."""

    name = "shout"
    delimiter = b"\\n"

    def requests(self):
        return st.text(string.ascii_letters, max_size=40).map(lambda text: text.encode() + b"\\n")

    def expected(self, request):
        return request.upper()
'''
CONFTEST = '''"""The user's own: a server for the whole session."""
import socketserver, threading
import pytest
import protocols.mine  # as pytest finds it: from the folder of this file


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64


@pytest.fixture(scope="session")
def shouting():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
'''
OWN_TEST = """import harness, reference_server
from wireproof import SocketUser, conformance_suite


def test_the_folders_are_mine():
    assert (harness.MINE, reference_server.MINE) == (True, True)
    assert SocketUser.__module__.startswith("wireproof.")


TestShouting = conformance_suite("protocols.mine:Shout", fixture="shouting")
"""
FILES = {
    "conftest.py": CONFTEST,
    "harness/__init__.py": "MINE = True\n",
    "harness/conformance/__init__.py": "",
    "reference_server/__init__.py": "MINE = True\n",
    "reference_server/__main__.py": "raise SystemExit('the server of the user, not ours')\n",
    "protocols/__init__.py": "",
    "protocols/mine.py": MINE,
    "dns.py": "raise RuntimeError('not the library')\n",
    "test_own.py": OWN_TEST,
}


def _built(folder: Path, target: str = "wheel", **environment: str) -> Path:
    """Return the wheel, or the sdist, built into a folder."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder]
    environment = os.environ | environment
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True, env=environment)
    (made,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    check = [sys.executable, "-m", "twine", "check", "--strict", made]
    subprocess.run(check, check=True, capture_output=True)
    return made


def _empty_environment(folder: Path, made: Path, **environment: str) -> Path:
    """Return the folder of programs of a fresh environment: ours, and what it needs from here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    # The libraries, but not this checkout: a .pth file is not read through another.
    libraries = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
    Path(libraries, "libraries.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-deps"]
    options = ["--no-index", "--no-build-isolation", "--ignore-installed", "--quiet", made]
    subprocess.run(
        [*pip, "--disable-pip-version-check", *options],
        check=True,
        capture_output=True,
        env=os.environ | environment,
    )
    return programs


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment: the wheel, and what it needs from here."""
    folder = tmp_path_factory.mktemp("installed")
    return _empty_environment(folder, _built(folder))


@pytest.fixture(params=["", "."], ids=["plain", "PYTHONPATH"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The user's project; with PYTHONPATH=. its folders come first even where -P is given."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if request.param:
        monkeypatch.setenv("PYTHONPATH", request.param)
    for name in [name for name in os.environ if name.startswith(("PYTEST_", "COV_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def _run(project: Path, *command: object) -> str:
    """What a command says that has to go well."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def served(installed: Path, project: Path) -> Iterator[str]:
    """The reference server, started by the installed command in the user's project."""
    with subprocess.Popen(
        [installed / "wireproof", "serve", "--port", "0"],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        yield line.split()[2]
        process.send_signal(signal.SIGTERM)


@pytest.mark.skipif(
    shutil.which("gcc") is None or not Path(sysconfig.get_path("include"), "Python.h").is_file(),
    reason="needs a C compiler, and Python's headers",
)
def test_the_wheel_carries_the_compiled_loop(installed: Path, project: Path) -> None:
    """Where there was a compiler, the installed command says so."""
    assert "loop: compiled" in _run(project, installed / "wireproof", "--version")


def test_a_wheel_is_built_without_a_compiler(tmp_path: Path) -> None:
    """It is for every platform, and the loop is the one in Python."""
    wheel = _built(tmp_path, PATH=str(tmp_path))
    assert wheel.name.endswith("-py3-none-any.whl")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from wireproof.loop_form import loop_form"
    told = _run(tmp_path, sys.executable, "-I", "-c", f"{code}; print(loop_form())", wheel)
    assert told == "python\n"


def test_the_sdist_is_built_and_installed(tmp_path: Path) -> None:
    """It holds all that a wheel is made of; its command runs beside a user's own `harness`."""
    sdist = _built(tmp_path, "sdist")
    without_a_compiler = {"PATH": str(tmp_path)}
    programs = _empty_environment(tmp_path, sdist, **without_a_compiler)
    for name in ("harness/__init__.py", "reference_server/__init__.py"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(FILES[name])
    said = _run(tmp_path, programs / "wireproof", "--version")
    assert said == f"wireproof, version {__version__}\nloop: python\n"
    where = "import wireproof, harness; print(wireproof.__file__, harness.MINE)"
    told = _run(tmp_path, programs / "python", "-c", where)
    assert told.startswith(str(programs.parent))
    assert told.endswith(" True\n")


def test_the_command_is_the_wheel_s(installed: Path, project: Path) -> None:
    """As a program and as a module, and not this checkout's."""
    said = _run(project, installed / "wireproof", "--version")
    assert said.startswith(f"wireproof, version {__version__}\n")
    assert _run(project, installed / "python", "-m", "wireproof", "--version") == said
    where = "import wireproof as w; from wireproof import Delimited, SocketUser; print(w.__path__)"
    assert str(installed.parent) in _run(project, installed / "python", "-c", where)


def test_a_module_of_the_user_is_no_library_of_ours(
    installed: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A built-in protocol finds its library although a file here has its name."""
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it would ask for that file
    said = _run(project, installed / "wireproof", "protocols", "dns")
    assert "The class agrees with itself" in said


def test_check(installed: Path, project: Path, served: str) -> None:
    """A server that `wireproof serve` started in the same folder is judged, and is ours."""
    command = [installed / "wireproof", "check", served, "--only", "SEG-SINGLE", "--depth", "quick"]
    assert "PASS" in _run(project, *command)
    assert (project / "reports" / "latest" / "results.json").is_file()


def test_pytest(installed: Path, project: Path, served: str) -> None:
    """The user's own tests, the suite of a protocol of the user's own, and the suite by name."""
    pytest_ = [installed / "python", "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    assert "2 passed" in _run(project, *pytest_, "-k", "folders or SEG-SINGLE")
    suite = ["--pyargs", "wireproof.conformance", "--target", served, "-k", "SEG-SINGLE"]
    assert "1 passed" in _run(project, *pytest_, *suite)


def test_locust(installed: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The locustfile starts our reference server for its run."""
    folder = tmp_path_factory.mktemp("elsewhere") / "harness"  # beside no package of ours
    folder.mkdir()
    shutil.copy(PROJECT / "harness" / "locustfile.py", folder)
    command = [installed / "python", "-m", "locust", "-f", folder / "locustfile.py", "--headless"]
    _run(project, *command, "-t", "1s", "-u", "2", "-r", "2")
