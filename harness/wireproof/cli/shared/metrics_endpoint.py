"""The figures of a load that runs, for a Prometheus server to scrape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

import click

from wireproof.errors import CannotRunError
from wireproof.reporting.exports.live_metrics import metrics_of
from wireproof.results import LoadResult

if TYPE_CHECKING:
    from prometheus_client import Metric

HOST = "127.0.0.1"


class MetricsEndpoint:
    """An HTTP server on loopback, in a thread of its own, from which `/metrics` is read.

    Attributes:
        port: where it listens.

    """

    def __init__(self, port: int, target: str) -> None:
        """Listen.

        Args:
            port: 0 for one that is free.
            target: a label of all figures.

        Raises:
            CannotRunError: the port is taken, or the extra `metrics` is not installed.

        """
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError:
            raise CannotRunError(
                "the Prometheus client library is not installed", "pip install 'wireproof[metrics]'"
            ) from None
        self._target = target
        self._latest: LoadResult | None = None
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server, self._thread = start_http_server(port, HOST, registry)
        except OSError as error:
            raise CannotRunError(
                f"--metrics-port {port} cannot be opened: {error.strerror}", "write another, or 0"
            ) from None
        self.port: int = self._server.server_address[1]
        click.echo(f"wireproof: metrics at http://{HOST}:{self.port}/metrics", err=True)

    def update(self, load: LoadResult) -> None:
        """Show this from now on."""
        self._latest = load

    def collect(self) -> Iterator[Metric]:
        """Yield the figures, as the library asks for them at each scrape."""
        if self._latest is not None:
            yield from metrics_of(self._latest, self._target)

    def __enter__(self) -> Self:
        """Go on."""
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
