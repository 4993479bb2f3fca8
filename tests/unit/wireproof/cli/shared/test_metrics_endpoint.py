"""The endpoint that a Prometheus server scrapes while a load runs."""

import socket
import urllib.request

import pytest

from tests.support import result_samples as samples
from wireproof.cli.shared.metrics_endpoint import HOST, MetricsEndpoint
from wireproof.errors import CannotRunError


def _read(port: int) -> str:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as reply:
        text: bytes = reply.read()
    return text.decode()


def test_it_shows_the_latest() -> None:
    """Nothing before there is a figure, then what was told last; behind its end, nobody listens."""
    with MetricsEndpoint(0, "tcp://127.0.0.1:7") as endpoint:
        assert "wireproof_load" not in _read(endpoint.port)
        endpoint.update(samples.load())
        assert 'wireproof_load_failures_total{cause="timeout"' in _read(endpoint.port)
    with pytest.raises(OSError, match="refused"):
        _read(endpoint.port)


def test_a_port_that_is_taken_is_told() -> None:
    """In a line, with what to do."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotRunError, match=f"--metrics-port {port}"):
            MetricsEndpoint(port, "")
