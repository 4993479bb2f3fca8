"""SARIF, as code scanning reads it."""

import json

import msgspec
import pytest

from tests.support import result_samples as samples
from wireproof.reporting.exports.sarif import sarif
from wireproof.results import Verdict


def test_each_finding_is_a_result_with_its_rule() -> None:
    """What needs attention is there, with a level, a place and a rule; what holds is not."""
    lines = [samples.requirement(verdict.name, verdict, "m \x1b[31m") for verdict in Verdict]
    check = msgspec.structs.replace(samples.check(*lines), protocol="shout.py:Shout")
    log = json.loads(sarif(samples.results(check=check)))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    levels = {one["ruleId"]: one["level"] for one in run["results"]}
    assert levels == {
        "FAIL": "error",
        "FLAKY": "error",
        "ERROR": "warning",
        "INCONCLUSIVE": "warning",
        "NON_STRICT": "note",
    }
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(levels)
    for one in run["results"]:
        (place,) = one["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "shout.py"
        assert "\x1b" not in one["message"]["text"]


def test_a_load_has_no_results() -> None:
    """A run without a check is a log without results."""
    log = json.loads(sarif(samples.results("load", load=samples.load())))
    assert log["runs"][0]["results"] == []


def test_the_log_keeps_the_schema() -> None:
    """Classes made from the schema of SARIF 2.1.0 take each of our logs, and no other name."""
    model = pytest.importorskip("pydantic_sarif.model", reason="has the schema as classes")
    schema = model.StaticAnalysisResultsFormatSarifVersion210JsonSchema
    lines = [samples.requirement(verdict.name, verdict, "m") for verdict in Verdict]
    for results in (
        samples.results(),
        samples.results(check=samples.check(*lines)),
        samples.results("load", load=samples.load()),
    ):
        schema.model_validate_json(sarif(results))
    log = json.loads(sarif(samples.results()))
    log["runs"][0]["results"][0]["nosuch"] = "error"
    with pytest.raises(ValueError, match="nosuch"):
        schema.model_validate(log)
