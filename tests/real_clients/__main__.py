"""`python -m tests.real_clients`: real clients, each before a real server with the relay between.

A sound client must pass each time; what is known to break on cuts must fail. Clients and servers
are installed where the gallery of servers has its own.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.real_clients.clients import CLIENTS, Client
from tests.real_servers.gallery import Server, catalogue, install
from tests.real_servers.running import NotStartedError, running
from wireproof.results import load_results

_MOST_S = 300
_HERE = Path(__file__).parent
_OURS = Server(
    name="ais",
    install="stdlib",
    start=("{python}", str(_HERE / "ais_server.py"), "{port}"),
    protocol="daytime",
    must="sound",
)


def _command(client: Client) -> tuple[str, ...]:
    """Install a client, and return what runs it."""
    made = Server(
        name=client.name,
        install=client.install if client.packages else "stdlib",
        packages=client.packages,
        start=client.command or ("true",),
        protocol="echo",
        must="sound",
    )
    if problem := install(made):
        raise NotStartedError(problem)
    if client.command:
        return client.command
    if client.install == "npm":
        modules = f"NODE_PATH={made.place / 'node_modules'}"
        return "env", modules, "node", "-e", client.lines
    return made.python, "-c", client.lines


def judged(client: Client, out: Path, options: list[str]) -> str:
    """Judge a client once; return its verdicts, and how many commands ran at once."""
    server = next((one for one in catalogue() if one.name == client.server), _OURS)
    if problem := install(server):
        return f"NOT INSTALLED {problem:.80}"
    try:
        command = _command(client)
        with running(server) as port:
            wireproof = Path(sys.executable).with_name("wireproof")
            done = subprocess.run(
                [
                    *(str(wireproof), "between", f"tcp://127.0.0.1:{port}", "--depth", "quick"),
                    *("--out", str(out), "--force", *options, "--", *command),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=_MOST_S,
                check=False,
            )
    except (NotStartedError, subprocess.TimeoutExpired) as error:
        return f"NOT JUDGED {error!s:.80}"
    if not (out / "results.json").exists():
        return f"NOT JUDGED {done.stderr:.200}"
    results = load_results(out / "results.json")
    assert results.check is not None
    verdicts = {one.verdict.value for one in results.check.requirements} - {"PASS", "UNSUPPORTED"}
    at_once = results.between.jobs if results.between else 1
    return f"{', '.join(sorted(verdicts)) or 'PASS'} ({at_once} at once)"


def main() -> int:
    """Judge all, print a line for each, and return 1 where one is not judged as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_clients", description=__doc__)
    parser.add_argument("--only", default="", help="a part of a client's name")
    parser.add_argument("--runs", type=int, default=3, help="how often each is judged")
    parser.add_argument("--time-budget", default="20s", help="for the schedules of each run")
    options = parser.parse_args()
    wrong = 0
    for client in CLIENTS:
        if options.only not in client.name:
            continue
        with tempfile.TemporaryDirectory(prefix="wireproof-clients-") as folder:
            found = [
                judged(client, Path(folder), ["--time-budget", options.time_budget])
                for _ in range(options.runs)
            ]
        wanted = "PASS" if client.is_sound else "FAIL"
        is_right = all(one.startswith(wanted) for one in found)
        wrong += not is_right
        sys.stdout.write(f"{client.name:<14} {client.server:<20} {'; '.join(found)}\n")
        sys.stdout.flush()
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
