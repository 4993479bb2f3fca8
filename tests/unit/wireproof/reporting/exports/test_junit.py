import xml.etree.ElementTree as ET

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.support import result_samples as samples
from wireproof.reporting.exports.junit import junit
from wireproof.results import RequirementResult, Verdict


def _parsed(**parts: object) -> ET.Element:
    return ET.fromstring(junit(samples.results(**parts)))  # noqa: S314 - our own text


def _cases(*lines: RequirementResult) -> dict[str, list[str]]:
    return {
        case.get("name", "").split()[0]: [child.tag for child in case]
        for case in _parsed(check=samples.check(*lines)).iterfind("testsuite[1]/testcase")
    }


def test_each_verdict_has_its_element() -> None:
    """Failure, error, skipped and flaky are what CI servers know them as."""
    lines = [samples.requirement(verdict.name, verdict, "m") for verdict in Verdict]
    assert _cases(*lines) == {
        "PASS": [],
        "NON_STRICT": ["system-out"],
        "FAIL": ["failure"],
        "FLAKY": ["failure", "flakyFailure"],
        "INCONCLUSIVE": ["error"],
        "UNSUPPORTED": ["skipped"],
        "ERROR": ["error"],
    }


def test_the_counts_are_those_of_the_cases() -> None:
    """Suites and the whole count what they hold."""
    root = _parsed()
    counted = [root.get(name) for name in ("tests", "failures", "errors")]
    assert counted == ["19", "3", "2"]
    assert [suite.get("skipped") for suite in root] == ["1", "0", "0"]


def test_a_missed_objective_is_a_failure() -> None:
    """An SLO is a case of its own, with what was measured."""
    missed = _parsed(load=samples.load()).findall(".//testcase/failure")
    told = [element.get("message") for element in missed]
    assert told == ["measured 0.0002%, wanted error_rate<0.0001%"]


def test_what_else_decides_is_a_case() -> None:
    """Wrong replies, a load without an answer and a run that was cut short turn the run red."""
    load = msgspec.structs.replace(samples.load(), slo=[], failures={"wrong reply": 2})
    messages = {
        "2 wrong replies": {"load": load},
        "nothing was answered": {"load": msgspec.structs.replace(load, failures={}, requests=0)},
        "interrupted, so this is incomplete": {"load": samples.load(), "partial": True},
    }
    for message, parts in messages.items():
        told = [one.get("message") for one in _parsed(**parts).iter() if one.get("type")]
        assert message in told


@given(st.text())
def test_any_text_gives_well_formed_xml(text: str) -> None:
    """Characters that XML forbids are escaped, markup is text."""
    line = samples.requirement("A-1", Verdict.FAIL, text, title=text, expected=text, actual=text)
    root = _parsed(check=samples.check(line), target=text)
    assert len(root.findall(".//failure")) == 1


def test_each_case_names_its_cause() -> None:
    """With how often it was confirmed, and the requirements that it breaks, the first first."""
    root = _parsed(check=samples.check_with_causes())
    cases = {case.get("name", "").split()[0]: case for case in root.iter("testcase")}
    for name in ("SEG-SINGLE", "SEG-PAIRS"):
        failure = cases[name].find("failure")
        assert failure is not None
        assert failure.get("message", "").startswith("FAIL: cause C1: wrong reply")
        told = "cause: C1, confirmed 5/5, breaks SEG-SINGLE, CLOSE-X, SEG-PAIRS"
        assert told in (failure.text or "").splitlines()
    error = cases["CON-03"].find("error")
    assert error is not None
    assert "cause" not in (error.text or "")


def test_class_names_tell_targets_and_protocols_apart() -> None:
    """Two reports in one run of CI share no case."""
    results = msgspec.structs.replace(samples.results(), target="tcp://127.0.0.1:9000")
    assert results.check is not None
    root = ET.fromstring(junit(results))  # noqa: S314 - our own text
    names = {case.get("classname") for case in root.iter("testcase")}
    assert names == {
        f"wireproof.check.{results.check.protocol}@tcp://127.0.0.1:9000",
        "wireproof.load@tcp://127.0.0.1:9000",
        "wireproof.run@tcp://127.0.0.1:9000",
    }
