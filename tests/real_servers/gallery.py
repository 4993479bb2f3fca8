"""The gallery's records, and where its servers are installed."""

import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PLACE = ROOT / ".gallery"
"""Everything that is installed for the gallery, one folder a server; never our own environment."""

_INSTALL_TIMEOUT_S = 600
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
    must: str | tuple[str, ...]
    non_strict: dict[str, str] = {}
    left_out: dict[str, str] = {}
    port_below: int = 65536
    needs_depth: str = "quick"
    about: str = ""
    thread: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether a finding would be a false alarm."""
        return self.must == "sound"

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


def is_installed(server: Server) -> bool:
    """Say whether the server can be started."""
    match server.install:
        case "stdlib":
            return True
        case "apt":
            return program(server.start[0]) is not None
        case "npm":
            return (server.place / ".complete").exists() and shutil.which("node") is not None
        case _:
            return (server.place / ".complete").exists()


def install(server: Server) -> str:
    """Install a server, and return what went wrong, or nothing."""
    if is_installed(server):
        return ""
    place = server.place
    steps = {
        "apt": [_as_root("apt-get", "install", "-y", "--no-remove", "--no-install-recommends")],
        "pip": [
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [server.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
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
        return next(server.place.glob("*.deb")).name.split("_")[1]
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package],  # noqa: S607 - Debian's own
        capture_output=True,
        check=False,
    )
    return found.stdout.decode() or "unknown"


def program(name: str) -> str | None:
    """Return the path of a system program; servers often stand where only root's PATH looks."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_SYSTEM_FOLDERS]))


def _as_root(*command: str) -> list[str]:
    return list(command) if os.geteuid() == 0 else ["sudo", "-n", *command]


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_INSTALL_TIMEOUT_S,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    )
