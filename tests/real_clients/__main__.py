"""`python -m tests.real_clients`: real clients, each before a real server with the relay between.

A sound client must pass each time; what is known to break on cuts must fail. Clients and servers
are installed where the gallery of servers has its own.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.real_servers.gallery import Server, catalogue, install
from tests.real_servers.running import NotStartedError, running
from wireproof.results import load_results

_MOST_S = 300
_HERE = Path(__file__).parent
_PLACE = (
    "import os",
    "host, port = os.environ['WIREPROOF_HOST'], int(os.environ['WIREPROOF_PORT'])",
)


class Client(msgspec.Struct, frozen=True):
    """One client.

    Attributes:
        name: of the package, with its version where that matters.
        server: the gallery's, by name; or `ais`, ours.
        packages: for pip; none, where `command` is the system's.
        program: lines of Python that end badly where a reply is not right.
        command: instead of a program.
        is_sound: whether a finding would be a false alarm.

    """

    name: str
    server: str
    packages: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    is_sound: bool = True


_AIS = (
    "from pyais.stream import TCPConnection",
    "stream = iter(TCPConnection(host, port=port))",
    "assert [next(stream).decode().msg_type for _ in range(3)] == [1, 1, 1]",
)
CLIENTS = (
    Client(
        "redis-py",
        "redis",
        ("redis==8.1.0",),
        (
            "import redis",
            "client = redis.Redis(host, port)",
            "client.set('a', b'x\\r\\ny')",
            "assert client.get('a') == b'x\\r\\ny'",
            "assert client.pipeline().ping().get('a').execute() == [True, b'x\\r\\ny']",
        ),
    ),
    Client(
        "pymemcache",
        "memcached",
        ("pymemcache==4.0.0",),
        (
            "from pymemcache.client.base import Client",
            "client = Client((host, port))",
            "client.set('a', b'x\\r\\nEND\\r\\n', noreply=False)",
            "assert client.get('a') == b'x\\r\\nEND\\r\\n'",
        ),
    ),
    Client(
        "paho-mqtt",
        "mosquitto",
        ("paho-mqtt==2.1.0",),
        (
            "import paho.mqtt.client as mqtt, threading",
            "came, seen = threading.Event(), []",
            "client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)",
            "client.on_message = lambda c, u, m: (seen.append(m.payload), came.set())",
            "client.on_subscribe = lambda c, *_: c.publish(topic, b'hello', qos=1)",
            "topic = 'wireproof/%d' % os.getpid()",
            "client.on_connect = lambda c, *_: c.subscribe(topic)",
            "client.connect(host, port)",
            "client.loop_start()",
            "assert came.wait(20) and seen == [b'hello']",
            "client.disconnect()",
        ),
    ),
    Client("curl", "nginx", command=("curl", "-sS", "--output", "/dev/null", "{host}:{port}/")),
    Client(
        "smtplib",
        "aiosmtpd 1.4.6",
        program=(
            "import smtplib",
            "with smtplib.SMTP(host, port, timeout=20) as client:",
            "    client.sendmail('a@example.com', ['b@example.com'], 'Subject: x\\r\\n\\r\\ny')",
        ),
    ),
    Client(
        "dnspython",
        "dnsmasq over TCP",
        ("dnspython==2.8.0",),
        (
            "import dns.message, dns.query",
            "query = dns.message.make_query('localhost', 'A')",
            "assert dns.query.tcp(query, host, port=port, timeout=20).id == query.id",
        ),
    ),
    Client(
        "websockets",
        "websockets 15.0.1",
        ("websockets==15.0.1",),
        (
            "from websockets.sync.client import connect",
            "with connect(f'ws://{host}:{port}/') as client:",
            "    client.send('x' * 200)",
            "    assert client.recv(20) == 'x' * 200",
        ),
    ),
    Client(
        "http.client",
        "Python http.server",
        program=(
            "import http.client",
            "client = http.client.HTTPConnection(host, port, timeout=20)",
            "client.request('GET', '/')",
            "assert client.getresponse().read()",
        ),
    ),
    Client(
        "pymodbus",
        "uModbus 1.0.4",
        ("pymodbus==3.11.4",),
        (
            "from pymodbus.client import ModbusTcpClient",
            "client = ModbusTcpClient(host, port=port, timeout=20)",
            "assert client.connect()",
            "assert len(client.read_holding_registers(0, count=3, device_id=1).registers) == 3",
        ),
    ),
    Client("pyais 3.2.1", "ais", ("pyais==3.2.1",), _AIS, is_sound=False),
    Client("pyais 3.3.1", "ais", ("pyais==3.3.1",), _AIS),
)
_OURS = Server(
    name="ais",
    install="stdlib",
    start=("{python}", str(_HERE / "ais_server.py"), "{port}"),
    protocol="daytime",
    must="sound",
)


def _python(client: Client) -> str:
    """Install a client, and return the interpreter that has it."""
    made = Server(
        name=client.name,
        install="pip" if client.packages else "stdlib",
        packages=client.packages,
        start=("true",),
        protocol="echo",
        must="sound",
    )
    if problem := install(made):
        raise NotStartedError(problem)
    return made.python


def judged(client: Client, out: Path, options: list[str]) -> str:
    """Judge a client once; return its verdict and how many schedules there were."""
    server = next((one for one in catalogue() if one.name == client.server), _OURS)
    if problem := install(server):
        return f"NOT INSTALLED {problem:.80}"
    try:
        command = client.command or (_python(client), "-c", "\n".join((*_PLACE, *client.program)))
        with running(server) as port:
            wireproof = Path(sys.executable).with_name("wireproof")
            subprocess.run(
                [
                    *(str(wireproof), "between", f"tcp://127.0.0.1:{port}", "--depth", "quick"),
                    *("--out", str(out), "--force", *options, "--", *command),
                ],
                stdout=subprocess.DEVNULL,
                timeout=_MOST_S,
                check=False,
            )
    except (NotStartedError, subprocess.TimeoutExpired) as error:
        return f"NOT JUDGED {error!s:.80}"
    results = load_results(out / "results.json")
    assert results.check is not None
    verdicts = {one.verdict.value for one in results.check.requirements} - {"PASS", "UNSUPPORTED"}
    return ", ".join(sorted(verdicts)) or "PASS"


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
        is_right = all(("FAIL" in one) != client.is_sound for one in found) and (
            not client.is_sound or set(found) == {"PASS"}
        )
        wrong += not is_right
        sys.stdout.write(f"{client.name:<14} {client.server:<20} {'; '.join(found)}\n")
        sys.stdout.flush()
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
