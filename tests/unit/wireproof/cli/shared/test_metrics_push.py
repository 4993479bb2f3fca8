"""What an OpenTelemetry collector gets of a load that runs."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.support import result_samples as samples
from tests.support.spoiling_server import serving
from wireproof.cli import main
from wireproof.cli.shared.metrics_push import MetricsPush
from wireproof.errors import UsageError
from wireproof.histogram import Histogram

_WAIT_S = 30
TARGET = "tcp://127.0.0.1:7"


@contextmanager
def collector(status: int = 200) -> Iterator[tuple[str, "queue.Queue[dict[str, Metric]]"]]:
    """Yield a collector's URL, and the metrics by name of each push."""
    pushed: queue.Queue[dict[str, Metric]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/metrics"
            (of_resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
            (scope,) = of_resource.scope_metrics
            pushed.put({metric.name: metric for metric in scope.metrics})
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", pushed
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _by(metric: Metric, key: str) -> dict[str, object]:
    """Return the points of a metric by one of their attributes."""
    data = metric.sum if metric.HasField("sum") else metric.histogram
    return {
        attribute.value.string_value: point
        for point in data.data_points
        for attribute in point.attributes
        if attribute.key == key
    }


def test_requests_failures_latencies_and_connections() -> None:
    """Each figure is the result's, cumulative; all buckets sum up to the count."""
    histogram = Histogram.of([10, 11, 500, 2_000_000])
    load = msgspec.structs.replace(samples.load(), histograms={"service": histogram.encode()})
    with collector() as (url, pushed), MetricsPush(url, TARGET, interval_s=0.01) as push:
        push.update(load)
        found = pushed.get(timeout=_WAIT_S)
    requests = found["wireproof.load.requests"].sum
    assert requests.is_monotonic
    assert requests.aggregation_temporality == 2  # cumulative
    assert _by(found["wireproof.load.requests"], "target")[TARGET].as_int == load.requests
    assert _by(found["wireproof.load.failures"], "cause")["timeout"].as_int == 3
    latency = _by(found["wireproof.load.latency"], "kind")["service"]
    assert latency.count == sum(latency.bucket_counts) == 4
    counts = dict(zip(latency.explicit_bounds, latency.bucket_counts, strict=False))
    assert {bound: n for bound, n in counts.items() if n} == {1e-05: 1, 2e-05: 1, 0.0005: 1, 5.0: 1}
    assert abs(latency.sum - 2.000521) < 0.002
    (connections,) = found["wireproof.load.connections"].gauge.data_points
    assert connections.as_int == load.series[-1].users


def test_the_last_figures_are_pushed_at_the_end() -> None:
    """However long the interval is; and nothing where there is no figure."""
    with collector() as (url, pushed):
        with MetricsPush(url, TARGET, interval_s=1000) as push:
            push.update(samples.load())
        assert "wireproof.load.requests" in pushed.get_nowait()
        with MetricsPush(url, TARGET, interval_s=1000):
            pass
        assert pushed.empty()


def test_a_collector_that_takes_nothing_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The load goes on."""
    with collector(status=400) as (url, pushed), MetricsPush(url, TARGET, interval_s=0.01) as push:
        push.update(samples.load())
        for _ in range(3):
            pushed.get(timeout=_WAIT_S)
    assert capsys.readouterr().err.count(f"{url} does not take the metrics") == 1


def test_what_is_no_url_or_no_interval_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError, match="--otlp http://"):
        MetricsPush("127.0.0.1:4318", TARGET)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "soon")
    with pytest.raises(UsageError, match="is not a time in milliseconds"):
        MetricsPush("http://127.0.0.1:4318", TARGET)


def test_a_load_pushes_what_its_result_says(tmp_path: Path) -> None:
    """Swarm users, failures among their requests: the last push has the result's figures."""
    with collector() as (url, pushed), serving("tcp", tmp_path, spoil_one_in=50) as target:
        asked = ["load", target, "--protocol", "echo", "--users", "3", "--for", "1s"]
        out = tmp_path / "out"
        with pytest.raises(SystemExit):
            main([*asked, "--otlp", url, "--json", "--out", str(out)])
    last = None
    while not pushed.empty():
        last = pushed.get_nowait()
    result = msgspec.json.decode((out / "results.json").read_bytes())["load"]
    assert _by(last["wireproof.load.requests"], "target")[target].as_int == result["requests"]
    wrong = _by(last["wireproof.load.failures"], "cause")["wrong reply"].as_int
    assert wrong == result["failures"]["wrong reply"] > 0
    service = _by(last["wireproof.load.latency"], "kind")["service"]
    assert service.count == result["latency_us"]["service"]["count"]
    assert "wireproof.load.accept_queue" in last
