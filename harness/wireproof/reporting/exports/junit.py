"""JUnit XML, as continuous integration servers read it.

A FAIL is a `failure` (the server's), an ERROR or INCONCLUSIVE an `error` (it could not be settled),
UNSUPPORTED is `skipped`. FLAKY is both a `failure`, because it is a finding that must turn the run
red, and a `flakyFailure` (Surefire's element), by which the common tools mark a case as flaky.

Invariant: there is a failure where the outcome is FAIL, and an error but no failure where it is
INCONCLUSIVE.
"""

import xml.etree.ElementTree as ET

from wireproof.reporting.text import escaped
from wireproof.results import (
    CauseResult,
    CheckResult,
    Outcome,
    RequirementResult,
    Results,
    Verdict,
    outcome,
)
from wireproof.words import counted


def junit(results: Results) -> bytes:
    """Return the XML text, UTF-8 with a declaration."""
    found = outcome(results)
    root = ET.Element("testsuites", name="wireproof")
    suites = []
    if results.check is not None:
        suites.append(_check_suite(results, results.check))
    if results.load is not None or results.backlog is not None:
        suites.append(_load_suite(results, found))
    suites.append(_run_suite(results, found))
    root.extend(suites)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _class_name(results: Results, what: str) -> str:
    """Return by what servers of CI tell cases apart: two targets may be in one report."""
    return escaped(f"wireproof.{what}@{results.target}")


def _suite(results: Results, name: str, cases: list[ET.Element], seconds: float) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        name=f"wireproof.{name}",
        tests=str(len(cases)),
        failures=str(_holding(cases, "failure")),
        errors=str(_holding(cases, "error")),
        skipped=str(_holding(cases, "skipped")),
        time=f"{seconds:.3f}",
        timestamp=results.started_at[:19],
        hostname=escaped(results.environment.host),
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in (
        ("target", results.target),
        ("kernel", results.environment.kernel),
        ("python", results.environment.python),
        ("partial", str(results.partial).lower()),
    ):
        ET.SubElement(properties, "property", name=key, value=escaped(value))
    suite.extend(cases)
    return suite


def _holding(cases: list[ET.Element], tag: str) -> int:
    return sum(case.find(tag) is not None for case in cases)


def _check_suite(results: Results, check: CheckResult) -> ET.Element:
    classname = _class_name(results, f"check.{check.protocol}")
    causes = {cause.id: cause for cause in check.causes}
    cases = [
        _requirement_case(classname, line, causes.get(line.cause)) for line in check.requirements
    ]
    return _suite(results, "check", cases, check.seconds)


def _requirement_case(
    classname: str, line: RequirementResult, cause: CauseResult | None
) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=classname,
        name=f"{escaped(line.id)} {escaped(line.title)}",
        time=f"{line.seconds:.3f}",
    )
    message = escaped(line.message, keep_newlines=True)
    summary = f"{line.verdict.value}: {message}"
    if cause is not None:
        summary = f"{line.verdict.value}: cause {escaped(cause.id)}: {message}"
    match line.verdict:
        case Verdict.FAIL:
            _tell(case, "failure", summary, line, cause)
        case Verdict.FLAKY:
            _tell(case, "failure", summary, line, cause)
            _tell(case, "flakyFailure", summary, line, cause)
        case Verdict.ERROR | Verdict.INCONCLUSIVE:
            _tell(case, "error", summary, line, cause)
        case Verdict.UNSUPPORTED:
            ET.SubElement(case, "skipped", message=message or "unsupported")
        case Verdict.NON_STRICT:
            ET.SubElement(case, "system-out").text = summary
        case Verdict.PASS:
            pass
    return case


def _tell(
    case: ET.Element, tag: str, summary: str, line: RequirementResult, cause: CauseResult | None
) -> None:
    told = ET.SubElement(case, tag, message=summary, type=line.verdict.value)
    rows = [
        f"{line.level.value} {escaped(line.source)}".strip(),
        summary,
        f"expected: {escaped(line.expected, keep_newlines=True)}" if line.expected else "",
        f"actual: {escaped(line.actual, keep_newlines=True)}" if line.actual else "",
        _told(cause) if cause else "",
        *(f"evidence: {escaped(path)}" for path in line.evidence),
    ]
    told.text = "\n".join(row for row in rows if row)


def _told(cause: CauseResult) -> str:
    broken = ", ".join(escaped(one) for one in cause.requirements)
    return f"cause: {escaped(cause.id)}, confirmed {escaped(cause.confirmed)}, breaks {broken}"


def _load_suite(results: Results, found: Outcome) -> ET.Element:
    """Every reply under load, on the ladder too, and each objective."""
    classname = _class_name(results, "load")
    answered = _case(classname, "every reply is right")
    if found.wrong_replies:
        wrong = counted(found.wrong_replies, "wrong reply", "wrong replies")
        _add(answered, "failure", "WRONG", wrong)
    elif found.unanswered:
        _add(answered, "error", "UNANSWERED", "nothing was answered")
    cases = [answered]
    for objective in results.load.slo if results.load else []:
        expression = escaped(str(objective["expression"]))
        case = _case(classname, expression)
        if not objective["met"]:
            measured = escaped(str(objective["measured"]))
            _add(case, "failure", "SLO", f"measured {measured}, wanted {expression}")
        cases.append(case)
    return _suite(results, "load", cases, results.load.seconds if results.load else 0.0)


def _run_suite(results: Results, found: Outcome) -> ET.Element:
    case = _case(_class_name(results, "run"), "the run is whole")
    if found.partial:
        _add(case, "error", "PARTIAL", "interrupted, so this is incomplete")
    return _suite(results, "run", [case], 0.0)


def _case(classname: str, name: str) -> ET.Element:
    return ET.Element("testcase", classname=classname, name=name, time="0.000")


def _add(case: ET.Element, tag: str, kind: str, message: str) -> None:
    ET.SubElement(case, tag, message=message, type=kind).text = message
