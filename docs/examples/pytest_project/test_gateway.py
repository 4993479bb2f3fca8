"""The gateway keeps what Wireproof requires: one test a requirement."""

import subprocess
import sys

import pytest

from wireproof import conformance_suite


@pytest.fixture(scope="module")
def gateway():
    """Start the server, and say where it listens."""
    with subprocess.Popen(
        [sys.executable, "gateway.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        port = server.stdout.readline().split()[-1]  # it says where it listens once it does
        yield f"tcp://127.0.0.1:{port}"
        server.terminate()


TestGateway = conformance_suite("line-echo", fixture="gateway", depth="quick")
