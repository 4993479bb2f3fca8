"""`load --from` a recording beside the same load by the built-in protocol, in verified replies.

`wireproof record` stands between redis-cli and redis, curl and nginx, paho-mqtt and mosquitto. By
what it wrote the server is judged, with no finding; then it is learnt once more, and both loads
take turns, on one CPU, with the server on the other.
What is not installed is left out and said so.
"""

import contextlib
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.loads import load
from tests.bench.machine import spread, two_cpus, write
from tests.bench.peers import ROUNDS, SECONDS, on_cpu
from tests.real_servers.gallery import Server, catalogue, install, is_installed, program
from tests.real_servers.running import running

CONNECTIONS = 50
FLOOR = 0.8
_VALUE = "v" * 64
_COMMANDS = (f"SET wp00000000a {_VALUE}", "GET wp00000000a")
_PAHO = Server(
    name="paho-mqtt",
    install="pip",
    packages=("paho-mqtt==2.1.0",),
    start=("true",),
    protocol="mqtt",
    must="sound",
)
_PUBLISHER = f"""
import sys
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect = lambda *_: client.publish("wp00000000", b"{_VALUE}", qos=1)
client.on_publish = lambda *_: client.disconnect()
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
"""


@dataclass(frozen=True)
class Recorded:
    """A client to record, and the load that it is compared with.

    Attributes:
        server: its name in the gallery.
        client: a program of the system's that is needed; empty for paho, which is installed.
        command: with `{port}`, and `{python}` for the interpreter that has paho.
        settings: of what was learnt; nobody has seen how many requests a connection may have.
        mix: of the built-in protocol's load, the kinds that the client asked for.

    """

    server: str
    client: str
    command: tuple[str, ...]
    mix: dict[str, float]
    settings: dict[str, str] = field(default_factory=dict)


CLIENTS = (
    Recorded(
        "redis",
        "redis-cli",
        ("sh", "-c", "".join(f"redis-cli -p {{port}} {one};" for one in _COMMANDS)),
        {"get": 1.0, "set": 1.0},
    ),
    Recorded(
        "nginx",
        "curl",
        ("curl", "-sS", "http://127.0.0.1:{port}/"),
        {"get": 1.0},
        settings={"most_requests": "999"},  # nginx's keepalive_requests are 1000
    ),
    Recorded(
        "mosquitto", "", ("{python}", "-c", _PUBLISHER, "{port}"), {"publish-qos1": 1.0}
    ),
)  # fmt: skip


def main() -> int:
    """Measure, print, write; 1 where a ratio is below the floor."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for one in CLIENTS:
            server = next(each for each in catalogue() if each.name == one.server)
            lacking = _lacking(one, server)
            if lacking:
                _say(f"{one.server}: left out, since {lacking}")
                continue
            results[one.server] = _compare(one, server, Path(folder) / one.server)
    _say(f"written to {write('recorded', {'recorded': results})}")
    return int(any(one["ratio"] < FLOOR for one in results.values()))


def _lacking(one: Recorded, server: Server) -> str:
    if not is_installed(server):
        return f"{server.name} is not installed"
    if not one.client:
        return install(_PAHO)
    return "" if program(one.client) else f"{one.client} is not installed"


def _compare(one: Recorded, server: Server, scratch: Path) -> dict[str, Any]:
    server_cpu, cpu = two_cpus()
    scratch.mkdir()
    with contextlib.ExitStack() as stack:
        with on_cpu(server_cpu):
            port = stack.enter_context(running(server))
        target = f"tcp://127.0.0.1:{port}"
        learnt = _learnt(one, target, scratch)
        # mosquitto waits for acknowledgements, which would be all that is measured.
        spec = {"target": target, "users": [CONNECTIONS], "seconds": SECONDS, "quick_ack": True}
        built_in = spec | {
            "protocol": server.protocol_name,
            "settings": server.settings,
            "mix": one.mix,
        }
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(load(cpu, built_in).per_s)
            from_it = {"protocol": learnt, "settings": one.settings}
            ours.append(load(cpu, spec | from_it).per_s)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    met = "met" if ratio >= FLOOR else "missed"
    _say(
        f"{one.client or 'paho-mqtt':10} {server.name:10} from a recording"
        f" {statistics.median(ours):9,.0f}/s, built-in {statistics.median(theirs):9,.0f}/s:"
        f" {ratio:.2f} (at least {FLOOR:g}, {met})"
    )
    return {"ratio": ratio, "from": spread(ours), "built_in": spread(theirs)}


def _learnt(one: Recorded, target: str, scratch: Path) -> str:
    """Record the client, have the recording judged and loaded, and return what was learnt."""
    recording, out = scratch / "traffic.wireproof", scratch / "out"
    with _relaying(target, recording) as port:
        command = [word.format(port=port, python=_PAHO.python) for word in one.command]
        subprocess.run(command, capture_output=True, check=True)
    named = (target, "--from", str(recording), "--out", str(out), "--force")
    _wireproof("check", *named, "--depth", "quick", fine=(0, 3))  # no finding, or this raises
    told = [part for name, value in one.settings.items() for part in ("--set", f"{name}={value}")]
    _wireproof("load", *named, *told, "--users", "2", "--for", "300ms", "--warm-up", "0s")
    return str(out / "learnt.json")


@contextlib.contextmanager
def _relaying(target: str, recording: Path) -> Iterator[int]:
    """Have a relay record what passes; yields its port."""
    command = [sys.executable, "-m", "wireproof", "record", target, "--out", str(recording)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()  # listening on tcp://127.0.0.1:40000, …
            yield int(said.partition(",")[0].rpartition(":")[2])
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def _wireproof(*words: str, fine: tuple[int, ...] = (0,)) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wireproof", *words], capture_output=True, text=True, check=False
    )
    if done.returncode not in fine:
        raise RuntimeError(f"{' '.join(words)}: {(done.stderr or done.stdout)[-800:]}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
