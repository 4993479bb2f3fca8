"""The figures of a load that runs, pushed to an OpenTelemetry collector."""

from __future__ import annotations

import os
import threading
import time
from typing import Self

import click

from wireproof.errors import CannotRunError, UsageError
from wireproof.reporting.exports.otlp_metrics import otlp_metrics_of
from wireproof.results import LoadResult

_INTERVAL = "OTEL_METRIC_EXPORT_INTERVAL"
"""As OpenTelemetry's specification names it; in milliseconds."""
_INTERVAL_MS = 5000
_TIMEOUT_S = 5.0
_PATH = "/v1/metrics"


class MetricsPush:
    """A thread that sends what is known to a collector (OTLP over HTTP), now and then and last.

    A collector that is slow or away keeps nobody waiting, but at the end for one timeout; what it
    did not take is in the next push, for all figures are those since the run began.
    """

    def __init__(self, url: str, target: str, interval_s: float | None = None) -> None:
        """Begin.

        Args:
            url: the collector's, such as `http://127.0.0.1:4318`.
            target: an attribute of all figures.
            interval_s: between two pushes; by default what the environment says, or five seconds.

        Raises:
            UsageError: the URL is none, or the interval of the environment.
            CannotRunError: the extra `otel` is not installed.

        """
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--otlp {url!r} is not a URL", "write --otlp http://127.0.0.1:4318")
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        except ImportError:
            raise CannotRunError(
                "OpenTelemetry's exporter is not installed", "pip install 'wireproof[otel]'"
            ) from None
        url = url.rstrip("/")
        self._exporter = OTLPMetricExporter(
            url if url.endswith(_PATH) else url + _PATH, timeout=_TIMEOUT_S
        )
        self._url, self._target = url, target
        self._interval_s = _interval_s() if interval_s is None else interval_s
        self._began_ns = time.time_ns()
        self._latest: LoadResult | None = None
        self._is_over = threading.Event()
        self._failed = ""
        self._thread = threading.Thread(target=self._push_often, daemon=True)
        self._thread.start()

    def update(self, load: LoadResult) -> None:
        """Push this from now on."""
        self._latest = load

    def _push_often(self) -> None:
        while not self._is_over.wait(self._interval_s):
            self._push()
        self._push()

    def _push(self) -> None:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        if self._latest is None:
            return
        data = otlp_metrics_of(self._latest, self._target, self._began_ns, time.time_ns())
        is_taken = self._exporter.export(data) is MetricExportResult.SUCCESS
        if is_taken:
            self._failed = ""
        elif not self._failed:
            self._failed = f"wireproof: {self._url} does not take the metrics"
            click.echo(self._failed, err=True)

    def __enter__(self) -> Self:
        """Go on."""
        return self

    def __exit__(self, *_: object) -> None:
        """Push the last figures, and no more."""
        self._is_over.set()
        self._thread.join()
        self._exporter.shutdown()


def _interval_s() -> float:
    text = os.environ.get(_INTERVAL) or str(_INTERVAL_MS)
    if not text.isdigit() or not int(text):
        raise UsageError(f"{_INTERVAL}={text} is not a time in milliseconds", "write 5000")
    return int(text) / 1000
