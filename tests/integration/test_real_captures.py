"""What tcpdump saw of redis-cli, paho, curl and dig is enough to judge the servers they talked to.

The captures are in tests/data/captures; the servers are Debian's, where they are installed.
"""

import os
import shutil
from pathlib import Path

import pytest

from wireproof.cli import invoke
from wireproof.results import Results, Verdict, load_results

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
ONLY = ("BASE-ANSWER", "SEG-SINGLE", "COAL-MANY", "ISO-REPLIES")
WRITTEN_S = 0x6B095FC0
"""When the pages that curl asked for were written; nginx's ETag says it."""
_NGINX = """
{user} daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type text/html; types {{ text/plain txt; }}
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:PORT; root {folder}; }}
}}
"""
_UNBOUND = """
server:
  interface: 127.0.0.1@PORT
  do-daemonize: no
  do-tcp: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  local-zone: "example.com." static
  local-data: "www.example.com. 3600 IN A 192.0.2.1"
  local-data: "example.com. 3600 IN MX 10 mail.example.com."
  local-data: "example.com. 3600 IN TXT wireproof"
"""


def _command(name: str, folder: Path) -> tuple[str, list[str]]:
    """Return what starts a server, with the state that the capture found, and has it forget."""
    if name == "redis-server":
        path = folder / "redis.sock"
        start = f"redis-server --port 0 --unixsocket {path} --save '' --dir {folder}"
        return f"unix:{path}", ["--start", start, "--reset", f"redis-cli -s {path} flushall"]
    if name == "mosquitto":
        return "tcp://127.0.0.1:0", ["--start", "mosquitto -p {port}"]
    if name == "unbound":
        (folder / "unbound.conf").write_text(_UNBOUND)
        return _configured("udp", f"unbound -d -c {folder}/own.conf", folder / "unbound.conf")
    user = "user root;" if os.geteuid() == 0 else ""
    for page, text in (("index.html", "hello\n"), ("big.txt", "x" * 4053)):
        (folder / page).write_text(text)
        os.utime(folder / page, (WRITTEN_S, WRITTEN_S))
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user))
    return _configured("tcp", f"nginx -c {folder}/own.conf", folder / "nginx.conf")


def _configured(scheme: str, command: str, template: Path) -> tuple[str, list[str]]:
    """Return what writes the port into a configuration beside it, and starts the server."""
    filled = f"sed s/PORT/{{port}}/ {template} > {template.parent}/own.conf"
    return f"{scheme}://127.0.0.1:0", ["--start", f"sh -c '{filled}; exec {command}'"]


def _results(command: str, target: str, options: list[str], out: Path) -> Results:
    invoke([command, target, *options, "--force", "--out", str(out)])
    return load_results(out / "results.json")


@pytest.mark.parametrize(
    ("name", "capture"),
    [
        ("redis-server", "redis-cli.pcap"),
        ("mosquitto", "paho-mosquitto.pcap"),
        ("nginx", "curl-nginx.pcapng"),
        ("unbound", "dig-unbound.pcap"),
    ],
)
def test_a_capture_is_enough_to_judge_the_server(name: str, capture: str, tmp_path: Path) -> None:
    """No finding, and the replies are judged."""
    if shutil.which(name) is None and not Path(f"/usr/sbin/{name}").exists():
        pytest.skip(f"needs {name}")
    target, start = _command(name, tmp_path)
    only = ("BASE-ANSWER", "DGRAM-ONE", "DGRAM-SENDER") if target.startswith("udp") else ONLY
    chosen = [part for one in only for part in ("--only", one)]
    options = ["--from", str(CAPTURES / capture), "--depth", "quick", *chosen, *start]
    found = _results("check", target, options, tmp_path / "out").check
    assert found is not None
    assert [line.message for line in found.requirements if line.verdict.is_finding] == []
    assert found.requirements[0].verdict is Verdict.PASS
    assert found.learnt is not None
    assert found.learnt.judged_share > 0.9
