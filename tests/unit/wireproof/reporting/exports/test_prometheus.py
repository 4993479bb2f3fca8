import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import result_samples as samples
from wireproof.errors import CannotRunError
from wireproof.reporting.exports.prometheus import prometheus
from wireproof.results import Verdict


def _samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name: {
            tuple(sample.labels[name] for name in sorted(sample.labels) if name != "target"): (
                sample.value
            )
            for sample in family.samples
        }
        for family in text_string_to_metric_families(text)
    }


def test_the_figures_are_those_of_the_file() -> None:
    """Verdicts, throughput, latencies in seconds, failures, objectives and the queue."""
    found = _samples(prometheus(samples.results()))
    assert found["wireproof_requirements"][("PASS",)] == 9
    assert found["wireproof_requests_per_second"][("server", "50")] == 180_000
    latency = found["wireproof_latency_seconds"]
    assert len(latency) == 4 * 3 * 5
    assert latency[("50", "service", "0.5")] == pytest.approx(50 / 180_000)
    assert found["wireproof_failures"] == {("timeout",): 3, ("reset before reply",): 1}
    assert found["wireproof_objective_met"][("p99<5ms",)] == 1
    assert found["wireproof_accept_queue_depth"] == {(): 51}


def test_a_check_alone_has_its_verdicts_alone() -> None:
    """Families without figures are left out, and hostile text stays in its label."""
    line = samples.requirement("A-1", Verdict.FAIL)
    hostile = 'x"} 1\nowned 1\x1b[31m'
    text = prometheus(samples.results("check", check=samples.check(line), target=hostile))
    assert set(_samples(text)) == {"wireproof_requirements"}
    assert "\x1b" not in text


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the words to install it are given."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(CannotRunError, match=r"pip install 'wireproof\[metrics\]'"):
        prometheus(samples.results())
