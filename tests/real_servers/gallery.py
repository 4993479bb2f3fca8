"""The gallery's records, and where its servers are installed."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import msgspec

from tests.real_servers.processes import begin, end

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PLACE = Path(os.environ.get("WIREPROOF_GALLERY", ROOT / ".gallery"))
"""Everything that is installed for the gallery, one folder a server; never our own environment.

It stays from run to run. The variable has several clones share one, or CI keep one.
"""

_INSTALL_TIMEOUT_S = 600
_APT = ("apt-get", "install", "-y", "--no-remove", "--no-install-recommends")
_HOW = {
    "apt": "apt-get install {}",
    "deb": "apt-get download {}",
    "pip": "pip install {}",
    "npm": "npm install {}",
}
_LAID_OVER = "mount -t overlay overlay -o lowerdir=/etc:/usr /usr"
_installing = threading.Lock()
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server of the catalogue; see `catalogue.toml` for what the fields mean."""

    name: str
    install: str
    packages: tuple[str, ...] = ()
    start: tuple[str, ...]
    files: dict[str, str] = {}
    scheme: str = "tcp"
    protocol: str
    settings: dict[str, str] = {}
    behind: str = ""
    mounts: bool = False
    must: str | tuple[str, ...]
    says: str = ""
    not_yet: str = ""
    non_strict: dict[str, str] = {}
    left_out: dict[str, str] = {}
    unloaded: dict[str, str] = {}
    needs_depth: str = "quick"
    about: str = ""
    thread: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether a finding would be a false alarm."""
        return self.must == "sound"

    def asks_for(self, identifier: str) -> bool:
        """Say whether a requirement is one of those that must fail."""
        return not self.is_sound and any(fnmatchcase(identifier, each) for each in self.must)

    @property
    def protocol_name(self) -> str:
        """What `--protocol` takes for it, from whatever folder."""
        is_ours = ".py:" in self.protocol
        return str(HERE / "protocols" / self.protocol) if is_ours else self.protocol

    @property
    def place(self) -> Path:
        """Where it is installed, unless that is the system."""
        return PLACE / self.install / "+".join(self.packages).replace("==", "-").replace("@", "-")

    @property
    def python(self) -> str:
        """The interpreter that has its packages."""
        return str(self.place / "bin" / "python") if self.install == "pip" else sys.executable


@cache
def catalogue() -> tuple[Server, ...]:
    """Return all servers, in the order of the file."""
    tables = tomllib.loads((HERE / "catalogue.toml").read_text(encoding="utf-8"))["server"]
    servers: list[Server] = []
    for table in tables:
        words = table.pop("each", [""])
        for word in words:
            filled = {
                key: value.replace("{each}", word) if isinstance(value, str) else value
                for key, value in table.items()
            }
            filled["files"] = {
                name: text.replace("{each}", word) for name, text in table.get("files", {}).items()
            }
            servers.append(msgspec.convert(filled, Server))
    return tuple(servers)


@cache
def can_mount() -> bool:
    """Say whether folders can be laid over others, in a namespace that ends with the command.

    Containers are often denied that.
    """
    command = ["unshare", "--mount", "sh", "-c", _LAID_OVER]
    try:
        return not subprocess.run(command, check=False, capture_output=True).returncode
    except OSError:
        return False


def is_installed(server: Server) -> bool:
    """Say whether the server can be started."""
    if server.mounts and not can_mount():
        return False
    match server.install:
        case "stdlib":
            return True
        case "apt":
            found = server.start[0].startswith("{") or program(server.start[0])
            return bool(found) and all(map(_is_unpacked, server.packages))
        case "npm":
            return (server.place / ".complete").exists() and shutil.which("node") is not None
        case _:
            return (server.place / ".complete").exists()


def install_debian(servers: Sequence[Server]) -> None:
    """Install the system's packages that are missing in one go.

    Where one of them cannot be had, none is installed: `install` goes on one by one.
    """
    missing = [one for one in servers if one.install == "apt" and not is_installed(one)]
    if packages := sorted({package for one in missing for package in one.packages}):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _run([*_as_root(*_APT), *packages], ROOT)


def install(server: Server) -> str:
    """Install a server, and return what went wrong, or nothing; one at a time."""
    with _installing:
        if is_installed(server):
            return ""
        return why_absent(server) if server.mounts and not can_mount() else _install(server)


def _install(server: Server) -> str:
    place = server.place
    pip = [sys.executable, "-m", "pip", "--python", server.python]
    steps = {
        "apt": [_as_root(*_APT)],
        "pip": [
            # Our own pip installs: to put one into each environment takes longer than most servers.
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(place)],
            [*pip, "install", "--quiet", "--disable-pip-version-check"],
        ],
        "npm": [["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place)]],
        "deb": [["apt-get", "download"]],
    }[server.install]
    if server.install != "apt":
        place.mkdir(parents=True, exist_ok=True)
    try:
        for step in steps[:-1]:
            _run(step, place)
        _run([*steps[-1], *server.packages], place if place.exists() else ROOT)
        if server.install == "deb":
            for package in place.glob("*.deb"):
                _run(["dpkg-deb", "-x", str(package), str(place)], place)
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stdout", b"") or b""
        return f"{error} {output.decode(errors='replace')[-300:]}"
    if server.install != "apt":
        (place / ".complete").touch()
    return ""


def why_absent(server: Server) -> str:
    """Return why a server can't be started here, and what would change that."""
    if server.mounts and not can_mount():
        return "its packages are laid over the system, and `unshare --mount` is not permitted"
    how = _HOW.get(server.install, "{}").format(" ".join(server.packages))
    return f"it is not installed: {how}"


def version(server: Server) -> str:
    """Return the version that is installed."""
    if server.install == "stdlib":
        return ".".join(map(str, sys.version_info[:3]))
    package = server.packages[0]
    if server.install == "pip":
        return package.partition("==")[2]
    if server.install == "npm":
        return package.rpartition("@")[2]
    if server.install == "deb":
        return next(server.place.glob(f"{package}_*.deb")).name.split("_")[1]
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package],  # noqa: S607 - Debian's own
        capture_output=True,
        check=False,
    )
    return found.stdout.decode() or "unknown"


def _is_unpacked(package: str) -> bool:
    """Say whether Debian's package is there; some start by a script of ours."""
    return any(Path("/var/lib/dpkg/info").glob(f"{package}*.list"))


def program(name: str) -> str | None:
    """Return the path of a system program; servers often stand where only root's PATH looks."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_SYSTEM_FOLDERS]))


def _as_root(*command: str) -> list[str]:
    return list(command) if os.geteuid() == 0 else ["sudo", "-n", *command]


def _run(command: list[str], folder: Path) -> None:
    process = begin(command, subprocess.PIPE, folder, {"DEBIAN_FRONTEND": "noninteractive"})
    try:
        output, _ = process.communicate(timeout=_INSTALL_TIMEOUT_S)
    finally:
        end(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
