import signal
import subprocess
import sys

from wireproof.target import parse_target, resolve
from wireproof.wire.connection import Connection


def test_it_becomes_the_server() -> None:
    """Its line, its signals and its exit code are those of `python -m reference_server`."""
    program = "from wireproof.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0", "--workers", "1"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on tcp://127.0.0.1:")
        Connection.open(resolve(parse_target(line.split()[2]))[0]).close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
